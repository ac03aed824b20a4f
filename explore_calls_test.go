package asynccalls_test

import (
	"fmt"
	"strings"
	"testing/synctest"
	"time"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/checker"
)

// recovery is how long it takes at most, when nothing fails any more, until calls
// are answered.
const recovery = 5 * time.Minute

// callKinds returns what happens in scenarios of calls, and how calls end there.
func callKinds() []string {
	kinds := []string{
		"replies refused", "replies unknown, written", "replies unknown, not written", "dead letters",
		"requests repeated", "handlers tried again", "handlers side by side", "responses of zombies",
		"responses repeated", "litter", "responses cut off", "lanes stalled", "lanes stalled for more than ten minutes",
		"lanes cut off", "lanes truncated", "lanes created again", "lanes deleted", "lanes grown", "lanes in what has grown",
		"lanes broken", "lanes slow to open", "lanes not opened", "losses told",
		"callers came", "calls without deadline", "calls that changed runs", "calls ended: well",
	}
	for reason := range reasons() {
		kinds = append(kinds, "calls ended: "+reason)
	}
	return kinds
}

// runCalls is one scenario of calls.
func (x *exploration) runCalls() {
	x.most = 50
	for range 1 + x.random.IntN(3) {
		x.newCaller()
	}
	x.servers = append(x.servers, x.newServer())
	if err := x.servers[0].service.Ready(x.t.Context()); err != nil {
		x.t.Fatal(err)
	}
	for range 20 + x.random.IntN(30) {
		pass(time.Duration(x.random.IntN(4000)) * time.Millisecond)
		x.account()
		x.callStep()
	}
	x.heal()
	for range 5 {
		x.calls(9 * time.Minute)
		pass(time.Duration(x.random.IntN(60)) * time.Second)
	}
	x.wg.Wait()
	x.account()
	x.drain()
	x.bury()
	x.judge()
}

// account checks that calls that have ended take no room.
func (x *exploration) account() {
	synctest.Wait()
	for _, h := range x.all {
		if !strings.HasPrefix(h.name, "caller") {
			continue
		}
		calls, bytes, pending := h.service.PendingCalls(), h.service.UnreadBytes(), int(h.pending.Load())
		if calls > pending || pending == 0 && bytes != 0 {
			x.t.Errorf("seed %d: %s has %d pending calls, but places for %d, and room for %d bytes is taken",
				x.seed, h.name, pending, calls, bytes)
		}
	}
}

// newCaller adds an instance of the client that only calls.
func (x *exploration) newCaller() {
	h := x.newHost("client", fmt.Sprint("caller-", len(x.all)))
	x.all = append(x.all, h)
	x.callers = append(x.callers, h)
	x.count("callers came", 1)
}

// callStep has one thing happen.
func (x *exploration) callStep() {
	dice := x.random.IntN(100)
	switch {
	case dice < 42:
		x.calls(time.Duration(1+x.random.IntN(40_000)) * time.Millisecond)
	case dice < 48:
		x.calls(9 * time.Minute)
	case dice < 54:
		if len(x.servers) < 4 {
			x.servers = append(x.servers, x.newServer())
		}
	case dice < 57:
		x.leave(&x.servers)
	case dice < 60:
		x.die(&x.servers)
	case dice < 62:
		x.breakOff(&x.servers)
	case dice < 66:
		x.stall()
	case dice < 74:
		x.expel()
	case dice < 78:
		x.repeatRequests()
	case dice < 80:
		x.newCaller()
	case dice < 82:
		x.leave(&x.callers)
	case dice < 83:
		x.die(&x.callers)
	default:
		x.disturb(x.caller())
	}
}

// caller returns one of the callers that are well.
func (x *exploration) caller() *host {
	if len(x.callers) == 0 {
		x.newCaller()
	}
	return x.callers[x.random.IntN(len(x.callers))]
}

// calls has one of the callers make a few calls.
func (x *exploration) calls(limit time.Duration) {
	h := x.caller()
	for range 1 + x.random.IntN(6) {
		x.sent++
		r := x.newRequest(x.dice("request", x.sent), checker.ModeCall)
		x.wg.Go(func() { h.call(r, limit) })
	}
}

// repeatRequests writes some requests again, as a producer may that has no answer.
func (x *exploration) repeatRequests() {
	all := x.written("server.requests")
	if len(all) == 0 {
		return
	}
	for range 1 + x.random.IntN(3) {
		from := x.recent(all)
		r := driver.Record{Topic: from.Topic, Partition: from.Partition, Key: from.Key, Value: from.Value, Headers: from.Headers}
		x.broker.Publish(x.t.Context(), &r, func(_ *driver.Record, err error) {
			if err != nil {
				x.t.Errorf("seed %d: %v", x.seed, err)
			}
		})
		e := identify(&r)
		e.Instance, e.Topic, e.Partition, e.Offset = "producer", r.Topic, r.Partition, r.Offset
		x.history.Add(e)
		x.count("requests repeated", 1)
	}
}

// enter takes in that a handler of a request starts, and returns what to call when
// it ends.
func (x *exploration) enter(name string, r *asynccalls.Request) func() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.open[r.ID]++
	x.handler[r.ID] = name
	if x.open[r.ID] > 1 {
		x.count("handlers side by side", 1)
	}
	if r.Attempt > 1 {
		x.count("handlers tried again", 1)
	}
	return func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.open[r.ID]--
	}
}

// track counts the responses of instances that have lost a request to another.
func (x *exploration) track(name string, e checker.Event) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if last := x.handler[e.Request]; last != "" && last != name {
		x.count("responses of zombies", 1)
	}
}
