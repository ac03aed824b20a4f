package franz

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/asynccalls/asynccalls/internal/drivers"
)

// detours are the records that can't go straight to the client: those of a topic
// whose limit is not known yet, and those that failed for the sake of another one
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
// the driver. It learns the limit of the topic and sends the records that failed,
// by a client of its own: what failed with them is all that the other client had
// for their partitions. Then it hands over those that wait, and ends.
type detour struct {
	topic   string
	failed  []*publication
	waiting []*publication
	forget  bool        // the client must forget the topic, and learn it anew
	client  *kgo.Client // sends when told to; nil until needed
}

func newDetours(d *Driver) *detours {
	return &detours{driver: d, byTopic: map[string]*detour{}}
}

// hold takes a new record if it can't go straight to the client.
func (s *detours) hold(p *publication) bool {
	topic := p.record.Topic
	if s.busy.Load() == 0 && s.driver.limits.knows(topic) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.byTopic[topic]
	if l == nil && !s.driver.limits.knows(topic) {
		l = s.begin(topic)
	}
	if l == nil {
		return false
	}
	l.waiting = append(l.waiting, p)
	return true
}

// begin returns a new detour, or nil after stop.
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
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.byTopic[p.record.Topic]
	// What fails with an error of the client's own while a topic is forgotten
	// fails because of that.
	again = again || l != nil && l.forget && !isAnswer(p.err)
	if l == nil && (again || forget) {
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

// sender returns the client of a detour. It sends nothing before it has all
// records that are sent at once: so those after one that fails fail as well, and
// none comes before others that were handed over earlier.
func (s *detours) sender(l *detour) (*kgo.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return nil, drivers.ErrClosed
	}
	if l.client == nil {
		client, err := s.driver.newClient(append(s.driver.publishing(), kgo.ManualFlushing())...)
		if err != nil {
			return nil, err
		}
		l.client = client
	}
	return l.client, nil
}

// stop lets no detour begin any more, and fails what is sent again.
func (s *detours) stop() {
	s.mu.Lock()
	s.stopped = true
	var clients []*kgo.Client
	for _, l := range s.byTopic {
		if l.client != nil {
			clients = append(clients, l.client)
		}
	}
	s.mu.Unlock()
	for _, client := range clients {
		client.Close()
	}
}

// wait waits until all detours have ended. They end when they are stopped and
// the client of the driver closed.
func (s *detours) wait() { s.wg.Wait() }

// run learns the limit of a topic if need be, and sends the records of its detour
// that failed, until there are none. The chunks that it sends at once shrink when
// one fails and grow when one succeeds, so that few records are sent many times.
func (s *detours) run(l *detour) {
	defer l.close()
	s.settle()
	chunk := 1
	for {
		if s.forget(l) {
			chunk = 1
		}
		if err := s.driver.limits.learn(s.driver.client.Context(), l.topic); err != nil {
			s.failAll(l, err)
		}
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

// close closes the client of a detour that has ended.
func (l *detour) close() {
	if l.client != nil {
		l.client.Close()
	}
}

// settle waits until all records that failed so far have been reported: the
// client reports one after the other, and the last is one without a topic.
func (s *detours) settle() {
	settled := make(chan struct{})
	s.driver.client.TryProduce(s.driver.client.Context(), &kgo.Record{}, func(*kgo.Record, error) { close(settled) })
	<-settled
}

// next takes the first records of a detour that failed, or ends the detour.
func (s *detours) next(l *detour, n int) ([]*publication, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(l.failed) == 0 && !l.forget && (len(l.waiting) == 0 || s.driver.limits.knows(l.topic)) {
		for _, p := range l.waiting { // with the lock held, so that no other comes before
			p.send(s.driver.client)
		}
		delete(s.byTopic, l.topic)
		s.busy.Add(-1)
		return nil, false
	}
	slices.SortStableFunc(l.failed, func(a, b *publication) int { return cmp.Compare(a.space.Turn, b.space.Turn) })
	n = min(n, len(l.failed))
	records := slices.Clone(l.failed[:n])
	l.failed = slices.Delete(l.failed, 0, n)
	return records, true
}

// forget lets the clients forget the topic of a detour, if they must. What is in
// the client of the driver for that topic fails, and comes here.
func (s *detours) forget(l *detour) bool {
	s.mu.Lock()
	must, client := l.forget, l.client
	s.mu.Unlock()
	if !must {
		return false
	}
	s.driver.client.PurgeTopicsFromProducing(l.topic)
	if client != nil {
		client.PurgeTopicsFromProducing(l.topic)
	}
	s.driver.limits.forget(l.topic)
	s.settle()
	s.mu.Lock()
	l.forget = false
	s.mu.Unlock()
	return true
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
