package acurl

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// load says how a request is sent again and again.
type load struct {
	total    int           // so many times; 0 is no bound
	duration time.Duration // for so long; 0 is no bound
	rate     float64       // so many a second; 0 is as many as can be
	inFlight int           // so many at the same time
}

// validate checks the flags that the load comes from.
func (l *load) validate(total, inFlight string) error {
	switch {
	case l.total < 0:
		return fmt.Errorf("--%s %d must not be negative", total, l.total)
	case l.rate < 0:
		return fmt.Errorf("--rate %v must not be negative", l.rate)
	case l.duration < 0:
		return fmt.Errorf("--duration %v must not be negative", l.duration)
	case l.inFlight < 1:
		return fmt.Errorf("--%s %d must be 1 or more", inFlight, l.inFlight)
	case l.total == 0 && l.duration == 0:
		return errors.New("nothing says when to end")
	default:
		return nil
	}
}

// run calls do until the load is over or ctx ends, and returns when all calls have
// returned. With a rate, due is when a call should have begun: if all that may be in
// flight are busy, it begins later.
func (l *load) run(ctx context.Context, do func(ctx context.Context, due time.Time)) {
	var next atomic.Int64
	var running sync.WaitGroup
	begun := time.Now()
	for range l.inFlight {
		running.Go(func() {
			for {
				due, ok := l.await(ctx, begun, int(next.Add(1)-1))
				if !ok {
					return
				}
				do(ctx, due)
			}
		})
	}
	running.Wait()
}

// await waits until the call with this number is due. It returns false if it never is.
func (l *load) await(ctx context.Context, begun time.Time, number int) (due time.Time, ok bool) {
	due = time.Now()
	over := l.total > 0 && number >= l.total || l.duration > 0 && due.Sub(begun) >= l.duration
	if over || ctx.Err() != nil {
		return due, false
	}
	if l.rate == 0 {
		return due, true
	}
	due = begun.Add(time.Duration(float64(number) / l.rate * float64(time.Second)))
	if l.duration > 0 && due.Sub(begun) >= l.duration {
		return due, false
	}
	timer := time.NewTimer(time.Until(due))
	defer timer.Stop()
	select {
	case <-timer.C:
		return due, true
	case <-ctx.Done():
		return due, false
	}
}
