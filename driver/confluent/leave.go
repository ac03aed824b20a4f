//go:build cgo

package confluent

import (
	"context"
	"time"
)

const (
	// leaveTimeout bounds how long Close waits until the member has left. It can't
	// before all have joined, and one may be slow to give its partitions up.
	leaveTimeout = 10 * time.Second

	// closeTimeout bounds how long Close waits until the client has ended after that.
	// It does not before the broker has answered its commits.
	closeTimeout = 3 * time.Second

	// leavePoll is how long the client is asked at once meanwhile, in milliseconds.
	leavePoll = 5
)

// leave leaves the group, and closes left. librdkafka closes a member that is just
// joining, as all do in each rebalance, without a word to the group, which waits
// for it until its session has ended, and does nothing else. To give up what is
// subscribed is put off until the rebalance is over, and then the member leaves. One
// that the group has not named yet would not, and joins first.
func (g *group) leave(left chan<- struct{}, away bool) {
	defer close(left)
	if away {
		return
	}
	deadline := time.Now().Add(g.rebalance)
	for !g.joined && time.Now().Before(deadline) {
		g.consumer.Poll(leavePoll)
	}
	_ = g.consumer.Unsubscribe()
	for membershipOf(g.consumer).id != "" && time.Now().Before(deadline) {
		g.consumer.Poll(leavePoll)
	}
}

// isAway says that the broker can't be told that the member leaves.
func (g *group) isAway() bool {
	if g.driver.connects.problem() == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), refreshTimeout)
	defer cancel()
	_, err := g.driver.describe(ctx, g.topics[0])
	return err != nil
}
