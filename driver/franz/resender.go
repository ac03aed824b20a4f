package franz

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// maxTries is how often a record is sent again because its topic or
	// partition may be there by now.
	maxTries = 5

	// retryPause is the time between two tries.
	retryPause = 100 * time.Millisecond

	// maxChunk is how many records are sent again at once.
	maxChunk = 1024
)

// A resender gives a second chance to records that failed for the sake of
// another one, or because the client knows an old state of their topic. While it
// is at work on a topic, new records of that topic wait here.
type resender struct {
	driver *Driver
	busy   atomic.Int32   // number of lanes, so that publishing looks no further as a rule
	wg     sync.WaitGroup // of the lanes

	mu      sync.Mutex // guards lanes, their fields, and stopped
	lanes   map[string]*lane
	stopped bool
}

// A lane is the records of one topic. Their number is bounded by the buffer of
// the driver. It sends those that failed, by a client of its own: what failed
// with them is all that the other client had for their partitions. Then it hands
// over those that wait, and ends.
type lane struct {
	topic   string
	failed  []*publication
	waiting []*publication
	forget  bool        // the client must forget the topic, and learn it anew
	client  *kgo.Client // sends when told to; nil until needed
}

func newResender(d *Driver) *resender {
	return &resender{driver: d, lanes: map[string]*lane{}}
}

// hold takes a new record if its topic has a lane.
func (s *resender) hold(p *publication) bool {
	if s.busy.Load() == 0 {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.lanes[p.record.Topic]
	if l == nil {
		return false
	}
	l.waiting = append(l.waiting, p)
	return true
}

// failed takes a record that failed in the client, and ends it if it should not
// be sent again.
func (s *resender) failed(p *publication) {
	if !s.accept(p) {
		p.end()
	}
}

func (s *resender) accept(p *publication) bool {
	again, forget := s.verdict(p)
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.lanes[p.record.Topic]
	// What fails with an error of the client's own while a topic is forgotten
	// fails because of that.
	again = again || l != nil && l.forget && !isAnswer(p.err)
	if l == nil && (again || forget) && !s.stopped {
		l = &lane{topic: p.record.Topic}
		s.lanes[l.topic] = l
		s.busy.Add(1)
		s.wg.Go(func() { s.run(l) })
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

// sender returns the client of a lane. It sends nothing before it has all records
// that are sent at once: so those after one that fails fail as well, and none
// comes before others that were handed over earlier.
func (s *resender) sender(l *lane) (*kgo.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return nil, errClosed
	}
	if l.client == nil {
		held := append(s.driver.publishing(), kgo.ManualFlushing())
		client, err := kgo.NewClient(slices.Concat(s.driver.shared, held)...)
		if err != nil {
			return nil, err
		}
		l.client = client
	}
	return l.client, nil
}

// stop lets no lane begin any more, and fails what is sent again.
func (s *resender) stop() {
	s.mu.Lock()
	s.stopped = true
	var clients []*kgo.Client
	for _, l := range s.lanes {
		if l.client != nil {
			clients = append(clients, l.client)
		}
	}
	s.mu.Unlock()
	for _, client := range clients {
		client.Close()
	}
}

// wait waits until all lanes have ended. They end when the resender is stopped
// and the client closed.
func (s *resender) wait() { s.wg.Wait() }

// isAnswer says whether an error came from the broker, or with the end of the
// driver.
func isAnswer(err error) bool {
	_, ok := errors.AsType[*kerr.Error](err)
	return ok || isClosed(err) || errors.Is(err, context.Canceled)
}

// verdict says whether to send a record again, and whether the client must
// forget its topic. A topic that is missing is forgotten as well: the client
// would ask for it for ever.
func (s *resender) verdict(p *publication) (again, forget bool) {
	switch {
	case p.sent.Partition == noPartition:
		return p.tries < maxTries, false
	case errors.Is(p.err, kerr.UnknownTopicID):
		return p.tries < maxTries, true
	case isMissing(p.err):
		return false, true
	case isTooLarge(p.err) && p.space.bytes > int64(s.driver.limits.last(p.record.Topic)):
		return false, false
	}
	return isBatchRefusal(p.err), false
}

// run sends the records of a lane that failed, until there are none. The chunks that it
// sends at once shrink when one fails and grow when one succeeds, so that few
// records are sent many times.
func (s *resender) run(l *lane) {
	defer l.close()
	s.settle()
	chunk := 1
	for {
		if s.forget(l) {
			chunk = 1
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

// close closes the client of a lane that has ended.
func (l *lane) close() {
	if l.client != nil {
		l.client.Close()
	}
}

// settle waits until all records that failed so far have been reported: the
// client reports one after the other, and the last is one without a topic.
func (s *resender) settle() {
	settled := make(chan struct{})
	s.driver.client.TryProduce(s.driver.client.Context(), &kgo.Record{}, func(*kgo.Record, error) { close(settled) })
	<-settled
}

// next takes the first records of a lane that failed, or ends the lane.
func (s *resender) next(l *lane, n int) ([]*publication, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(l.failed) == 0 && !l.forget {
		for _, p := range l.waiting { // with the lock held, so that no other comes before
			p.send(s.driver.client)
		}
		delete(s.lanes, l.topic)
		s.busy.Add(-1)
		return nil, false
	}
	slices.SortStableFunc(l.failed, func(a, b *publication) int { return cmp.Compare(a.space.turn, b.space.turn) })
	n = min(n, len(l.failed))
	records := slices.Clone(l.failed[:n])
	l.failed = slices.Delete(l.failed, 0, n)
	return records, true
}

// forget lets the clients forget the topic of a lane, if they must. What is in
// the client of the driver for that topic fails, and comes here.
func (s *resender) forget(l *lane) bool {
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

func (s *resender) giveBack(l *lane, records []*publication) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l.failed = append(records, l.failed...)
}

// sendAll sends records and waits for their outcomes.
func (s *resender) sendAll(l *lane, records []*publication) {
	if len(records) == 0 {
		return
	}
	client, err := s.sender(l)
	var outcomes sync.WaitGroup
	for _, p := range records {
		switch {
		case err != nil:
			p.err = err
		case s.prepare(p, client):
			outcomes.Add(1)
			p.again = &outcomes
			p.send(client)
		}
	}
	if err == nil {
		_ = client.Flush(client.Context())
	}
	outcomes.Wait()
	for _, p := range records {
		p.again = nil
	}
}

// prepare waits until another try makes sense. It returns false if none does.
func (s *resender) prepare(p *publication, client *kgo.Client) bool {
	if isBatchRefusal(p.err) {
		return true
	}
	p.tries++
	if p.sent.Partition == noPartition {
		if !s.driver.hasPartition(p.record.Topic, p.record.Partition) {
			p.tries = maxTries
			return false
		}
		s.driver.client.ForceMetadataRefresh()
		client.ForceMetadataRefresh()
		pause(s.driver.client.Context(), retryPause)
	} else if p.tries > 1 {
		pause(s.driver.client.Context(), retryPause)
	}
	return true
}

// endMost ends the records that succeeded or failed for good. It returns those
// to be sent again.
func (s *resender) endMost(records []*publication) []*publication {
	var left []*publication
	for _, p := range records {
		if s.isLeft(p, len(records)) {
			left = append(left, p)
		} else {
			p.end()
		}
	}
	return left
}

func (s *resender) isLeft(p *publication, sent int) bool {
	if p.err == nil || s.driver.closed() || sent == 1 && isBatchRefusal(p.err) {
		return false
	}
	again, _ := s.verdict(p)
	return again
}

// pause waits for a while, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
