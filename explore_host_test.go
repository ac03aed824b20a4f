package asynccalls_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/internal/checker"
)

// host is one instance of a service.
type host struct {
	x       *exploration
	name    string
	driver  *chaos
	service *asynccalls.Service
	limits  asynccalls.Limits
	pending atomic.Int32 // calls that have not ended
}

// newServer starts an instance that handles requests.
func (x *exploration) newServer() *host {
	h := x.newHost("server", fmt.Sprint("server-", len(x.all)))
	h.service.Handle("/work", h.work)
	h.service.Handle("/leaf", h.leaf)
	x.start(h)
	return h
}

// newClient starts an instance that handles responses.
func (x *exploration) newClient(name string) *host {
	h := x.newHost("client", name)
	h.service.HandleResponses("server", "/{rest...}", h.note, asynccalls.WithEnds())
	x.start(h)
	return h
}

func (x *exploration) newHost(id, name string) *host {
	h := &host{x: x, name: name, driver: &chaos{Driver: x.broker, x: x, name: name}}
	h.driver.lane.c = h.driver
	random := x.dice("host", name)
	h.limits = asynccalls.Limits{
		Concurrency: 1 + random.IntN(8),
		Window:      4 + random.IntN(60),
		Handler:     20 * time.Second,
		Grace:       time.Duration(1+random.IntN(8)) * time.Second,
	}
	if random.IntN(3) == 0 {
		h.limits.CallBytes = 1000 + random.IntN(10_000)
	}
	var retry asynccalls.Retry
	if x.most > 4 && random.IntN(3) == 0 {
		retry = asynccalls.Retry{Attempts: 2 + random.IntN(3), Backoff: 50 * time.Millisecond, Awaited: true}
	}
	h.service = newStubborn(x.t, id, h.driver, asynccalls.Topics{Partitions: 3}, h.limits, retry)
	return h
}

func (x *exploration) start(h *host) {
	x.all = append(x.all, h)
	x.count("instances", 1)
	ctx := context.WithoutCancel(x.t.Context())
	go h.service.Listen(ctx) // Close waits for it, and has its error
}

// behavior is what a handler does.
type behavior struct {
	pause     time.Duration // before each response, and the end
	deaf      bool          // to the end of its context
	responses int
	early     bool   // the last response is the end
	fickle    string // what its responses differ in from those of another run
	from      int    // the first that differs
	in        int    // the body, a header or the status
	nested    bool   // calls its own service first
	fail      func() error
}

// behave draws the behavior of a handler.
func (x *exploration) behave(random *rand.Rand, nth int) behavior {
	b := behavior{
		pause:     time.Duration(random.IntN(40)) * time.Millisecond,
		deaf:      random.IntN(3) == 0,
		responses: random.IntN(1 + x.most),
		early:     random.IntN(4) == 0,
		nested:    random.IntN(10) == 0,
		fail:      failures(random),
	}
	switch random.IntN(40) {
	case 0, 1, 2, 3, 4:
		b.pause = time.Duration(random.IntN(2000)) * time.Millisecond
	case 5:
		b.pause = time.Duration(random.IntN(8000)) * time.Millisecond
	}
	if random.IntN(5) == 0 {
		b.fickle = fmt.Sprint(" run ", nth)
		b.from, b.in = random.IntN(1+b.responses), random.IntN(3)
	}
	return b
}

// settle makes most runs of a request that is awaited the same, as far as the caller
// can see while they do not fail, and none too long.
func (x *exploration) settle(b *behavior, id string, nth int) {
	random := x.dice("settle", id)
	if random.IntN(4) == 0 {
		random = x.dice("settle", id, nth)
	}
	b.early, b.fickle = random.IntN(3) == 0, ""
	b.responses = []int{0, 1, random.IntN(5), random.IntN(51), random.IntN(51)}[random.IntN(5)]
	if random.IntN(5) == 0 {
		b.fickle = fmt.Sprint(" run ", nth)
		b.from, b.in = random.IntN(1+b.responses), random.IntN(3)
	}
	longest := 20 * time.Second / time.Duration(1+b.responses)
	if x.calm.Load() {
		longest = 20 * time.Millisecond
	}
	b.pause = min(b.pause, longest)
}

// response makes a response of a run.
func (b *behavior) response(id string, seq int) *asynccalls.Response {
	resp := asynccalls.NewResponse(fmt.Appendf(nil, "response %d to %s", seq, id))
	resp.End = b.early && seq == b.responses-1
	if b.fickle == "" || seq < b.from {
		return resp
	}
	switch b.in {
	case 0:
		resp.Header.Add("run", b.fickle)
	case 1:
		resp.Status = 201 + len(b.fickle)%2
	default:
		resp.Body = append(resp.Body, b.fickle...)
	}
	return resp
}

// failures draws how a handler ends.
func failures(random *rand.Rand) func() error {
	switch random.IntN(20) {
	case 0, 1:
		return func() error { return errors.New("broken") }
	case 2:
		return func() error { return &asynccalls.Error{Status: 404, Message: "not there"} }
	case 3:
		return func() error { return &asynccalls.Error{Status: 503, Message: "not now"} }
	case 4:
		return func() error {
			var nothing *behavior
			return nothing.fail() // panics
		}
	case 5:
		return func() error { return asynccalls.Permanent(errors.New("broken for good")) }
	case 6:
		after := time.Duration(random.IntN(3000)) * time.Millisecond
		return func() error { return asynccalls.RetryAfter(after, errors.New("broken for now")) }
	case 7, 8:
		return func() error { return asynccalls.Unavailable(errors.New("away")) }
	default:
		return func() error { return nil }
	}
}

// work is the handler of requests.
func (h *host) work(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) (err error) {
	nth := h.x.nth("run", r.ID)
	e := checker.Event{
		Kind: checker.HandlerStart, Request: r.ID, Key: r.Key, Run: fmt.Sprint(r.ID, "/", nth),
		Topic: r.Source.Topic, Partition: r.Source.Partition, Offset: r.Source.Offset,
	}
	defer h.enclose(e, &err)()
	b := h.x.behave(h.x.dice("work", r.ID, nth), nth)
	if h.x.most > 4 {
		h.x.settle(&b, r.ID, nth)
		defer h.x.enter(h.name, r)()
	}
	if b.nested {
		if err := h.nest(ctx, fmt.Sprint(r.ID, "-", nth)); err != nil {
			return err
		}
	}
	for seq := range b.responses {
		if err := b.wait(ctx); err != nil {
			return err
		}
		resp := b.response(r.ID, seq)
		digest := content(resp.Body, resp.Status, resp.Header)
		if err := w.Send(ctx, resp); err != nil {
			return err
		}
		if resp.Run != "" { // a one-way request has none
			h.driver.note(checker.Event{
				Kind: checker.Responded, Request: r.ID, Run: resp.Run, Seq: resp.Seq, Digest: digest,
			})
		}
	}
	if err := b.wait(ctx); err != nil {
		return err
	}
	return b.fail()
}

// nest makes a call to the service itself.
func (h *host) nest(ctx context.Context, id string) error {
	r := asynccalls.NewRequest("server", "/leaf", nil)
	r.ID = id
	e := checker.Event{Kind: checker.Invoke, Request: id, Mode: checker.ModeCall}
	h.driver.note(e)
	h.x.count("nested calls", 1)
	resp, err := h.service.CallOne(ctx, r)
	if err == nil {
		h.driver.note(checker.Event{
			Kind: checker.Received, Request: id, Run: resp.Run, Seq: resp.Seq,
			Digest: content(resp.Body, resp.Status, resp.Header),
		})
	} else {
		e.Error = err.Error()
	}
	e.Kind = checker.Ended
	h.driver.note(e)
	return err
}

// leaf is the handler of nested calls.
func (h *host) leaf(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) (err error) {
	e := checker.Event{
		Kind: checker.HandlerStart, Request: r.ID, Run: fmt.Sprint(r.ID, "/", h.x.nth("leaf", r.ID)),
		Topic: r.Source.Topic, Partition: r.Source.Partition, Offset: r.Source.Offset,
	}
	defer h.enclose(e, &err)()
	resp := asynccalls.NewResponse(nil)
	resp.End = true
	return w.Send(ctx, resp)
}

// note is the handler of responses.
func (h *host) note(ctx context.Context, r *asynccalls.Response) (err error) {
	key := r.Key
	if key == "" {
		key = r.RequestID // what the record has
	}
	nth := h.x.nth("response", r.ID)
	e := checker.Event{
		Kind: checker.HandlerStart, Key: key, Run: fmt.Sprint(r.ID, "/", nth),
		Topic: r.Source.Topic, Partition: r.Source.Partition, Offset: r.Source.Offset,
	}
	defer h.enclose(e, &err)()
	if r.Err() == nil && len(r.Body) > 0 {
		h.driver.note(checker.Event{
			Kind: checker.Received, Request: r.RequestID, Run: r.Run, Seq: r.Seq,
			Digest: content(r.Body, r.Status, r.Header),
		})
	}
	if r.End {
		e := checker.Event{Kind: checker.Ended, Request: r.RequestID, Run: r.Run, Mode: checker.ModeSend}
		if err := r.Err(); err != nil {
			e.Error = err.Error()
		}
		h.driver.note(e)
	}
	random := h.x.dice("note", r.RequestID, r.Seq, nth)
	b := h.x.behave(random, nth)
	if random.IntN(3) > 0 {
		b.fail = func() error { return nil }
	}
	if err := b.wait(ctx); err != nil {
		return err
	}
	return b.fail()
}

// enclose notes the start of a handler, and returns what notes its end.
func (h *host) enclose(e checker.Event, err *error) func() {
	h.driver.note(e)
	h.x.count("runs", 1)
	*err = errors.New("panic") // unless the handler returns
	return func() {
		e.Kind = checker.HandlerEnd
		if *err != nil {
			e.Error = (*err).Error()
		}
		h.driver.note(e)
	}
}

// wait takes the handler's time.
func (b *behavior) wait(ctx context.Context) error {
	if b.deaf {
		pass(b.pause)
		return nil
	}
	select {
	case <-time.After(b.pause):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
