package franz

import (
	"context"
	"errors"
	"sync"
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

// isAnswer says whether an error came from the broker, or with the end of the
// driver.
func isAnswer(err error) bool {
	_, ok := errors.AsType[*kerr.Error](err)
	return ok || isClosed(err) || errors.Is(err, context.Canceled)
}

// verdict says whether to send a record again, and whether the client must
// forget its topic. A topic that is missing is forgotten as well: the client
// would ask for it for ever.
func (s *detours) verdict(p *publication) (again, forget bool) {
	switch {
	case p.sent.Partition == noPartition:
		return p.tries < maxTries, false
	case errors.Is(p.err, kerr.UnknownTopicID):
		return p.tries < maxTries, true
	case isMissing(p.err):
		return false, true
	case isTooLarge(p.err) && p.space.Bytes > int64(s.driver.limits.of(p.record.Topic)):
		return false, false
	}
	return isBatchRefusal(p.err), false
}

// sendAll sends records and waits for their outcomes.
func (s *detours) sendAll(l *detour, records []*publication) {
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
func (s *detours) prepare(p *publication, client *kgo.Client) bool {
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
