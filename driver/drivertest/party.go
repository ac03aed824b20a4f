package drivertest

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/asynccalls/asynccalls/driver"
)

// A party is the members of one group. It knows who owns what, and its members
// check each other.
type party struct {
	f     *fixture
	group string
	board
	owners  map[driver.Partition]*member
	members []*member
	losses  int // partitions that went by Lost
}

func (f *fixture) party() *party {
	return &party{f: f, group: f.name("group"), owners: map[driver.Partition]*member{}}
}

// join adds a member. It receives once [member.start] is called.
func (p *party) join(ctx context.Context, topics ...string) *member {
	p.f.Helper()
	m := &member{
		party:  p,
		buffer: 100,
		owned:  map[driver.Partition]bool{},
		paused: map[driver.Partition]bool{},
		next:   map[driver.Partition]int64{},
	}
	group, err := p.f.driver.Join(ctx, p.group, topics, m)
	if err != nil {
		p.f.Fatalf("join group %q: %v", p.group, err)
	}
	m.Group = group
	p.update(func() { p.members = append(p.members, m) })
	return m
}

// wait waits until a condition on the party holds.
func (p *party) wait(ctx context.Context, what string, condition func() bool) {
	p.f.Helper()
	if err := p.await(ctx, condition); err != nil {
		p.f.Fatalf("waiting until %s: %v; %s", what, err, p.state())
	}
}

// ownsAll is for wait: the members own n partitions between them, in equal
// shares.
func (p *party) ownsAll(n int, members ...*member) func() bool {
	return func() bool {
		owned := 0
		for _, m := range members {
			if share := n / len(members); len(m.owned) < share || len(m.owned) > share+1 {
				return false
			}
			owned += len(m.owned)
		}
		return owned == n
	}
}

// received is for wait: the members together have received n records.
func (p *party) received(n int, members ...*member) func() bool {
	return func() bool {
		got := 0
		for _, m := range members {
			got += len(m.records)
		}
		return got >= n
	}
}

// everything is for wait: all records that [numbered] made for each partition
// have been received by some member.
func (p *party) everything(topic string, count int32, n int) func() bool {
	return func() bool {
		seen := map[string]bool{}
		for _, m := range p.members {
			for _, r := range m.records {
				seen[fmt.Sprint(r.Partition, " ", string(r.Value))] = true
			}
		}
		return len(seen) == int(count)*n
	}
}

// total is the number of records received.
func (p *party) total() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, m := range p.members {
		n += len(m.records)
	}
	return n
}

// ownedBy returns the partitions of a member.
func (p *party) ownedBy(m *member) []driver.Partition {
	p.mu.Lock()
	defer p.mu.Unlock()
	var owned []driver.Partition
	for partition := range m.owned {
		owned = append(owned, partition)
	}
	return owned
}

// state describes the party, for messages.
func (p *party) state() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := ""
	for i, m := range p.members {
		owned := slices.SortedFunc(maps.Keys(m.owned), func(a, b driver.Partition) int { return int(a.ID - b.ID) })
		s += describe(i, m, owned)
	}
	return s
}

func describe(i int, m *member, owned []driver.Partition) string {
	return fmt.Sprintf("member %d owns %v, has %d records, %d assigned, %d revoked, %d lost; ",
		i, owned, len(m.records), m.assigned, m.revoked, m.lost)
}
