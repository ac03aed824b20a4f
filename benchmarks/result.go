package main

import (
	"runtime"
	"slices"
	"strings"
	"time"
)

// result is what became of one figure of a work.
type result struct {
	Work   string
	Figure string
	Unit   string
	Floor  spread
	Ours   spread
	Ratio  spread // of the rounds, ours to the floor's; 0 where the floor is 0
	Goal   string // empty for none
	Met    bool
	Note   string `json:",omitempty"` // on the work; no full stop

	// Costs is what a unit of the work, a call or a response, cost: client and
	// server of the floor, then client and server of ours.
	Costs [4]cost

	Rivals []rival `json:",omitempty"`
}

// rival is what became of the figure on a side that users would pick instead.
type rival struct {
	Side  string
	Value spread
	Ratio spread  // of the rounds, ours to that of the side
	Costs [2]cost // of client and server, but for the requests to a broker
}

// spread is several values of one thing.
type spread struct{ Median, Min, Max float64 }

// cost is what a process has used for one unit of a work: the median of the
// rounds.
type cost struct {
	CPU      float64 // microseconds
	Allocs   float64
	Requests float64 // to the broker
}

// machine is what the results were measured on.
type machine struct {
	Broker string
	Go     string
	System string
	CPUs   int
	Date   string
}

func describe(broker string) machine {
	return machine{
		Broker: broker,
		Go:     runtime.Version(),
		System: runtime.GOOS + "/" + runtime.GOARCH,
		CPUs:   runtime.NumCPU(),
		Date:   time.Now().UTC().Format(time.DateOnly),
	}
}

// results returns a result for each figure of the work.
func (b *bench) results() []result {
	note := b.note()
	var results []result
	for i, f := range b.work.figures {
		r := newResult(b.work.name, f, valuesOf(b.teams[0].samples, i), valuesOf(b.teams[1].samples, i))
		r.Costs, r.Rivals, r.Note = b.costs(), b.rivals(i), note
		results = append(results, r)
	}
	return results
}

// rivals returns what became of a figure on all other sides.
func (b *bench) rivals(figure int) []rival {
	ours := valuesOf(b.teams[1].samples, figure)
	var all []rival
	for _, t := range b.teams[2:] {
		values := valuesOf(t.samples, figure)
		all = append(all, rival{
			Side:  t.side.name,
			Value: spreadOf(values),
			Ratio: spreadOf(ratios(ours, values)),
			Costs: [2]cost{
				costOf(t.samples, func(s *sample) usage { return s.client }),
				costOf(t.samples, func(s *sample) usage { return s.server }),
			},
		})
	}
	return all
}

// note says which rivals are missing, and why.
func (b *bench) note() string {
	var missing []string
	if b.work.rivals {
		for _, s := range b.plan.chosen(rivals()) {
			if len(b.work.able([]side{s})) == 0 {
				missing = append(missing, s.name+" "+s.lacksStreams)
			}
		}
	}
	return strings.Join(missing, "; ")
}

// ratios returns the ratios of the rounds, and 0 where the second value is 0.
func ratios(a, b []float64) []float64 {
	r := make([]float64, len(a))
	for i := range r {
		if b[i] != 0 {
			r[i] = a[i] / b[i]
		}
	}
	return r
}

// valuesOf returns the values of a figure, round by round.
func valuesOf(samples []sample, figure int) []float64 {
	values := make([]float64, len(samples))
	for i, s := range samples {
		values[i] = s.values[figure]
	}
	return values
}

// newResult compares the values of as many rounds.
func newResult(work string, f figure, floor, ours []float64) result {
	r := result{
		Work:   work,
		Figure: f.name,
		Unit:   f.unit,
		Floor:  spreadOf(floor),
		Ours:   spreadOf(ours),
		Ratio:  spreadOf(ratios(ours, floor)),
		Goal:   f.goal.text(f.unit),
	}
	r.Met = f.goal.met(r.Floor.Median, r.Ours.Median, r.Ratio.Median)
	return r
}

// costs returns what a unit of the work cost each process; nothing if it has no
// unit.
func (b *bench) costs() (c [4]cost) {
	if b.teams[0].samples[0].units == 0 {
		return c
	}
	for i, t := range b.teams[:2] {
		c[2*i] = costOf(t.samples, func(s *sample) usage { return s.client })
		c[2*i+1] = costOf(t.samples, func(s *sample) usage { return s.server })
	}
	return c
}

func costOf(samples []sample, of func(*sample) usage) cost {
	var cpu, allocs, requests []float64
	for i := range samples {
		u, units := of(&samples[i]), float64(samples[i].units)
		cpu = append(cpu, float64(u.CPU)/float64(time.Microsecond)/units)
		allocs = append(allocs, float64(u.Allocs)/units)
		requests = append(requests, float64(u.Requests)/units)
	}
	return cost{spreadOf(cpu).Median, spreadOf(allocs).Median, spreadOf(requests).Median}
}

func spreadOf(values []float64) spread {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	median := sorted[middle]
	if len(sorted)%2 == 0 {
		median = (median + sorted[middle-1]) / 2
	}
	return spread{median, sorted[0], sorted[len(sorted)-1]}
}
