package asynccalls

import (
	"context"
	"fmt"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/chance"
	"github.com/asynccalls/asynccalls/internal/replies"
	"github.com/asynccalls/asynccalls/internal/slab"
	"github.com/asynccalls/asynccalls/internal/topics"
)

// laneBacklog bounds the calls that wait for the lane's position; the next one
// waits in Call.
const laneBacklog = 1 << 16

// lane is the reply lane: it reads one partition of the topic for responses to
// awaited calls, without a group, and gives each response to its call. It starts
// with the first call and ends with the service. It is positioned at the end of
// its partition before the first request is sent, and a call has its place
// before it is sent, so that no response can be missed (semantics 3.3).
//
// Two goroutines belong to it: run receives, expire ends calls at their
// deadlines. close ends both and waits for them.
type lane struct {
	s        *Service
	instance string
	seed     maphash.Seed
	unread   atomic.Int64 // bytes of responses that wait to be read

	ownReplies, foreignReplies atomic.Int64 // responses received for this instance, and for others

	// The following are used by run only.
	partition  driver.Partition // in which it receives
	partitions int32            // of the topic, when it began
	others     replies.Share
	texts      slab.Text
	responses  []Response // to be used

	ctx  context.Context //nolint:containedctx // ends with the lane
	stop context.CancelFunc
	wg   sync.WaitGroup
	kick chan struct{} // gets an element when a deadline is earlier than expire expects

	mu      sync.Mutex // guards what follows
	slots   *replies.Slots[*Call]
	started bool
	closed  bool
	queue   []*Call       // that wait for the position
	ready   chan struct{} // closed when there is a position, replaced when it is lost
	at      int32         // the partition that calls ask for responses in; nowhere without a position
	armed   time.Time     // when expire looks next; zero if it sleeps
	failure error         // of the last try to get a position
}

func newLane(s *Service) *lane {
	l := &lane{
		s:        s,
		instance: chance.Word("lane", 11),
		seed:     maphash.MakeSeed(),
		kick:     make(chan struct{}, 1),
		ready:    make(chan struct{}),
		slots:    replies.NewSlots[*Call](time.Now()),
		at:       nowhere,
	}
	l.ctx, l.stop = context.WithCancel(context.Background())
	return l
}

// nowhere is the partition of a lane without a position.
const nowhere = -1

// add gives a call its place, and returns the partition in which it is to get its
// responses. If that is nowhere, the call will be sent when the lane has its position.
func (l *lane) add(c *Call) (partition int32, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.queue) >= laneBacklog && !l.closed {
		ready := l.ready
		l.mu.Unlock()
		select {
		case <-ready:
		case <-l.ctx.Done():
		case <-c.ctx.Done():
			l.mu.Lock()
			return nowhere, contextError(c.ctx)
		}
		l.mu.Lock()
	}
	if l.closed {
		return nowhere, ErrClosed
	}
	l.start()
	c.place, c.generation = l.slots.Add(c, c.deadline)
	if l.armed.IsZero() || c.deadline.Before(l.armed) {
		l.wakeExpire()
	}
	if l.at == nowhere {
		l.queue = append(l.queue, c)
	}
	return l.at, nil
}

// prepare starts the lane and waits for its position.
func (l *lane) prepare(ctx context.Context) error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return fmt.Errorf("ready: service %q: %w", l.s.id, ErrClosed)
	}
	l.start()
	ready := l.ready
	l.mu.Unlock()
	select {
	case <-ready:
		return nil
	case <-l.ctx.Done():
		return fmt.Errorf("ready: service %q: %w", l.s.id, ErrClosed)
	case <-ctx.Done():
		l.mu.Lock()
		defer l.mu.Unlock()
		return interrupted(ctx, "ready: waiting for the topic of responses", l.failure)
	}
}

// start starts the goroutines, once. The lock is held.
func (l *lane) start() {
	if l.started {
		return
	}
	l.started = true
	l.wg.Go(l.run)
	l.wg.Go(l.expire)
}

// spawn runs f in a goroutine that ends with the lane, and reports whether it does:
// the lane may have ended.
func (l *lane) spawn(f func(ctx context.Context)) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	l.wg.Go(func() { f(l.ctx) })
	return true
}

// close ends all pending calls, and the lane.
func (l *lane) close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.endAll(ErrClosed)
	l.stop()
	l.wg.Wait()
}

// remove gives up the place of a call.
func (l *lane) remove(c *Call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.slots.Remove(c.place, c.generation)
}

// finish ends the call at a place, unless it has ended.
func (l *lane) finish(place, generation uint32, err error) {
	l.mu.Lock()
	c, pending := l.slots.Get(place, generation)
	if pending {
		c.users.Add(1)
	}
	l.mu.Unlock()
	if pending {
		c.finish(err)
		c.leave()
	}
}

// endAll ends all pending calls.
func (l *lane) endAll(err error) {
	l.mu.Lock()
	pending := l.slots.All(nil)
	for _, c := range pending {
		c.users.Add(1)
	}
	l.queue = nil
	l.mu.Unlock()
	for _, c := range pending {
		c.finish(err)
		c.leave()
	}
}

// reserve counts bytes that wait to be read, and reports whether they may.
func (l *lane) reserve(n int) bool {
	if l.unread.Add(int64(n)) <= int64(l.s.config.limits.ReplyBytes) {
		return true
	}
	l.unread.Add(-int64(n))
	return false
}

func (l *lane) unreserve(n int) { l.unread.Add(-int64(n)) }

// run gets a position and receives from there, again and again if need be.
func (l *lane) run() {
	for l.ctx.Err() == nil {
		reader, err := l.position()
		if err != nil {
			l.fail(err)
			continue
		}
		err = l.receive(reader)
		if closeErr := reader.Close(); closeErr != nil {
			l.s.logger.WarnContext(l.ctx, "close reader of responses", "error", closeErr)
		}
		if l.ctx.Err() == nil {
			l.lose(err)
		}
	}
}

// position opens a reader at the end of a partition and lets the calls go that
// wait for it.
func (l *lane) position() (driver.Reader, error) {
	report := func(err error) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.failure = err
	}
	var reader driver.Reader
	err := l.s.persist(l.ctx, report, func(ctx context.Context) error {
		// Each try looks again: the topic may go, or shrink, before it is read.
		topics, err := l.s.tryTopics(ctx, []string{topics.Replies})
		if err != nil {
			return err
		}
		p := driver.Partition{Topic: topics[0].Name, ID: l.choose(topics[0].Partitions)}
		l.partition, l.partitions = p, topics[0].Partitions
		reader, err = l.s.driver.Read(ctx, p, -1)
		if err != nil {
			return fmt.Errorf("read partition %d of topic %q: %w", p.ID, p.Topic, err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	l.release(l.partition.ID)
	return reader, nil
}

func (l *lane) choose(partitions int32) int32 {
	if n := l.s.config.replyOrdinal; n != randomPartition {
		return int32(n % int(partitions)) //nolint:gosec // smaller than partitions
	}
	return chance.Int32N(partitions)
}

// release sends the calls that waited for the position, and then lets new ones
// be sent at once.
func (l *lane) release(partition int32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.queue) > 0 {
		queue := l.queue
		l.queue = nil
		l.mu.Unlock()
		for _, c := range queue {
			c.resume(partition)
		}
		l.mu.Lock()
	}
	l.at = partition
	close(l.ready)
}

// fail ends the calls that wait for a position that cannot be had.
func (l *lane) fail(err error) {
	if l.ctx.Err() != nil {
		return
	}
	l.s.logger.ErrorContext(l.ctx, "no topic for responses", "error", err)
	l.endAll(err)
	pause(l.ctx, lastBackoff)
}

// lose ends the calls whose responses may have been in what is lost.
func (l *lane) lose(err error) {
	l.s.logger.ErrorContext(l.ctx, "responses lost", "error", err)
	l.mu.Lock()
	l.at = nowhere
	l.ready = make(chan struct{})
	l.mu.Unlock()
	l.endAll(fmt.Errorf("%w: %w", ErrReplyLost, err))
}

// expire ends calls at their deadlines.
func (l *lane) expire() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	var over []*Call
	for {
		l.mu.Lock()
		over = l.slots.Expired(over[:0], time.Now())
		at, pending := l.slots.Next()
		if !pending {
			at = time.Time{}
		}
		l.armed = at
		l.mu.Unlock()
		for _, c := range over {
			c.finish(l.explain(context.DeadlineExceeded))
		}
		clear(over)
		if pending {
			timer.Reset(time.Until(at))
		} else {
			timer.Stop()
		}
		select {
		case <-timer.C:
		case <-l.kick:
		case <-l.ctx.Done():
			return
		}
	}
}

// explain adds to why a call ended what keeps calls from being sent, if anything
// does.
func (l *lane) explain(err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failure == nil {
		return err
	}
	return fmt.Errorf("%w: not sent: %w", err, l.failure)
}

func (l *lane) wakeExpire() {
	select {
	case l.kick <- struct{}{}:
	default: // it will look anyway
	}
}
