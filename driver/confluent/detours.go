//go:build cgo

package confluent

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/asynccalls/asynccalls/internal/drivers"
)

// detours are the records that can't go straight to the client: those of a topic
// whose route is not known yet, and those that failed for the sake of another one
// or because the client knows an old state of their topic. While a topic has a
// detour, new records of it wait there.
type detours struct {
	driver *Driver
	busy   atomic.Int32   // number of detours, so that publishing looks no further as a rule
	wg     sync.WaitGroup // of the detours

	mu      sync.Mutex // guards detours, their fields, and stopped
	byTopic map[string]*detour
	stopped bool
}

// A detour is the records of one topic. Their number is bounded by the buffer of
// the driver. It learns the route to the topic and sends the records that failed,
// few at a time. Then it hands over those that wait, and ends.
type detour struct {
	topic   string
	failed  []*publication
	waiting []*publication
	forget  bool   // the route must be learned anew
	old     *route // was forgotten; for the goroutine of the detour
}

func newDetours(d *Driver) *detours {
	return &detours{driver: d, byTopic: map[string]*detour{}}
}

// hold takes a new record if it can't go straight to the client. Otherwise it
// returns the route.
func (s *detours) hold(p *publication) *route {
	topic := p.record.Topic
	to := s.driver.routes.of(topic)
	if s.busy.Load() == 0 && to != nil {
		return to
	}
	s.mu.Lock()
	l := s.byTopic[topic]
	if l == nil && to != nil {
		s.mu.Unlock()
		return to
	}
	if l == nil {
		l = s.begin(topic)
	}
	if l != nil {
		l.waiting = append(l.waiting, p)
	}
	s.mu.Unlock()
	if l == nil {
		p.err = drivers.ErrClosed
		p.end()
	}
	return nil
}

// begin returns a new detour, or nil after stop. The mutex is held.
func (s *detours) begin(topic string) *detour {
	if s.stopped {
		return nil
	}
	l := &detour{topic: topic}
	s.byTopic[topic] = l
	s.busy.Add(1)
	s.wg.Go(func() { s.run(l) })
	return l
}

// failed takes a record that failed in the client, and ends it if it should not
// be sent again.
func (s *detours) failed(p *publication) {
	if !s.accept(p) {
		p.end()
	}
}

func (s *detours) accept(p *publication) bool {
	again, forget := s.verdict(p)
	if !again && !forget {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.byTopic[p.record.Topic]
	if l == nil {
		l = s.begin(p.record.Topic)
	}
	if l == nil {
		return false
	}
	l.forget = l.forget || forget
	if again {
		l.failed = append(l.failed, p)
	}
	return again
}

// stop lets no detour begin any more.
func (s *detours) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
}

// wait waits until all detours have ended. They end when the driver is closed.
func (s *detours) wait() { s.wg.Wait() }

// run learns the route to a topic if need be, and sends the records of its detour
// that failed, until there are none. The chunks that it sends at once shrink when
// one fails and grow when one succeeds, so that few records are sent many times.
func (s *detours) run(l *detour) {
	chunk := 1
	for {
		if s.forget(l) {
			chunk = 1
		}
		if err := s.driver.learn(s.driver.life, l.topic); err != nil {
			s.failAll(l, err)
		}
		s.awaitOld(l)
		records, ok := s.next(l, chunk)
		if !ok {
			return
		}
		s.sendAll(l, records)
		left := s.endMost(records)
		if len(left) == 0 {
			chunk = min(2*chunk, maxChunk)
			continue
		}
		chunk = max(1, len(records)/2)
		s.giveBack(l, left)
	}
}

// next takes the first records of a detour that failed, or ends the detour.
func (s *detours) next(l *detour, n int) ([]*publication, bool) {
	s.mu.Lock()
	to := s.driver.routes.of(l.topic)
	if len(l.failed) == 0 && !l.forget && (len(l.waiting) == 0 || to != nil) {
		rejected := l.release(to) // with the lock held, so that no other comes before
		if len(rejected) == 0 {
			delete(s.byTopic, l.topic)
			s.busy.Add(-1)
		}
		s.mu.Unlock()
		for _, p := range rejected {
			p.finish(&p.sent.TopicPartition) // comes back to this detour, or ends
		}
		return nil, len(rejected) > 0
	}
	defer s.mu.Unlock()
	slices.SortStableFunc(l.failed, func(a, b *publication) int { return cmp.Compare(a.space.Turn, b.space.Turn) })
	n = min(n, len(l.failed))
	records := slices.Clone(l.failed[:n])
	l.failed = slices.Delete(l.failed, 0, n)
	return records, true
}

// release hands over the records that wait. It returns those that the client did
// not take.
func (l *detour) release(to *route) []*publication {
	var rejected []*publication
	for _, p := range l.waiting {
		if !p.hand(to) {
			rejected = append(rejected, p)
		}
	}
	l.waiting = nil
	return rejected
}

// forget forgets the route to the topic of a detour, if it must.
func (s *detours) forget(l *detour) bool {
	s.mu.Lock()
	must := l.forget
	l.forget = false
	s.mu.Unlock()
	if must {
		l.old = s.driver.routes.of(l.topic)
		s.driver.routes.forget(l.topic)
	}
	return must
}

// awaitOld waits until a client that does not publish to the topic any more has
// the outcomes of all it was handed: no record may come before those.
func (s *detours) awaitOld(l *detour) {
	to := s.driver.routes.of(l.topic)
	for l.old != nil && to != nil && l.old.outlet != to.outlet && l.old.pending.Load() > 0 && !s.driver.closed() {
		pause(s.driver.life, askAgain)
	}
	l.old = nil
}

// failAll ends all records of a detour: they can't be sent.
func (s *detours) failAll(l *detour, err error) {
	s.mu.Lock()
	records := slices.Concat(l.failed, l.waiting)
	l.failed, l.waiting = nil, nil
	s.mu.Unlock()
	for _, p := range records {
		p.err = err
		p.end()
	}
}

func (s *detours) giveBack(l *detour, records []*publication) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l.failed = append(records, l.failed...)
}
