//go:build cgo

package confluent

import (
	"context"
	"sync"
	"time"

	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
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

// verdict says whether to send a record again, and whether the route to its topic
// must be learned anew before.
func (s *detours) verdict(p *publication) (again, forget bool) {
	switch {
	case isFatalHere(p.err):
		return p.tries < maxTries, true // the client has not taken it
	case isMissing(p.err):
		return p.tries < maxTries, true
	case isTooLarge(p.err):
		// The limit may have changed.
		return p.space.Bytes <= int64(s.driver.routes.limit(p.record.Topic)), true
	}
	return isBatchRefusal(p.err), false
}

// sendAll sends records and waits for their outcomes.
func (s *detours) sendAll(l *detour, records []*publication) {
	var outcomes sync.WaitGroup
	for _, p := range records {
		to := s.driver.routes.of(l.topic)
		if to == nil || !s.prepare(p, to) {
			continue
		}
		outcomes.Add(1)
		p.again = &outcomes
		p.send(to)
	}
	outcomes.Wait()
	for _, p := range records {
		p.again = nil
	}
}

// prepare waits until another try makes sense. It returns false if none does.
func (s *detours) prepare(p *publication, to *route) bool {
	if isBatchRefusal(p.err) {
		return true
	}
	p.tries++
	if code(p.err) == kafka.ErrUnknownPartition {
		if !s.driver.hasPartition(p.record.Topic, p.record.Partition) {
			p.tries = maxTries
			return false
		}
		_ = to.outlet.refresh(s.driver.life, p.record.Topic)
	}
	if p.tries > 1 {
		pause(s.driver.life, retryPause)
	}
	return true
}

// endMost ends the records that succeeded or failed for good. It returns those
// to be sent again.
func (s *detours) endMost(records []*publication) []*publication {
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

func (s *detours) isLeft(p *publication, sent int) bool {
	if p.err == nil || s.driver.closed() {
		return false
	}
	// A record alone in its batch is the one that is refused, unless others of an
	// earlier batch were.
	if sent == 1 && isBatchRefusal(p.err) && code(p.err) != kafka.ErrInvalidDifferentRecord {
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
