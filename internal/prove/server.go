//go:build unix

package prove

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"math/rand/v2"
	"os"
	"sync/atomic"
	"time"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/internal/checker"
)

// newService returns a service that writes down what it does, and what closes
// its driver.
func (p *part) newService(id string, j *journal) (*asynccalls.Service, func() error, error) {
	d, err := p.open(p.Address, p.Patience)
	if err != nil {
		return nil, nil, err
	}
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	s, err := asynccalls.New(id, &recorder{d, j}, p.Topics, asynccalls.WithLogger(logger),
		asynccalls.Limits{Grace: grace},
		asynccalls.Retry{Attempts: 3, Backoff: 50 * time.Millisecond})
	if err != nil {
		return nil, nil, errors.Join(err, d.Close())
	}
	return s, d.Close, nil
}

// serve is an instance of the service that handles requests.
func (p *part) serve(ctx context.Context, j *journal) error {
	s, closeDriver, err := p.newService(serverID, j)
	if err != nil {
		return err
	}
	h := &handlers{part: p, journal: j}
	s.Handle("/work", h.work)
	s.Handle("/stream", h.stream)
	return errors.Join(s.Listen(ctx), closeDriver())
}

// grace is how long handlers have to end.
const grace = 3 * time.Second

// handlers are those of one instance.
type handlers struct {
	part    *part
	journal *journal
	runs    atomic.Int64
}

// behavior is what a handler does. It depends on the seed and on the message
// alone, whatever instance it gets to.
type behavior struct {
	pause     time.Duration // before each response, and the end
	responses int
	early     bool  // the last response is the end
	err       error // how it ends,
	until     int   // up to this attempt
	panics    bool
}

func (h *handlers) behave(message string) behavior {
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(message))
	random := rand.New(rand.NewPCG(h.part.Seed, sum.Sum64()))
	b := behavior{
		pause:     time.Duration(random.IntN(3000)) * time.Microsecond,
		responses: random.IntN(4),
		early:     random.IntN(2) == 0,
	}
	switch dice := random.IntN(100); {
	case dice < 1:
		b.pause = time.Duration(200+random.IntN(400)) * time.Millisecond
	case dice < 8:
		b.pause = time.Duration(10+random.IntN(60)) * time.Millisecond
	}
	const always = 1000
	switch random.IntN(40) {
	case 0:
		b.err, b.until = errors.New("broken"), always
	case 1:
		b.err, b.until = &asynccalls.Error{Status: 409, Message: "taken"}, always
	case 2:
		b.err, b.until = &asynccalls.Error{Status: 503, Message: "not now"}, 1
	case 3:
		b.err, b.until, b.panics = errors.New("panic"), 1, true
	}
	return b
}

// work is the handler of requests.
func (h *handlers) work(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) (err error) {
	defer h.enclose(checker.Event{
		Request: r.ID, Key: r.Key,
		Topic: r.Source.Topic, Partition: r.Source.Partition, Offset: r.Source.Offset,
	}, &err)()
	if string(r.Body) == h.part.Exits {
		h.part.exit()
	}
	b := h.behave(string(r.Body))
	for seq := range b.responses {
		if !wait(ctx, b.pause) {
			return context.Cause(ctx)
		}
		body := fmt.Sprintf("%s/%d", r.Body, seq)
		resp := asynccalls.NewResponse([]byte(body))
		resp.End = b.early && seq == b.responses-1
		if err := w.Send(ctx, resp); err != nil {
			return err
		}
		h.journal.add(checker.Event{
			Kind: checker.Responded, Request: r.ID, Run: resp.Run, Seq: resp.Seq, Digest: body,
		})
	}
	if !wait(ctx, b.pause) {
		return context.Cause(ctx)
	}
	return b.end(r.Attempt)
}

// exit ends the process, unless one has ended like that before.
func (p *part) exit() {
	f, err := os.OpenFile(p.Exited, os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return
	}
	_ = f.Close()
	os.Exit(exited)
}

// end is how a handler ends.
func (b *behavior) end(attempt int) error {
	if attempt > b.until {
		return nil
	}
	if b.panics {
		var nothing *behavior
		return nothing.err // panics
	}
	return b.err
}

// enclose writes the start of a handler down, and returns what does so for its
// end.
func (h *handlers) enclose(e checker.Event, err *error) func() {
	e.Kind, e.Run = checker.HandlerStart, fmt.Sprintf("%s/%d", h.part.Instance, h.runs.Add(1))
	h.journal.add(e)
	*err = errors.New("panic") // unless the handler returns
	return func() {
		e.Kind = checker.HandlerEnd
		if *err != nil {
			e.Error = (*err).Error()
		}
		h.journal.add(e)
	}
}
