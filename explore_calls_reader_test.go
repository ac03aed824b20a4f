package asynccalls_test

import (
	"context"
	"errors"
	"time"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/checker"
)

// left returns how long something goes on, which ends when nothing fails any more.
func (x *exploration) left(until time.Time) time.Duration {
	if x.calm.Load() {
		return 0
	}
	return time.Until(until)
}

// laneChaos is what happens to the reader of a caller. The lock of c guards it.
type laneChaos struct {
	c       *chaos
	cancel  context.CancelFunc // ends the Receive of the moment
	stalled time.Time          // nothing is received before
	broken  bool               // Receive fails for good
	back    int64              // the log ends so many records before the position of the reader
	lossy   bool               // and what was not read is gone
}

func (l *laneChaos) stall(d time.Duration) {
	l.c.mu.Lock()
	defer l.c.mu.Unlock()
	l.stalled = time.Now().Add(d)
	l.c.add(checker.Event{Kind: checker.Stalled, Until: l.stalled})
	l.interrupt()
}

func (l *laneChaos) cutOff(n int64, lossy bool) {
	l.c.mu.Lock()
	defer l.c.mu.Unlock()
	l.back, l.lossy = n, lossy
	l.interrupt()
}

func (l *laneChaos) breakOff() {
	l.c.mu.Lock()
	defer l.c.mu.Unlock()
	l.broken = true
	l.interrupt()
}

func (l *laneChaos) interrupt() {
	if l.cancel != nil {
		l.cancel()
	}
}

// trouble is what happens to one Receive.
type trouble struct {
	wait   time.Duration // before it
	broken bool
	back   int64
	lossy  bool
}

// begin returns the context for one Receive, and what happens to it.
func (l *laneChaos) begin(ctx context.Context) (context.Context, context.CancelFunc, trouble) {
	l.c.mu.Lock()
	defer l.c.mu.Unlock()
	inner, cancel := context.WithCancel(ctx)
	if left := l.c.x.left(l.stalled); left > 0 {
		return inner, cancel, trouble{wait: left}
	}
	happens := trouble{broken: l.broken, back: l.back, lossy: l.lossy}
	l.broken, l.back, l.lossy = false, 0, false
	l.cancel = cancel
	return inner, cancel, happens
}

// Read implements [driver.Driver]. It may take its time, or fail.
func (c *chaos) Read(ctx context.Context, p driver.Partition, offset int64) (driver.Reader, error) {
	random := c.x.dice("read", c.name, c.x.nth("read", c.name))
	dice := random.IntN(6)
	if c.x.calm.Load() || p.Topic != lanes {
		dice = 6
	}
	wait := time.Duration(1+random.IntN(3000)) * time.Millisecond
	switch dice {
	case 0:
		c.x.count("lanes not opened", 1)
		return nil, errors.New("no leader")
	case 1:
		c.x.count("lanes slow to open", 1)
		pass(wait)
	}
	r, err := c.Driver.Read(ctx, p, offset)
	if dice == 2 {
		c.x.count("lanes slow to open", 1)
		pass(wait)
	}
	if err != nil {
		return nil, err
	}
	if p.ID >= lanesAtFirst {
		c.x.count("lanes in what has grown", 1)
	}
	return &chaosReader{Reader: r, c: c, partition: p}, nil
}

// chaosReader reads responses for a caller.
type chaosReader struct {
	driver.Reader
	c         *chaos
	partition driver.Partition
	gone      driver.LostError // what was cut off
}

// Receive implements [driver.Reader].
func (r *chaosReader) Receive(ctx context.Context, buf []driver.Record) (int, error) {
	for ctx.Err() == nil {
		n, err := r.receive(ctx, buf)
		if lost, ok := errors.AsType[*driver.LostError](err); ok && (lost.To > lost.From || lost.To == 0) {
			r.c.x.count("losses told", 1)
			r.c.note(checker.Event{Kind: checker.Missed, Topic: lost.Topic, Partition: lost.ID})
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
	return 0, ctx.Err()
}

// receive returns 0 and nil if it is to be called again.
func (r *chaosReader) receive(ctx context.Context, buf []driver.Record) (int, error) {
	inner, cancel, happens := r.c.lane.begin(ctx)
	defer cancel()
	if happens.wait > 0 {
		select {
		case <-time.After(happens.wait):
		case <-r.c.x.healing:
		case <-ctx.Done():
		}
		return 0, nil
	}
	if happens.broken {
		r.c.note(checker.Event{Kind: checker.Missed, Topic: r.partition.Topic, Partition: r.partition.ID})
		return 0, errors.New("the reader is broken")
	}
	if lost := r.goBack(ctx, happens); lost != nil {
		return 0, lost
	}
	n, err := r.Reader.Receive(inner, buf)
	if err != nil && inner.Err() != nil {
		err = nil
	}
	return r.drop(buf[:n]), err
}

// goBack goes on as after the loss of the end of the log: the reader gets records
// again, which are others most often.
func (r *chaosReader) goBack(ctx context.Context, happens trouble) error {
	at := r.Reader.(positioner).Position()
	if happens.back == 0 || at-happens.back <= 0 {
		return nil
	}
	end, err := r.c.Driver.Read(ctx, r.partition, -1)
	if err != nil {
		return nil // the topic is gone, which the reader reports
	}
	defer end.Close()
	again, err := r.c.Driver.Read(ctx, r.partition, at-happens.back)
	if err != nil {
		return nil
	}
	r.Close()
	r.Reader = again
	if happens.lossy {
		r.gone = driver.LostError{From: at, To: end.(positioner).Position()}
		r.c.note(checker.Event{Kind: checker.Cut, Topic: r.partition.Topic, Partition: r.partition.ID})
	}
	return &driver.LostError{Partition: r.partition, From: at, To: at - happens.back}
}

// drop removes what was cut off, and returns the number of the rest.
func (r *chaosReader) drop(records []driver.Record) int {
	n := 0
	for _, record := range records {
		if record.Offset >= r.gone.From && record.Offset < r.gone.To {
			r.c.x.count("responses cut off", 1)
			continue
		}
		records[n] = record
		n++
	}
	return n
}
