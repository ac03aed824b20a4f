package memory

import (
	"slices"

	"github.com/asynccalls/asynccalls/driver"
)

// assign returns who is to own what: members have equal shares as far as their
// subscriptions allow, and keep what they own as far as that allows.
func (g *group) assign() map[driver.Partition]*member {
	targets := map[driver.Partition]*member{}
	load := map[*member]int{}
	give := func(p driver.Partition, m *member) {
		if old := targets[p]; old != nil {
			load[old]--
		}
		targets[p] = m
		load[m]++
	}
	all := g.partitions()
	for _, p := range all {
		if owner := g.owners[p]; owner != nil && owner.joined && owner.subscribes(p.Topic) {
			give(p, owner)
		}
	}
	for _, p := range all {
		if targets[p] == nil {
			give(p, g.least(load, p.Topic))
		}
	}
	for moved := true; moved; {
		moved = false
		for _, p := range all {
			if least := g.least(load, p.Topic); load[targets[p]] > load[least]+1 {
				give(p, least)
				moved = true
			}
		}
	}
	return targets
}

// partitions returns all that the members subscribe to, in order.
func (g *group) partitions() []driver.Partition {
	var names []string
	for _, m := range g.members {
		names = append(names, m.topics...)
	}
	slices.Sort(names)
	var all []driver.Partition
	for _, name := range slices.Compact(names) {
		if t := g.driver.topics[name]; t != nil {
			for _, l := range t.logs {
				all = append(all, l.partition)
			}
		}
	}
	return all
}

// least returns the member with the least load of those that subscribe to a
// topic; there is at least one.
func (g *group) least(load map[*member]int, topic string) *member {
	var least *member
	for _, m := range g.members {
		if m.subscribes(topic) && (least == nil || load[m] < load[least]) {
			least = m
		}
	}
	return least
}
