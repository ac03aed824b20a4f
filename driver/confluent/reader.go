//go:build cgo

package confluent

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
)

// A reader receives from a client of its own. A group is built on it.
//
// The client can only be asked in C, where a context does not reach. So a
// goroutine of the reader, the pump, asks it all the time, and puts into a queue
// what Receive takes. What is to be called within Receive, the pump hands over,
// and waits for.
type reader struct {
	driver   *Driver
	consumer *kafka.Consumer
	queue    *queue
	calls    chan *call    // for Receive
	done     chan struct{} // closed by the first call of Close
	end      sync.Once
	pumped   chan struct{} // closed when the pump has ended
	isGroup  bool

	controlling sync.RWMutex // held to read while the client is told something

	mu     sync.Mutex // guards failed
	failed error      // what ended the reader for good

	// For the pump alone.
	tracks     map[driver.Partition]*track
	last       *track          // of the last record
	batch      []driver.Record // to be put into the queue
	bytes      int             // of batch
	losses     int             // in batch
	outOfRange bool            // the client said that a position is not in the log
	suspicious bool            // the client said that a topic is missing
	now        time.Time       // of the batch
	checked    time.Time       // when the topics were looked at last
	tried      time.Time       // when that was tried last
}

// A track is where the pump is in one partition.
type track struct {
	partition driver.Partition
	next      int64     // offset of the next record; the client may repeat earlier ones
	seen      time.Time // when the last record came
	id        string    // of the topic, to tell that it was created again
	suspect   bool      // the topic is not there, or may be another one: nothing of it is received
	missed    bool      // records were left out because of that
}

// A call is something to be called within Receive.
type call struct {
	run  func()
	done chan struct{} // closed when run has returned
}

func newReader(d *Driver) *reader {
	return &reader{
		driver:  d,
		queue:   newQueue(),
		calls:   make(chan *call),
		done:    make(chan struct{}),
		pumped:  make(chan struct{}),
		tracks:  map[driver.Partition]*track{},
		checked: time.Now(),
	}
}

// Receive implements [driver.Reader].
func (r *reader) Receive(ctx context.Context, buf []driver.Record) (int, error) {
	for {
		if r.isDone() {
			return 0, io.EOF
		}
		select {
		case c := <-r.calls:
			c.serve()
			continue
		default:
		}
		n, lost, full := r.queue.take(buf)
		if len(full) > 0 {
			r.control(func(c *kafka.Consumer) error { return c.Pause(list(full)) })
		}
		switch {
		case lost != nil:
			return 0, lost
		case n > 0:
			return n, nil
		}
		if err := r.failure(); err != nil {
			return 0, err
		}
		if len(buf) == 0 {
			return 0, ctx.Err()
		}
		select {
		case <-r.queue.wake:
		case c := <-r.calls:
			c.serve()
		case <-r.done:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

func (c *call) serve() {
	defer close(c.done)
	c.run()
}

// within has Receive call run. It reports whether run has returned: it does not
// wait any more when the reader is closed.
func (r *reader) within(run func()) bool {
	c := &call{run: run, done: make(chan struct{})}
	select {
	case r.calls <- c:
	case <-r.done:
		return false
	}
	select {
	case <-c.done:
		return !r.isDone()
	case <-r.done:
		return false
	}
}

// Pause implements [driver.Reader].
func (r *reader) Pause(all []driver.Partition) {
	if r.isDone() {
		return
	}
	set := make(map[driver.Partition]bool, len(all))
	for _, p := range all {
		set[p] = true
	}
	if resume := r.queue.pause(set); len(resume) > 0 {
		r.control(func(c *kafka.Consumer) error { return c.Resume(list(resume)) })
	}
}

// control tells the client something, unless it is being closed.
func (r *reader) control(tell func(*kafka.Consumer) error) {
	r.controlling.RLock()
	defer r.controlling.RUnlock()
	if !r.isDone() {
		_ = tell(r.consumer)
	}
}

// shut lets nobody but the one who closes use the client from now on.
func (r *reader) shut() {
	close(r.done)
	<-r.pumped
	r.controlling.Lock() // for those who have seen that it was open
	defer r.controlling.Unlock()
}

// Close implements [driver.Reader].
func (r *reader) Close() error {
	r.end.Do(func() {
		r.shut()
		_ = r.consumer.Close()
		r.driver.drop(r)
	})
	return nil
}

func (r *reader) isDone() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// fail ends the reader for good, after what it has received already.
func (r *reader) fail(err error) {
	r.mu.Lock()
	r.failed = err
	r.mu.Unlock()
	poke(r.queue.wake)
}

func (r *reader) failure() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

// list returns partitions as the client wants them.
func list(partitions []driver.Partition) []kafka.TopicPartition {
	all := make([]kafka.TopicPartition, len(partitions))
	for i := range partitions {
		all[i] = kafka.TopicPartition{Topic: &partitions[i].Topic, Partition: partitions[i].ID}
	}
	return all
}
