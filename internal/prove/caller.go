//go:build unix

package prove

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/internal/checker"
)

const (
	// callsAtOnce is how many calls a caller has under way.
	callsAtOnce = 8

	// callLimit is how long a call may take, enough for an instance that dies and
	// for another one that takes over.
	callLimit = 25 * time.Second
)

// call is an instance of a client that calls. When it is to end, it waits for the
// calls that are under way.
func (p *part) call(ctx context.Context, j *journal) error {
	s, closeDriver, err := p.newService(clientID, j)
	if err != nil {
		return err
	}
	if err := s.Ready(ctx); err != nil {
		return errors.Join(err, s.Close(), closeDriver())
	}
	j.add(checker.Event{Kind: joined})
	h := &handlers{part: p, journal: j}
	var wg sync.WaitGroup
	for i := range callsAtOnce {
		random := rand.New(rand.NewPCG(p.Seed, uint64(i)))
		wg.Go(func() {
			for ctx.Err() == nil {
				h.callOnce(context.WithoutCancel(ctx), s, random.IntN(51))
				wait(ctx, time.Duration(random.IntN(200))*time.Millisecond)
			}
		})
	}
	wg.Wait()
	return errors.Join(s.Close(), closeDriver())
}

// callOnce makes one call that n responses answer.
func (h *handlers) callOnce(ctx context.Context, s *asynccalls.Service, n int) {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	r := asynccalls.NewRequest(serverID, "/stream", []byte(strconv.Itoa(n)))
	h.journal.add(checker.Event{Kind: checker.Invoke, Request: r.ID, Mode: checker.ModeCall, Seq: n})
	end := checker.Event{Kind: checker.Ended, Request: r.ID, Mode: checker.ModeCall}
	for resp, err := range s.Call(ctx, r).Responses() {
		if err != nil {
			end.Error = err.Error()
			break
		}
		h.journal.add(checker.Event{
			Kind: checker.Received, Request: r.ID, Run: resp.Run, Seq: resp.Seq, Digest: string(resp.Body),
		})
	}
	h.journal.add(end)
}

// stream is the handler of such calls: each run of a request sends the same.
func (h *handlers) stream(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) (err error) {
	defer h.enclose(checker.Event{
		Request: r.ID, Topic: r.Source.Topic, Partition: r.Source.Partition, Offset: r.Source.Offset,
	}, &err)()
	n, err := strconv.Atoi(string(r.Body))
	if err != nil {
		return err
	}
	b := h.behave(r.ID)
	pause := min(b.pause/8, grace*2/3/time.Duration(max(n, 1))) // a service that is told to end lets it finish
	for seq := range n {
		if !wait(ctx, pause) {
			return context.Cause(ctx)
		}
		body := fmt.Sprintf("%s/%d", r.ID, seq)
		resp := asynccalls.NewResponse([]byte(body))
		resp.End = b.early && seq == n-1
		if err := w.Send(ctx, resp); err != nil {
			return err
		}
		h.journal.add(checker.Event{
			Kind: checker.Responded, Request: r.ID, Run: resp.Run, Seq: resp.Seq, Digest: body,
		})
	}
	return nil
}
