package memory

import (
	"fmt"
	"slices"

	"github.com/asynccalls/asynccalls/driver"
)

// maxMeta is how much Kafka stores with an offset, in bytes.
const maxMeta = 4096

// A group shares partitions among its members. A rebalance is cooperative: what
// moves to another member is revoked first, and the rest goes on. All methods
// are called with the lock of the driver held.
type group struct {
	driver     *Driver
	name       string
	generation int       // number of rebalances
	members    []*member // in the order in which they joined
	owners     map[driver.Partition]*member
	targets    map[driver.Partition]*member // who is to own what
	committed  map[driver.Partition]driver.Position
}

// group returns a group, and makes it if need be. The caller holds the lock.
func (d *Driver) group(name string) *group {
	g := d.groups[name]
	if g == nil {
		g = &group{
			driver:    d,
			name:      name,
			owners:    map[driver.Partition]*member{},
			committed: map[driver.Partition]driver.Position{},
		}
		d.groups[name] = g
	}
	return g
}

func (g *group) add(m *member) {
	m.joined = true
	g.members = append(g.members, m)
	g.rebalance()
}

func (g *group) remove(m *member) {
	m.settle()
	m.joined = false
	g.members = slices.DeleteFunc(g.members, func(other *member) bool { return other == m })
	g.rebalance()
}

// rebalance shares the partitions anew. The members see to the rest in their
// turns.
func (g *group) rebalance() {
	g.generation++
	g.targets = g.assign()
	for _, m := range g.members {
		m.owe()
	}
}

// take makes m the owner of what it is to own and nobody owns, and returns that.
func (g *group) take(m *member) []driver.Partition {
	var added []driver.Partition
	for _, name := range slices.Sorted(slices.Values(m.topics)) {
		t := g.driver.topics[name]
		if t == nil {
			continue
		}
		for _, l := range t.logs {
			if g.targets[l.partition] != m || g.owners[l.partition] != nil {
				continue
			}
			g.owners[l.partition] = m
			offset := l.start
			if position, ok := g.committed[l.partition]; ok {
				offset = position.Offset
			}
			m.attach(l, offset)
			added = append(added, l.partition)
		}
	}
	return added
}

// release ends what m owns of partitions, and calls for those who are to own
// them.
func (g *group) release(m *member, partitions []driver.Partition) {
	m.detach(partitions)
	for _, p := range partitions {
		if g.owners[p] != m {
			continue
		}
		delete(g.owners, p)
		if target := g.targets[p]; target != nil && target.joined {
			target.owe()
		}
	}
}

// lag returns how many records of a log are not committed.
func (g *group) lag(l *log) int64 {
	from := l.start
	if position, ok := g.committed[l.partition]; ok {
		from = max(position.Offset, from)
	}
	return max(l.end()-from, 0)
}

func (g *group) commit(m *member, p driver.Position) error {
	if _, err := g.driver.log(p.Partition); err != nil {
		return fmt.Errorf("commit to group %q: %w", g.name, err)
	}
	if g.owners[p.Partition] != m || slices.Contains(m.assigning, p.Partition) {
		return fmt.Errorf("commit to group %q: partition %d of topic %q is not assigned: %w",
			g.name, p.ID, p.Topic, driver.ErrRefused)
	}
	if p.Offset < 0 || len(p.Meta) > maxMeta {
		return fmt.Errorf("commit to group %q: offset %d with %d bytes of metadata: %w",
			g.name, p.Offset, len(p.Meta), driver.ErrRefused)
	}
	g.committed[p.Partition] = p
	return nil
}
