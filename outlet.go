package asynccalls

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/topics"
)

// outlet is where responses go: the partition in which a caller waits, or all of
// the topic in which a service gets its durable ones. It bounds the bytes on their
// way that the broker has not acknowledged, so that a destination that is dead
// takes no room from the others (semantics 3.9).
type outlet struct {
	topic     string
	partition int32 // -1 for one by key
	bound     int64

	unacked atomic.Int64 // bytes
	acks    atomic.Uint64
	waiting atomic.Int32 // goroutines that wait for space
	stuck   atomic.Bool  // nothing is sent there: it would not arrive

	mu    sync.Mutex // guards space
	space chan struct{}

	// The following are the keeper's.
	seen    uint64 // acknowledgements at the last look
	blocked int    // looks since then, with something on its way
	idle    int    // looks since then, with nothing on its way
}

// errStuck says that a destination does not take anything.
var errStuck = fmt.Errorf("the broker has acknowledged nothing there for 10 seconds, though elsewhere: %w",
	driver.ErrRefused)

const (
	stuckLooks = 40  // of the keeper, each commitInterval: 10 s
	idleLooks  = 240 // 1 min
)

// reserve takes room for n bytes, and reports whether there was. One response may
// be larger than the bound.
func (o *outlet) reserve(n int) bool {
	if all := o.unacked.Add(int64(n)); all <= o.bound || all == int64(n) {
		return true
	}
	o.unacked.Add(-int64(n)) // wakes nobody: there is no more room than before
	return false
}

// add takes room that is there or not.
func (o *outlet) add(n int) { o.unacked.Add(int64(n)) }

// release gives room back.
func (o *outlet) release(n int) {
	o.unacked.Add(-int64(n))
	if o.waiting.Load() > 0 {
		o.wake()
	}
}

// acknowledged gives room back for what the broker has answered.
func (o *outlet) acknowledged(n int) {
	o.acks.Add(1)
	o.release(n)
}

func (o *outlet) wake() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.space != nil {
		close(o.space)
		o.space = nil
	}
}

// wait waits until there may be room for n bytes, or until one of the contexts
// ends.
func (o *outlet) wait(ctx, handler context.Context, n int) error {
	o.waiting.Add(1)
	defer o.waiting.Add(-1)
	o.mu.Lock()
	if o.space == nil {
		o.space = make(chan struct{})
	}
	space := o.space
	o.mu.Unlock()
	if o.stuck.Load() {
		return errStuck
	}
	if o.unacked.Load()+int64(n) <= o.bound {
		return nil
	}
	select {
	case <-space:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-handler.Done():
		return context.Cause(handler)
	}
}

// look notices whether the destination takes anything. It is called each
// commitInterval, unless the broker seems to be away. It reports whether the outlet
// is of use.
func (o *outlet) look() bool {
	acks, empty := o.acks.Load(), o.unacked.Load() == 0
	switch {
	case acks != o.seen:
		o.seen, o.blocked, o.idle = acks, 0, 0
	case empty:
		o.blocked = 0
		o.idle++
	default:
		o.blocked++
		o.idle = 0
	}
	stuck := o.blocked >= stuckLooks
	if o.stuck.Swap(stuck); stuck {
		o.wake()
	}
	return o.idle < idleLooks
}

// outlets is those of a service by who waits there. Few are used at a time: a
// table in front of the map finds most of them.
type outlets struct {
	s      *Service
	recent [16]atomic.Pointer[outletEntry]

	mu  sync.Mutex // guards all
	all map[outletKey]*outlet
}

type outletKey struct {
	service   string
	partition int32
}

type outletEntry struct {
	outletKey

	outlet *outlet
}

func newOutlets(s *Service) *outlets { return &outlets{s: s, all: make(map[outletKey]*outlet)} }

// find returns the outlet to a partition in which a service waits for responses,
// or with -1 to its topic for durable ones.
func (l *outlets) find(service string, partition int32) *outlet {
	k := outletKey{service, partition}
	recent := &l.recent[uint32(partition)%uint32(len(l.recent))] //nolint:gosec // any place will do
	if e := recent.Load(); e != nil && e.outletKey == k {
		return e.outlet
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	o := l.all[k]
	if o == nil {
		k.service = strings.Clone(service)
		kind := topics.Replies
		if partition < 0 {
			kind = topics.Responses
		}
		o = &outlet{topic: l.s.topic(service, kind), partition: partition, bound: int64(l.s.config.limits.SendBytes)}
		l.all[k] = o
	}
	recent.Store(&outletEntry{k, o})
	return o
}

// look looks at all of them, and forgets those that were not used for a while. A
// run that holds one of these goes on with it.
func (l *outlets) look() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for k, o := range l.all {
		stuck := o.stuck.Load()
		if !o.look() {
			delete(l.all, k)
		}
		if now := o.stuck.Load(); now != stuck {
			l.s.logger.Warn("destination of responses", "topic", o.topic, "partition", o.partition, "stuck", now)
		}
	}
}

// Why a durable request becomes a dead letter whose responses do not arrive.
var (
	errNotAcknowledged = errors.New("a response was not acknowledged by the broker within a minute")
	errNoEnd           = errors.New("the end of the responses could not be sent")
)
