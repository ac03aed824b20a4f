//go:build unix

package prove

import (
	"cmp"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"time"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/internal/checker"
)

// keys is the number of keys of requests.
const keys = 200

// ask is an instance of the client: it handles responses and, as a sender, sends
// requests.
func (p *part) ask(ctx context.Context, j *journal) error {
	s, closeDriver, err := p.newService(clientID, j)
	if err != nil {
		return err
	}
	h := &handlers{part: p, journal: j}
	s.HandleResponses(serverID, "/work", h.note, asynccalls.WithEnds())
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		if p.Role == roleSender {
			h.sendAll(ctx, s)
		}
	}()
	err = s.Listen(ctx)
	<-sent
	return errors.Join(err, closeDriver())
}

// note is the handler of responses.
func (h *handlers) note(ctx context.Context, r *asynccalls.Response) (err error) {
	defer h.enclose(checker.Event{
		Key:   cmp.Or(r.Key, r.RequestID), // that of the record
		Topic: r.Source.Topic, Partition: r.Source.Partition, Offset: r.Source.Offset,
	}, &err)()
	if r.Err() == nil && len(r.Body) > 0 {
		h.journal.add(checker.Event{
			Kind: checker.Received, Request: r.RequestID, Run: r.Run, Seq: r.Seq, Digest: string(r.Body),
		})
	}
	if r.End {
		e := checker.Event{Kind: checker.Ended, Request: r.RequestID, Run: r.Run, Mode: checker.ModeSend}
		if err := r.Err(); err != nil {
			e.Error = err.Error()
		}
		h.journal.add(e)
	}
	b := h.behave(r.RequestID + "." + strconv.Itoa(r.Seq))
	if b.panics || b.responses > 0 { // three in four are fine
		return nil
	}
	if !wait(ctx, b.pause) {
		return context.Cause(ctx)
	}
	return b.err
}

// sendAll sends the requests in batches. What it is told of one is final: it does
// not try again.
func (h *handlers) sendAll(ctx context.Context, s *asynccalls.Service) {
	random := rand.New(rand.NewPCG(h.part.Seed, uint64(h.part.From)))
	end := cmp.Or(h.part.To, math.MaxInt)
	for n := h.part.From; n < end && !h.part.enough() && ctx.Err() == nil; {
		size := min(1+random.IntN(2*h.part.Batch), end-n)
		var batch []*asynccalls.Request
		for range size {
			r := asynccalls.NewRequest(serverID, "/work", []byte(strconv.Itoa(n)))
			r.Key = "key " + strconv.Itoa(random.IntN(keys))
			if random.IntN(20) == 0 {
				r.Key = ""
			}
			batch = append(batch, r)
			n++
		}
		limit := time.Duration(1000+random.IntN(9000)) * time.Millisecond
		h.send(ctx, s, batch, limit)
		wait(ctx, time.Duration(float64(h.part.Pause)*2*random.Float64()))
	}
	if ctx.Err() == nil {
		h.journal.add(checker.Event{Kind: sentAll})
	}
}

// enough reports whether the test wants no more requests.
func (p *part) enough() bool {
	_, err := os.Stat(p.Enough)
	return err == nil
}

// send sends one batch and writes down what became of it.
func (h *handlers) send(ctx context.Context, s *asynccalls.Service, batch []*asynccalls.Request, limit time.Duration) {
	about := func(r *asynccalls.Request, k checker.Kind) checker.Event {
		return checker.Event{Kind: k, Request: r.ID, Key: r.Key, Mode: checker.ModeSend}
	}
	for _, r := range batch {
		h.journal.add(about(r, checker.Invoke))
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	failed := failures(batch, s.Send(ctx, batch...))
	for _, r := range batch {
		e := about(r, checker.Acked)
		if err := failed[r]; err != nil {
			e.Kind, e.Error = checker.Refused, err.Error()
			if errors.Is(err, asynccalls.ErrUnknownOutcome) {
				e.Kind = checker.Unknown
			}
		}
		h.journal.add(e)
	}
}

// failures takes apart what Send returned.
func failures(batch []*asynccalls.Request, err error) map[*asynccalls.Request]error {
	failed := make(map[*asynccalls.Request]error)
	joined, ok := err.(interface{ Unwrap() []error })
	if err != nil && !ok {
		for _, r := range batch {
			failed[r] = err // not as documented: of no request it is known that it was sent
		}
	}
	if !ok {
		return failed
	}
	for _, e := range joined.Unwrap() {
		if one, ok := errors.AsType[*asynccalls.SendError](e); ok {
			failed[one.Request] = one.Err
		}
	}
	return failed
}
