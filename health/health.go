// Package health serves the health of services over HTTP, for the probes of
// Kubernetes and of whatever else starts and stops processes.
//
//	http.Handle("/", health.Handler(svc))
//
// answers at three paths:
//   - /livez fails if only a restart of the process helps. It depends on nothing
//     outside of the process, so a broker that is away restarts nobody.
//   - /readyz fails while the service does not do its work, whatever the reason.
//   - /startupz fails until Listen was called. It does not wait for the broker
//     either: a process that waits for the broker has started.
//
// What they look at is documented at [asynccalls.Service.Health].
package health

import (
	"net/http"

	"github.com/asynccalls/asynccalls"
)

// Checker is what has a health: an [asynccalls.Service], or what a program adds of
// its own. String returns a name, of which the names of checks are made when a
// handler has several Checkers.
type Checker interface {
	// Health is asked at each request.
	Health() asynccalls.Health

	// String returns a name that does not change.
	String() string
}

var _ Checker = (*asynccalls.Service)(nil)

// Handler returns a handler for /livez, /readyz and /startupz, in the style of the
// health endpoints of the Kubernetes API server
// (https://kubernetes.io/docs/reference/using-api/health-checks/):
//   - The status is 200 if all is well, and 503 if not. The body is "ok", or else
//     a line for each check, and what is wrong.
//   - ?verbose writes the lines in any case.
//   - ?exclude=NAME leaves a check out; it can be there many times.
//   - /readyz/NAME looks at a single check, likewise /livez/NAME.
//   - With the header "Accept: application/json" or ?format=json the body is
//     {"status": "ok", "checks": [{"name": …, "status": …, "reason": …}]}; each
//     status is "ok" or "failed".
//
// Reasons name topics and the addresses of brokers. They hold nothing of messages
// and no credentials, but the port should not be open to everybody.
func Handler(checkers ...Checker) http.Handler {
	mux := http.NewServeMux()
	for _, p := range []probe{
		{"livez", func(c asynccalls.Check) bool { return c.Live }, checkers},
		{"readyz", func(asynccalls.Check) bool { return true }, checkers},
		{"startupz", func(c asynccalls.Check) bool { return c.Live || c.Name == "listen" }, checkers},
	} {
		mux.Handle("GET /"+p.name, p)
		mux.Handle("GET /"+p.name+"/{check...}", p)
	}
	return mux
}
