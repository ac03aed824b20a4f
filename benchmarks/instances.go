package main

import (
	"fmt"
	"time"
)

// crew is how many servers and clients there are of each in the work instances.
const crew = 8

// instances is echo10k by many servers and many clients, each a process of its own,
// beside the same by one of each. The 10,000 calls in flight are shared out among
// the clients, and each server has a partition.
func instances() work {
	w := echoMany("instances", 10_000)
	w.partitions = crew
	w.instances = crew
	w.values = crewValues
	w.alone = true
	w.figures = []figure{
		{fmt.Sprintf("calls, %d of each", crew), "1/s", goal{least: 0.8}},
		{"calls, one of each", "1/s", goal{}},
		{fmt.Sprintf("CPU of a call, %d of each", crew), "µs", goal{}},
		{"CPU of a call, one of each", "µs", goal{}},
		{"the one to the other", "×", goal{}},
	}
	w.sides = func() []side {
		many := sides()
		one := sides()
		for i := range one {
			one[i].name += "-alone"
			one[i].alone = true
		}
		return append(many, one...)
	}
	return w
}

// ordinals is instances whose clients of asynccalls have ordinals, and so a partition
// for responses each, as those of the floor have. Without ordinals they pick one at
// random, and some read what is for others.
func ordinals() work {
	w := instances()
	w.name, w.ordinals = "ordinals", true
	return w
}

// crewValues returns how many calls a team made in a second, and what CPU time one
// took, in microseconds.
func crewValues(s *sample, took time.Duration) []float64 {
	cpu := float64(s.client.CPU+s.server.CPU) / float64(time.Microsecond)
	return []float64{float64(s.units) / took.Seconds(), cpu / float64(s.units)}
}

// crews is a work of teams of several sizes: the first two are the floor and
// asynccalls with many instances, the next two with one of each.
type crews struct{ bench }

var _ measurement = (*crews)(nil)

// results compares the two of either size, and what each of them uses with what it
// uses alone.
func (c *crews) results() []result {
	calls := make([][]float64, len(c.teams))
	cpu := make([][]float64, len(c.teams))
	for i, t := range c.teams {
		calls[i], cpu[i] = valuesOf(t.samples, 0), valuesOf(t.samples, 1)
	}
	figures := [][2][]float64{
		{calls[0], calls[1]},
		{calls[2], calls[3]},
		{cpu[0], cpu[1]},
		{cpu[2], cpu[3]},
		{ratios(cpu[0], cpu[2]), ratios(cpu[1], cpu[3])},
	}
	var results []result
	for i, values := range figures {
		r := newResult(c.work.name, c.work.figures[i], values[0], values[1])
		r.Costs = c.costs()
		results = append(results, r)
	}
	return results
}
