package memory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/asynccalls/asynccalls/driver"
)

// rebalanceTimeout is how long a group waits for a member that has to take
// notice of a rebalance.
const rebalanceTimeout = time.Minute

// A member is one member of a group. What it owns, it has cursors for.
type member struct {
	*reader
	group    *group
	topics   []string
	listener driver.Listener

	// All below is guarded by the lock of the driver.
	joined    bool               // false when the group has given it up
	told      int                // generation that the listener knows
	revoking  []driver.Partition // Revoked runs for these
	assigning []driver.Partition // Assigned runs for these
	lost      []driver.Partition // Lost is to be called for these
	deadline  time.Time          // when the group gives the member up; zero if it owes nothing
	timer     *time.Timer        // fires at the deadline
}

var _ driver.Group = (*member)(nil)

// Join implements [driver.Driver]. A group without name, or without topics, is
// [driver.ErrRefused].
func (d *Driver) Join(
	ctx context.Context, name string, topics []string, l driver.Listener,
) (driver.Group, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("join group %q: %w", name, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.open(); err != nil {
		return nil, fmt.Errorf("join group %q: %w", name, err)
	}
	if name == "" || len(topics) == 0 {
		return nil, fmt.Errorf("join group %q with topics %q: %w", name, topics, driver.ErrRefused)
	}
	for _, t := range topics {
		if _, err := d.topic(t); err != nil {
			return nil, fmt.Errorf("join group %q: %w", name, err)
		}
	}
	m := &member{reader: newReader(d), group: d.group(name), topics: slices.Clone(topics), listener: l}
	m.reader.turn = m.turn
	m.group.add(m)
	return m, nil
}

// Commit implements [driver.Group].
func (m *member) Commit(ctx context.Context, positions ...driver.Position) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("commit to group %q: %w", m.group.name, err)
	}
	m.driver.mu.Lock()
	defer m.driver.mu.Unlock()
	if m.closed {
		return fmt.Errorf("commit to group %q: member is closed: %w", m.group.name, driver.ErrRefused)
	}
	var errs []error
	for _, p := range positions {
		if err := m.group.commit(m, p); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Lag tells what [driver.Group] says.
func (m *member) Lag(ctx context.Context) (map[driver.Partition]int64, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("lag of group %q: %w", m.group.name, err)
	}
	m.driver.mu.Lock()
	defer m.driver.mu.Unlock()
	if m.closed {
		return nil, fmt.Errorf("lag of group %q: member is closed: %w", m.group.name, driver.ErrRefused)
	}
	lag := make(map[driver.Partition]int64)
	for _, c := range m.cursors {
		if c.log.exists {
			lag[c.log.partition] = m.group.lag(c.log)
		}
	}
	return lag, nil
}

// Close implements [driver.Reader]. It does not wait for a listener that is
// being called.
func (m *member) Close() error {
	m.driver.mu.Lock()
	defer m.driver.mu.Unlock()
	if m.closed {
		return nil
	}
	m.group.release(m, m.partitions())
	m.end()
	if m.joined {
		m.group.remove(m)
	}
	return nil
}

// turn returns the next call of the listener, or nil if there is none. The
// caller holds the lock.
func (m *member) turn() func(context.Context) {
	if lost := m.takeLost(); len(lost) > 0 {
		return func(context.Context) { m.listener.Lost(lost) }
	}
	if !m.joined {
		m.group.add(m)
	}
	if revoked := m.surplus(); len(revoked) > 0 {
		m.revoking = revoked
		deadline := m.deadline
		return func(ctx context.Context) { m.revoke(ctx, revoked, deadline) }
	}
	told := m.told == m.group.generation
	m.told = m.group.generation
	added := m.group.take(m)
	m.settle()
	if told && len(added) == 0 {
		return nil
	}
	m.assigning = added
	return func(context.Context) { m.assign(added) }
}

// assign tells the listener of partitions, which can be committed from then on.
func (m *member) assign(added []driver.Partition) {
	m.listener.Assigned(added)
	m.driver.mu.Lock()
	defer m.driver.mu.Unlock()
	m.assigning = nil
}

// takeLost gives up what the listener has to be told as lost.
func (m *member) takeLost() []driver.Partition {
	lost := m.lost
	m.lost = nil
	for _, c := range m.cursors {
		if !c.log.exists {
			lost = append(lost, c.log.partition)
		}
	}
	m.group.release(m, lost)
	return lost
}

// surplus returns what the member owns and another member is to get.
func (m *member) surplus() []driver.Partition {
	return slices.DeleteFunc(m.partitions(), func(p driver.Partition) bool { return m.group.targets[p] == m })
}

// revoke calls the listener, and then gives partitions up. The end of ctx ends
// the call of Receive, not the time that the listener has.
func (m *member) revoke(ctx context.Context, partitions []driver.Partition, deadline time.Time) {
	ctx, cancel := context.WithDeadline(context.WithoutCancel(ctx), deadline)
	defer cancel()
	m.listener.Revoked(ctx, partitions)

	m.driver.mu.Lock()
	defer m.driver.mu.Unlock()
	m.revoking = nil
	m.group.release(m, partitions)
	if m.joined && !m.closed {
		m.settle()
		m.owe() // the next call has its own time
	}
}

// owe starts the time within which the member has to call Receive. The caller
// holds the lock.
func (m *member) owe() {
	m.signal()
	if m.deadline.IsZero() {
		m.deadline = time.Now().Add(rebalanceTimeout)
		m.timer = time.AfterFunc(rebalanceTimeout, m.expire)
	}
}

// settle notes that the member has done what the group waits for. The caller
// holds the lock.
func (m *member) settle() {
	if !m.deadline.IsZero() {
		m.timer.Stop()
		m.deadline = time.Time{}
	}
}

// expire gives the member up if it still owes something. The timer calls it.
func (m *member) expire() {
	m.driver.mu.Lock()
	defer m.driver.mu.Unlock()
	if m.closed || m.deadline.IsZero() || time.Now().Before(m.deadline) {
		return
	}
	for _, p := range m.partitions() {
		if !slices.Contains(m.revoking, p) {
			m.lost = append(m.lost, p)
		}
	}
	m.group.release(m, m.partitions())
	m.group.remove(m)
}

// subscribes reports whether the member wants records of a topic.
func (m *member) subscribes(topic string) bool { return slices.Contains(m.topics, topic) }
