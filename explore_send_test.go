package asynccalls_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/internal/checker"
)

// traffic has the client send a few requests.
func (x *exploration) traffic() {
	n := min(1+x.random.IntN(8), 200-x.sent)
	mode := []string{checker.ModeCall, checker.ModeSend, checker.ModeSend, checker.ModeNotify}[x.random.IntN(4)]
	var requests []*asynccalls.Request
	for range n {
		x.sent++
		requests = append(requests, x.newRequest(x.dice("request", x.sent), mode))
	}
	x.count(mode, n)
	random := x.dice("traffic", x.sent)
	if mode == checker.ModeCall {
		for _, r := range requests {
			limit := time.Duration(1+random.IntN(40_000)) * time.Millisecond
			x.wg.Go(func() { x.client.call(r, limit) })
		}
		return
	}
	x.wg.Go(func() { x.send(random, mode, requests) })
}

func (x *exploration) newRequest(random *rand.Rand, mode string) *asynccalls.Request {
	r := asynccalls.NewRequest("server", "/work", fmt.Appendf(nil, "body %d", random.Uint64()))
	r.ID = fmt.Sprint("r", x.sent)
	if random.IntN(30) == 0 {
		r.Endpoint = "/nowhere"
	}
	if random.IntN(5) > 0 {
		r.Key = string(rune('a' + random.IntN(5)))
	}
	for range random.IntN(3) {
		r.Header.Add(string(rune('x'+random.IntN(2))), fmt.Sprint(random.IntN(100)))
	}
	if random.IntN(10) == 0 {
		r.Body = nil
	}
	if mode == checker.ModeSend && random.IntN(8) == 0 {
		r.TTL = time.Duration(1+random.IntN(20_000)) * time.Millisecond
	}
	return r
}

// tell notes what the client knows of a request.
func (x *exploration) tell(k checker.Kind, mode string, r *asynccalls.Request, err error) {
	e := checker.Event{Kind: k, Request: r.ID, Key: r.Key, Mode: mode}
	if err != nil {
		e.Error = err.Error()
	}
	x.client.driver.note(e)
}

// send sends durable or one-way requests. What was refused is sent again, now
// and then.
func (x *exploration) send(random *rand.Rand, mode string, requests []*asynccalls.Request) {
	for len(requests) > 0 {
		ctx, cancel := context.WithTimeout(x.t.Context(), time.Duration(1+random.IntN(20_000))*time.Millisecond)
		for _, r := range requests {
			x.tell(checker.Invoke, mode, r, nil)
		}
		var failed map[*asynccalls.Request]error
		if mode == checker.ModeSend {
			failed = sendErrors(x.client.service.Send(ctx, requests...))
		} else {
			failed = sendErrors(x.client.service.Notify(ctx, requests...))
		}
		cancel()
		var again []*asynccalls.Request
		for _, r := range requests {
			switch err := failed[r]; {
			case err == nil:
				x.tell(checker.Acked, mode, r, nil)
			case errors.Is(err, asynccalls.ErrUnknownOutcome):
				x.tell(checker.Unknown, mode, r, err)
			default:
				x.tell(checker.Refused, mode, r, err)
				if random.IntN(2) == 0 {
					again = append(again, r)
				}
			}
		}
		requests = again
	}
}

// sendErrors takes what Send returns apart.
func sendErrors(err error) map[*asynccalls.Request]error {
	failed := make(map[*asynccalls.Request]error)
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return failed
	}
	for _, err := range joined.Unwrap() {
		if e, ok := errors.AsType[*asynccalls.SendError](err); ok {
			failed[e.Request] = e.Err
		}
	}
	return failed
}
