package franz

import (
	"context"
	"fmt"
	"sync"
	"unsafe"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/drivers"
	"github.com/asynccalls/asynccalls/internal/slab"
)

// A publication is a record on its way. It is used again with all that publishing
// needs, so that handing a record over allocates nothing.
type publication struct {
	sent kgo.Record // first, see finish

	row    *slab.Row[publication]
	driver *Driver
	record *driver.Record
	done   func(*driver.Record, error)
	space  drivers.Space

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
	if d.detours.hold(p) { //nolint:contextcheck // ctx bounds the wait for space, and nothing of the record
		return
	}
	p.send(d.client) //nolint:contextcheck // the same
}

// refuse returns an error for what can't be published to any topic.
func (d *Driver) refuse(r *driver.Record, bytes int64) error {
	if r.Topic == "" {
		return fmt.Errorf("publish a record without a topic: %w", driver.ErrNoTopic)
	}
	if bytes > d.buffer.MaxBytes() {
		return fmt.Errorf("publish to %q: %w", r.Topic, &driver.TooLargeError{Limit: int(d.buffer.MaxBytes())})
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

// send hands the record to the client, which may write it twice or fail it if
// its context ends: it gets one that does not.
func (p *publication) send(client *kgo.Client) {
	r, sent := p.record, &p.sent
	sent.Key, sent.Value, sent.Headers = r.Key, r.Value, headersOut(r.Headers)
	sent.Topic, sent.Partition = r.Topic, r.Partition
	sent.Timestamp = r.Time
	client.Produce(context.Background(), sent, finish)
}

// finish is called by the client, one record after the other.
func finish(r *kgo.Record, err error) {
	p := (*publication)(unsafe.Pointer(r)) // it is the first field
	p.err = err
	switch {
	case p.again != nil:
		p.again.Done()
	case err == nil:
		p.end()
	default:
		p.driver.detours.failed(p)
	}
}

// end tells the caller.
func (p *publication) end() {
	d, r, done, space, err := p.driver, p.record, p.done, p.space, p.err
	if err == nil {
		r.Partition, r.Offset, r.Time = p.sent.Partition, p.sent.Offset, p.sent.Timestamp
	} else {
		err = fmt.Errorf("publish to %q: %w", r.Topic, d.outcome(p))
	}
	row := p.row
	p.clear()
	row.Put()
	done(r, err)
	d.buffer.Give(space)
}

// clear lets go of what the record holds. It does so field by field, which costs a
// fraction of what it costs to clear so large an object while the collector runs.
func (p *publication) clear() {
	sent := &p.sent
	sent.Key, sent.Value, sent.Headers, sent.Context = nil, nil, nil, nil
	sent.Attrs, sent.ProducerEpoch, sent.ProducerID = kgo.RecordAttrs{}, 0, 0
	sent.LeaderEpoch, sent.Offset = 0, 0
	p.record, p.done, p.space = nil, nil, drivers.Space{}
	p.err, p.tries, p.again = nil, 0, nil
}

// The two types of header are the same but for their names, or this does not
// compile.
var _ = kgo.RecordHeader(driver.Header{})

// headersOut returns the same headers, not a copy.
func headersOut(h []driver.Header) []kgo.RecordHeader {
	return unsafe.Slice((*kgo.RecordHeader)(unsafe.SliceData(h)), len(h))
}

// headersIn returns the same headers, not a copy.
func headersIn(h []kgo.RecordHeader) []driver.Header {
	return unsafe.Slice((*driver.Header)(unsafe.SliceData(h)), len(h))
}
