package asynccalls

import (
	"context"
	"fmt"

	"github.com/asynccalls/asynccalls/driver"
)

// Stats are figures of one instance of a service at a moment. What counts up
// begins with New.
type Stats struct {
	Pending        int   // awaited calls that have not ended
	Unread         int64 // bytes of their responses that were received and not read, of Limits.ReplyBytes
	Replies        int64 // responses to awaited calls that were received for this instance
	ForeignReplies int64 // those that were for others, and came along because they share the partition

	Running int // handlers that run, also those that wait in a call
	Ready   int // messages that wait for one of Limits.Concurrency, or for that of their endpoint
	Parked  int // messages that wait for their next attempt; those behind them with the same key are not counted

	Assigned int     // partitions of this member of the group
	Paused   int     // those whose window has reached its bound and is not half empty yet
	Window   float64 // how full the fullest window is: 1 is Limits.Window or Limits.WindowBytes

	// Lag is how far the group is behind in the partitions of this instance: how many
	// offsets there are from the committed position to the end. It is what Kafka's own
	// tools show; the sum over all instances is that of the group. It is nil while
	// Listen does not serve, and if the driver does not tell.
	Lag map[driver.Partition]int64

	Commits        int64 // stored by the broker
	CommitFailures int64 // tried again
}

// Stats returns figures for metrics. It asks the broker for the lag, as long as ctx
// allows, and takes locks that the service needs, so it is for every few seconds, not
// for each call. An error says why Lag is nil; the other figures are there all the
// same.
func (s *Service) Stats(ctx context.Context) (Stats, error) {
	var stats Stats
	s.lane.count(&stats)
	g := s.listener()
	if g == nil {
		return stats, nil
	}
	g.count(&stats)
	var err error
	if stats.Lag, err = g.lag(ctx); err != nil {
		return stats, fmt.Errorf("stats: service %q: %w", s.id, err)
	}
	return stats, nil
}

// lag asks how far the group is behind, if it serves.
func (g *group) lag(ctx context.Context) (lag map[driver.Partition]int64, err error) {
	if !g.serves() {
		return nil, nil
	}
	member, ok := g.member.(interface {
		Lag(ctx context.Context) (map[driver.Partition]int64, error)
	})
	if !ok {
		return nil, nil
	}
	if lag, err = member.Lag(ctx); err != nil && !g.serves() {
		err = nil // it has ended meanwhile
	}
	return lag, err
}

// serves reports whether the group is joined and not left.
func (g *group) serves() bool {
	return g.s.joined() && g.ctx.Err() == nil
}

// listener returns the group of Listen, or nil before it runs.
func (s *Service) listener() *group {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.group
}

func (l *lane) count(stats *Stats) {
	stats.Unread = l.unread.Load()
	stats.Replies, stats.ForeignReplies = l.ownReplies.Load(), l.foreignReplies.Load()
	l.mu.Lock()
	defer l.mu.Unlock()
	stats.Pending = l.slots.Len()
}

func (g *group) count(stats *Stats) {
	stats.Commits, stats.CommitFailures = g.keeper.committed.Load(), g.keeper.refused.Load()
	g.mu.Lock()
	defer g.mu.Unlock()
	for w := range g.crew {
		if w.message != nil {
			stats.Running++
		}
	}
	if g.stopping { // what is left in the engine belongs to others
		return
	}
	stats.Ready = g.engine.Ready() + g.engine.Crowded()
	stats.Parked = g.engine.Parked()
	for range g.engine.Assigned() {
		stats.Assigned++
	}
	stats.Window, stats.Paused = g.engine.Fill()
}
