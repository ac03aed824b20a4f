package franz

import (
	"context"
	"maps"
	"sync"
	"sync/atomic"
)

// defaultLimit is what franz-go takes for the largest batch of a topic. It is a
// little less than the default of Kafka.
const defaultLimit = 1_000_012

// limits knows the largest batch that each topic accepts.
type limits struct {
	ask func(ctx context.Context, topic string) (int32, error)

	known atomic.Pointer[map[string]int32] // never changed, but replaced
	mu    sync.Mutex                       // held to replace known
}

func newLimits(ask func(context.Context, string) (int32, error)) *limits {
	l := &limits{ask: ask}
	l.known.Store(&map[string]int32{})
	return l
}

// knows says whether the limit of a topic was learned.
func (l *limits) knows(topic string) bool {
	_, ok := (*l.known.Load())[topic]
	return ok
}

// of returns the limit of a topic as far as it is known.
func (l *limits) of(topic string) int32 {
	if limit, ok := (*l.known.Load())[topic]; ok {
		return limit
	}
	return defaultLimit
}

// learn asks the broker for the limit of a topic, unless it is known, until there
// is an answer or ctx ends. If the broker does not tell, it is the default. The
// error says that the topic is missing.
func (l *limits) learn(ctx context.Context, topic string) error {
	for tries := 1; !l.knows(topic); tries++ {
		limit, err := l.ask(ctx, topic)
		switch {
		case err == nil:
			l.set(topic, limit)
		case isMissing(err) && tries >= maxTries:
			return err
		case isRefusal(err) && !isMissing(err), ctx.Err() != nil:
			l.set(topic, defaultLimit)
		default:
			pause(ctx, retryPause)
		}
	}
	return nil
}

func (l *limits) set(topic string, limit int32) {
	l.replace(func(known map[string]int32) { known[topic] = limit })
}

// forget makes the next call of learn ask again.
func (l *limits) forget(topic string) {
	l.replace(func(known map[string]int32) { delete(known, topic) })
}

func (l *limits) replace(change func(known map[string]int32)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	known := maps.Clone(*l.known.Load())
	change(known)
	l.known.Store(&known)
}
