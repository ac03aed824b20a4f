package health

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/asynccalls/asynccalls"
)

// probe answers at one path.
type probe struct {
	name     string
	asks     func(asynccalls.Check) bool // for this check
	checkers []Checker
}

// answer is what a probe found out, as it is written in JSON.
type answer struct {
	Status string   `json:"status"`
	Checks []result `json:"checks"`
}

type result struct {
	Name   string `json:"name"`
	Status string `json:"status"`
	Reason string `json:"reason,omitempty"`
}

// The values of status.
const (
	ok     = "ok"
	failed = "failed"
)

// ServeHTTP implements [http.Handler].
func (p probe) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	all := p.look()
	query := r.URL.Query()
	if name := r.PathValue("check"); name != "" {
		i := slices.IndexFunc(all, func(c result) bool { return c.Name == name })
		if i < 0 {
			http.Error(w, fmt.Sprintf("there is no check %q of /%s", name, p.name), http.StatusNotFound)
			return
		}
		all = all[i : i+1]
	}
	all = slices.DeleteFunc(all, func(c result) bool { return slices.Contains(query["exclude"], c.Name) })
	a := answer{Status: ok, Checks: all}
	if slices.ContainsFunc(all, func(c result) bool { return c.Status == failed }) {
		a.Status = failed
	}
	w.Header().Set("Cache-Control", "no-cache, no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if query.Get("format") == "json" || strings.Contains(r.Header.Get("Accept"), "application/json") {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(a.code())
		_ = json.NewEncoder(w).Encode(a) // who has gone need not be told
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(a.code())
	_, _ = w.Write([]byte(a.text(p.name, query.Has("verbose")))) // likewise
}

// look makes all checks.
func (p probe) look() []result {
	var all []result
	for _, c := range p.checkers {
		for _, check := range c.Health().Checks {
			if !p.asks(check) {
				continue
			}
			r := result{Name: check.Name, Status: ok}
			if len(p.checkers) > 1 {
				r.Name = c.String() + "." + check.Name
			}
			if check.Err != nil {
				r.Status, r.Reason = failed, check.Err.Error()
			}
			all = append(all, r)
		}
	}
	return all
}

func (a *answer) code() int {
	if a.Status == ok {
		return http.StatusOK
	}
	return http.StatusServiceUnavailable
}

// text returns the answer for people.
func (a *answer) text(name string, verbose bool) string {
	if a.Status == ok && !verbose {
		return ok
	}
	var b strings.Builder
	for _, c := range a.Checks {
		if c.Status == ok {
			fmt.Fprintf(&b, "[+]%s ok\n", c.Name)
		} else {
			fmt.Fprintf(&b, "[-]%s failed: %s\n", c.Name, strings.ReplaceAll(c.Reason, "\n", "; "))
		}
	}
	verdict := "passed"
	if a.Status == failed {
		verdict = "failed"
	}
	fmt.Fprintf(&b, "%s check %s\n", name, verdict)
	return b.String()
}
