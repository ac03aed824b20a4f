//go:build cgo

package confluent

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"
	"unsafe"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/drivers"
	"github.com/asynccalls/asynccalls/internal/slab"
	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
)

// A publication is a record on its way. It is used again with all that publishing
// needs, so that the driver itself allocates nothing for a record.
type publication struct {
	sent kafka.Message

	row    *slab.Row[publication]
	driver *Driver
	record *driver.Record
	done   func(*driver.Record, error)
	space  drivers.Space
	to     *route // by which it was handed to the client last

	err   error           // why it failed last
	tries int             // how often it was sent again
	again *sync.WaitGroup // not nil while it is sent again
}

// Publish implements [driver.Publisher].
func (d *Driver) Publish(ctx context.Context, r *driver.Record, done func(*driver.Record, error)) {
	bytes := drivers.Size(r)
	if err := d.refuse(r, bytes); err != nil {
		done(r, err)
		return
	}
	space, err := d.buffer.Take(ctx, bytes)
	if err != nil {
		done(r, fmt.Errorf("publish to %q: %w", r.Topic, err))
		return
	}
	p, row := d.publications.Get()
	p.row, p.driver, p.record, p.done, p.space = row, d, r, done, space
	to := d.detours.hold(p)
	if to != nil {
		p.send(to)
	}
}

// refuse returns an error for what can't be published to any topic.
func (d *Driver) refuse(r *driver.Record, bytes int64) error {
	if r.Topic == "" {
		return fmt.Errorf("publish a record without a topic: %w", driver.ErrNoTopic)
	}
	if !isLegal(r.Topic) {
		return fmt.Errorf("publish to %q: illegal name: %w", r.Topic, driver.ErrNoTopic)
	}
	if bytes > d.buffer.MaxBytes() {
		return fmt.Errorf("publish to %q: %w", r.Topic, &driver.TooLargeError{Limit: int(d.buffer.MaxBytes())})
	}
	for i := range r.Headers {
		if strings.IndexByte(r.Headers[i].Key, 0) >= 0 {
			return fmt.Errorf("publish to %q: key %q of a header has a zero byte, which librdkafka can't send: %w",
				r.Topic, r.Headers[i].Key, driver.ErrRefused)
		}
	}
	return nil
}

// Flush implements [driver.Publisher].
func (d *Driver) Flush(ctx context.Context) error {
	if d.closed() {
		return drivers.ErrClosed
	}
	return d.buffer.Flush(ctx)
}

// send hands the record to the client. It may end in here.
func (p *publication) send(to *route) {
	if !p.hand(to) {
		p.finish(&p.sent.TopicPartition)
	}
}

// hand hands the record to the client. It reports whether the client has taken
// it, which calls finish then.
func (p *publication) hand(to *route) bool {
	r := p.record
	partition := r.Partition
	if partition < 0 {
		partition = kafka.PartitionAny
	}
	p.sent = kafka.Message{
		TopicPartition: kafka.TopicPartition{Topic: &r.Topic, Partition: partition},
		Key:            r.Key,
		Value:          r.Value,
		Headers:        headersOut(r.Headers),
		Timestamp:      r.Time,
		Opaque:         p,
	}
	if r.Time.IsZero() {
		p.sent.Timestamp = time.Now()
	}
	p.to = to
	to.pending.Add(1)
	err := to.outlet.producer.Produce(&p.sent, nil)
	if err == nil {
		return true
	}
	if isFatalHere(err) {
		p.driver.abandon(to.outlet)
	}
	p.sent.TopicPartition.Error = err
	return false
}

// finish takes the outcome.
func (p *publication) finish(at *kafka.TopicPartition) {
	p.to.pending.Add(-1)
	p.err = at.Error
	p.sent.TopicPartition.Partition, p.sent.TopicPartition.Offset = at.Partition, at.Offset
	switch {
	case p.again != nil:
		p.again.Done()
	case p.err == nil:
		p.end()
	default:
		p.driver.detours.failed(p)
	}
}

// end tells the caller.
func (p *publication) end() {
	d, r, done, space, err := p.driver, p.record, p.done, p.space, p.err
	if err == nil {
		// The offset is negative if the broker has said that it had the record already.
		r.Partition, r.Offset = p.sent.TopicPartition.Partition, max(int64(p.sent.TopicPartition.Offset), -1)
		r.Time = p.sent.Timestamp
	} else {
		err = fmt.Errorf("publish to %q: %w", r.Topic, d.outcome(p))
	}
	row := p.row
	*p = publication{}
	row.Put()
	done(r, err)
	d.buffer.Give(space)
}

// The two types of header are the same but for their names, or this does not
// compile.
var _ = kafka.Header(driver.Header{})

// headersOut returns the same headers, not a copy.
func headersOut(h []driver.Header) []kafka.Header {
	return unsafe.Slice((*kafka.Header)(unsafe.SliceData(h)), len(h))
}

// headersIn returns the same headers, not a copy.
func headersIn(h []kafka.Header) []driver.Header {
	return unsafe.Slice((*driver.Header)(unsafe.SliceData(h)), len(h))
}
