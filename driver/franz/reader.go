package franz

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/drivers"
)

var _ interface {
	driver.Reader
	Position() int64
} = (*single)(nil)

// A reader receives from a client of its own. A group is built on it.
type reader struct {
	driver  *Driver
	client  *kgo.Client
	isGroup bool
	ids     map[string][16]byte // of the topics, to tell that one was created again
	done    chan struct{}       // closed by the first call of Close
	end     sync.Once

	paused map[driver.Partition]bool // for the receiving goroutine and, while that waits, the callbacks of a group
	failed error                     // what ended the reader for good; for the receiving goroutine

	mu    sync.Mutex // guards all below
	next  map[driver.Partition]int64
	found []*driver.LostError // to be reported
}

func newReader(d *Driver, topics map[string]description) *reader {
	r := &reader{
		driver: d,
		ids:    make(map[string][16]byte, len(topics)),
		done:   make(chan struct{}),
		paused: map[driver.Partition]bool{},
		next:   map[driver.Partition]int64{},
	}
	for name, t := range topics {
		r.ids[name] = t.id
	}
	return r
}

// Read implements [driver.Driver].
func (d *Driver) Read(ctx context.Context, p driver.Partition, offset int64) (driver.Reader, error) {
	r, err := d.read(ctx, p, offset)
	if err != nil {
		return nil, fmt.Errorf("read partition %d of topic %q: %w", p.ID, p.Topic, err)
	}
	return &single{r, p}, nil
}

// A single is a reader of one partition, without a group. Its client keeps the
// marks of transactions, so that the position passes them.
type single struct {
	*reader
	partition driver.Partition
}

// silence is how long nothing may be received before a reader makes sure that its
// topic is still there. The client does not always say so by itself.
const silence = 5 * time.Second

// Receive implements [driver.Reader].
func (s *single) Receive(ctx context.Context, buf []driver.Record) (int, error) {
	for {
		waiting, cancel := context.WithTimeout(ctx, silence)
		n, err := s.reader.Receive(waiting, buf)
		quiet := n == 0 && err != nil && waiting.Err() != nil && errors.Is(err, waiting.Err())
		cancel()
		switch {
		case !quiet:
			return n, err
		case ctx.Err() != nil:
			return 0, ctx.Err()
		}
		s.recreated(ctx, s.partition.Topic)
	}
}

// Position returns the offset of the next record, see [driver.Reader].
func (s *single) Position() int64 {
	offset, _ := s.expected(s.partition)
	return offset
}

func (d *Driver) read(ctx context.Context, p driver.Partition, offset int64) (*reader, error) {
	if d.closed() {
		return nil, drivers.ErrClosed
	}
	if offset < -1 {
		return nil, fmt.Errorf("offset is %d, want -1 or more: %w", offset, driver.ErrRefused)
	}
	topics, err := d.await(ctx, p.Topic)
	if err != nil {
		return nil, err
	}
	if p.ID < 0 || p.ID >= topics[p.Topic].partitions {
		return nil, driver.ErrNoTopic
	}
	if offset < 0 {
		if _, offset, err = d.ends(ctx, p); err != nil {
			return nil, err
		}
	}
	r := newReader(d, topics)
	r.next[p] = offset
	// A fetch session saves nothing for one partition. Without it each fetch names the
	// topic, and so notices that it was deleted; and closing the client writes to
	// nothing that its last fetch may still read (franz-go 1.22.2).
	r.client, err = d.consume(kgo.DisableFetchSessions(), kgo.KeepControlRecords(),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{p.Topic: {p.ID: kgo.NewOffset().At(offset)}}))
	if err != nil {
		return nil, err
	}
	if err := d.keep(r); err != nil {
		return nil, err
	}
	return r, nil
}

// consume makes a client that consumes.
func (d *Driver) consume(opts ...kgo.Opt) (*kgo.Client, error) {
	own := []kgo.Opt{
		kgo.WithPools(&d.records),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
	}
	return d.newClient(append(own, opts...)...)
}

// Receive implements [driver.Reader].
func (r *reader) Receive(ctx context.Context, buf []driver.Record) (int, error) {
	for {
		if r.isDone() {
			return 0, io.EOF
		}
		if lost := r.report(); lost != nil {
			return 0, lost
		}
		if r.failed != nil {
			return 0, r.failed
		}
		if len(buf) == 0 {
			return 0, ctx.Err()
		}
		n, ended, err := r.poll(ctx, buf)
		if n > 0 || err != nil {
			return n, err
		}
		if ended {
			return 0, ctx.Err()
		}
	}
}

// poll receives once. While it waits, and only then, the client may call the
// callbacks of a group: what it returns holds them up until the next poll.
func (r *reader) poll(ctx context.Context, buf []driver.Record) (n int, ended bool, err error) {
	r.client.AllowRebalance()
	fetches := r.client.PollRecords(ctx, len(buf))
	if r.isDone() {
		r.client.AllowRebalance()
		return 0, false, io.EOF
	}
	for i := range fetches {
		for j := range fetches[i].Topics {
			topic := &fetches[i].Topics[j]
			for k := range topic.Partitions {
				p := &topic.Partitions[k]
				n += r.copy(buf[n:], topic.Topic, p)
				if p.Err == nil {
					continue
				}
				if isClosed(p.Err) || ctx.Err() != nil && errors.Is(p.Err, ctx.Err()) {
					ended = true
					continue
				}
				r.trouble(ctx, driver.Partition{Topic: topic.Topic, ID: p.Partition}, p.Err)
			}
		}
	}
	return n, ended, nil
}

// copy copies the records of one partition, without the marks of transactions,
// and returns their number.
func (r *reader) copy(buf []driver.Record, topic string, p *kgo.FetchPartition) int {
	if len(p.Records) == 0 {
		return 0
	}
	n, last := 0, int64(0)
	for _, from := range p.Records {
		last = from.Offset
		if !from.Attrs.IsControl() {
			buf[n] = driver.Record{
				Topic:     from.Topic,
				Partition: from.Partition,
				Offset:    from.Offset,
				Epoch:     from.LeaderEpoch,
				Time:      from.Timestamp,
				Key:       from.Key,
				Value:     from.Value,
				Headers:   headersIn(from.Headers),
			}
			n++
		}
		from.Recycle()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.next[driver.Partition{Topic: topic, ID: p.Partition}] = last + 1
	return n
}

// trouble handles the error of a partition, or one of the whole client.
func (r *reader) trouble(ctx context.Context, p driver.Partition, err error) {
	if loss, ok := errors.AsType[*kgo.ErrDataLoss](err); ok {
		r.lost(p, loss.ConsumedTo, loss.ResetTo)
		return
	}
	if large, ok := errors.AsType[*kgo.ErrDecompressTooLarge](err); ok {
		r.skip(p, large)
		return
	}
	switch {
	case errors.Is(err, kerr.OffsetOutOfRange):
		r.outOfRange(ctx, p)
	case errors.Is(err, kerr.UnknownTopicID):
		r.recreated(ctx, p.Topic)
	case isFatal(err):
		r.failed = fmt.Errorf("receive from partition %d of topic %q: %w", p.ID, p.Topic, err)
	default:
		pause(ctx, retryPause)
	}
}

// isFatal says that the client can't get over an error, though it would try. A
// group that loses its session joins again.
func isFatal(err error) bool {
	if isDenied(err) {
		return true
	}
	if _, ok := errors.AsType[*kgo.ErrGroupSession](err); ok {
		return false
	}
	answer, ok := errors.AsType[*kerr.Error](err)
	return !ok || !answer.Retriable && !errors.Is(err, kerr.UnknownServerError)
}

func isDenied(err error) bool {
	return errors.Is(err, kerr.TopicAuthorizationFailed) || errors.Is(err, kerr.GroupAuthorizationFailed) ||
		errors.Is(err, kerr.ClusterAuthorizationFailed) || errors.Is(err, kerr.SaslAuthenticationFailed) ||
		errors.Is(err, kerr.InvalidGroupID) || errors.Is(err, kerr.UnsupportedVersion)
}

// Pause implements [driver.Reader].
func (r *reader) Pause(all []driver.Partition) {
	if r.isDone() {
		return
	}
	set := make(map[driver.Partition]bool, len(all))
	pause, resume := map[string][]int32{}, map[string][]int32{}
	for _, p := range all {
		set[p] = true
		if !r.paused[p] {
			pause[p.Topic] = append(pause[p.Topic], p.ID)
		}
	}
	for p := range r.paused {
		if !set[p] {
			resume[p.Topic] = append(resume[p.Topic], p.ID)
		}
	}
	r.paused = set
	if len(pause) > 0 {
		r.client.PauseFetchPartitions(pause)
	}
	if len(resume) > 0 {
		r.client.ResumeFetchPartitions(resume)
	}
}

// Close implements [driver.Reader].
func (r *reader) Close() error {
	r.end.Do(func() {
		close(r.done)
		r.driver.drop(r)
		r.client.Close()
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
