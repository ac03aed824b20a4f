package asynccalls_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/internal/checker"
)

// callKinds returns what happens in scenarios of calls, and how calls end there.
func callKinds() []string {
	return []string{
		"replies refused", "replies unknown, written", "replies unknown, not written", "responses repeated", "litter",
		"lanes stalled", "lanes stalled for more than ten minutes", "lanes cut off", "lanes truncated", "lanes deleted",
		"calls ended: well", "calls ended: status", "calls ended: left", "calls ended: deadline",
		"calls ended: reply lost", "calls ended: restarted", "calls ended: slow reader",
		"calls ended: response count", "calls ended: unknown outcome", "calls ended: refused",
	}
}

// runCalls is one scenario of calls.
func (x *exploration) runCalls() {
	x.most = 50
	for i := range 1 + x.random.IntN(3) {
		x.callers = append(x.callers, x.newCaller(fmt.Sprint("caller-", i)))
	}
	x.servers = append(x.servers, x.newServer())
	if err := x.servers[0].service.Ready(x.t.Context()); err != nil {
		x.t.Fatal(err)
	}
	for range 20 + x.random.IntN(30) {
		pass(time.Duration(x.random.IntN(4000)) * time.Millisecond)
		x.callStep()
	}
	x.calm.Store(true)
	if len(x.servers) == 0 {
		x.servers = append(x.servers, x.newServer())
	}
	pass(15 * time.Minute) // no instance is stalled any more
	x.wg.Wait()
	for range 5 {
		x.calls(9 * time.Minute)
	}
	x.wg.Wait()
	pass(time.Second) // the reader of a call may go on a moment before its place is free
	for _, h := range x.callers {
		if n := h.service.PendingCalls(); n != 0 {
			x.t.Errorf("seed %d: %d calls of %s have a place though they have ended", x.seed, n, h.name)
		}
	}
	x.drain()
	x.judge()
}

// newCaller returns an instance of the client that only calls.
func (x *exploration) newCaller(name string) *host {
	h := x.newHost("client", name)
	x.all = append(x.all, h)
	return h
}

// callStep has one thing happen.
func (x *exploration) callStep() {
	dice := x.random.IntN(100)
	switch {
	case dice < 45:
		x.calls(time.Duration(1+x.random.IntN(40_000)) * time.Millisecond)
	case dice < 50:
		x.calls(9 * time.Minute)
	case dice < 57:
		if len(x.servers) < 4 {
			x.servers = append(x.servers, x.newServer())
		}
	case dice < 61:
		x.leave(&x.servers)
	case dice < 65:
		x.die(&x.servers)
	case dice < 67:
		x.breakOff(&x.servers)
	case dice < 72:
		x.stall()
	case dice < 79:
		x.expel()
	default:
		x.disturb(x.callers[x.random.IntN(len(x.callers))])
	}
}

// calls has one of the callers make a few calls.
func (x *exploration) calls(limit time.Duration) {
	h := x.callers[x.random.IntN(len(x.callers))]
	calm := x.calm.Load()
	for range 1 + x.random.IntN(6) {
		x.sent++
		r := x.newRequest(x.dice("request", x.sent), checker.ModeCall)
		x.wg.Go(func() { h.call(r, limit, calm) })
	}
}

// reader is how a caller reads.
type reader struct {
	patience int           // it leaves after so many responses
	pause    time.Duration // after each
	one      bool          // it wants exactly one
}

func (x *exploration) newReader(id string) reader {
	random := x.dice("reader", id)
	r := reader{patience: 1000, one: random.IntN(10) == 0}
	switch random.IntN(8) {
	case 0:
		r.patience = random.IntN(3)
	case 1:
		r.pause = time.Duration(random.IntN(1000)) * time.Millisecond
	}
	return r
}

// call makes an awaited call, and checks how it ends. A calm one is made when all is
// well.
func (h *host) call(r *asynccalls.Request, limit time.Duration, calm bool) {
	x := h.x
	ctx, cancel := context.WithTimeout(x.t.Context(), limit)
	defer cancel()
	deadline, _ := ctx.Deadline()
	how := x.newReader(r.ID)
	x.count("calls", 1)
	h.tell(checker.Invoke, r, nil)
	var err error
	if how.one {
		err = h.callOne(ctx, r)
	} else {
		err = h.read(ctx, r, how)
	}
	h.tell(checker.Ended, r, err)
	if err == nil {
		x.count("calls ended: well", 1)
		return
	}
	kind := kindOf(err)
	x.count("calls ended: "+kind, 1)
	switch {
	case how.pause == 0 && time.Now().After(deadline.Add(time.Second)):
		x.t.Errorf("seed %d: call %s ended %v after its deadline", x.seed, r.ID, time.Since(deadline))
	case !x.explains(kind, r.ID, how, calm, h):
		x.t.Errorf("seed %d: nothing explains how call %s of %s ended: %v", x.seed, r.ID, h.name, err)
	}
}

func (h *host) callOne(ctx context.Context, r *asynccalls.Request) error {
	resp, err := h.service.CallOne(ctx, r)
	if err == nil {
		h.received(r, resp)
	}
	return err
}

// read reads the responses to a call. Some callers leave before the end.
func (h *host) read(ctx context.Context, r *asynccalls.Request, how reader) error {
	n := 0
	for resp, err := range h.service.Call(ctx, r).Responses() {
		if err != nil {
			return err
		}
		if n == how.patience {
			return errLeft
		}
		n++
		h.received(r, resp)
		pass(how.pause)
	}
	return nil
}

// received notes a response, and checks that it is one to this request.
func (h *host) received(r *asynccalls.Request, resp *asynccalls.Response) {
	h.x.count("responses received", 1)
	if want := fmt.Sprintf("response %d to %s", resp.Seq, r.ID); !strings.HasPrefix(string(resp.Body), want) {
		h.x.t.Errorf("seed %d: call %s got %q as number %d", h.x.seed, r.ID, resp.Body, resp.Seq)
	}
	h.driver.note(checker.Event{
		Kind: checker.Received, Request: r.ID, Run: resp.Run, Seq: resp.Seq, Digest: string(resp.Body),
	})
}

func (h *host) tell(k checker.Kind, r *asynccalls.Request, err error) {
	e := checker.Event{Kind: k, Request: r.ID, Key: r.Key, Mode: checker.ModeCall}
	if err != nil {
		e.Error = err.Error()
	}
	h.driver.note(e)
}

// errLeft is how a call ends whose caller has left.
var errLeft = errors.New("the caller has left")

// kindOf names how a call ended.
func kindOf(err error) string {
	if _, ok := errors.AsType[*asynccalls.Error](err); ok {
		return "status"
	}
	for name, known := range map[string]error{
		"left": errLeft, "deadline": context.DeadlineExceeded, "reply lost": asynccalls.ErrReplyLost,
		"restarted": asynccalls.ErrRestarted, "slow reader": asynccalls.ErrSlowReader,
		"response count": asynccalls.ErrResponseCount, "unknown outcome": asynccalls.ErrUnknownOutcome,
	} {
		if errors.Is(err, known) {
			return name
		}
	}
	return "refused"
}

// explains reports whether what has happened explains how a call ended.
func (x *exploration) explains(kind, id string, how reader, calm bool, h *host) bool {
	switch kind {
	case "status", "left":
		return true
	case "response count":
		return how.one
	case "restarted":
		return x.so("run", id) > 1
	case "slow reader":
		return h.limits.CallBytes > 0
	case "reply lost":
		return !calm && x.laneHarmed.Load()
	case "deadline", "unknown outcome", "refused":
		return !calm
	default:
		return false
	}
}

// so returns how often nth was called with a name so far.
func (x *exploration) so(name ...any) int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.times[fmt.Sprint(name...)]
}
