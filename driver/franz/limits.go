package franz

import (
	"context"
	"sync"
	"time"
)

const (
	// defaultLimit is what franz-go takes for the largest batch of a topic. It
	// is a little less than the default of Kafka.
	defaultLimit = 1_000_012

	// limitTimeout bounds the wait for the limit of a topic. During it the
	// client learns no other topics.
	limitTimeout = 2 * time.Second
)

// limits knows the largest batch that each topic accepts.
type limits struct {
	ask func(ctx context.Context, topic string) (int32, error)

	mu    sync.Mutex // guards known
	known map[string]int32
}

func newLimits(ask func(context.Context, string) (int32, error)) *limits {
	return &limits{ask: ask, known: map[string]int32{}}
}

// of returns the limit of a topic, which it asks the broker for once. The client
// calls it when it learns of a topic, before any record is sent there.
func (l *limits) of(topic string) int32 {
	if topic == "" { // the client checks its configuration
		return defaultLimit
	}
	if limit, ok := l.lookUp(topic); ok {
		return limit
	}
	ctx, cancel := context.WithTimeout(context.Background(), limitTimeout)
	defer cancel()
	limit, err := l.ask(ctx, topic)
	if err != nil {
		// Batches that are too large for the topic are sent again in parts.
		limit = defaultLimit
	}
	l.set(topic, limit)
	return limit
}

// last returns the limit of a topic as far as it is known, without asking.
func (l *limits) last(topic string) int32 {
	if limit, ok := l.lookUp(topic); ok {
		return limit
	}
	return defaultLimit
}

func (l *limits) lookUp(topic string) (int32, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	limit, ok := l.known[topic]
	return limit, ok
}

func (l *limits) set(topic string, limit int32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.known[topic] = limit
}

// forget makes the next call of of ask again.
func (l *limits) forget(topic string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.known, topic)
}
