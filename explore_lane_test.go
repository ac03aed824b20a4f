package asynccalls_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/wire"
)

// lanes is the topic in which callers wait for responses.
const lanes = "client.replies"

// disturb does something to where a caller waits for responses, or to all callers.
func (x *exploration) disturb(h *host) {
	switch x.random.IntN(12) {
	case 0, 1:
		x.count("lanes stalled", 1)
		h.driver.lane.stall(time.Duration(x.random.IntN(30_000)) * time.Millisecond)
	case 2:
		x.count("lanes stalled for more than ten minutes", 1)
		h.driver.lane.stall(time.Duration(600+x.random.IntN(200)) * time.Second)
	case 3, 4:
		x.count("lanes cut off", 1)
		h.driver.lane.cutOff(1 + x.random.Int64N(20))
	case 5, 6, 7:
		x.repeat()
	case 8, 9:
		x.litter()
	case 10:
		x.truncate()
	default:
		x.recreate()
	}
}

// written returns what is in the topic for responses, if that is there.
func (x *exploration) written() []driver.Record {
	ctx := x.t.Context()
	topics, err := x.broker.Topics(ctx, lanes)
	if err != nil || len(topics) == 0 {
		return nil
	}
	var all []driver.Record
	buf := make([]driver.Record, 1000)
	for id := range topics[0].Partitions {
		p := driver.Partition{Topic: lanes, ID: id}
		end, err := x.broker.Read(ctx, p, -1)
		if err != nil {
			x.t.Fatal(err)
		}
		r, err := x.broker.Read(ctx, p, 0)
		if err != nil {
			x.t.Fatal(err)
		}
		for r.(positioner).Position() < end.(positioner).Position() {
			n, err := r.Receive(ctx, buf)
			if _, lost := errors.AsType[*driver.LostError](err); err != nil && !lost {
				x.t.Fatal(err)
			}
			all = append(all, buf[:n]...)
		}
		r.Close()
		end.Close()
	}
	return all
}

// repeat writes some responses again, in any order.
func (x *exploration) repeat() {
	all := x.written()
	if len(all) == 0 {
		return
	}
	for range 1 + x.random.IntN(30) {
		x.count("responses repeated", 1)
		// Most often late ones: their calls may still be pending.
		i := len(all) - 1 - min(x.random.IntN(len(all)), x.random.IntN(len(all)), x.random.IntN(len(all)))
		x.put(all[i])
	}
}

// litter writes what no response to any call looks like, and responses that are for
// nobody.
func (x *exploration) litter() {
	all := x.written()
	for range 1 + x.random.IntN(10) {
		r := driver.Record{Partition: x.random.Int32N(2), Value: []byte("litter")}
		ac := fmt.Appendf(nil, "1 r 0.stranger.%d.1 r1.run.0 e", x.random.IntN(10))
		if len(all) > 0 && x.random.IntN(3) > 0 {
			from := all[x.random.IntN(len(all))]
			if header, err := wire.Find(from.Headers); err == nil {
				ac, r.Partition = slices.Clone(header), from.Partition
			}
			damage(x.random, ac)
		}
		if x.random.IntN(8) > 0 {
			r.Headers = []driver.Header{{Key: wire.Header, Value: ac}}
		}
		x.count("litter", 1)
		x.put(r)
	}
}

// damage changes a header so that it is none of a response that was sent: it is
// for another instance or request, or is no header any more.
func damage(random *rand.Rand, ac []byte) {
	at := bytes.IndexByte(ac, '.') + 1 // of the instance
	switch random.IntN(3) {
	case 0:
		at += bytes.IndexByte(ac[at:], ' ') + 1 // of the request
	case 1:
		at += bytes.IndexByte(ac[at:], ' ') + 1
		ac[at] = 'q'
		return
	}
	for i := at; i < min(at+3, len(ac)); i++ {
		ac[i] = "~ \x00é"[random.IntN(5)]
	}
}

// put writes a record into the topic for responses, if that is there.
func (x *exploration) put(r driver.Record) {
	out := driver.Record{Topic: lanes, Partition: r.Partition, Key: r.Key, Value: r.Value, Headers: r.Headers}
	x.broker.Publish(x.t.Context(), &out, func(*driver.Record, error) {})
}

// truncate removes the oldest responses, read or not.
func (x *exploration) truncate() {
	all := x.written()
	if len(all) == 0 {
		return
	}
	x.laneHarmed.Store(true)
	x.count("lanes truncated", 1)
	last := all[len(all)-1-min(x.random.IntN(len(all)), x.random.IntN(len(all)))]
	p := driver.Partition{Topic: lanes, ID: last.Partition}
	if err := x.broker.DeleteRecords(p, last.Offset+1); err != nil {
		x.t.Errorf("seed %d: %v", x.seed, err)
	}
}

// recreate deletes the topic, and may create it again, with any number of
// partitions.
func (x *exploration) recreate() {
	if x.broker.DeleteTopic(lanes) != nil {
		return // nobody has called yet
	}
	x.laneHarmed.Store(true)
	x.count("lanes deleted", 1)
	if x.random.IntN(2) == 0 {
		topic := driver.Topic{Name: lanes, Partitions: 1 + x.random.Int32N(4)}
		if err := x.broker.Create(x.t.Context(), topic); err != nil {
			x.t.Errorf("seed %d: %v", x.seed, err)
		}
	}
}

// laneChaos is what happens to the reader of a caller. The lock of c guards it.
type laneChaos struct {
	c       *chaos
	cancel  context.CancelFunc // ends the Receive of the moment
	stalled time.Time          // nothing is received before
	back    int64              // the log ends so many records before the position of the reader
}

func (l *laneChaos) stall(d time.Duration) {
	l.c.mu.Lock()
	defer l.c.mu.Unlock()
	l.stalled = time.Now().Add(d)
	l.interrupt()
}

func (l *laneChaos) cutOff(n int64) {
	l.c.mu.Lock()
	defer l.c.mu.Unlock()
	l.back = n
	l.interrupt()
}

func (l *laneChaos) interrupt() {
	if l.cancel != nil {
		l.cancel()
	}
}

// begin returns the context for one Receive, or how long to wait before.
func (l *laneChaos) begin(ctx context.Context) (inner context.Context, wait time.Duration, back int64) {
	l.c.mu.Lock()
	defer l.c.mu.Unlock()
	if left := time.Until(l.stalled); left > 0 {
		return nil, left, 0
	}
	back, l.back = l.back, 0
	inner, l.cancel = context.WithCancel(ctx)
	return inner, 0, back
}

// Read implements [driver.Driver].
func (c *chaos) Read(ctx context.Context, p driver.Partition, offset int64) (driver.Reader, error) {
	r, err := c.Driver.Read(ctx, p, offset)
	if err != nil {
		return nil, err
	}
	return &chaosReader{r, c, p}, nil
}

// chaosReader reads responses for a caller.
type chaosReader struct {
	driver.Reader
	c         *chaos
	partition driver.Partition
}

// Receive implements [driver.Reader].
func (r *chaosReader) Receive(ctx context.Context, buf []driver.Record) (int, error) {
	for ctx.Err() == nil {
		inner, wait, back := r.c.lane.begin(ctx)
		if wait > 0 {
			select {
			case <-time.After(wait):
			case <-ctx.Done():
			}
			continue
		}
		if lost := r.goBack(ctx, back); lost != nil {
			return 0, lost
		}
		n, err := r.Reader.Receive(inner, buf)
		if n > 0 || inner.Err() == nil {
			return n, err
		}
	}
	return 0, ctx.Err()
}

// goBack goes on as after the loss of the end of the log: the reader gets records
// again, which are others most often.
func (r *chaosReader) goBack(ctx context.Context, n int64) error {
	at := r.Reader.(positioner).Position()
	if n == 0 || at-n <= 0 {
		return nil
	}
	again, err := r.c.Driver.Read(ctx, r.partition, at-n)
	if err != nil {
		return nil //nolint:nilerr // the topic is gone, which the reader reports
	}
	r.Close()
	r.Reader = again
	r.c.x.laneHarmed.Store(true) // what is removed there already, the reader misses
	return &driver.LostError{Partition: r.partition, From: at, To: at - n}
}
