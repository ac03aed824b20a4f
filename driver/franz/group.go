package franz

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/drivers"
)

// leaveTimeout bounds how long a group is told that a member leaves. A group
// that can't be told gives the member up after its session timeout.
const leaveTimeout = 3 * time.Second

var _ driver.Group = (*group)(nil)

// A group is one member of a consumer group.
type group struct {
	*reader
	name       string
	listener   driver.Listener
	rebalance  time.Duration // how long the group waits for a member
	committing chan struct{} // holds one value while a commit is on its way; first come, first served

	// The following are guarded by the mutex of the reader.
	id       string                    // by which the broker knows the member that has them
	assigned map[driver.Partition]bool // true once it is known where the group goes on there
	changed  chan struct{}             // closed and replaced when assigned changes
}

// Join implements [driver.Driver].
func (d *Driver) Join(ctx context.Context, name string, topics []string, l driver.Listener) (driver.Group, error) {
	g, err := d.join(ctx, name, topics, l)
	if err != nil {
		return nil, fmt.Errorf("join group %q: %w", name, err)
	}
	return g, nil
}

func (d *Driver) join(ctx context.Context, name string, topics []string, l driver.Listener) (*group, error) {
	if d.closed() {
		return nil, drivers.ErrClosed
	}
	if name == "" || len(topics) == 0 {
		return nil, fmt.Errorf("want a name and at least one topic: %w", driver.ErrRefused)
	}
	found, err := d.await(ctx, topics...)
	if err != nil {
		return nil, err
	}
	for _, topic := range topics {
		if _, ok := found[topic]; !ok {
			return nil, fmt.Errorf("topic %q: %w", topic, driver.ErrNoTopic)
		}
	}
	g := &group{
		reader:     newReader(d, found),
		name:       name,
		listener:   l,
		committing: make(chan struct{}, 1),
		assigned:   map[driver.Partition]bool{},
		changed:    make(chan struct{}),
	}
	g.isGroup = true
	if g.client, err = d.consume(g.options()...); err != nil {
		return nil, err
	}
	g.rebalance, _ = g.client.OptValue(kgo.RebalanceTimeout).(time.Duration)
	// The callbacks wait for the first Receive, as they do between any two.
	held, cancel := context.WithCancel(ctx)
	cancel()
	g.client.PollRecords(held, 1)
	g.client.AddConsumeTopics(topics...)
	if err := d.keep(g); err != nil {
		return nil, err
	}
	return g, nil
}

func (g *group) options() []kgo.Opt {
	return []kgo.Opt{
		kgo.ConsumerGroup(g.name),
		kgo.Balancers(newBalancer(g)),
		kgo.DisableAutoCommit(),
		kgo.BlockRebalanceOnPoll(),
		kgo.OnPartitionsAssigned(g.onAssigned),
		kgo.OnPartitionsRevoked(g.onRevoked),
		kgo.OnPartitionsLost(g.onLost),
		kgo.AdjustFetchOffsetsFn(g.onPositions),
	}
}

// The following are called by the client, one at a time, while Receive waits.

func (g *group) onAssigned(_ context.Context, _ *kgo.Client, all map[string][]int32) {
	if g.isDone() {
		return
	}
	added := partitions(all)
	// First, so that it can wait for a commit of what it had before: that must not
	// store anything in the new assignment.
	g.listener.Assigned(added)
	id, _ := g.client.GroupMetadata()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.id = id // all that was not revoked before is confirmed, see balancer
	for _, p := range added {
		g.assigned[p] = false
	}
}

func (g *group) onRevoked(ctx context.Context, _ *kgo.Client, all map[string][]int32) {
	revoked := partitions(all)
	if g.isDone() || len(revoked) == 0 {
		return
	}
	if id, _ := g.client.GroupMetadata(); !g.isKnownAs(id) {
		g.lose(revoked)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, g.rebalance)
	defer cancel()
	g.settle(revoked)
	g.listener.Revoked(ctx, revoked)
	g.release(revoked)
}

func (g *group) onLost(_ context.Context, _ *kgo.Client, all map[string][]int32) {
	lost := partitions(all)
	if g.isDone() || len(lost) == 0 {
		return
	}
	g.lose(lost)
}

func (g *group) lose(lost []driver.Partition) {
	g.release(lost)
	g.listener.Lost(lost)
}

// isKnownAs reports whether the broker has known the member by this ID ever since
// it assigned its partitions. A member that was given up meanwhile, and joined
// again before it learned of that, has another ID. What was assigned to it before
// may be another's.
func (g *group) isKnownAs(id string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.id == id
}

// onPositions learns where the group goes on in the partitions added. A negative
// offset says that nothing was committed.
func (g *group) onPositions(
	_ context.Context, all map[string]map[int32]kgo.Offset,
) (map[string]map[int32]kgo.Offset, error) {
	var known []driver.Partition
	g.mu.Lock()
	for topic, offsets := range all {
		for id, offset := range offsets {
			p := driver.Partition{Topic: topic, ID: id}
			known = append(known, p)
			if at := offset.EpochOffset().Offset; at >= 0 {
				g.next[p] = at
			}
		}
	}
	g.mu.Unlock()
	g.settle(known)
	return all, nil
}

// settle lets partitions be committed: it is known where the group goes on, or
// does not matter any more.
func (g *group) settle(known []driver.Partition) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, p := range known {
		if _, ok := g.assigned[p]; ok {
			g.assigned[p] = true
		}
	}
	g.notify()
}

// notify wakes commits that wait. The mutex is held.
func (g *group) notify() {
	close(g.changed)
	g.changed = make(chan struct{})
}

// release forgets all about partitions that are not assigned any more.
func (g *group) release(gone []driver.Partition) {
	resume := map[string][]int32{}
	g.mu.Lock()
	for _, p := range gone {
		if g.paused[p] {
			resume[p.Topic] = append(resume[p.Topic], p.ID)
		}
		delete(g.paused, p)
		delete(g.assigned, p)
		delete(g.next, p)
		g.found = slices.DeleteFunc(g.found, func(l *driver.LostError) bool { return l.Partition == p })
	}
	g.notify()
	g.mu.Unlock()
	if len(resume) > 0 {
		g.client.ResumeFetchPartitions(resume)
	}
}

// partitions flattens what the client passes to callbacks.
func partitions(all map[string][]int32) []driver.Partition {
	list := []driver.Partition{}
	for topic, ids := range all {
		for _, id := range ids {
			list = append(list, driver.Partition{Topic: topic, ID: id})
		}
	}
	slices.SortFunc(list, func(a, b driver.Partition) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.ID, b.ID))
	})
	return list
}

// Close implements [driver.Reader].
func (g *group) Close() error {
	g.end.Do(func() {
		close(g.done)
		g.driver.drop(g)
		ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
		defer cancel()
		g.client.AllowRebalance()
		_ = g.client.LeaveGroupContext(ctx)
		g.client.CloseAllowingRebalance()
	})
	return nil
}
