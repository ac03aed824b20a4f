package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/asynccalls/asynccalls"
)

// work is something that all sides do and that is measured. A new one is a
// function that returns it, in a file of its own, and a line in works.
type work struct {
	name     string
	size     int // of the body of a request, and of each response
	inflight int // calls at a time, from as many goroutines
	answers  int // responses to each call
	figures  []figure

	// count is how many calls a round makes; 0 is as many as its side makes in the
	// time of a round.
	count int

	// rivals says that it is also done by what users would pick instead.
	rivals bool

	partitions int32 // of the requests; 0 is the default
	replies    int32 // partitions of the responses to calls; 0 is the default

	// keys, endpoints and services are how many of them the calls have in turn: 0 is
	// no key, and one of the others. Endpoints may have a wildcard each.
	keys, endpoints, services int
	wildcards                 bool

	// instances is how many servers and clients, each a process of its own, do the
	// work together; 0 is one of each.
	instances int

	// ordinals says that clients have one each; see ordinals.
	ordinals bool

	// alone says that some of its sides are alone; see crews.
	alone bool

	// gated says that a server answers no more calls than its client lets it.
	gated bool

	// drain is set in a work whose requests wait for whoever takes them. It has
	// only that, a name, a size and figures, and limits of its services.
	drain  *drain
	limits asynccalls.Limits

	// units returns how many calls, or responses of streams, a round of count makes,
	// by which its cost is divided. 0 is for calls that are too different from each
	// other: then no costs are told. It is nil for answers times count.
	units func(count int) int

	// values returns the values for the figures of what a team did, if those are not
	// what the first client says.
	values func(s *sample, took time.Duration) []float64

	// sides returns what is compared, if it is not the floor and asynccalls.
	sides func() []side

	// measure makes calls with c, which is in the process of a client, and
	// returns a value for each figure. It is nil for a work with a client of
	// another kind, and for one that measures the start of the client.
	measure func(ctx context.Context, c caller, w *work, count int) ([]float64, error)

	// open returns a client of another kind; nil for one that makes calls.
	open func(ctx context.Context, s *setup) (measured, error)
}

// compared returns the sides of the work: the floor and asynccalls, or what else
// stands for them, and then those rivals that can do it.
func (w *work) compared() []side {
	if w.sides != nil {
		return w.sides()
	}
	all := sides()
	if w.rivals {
		all = append(all, w.able(rivals())...)
	}
	return all
}

// able returns those of the sides that can do the work.
func (w *work) able(all []side) []side {
	return slices.DeleteFunc(all, func(s side) bool { return w.answers > 1 && s.lacksStreams != "" })
}

// requestPartitions returns how many partitions requests have.
func (w *work) requestPartitions() int32 { return cmp.Or(w.partitions, requestPartitions) }

// replyPartitions returns how many partitions responses to calls have.
func (w *work) replyPartitions() int32 { return cmp.Or(w.replies, replyPartitions) }

// restarts reports whether the start of the client is what is measured.
func (w *work) restarts() bool { return w.measure == nil && w.open == nil }

// figure is one number that a work yields.
type figure struct {
	name string
	unit string
	goal goal
}

// goal is what asynccalls may cost against the floor: at most a share of it if
// more is worse, at least a share if more is better, or something on top; or
// what it may cost whatever the floor does. The zero value is for a figure that
// has none.
type goal struct {
	most, least  float64
	extra        float64 // in the unit of the figure
	above, below float64 // not less, or not more, in the unit of the figure
	never        bool    // it must not happen at all
}

// met reports whether the goal is met. The floor's value is needed for a goal
// that is not a ratio.
func (g goal) met(floor, ours, ratio float64) bool {
	switch {
	case g.most > 0:
		return ratio <= g.most
	case g.least > 0:
		return ratio >= g.least
	case g.above > 0:
		return ours >= g.above
	case g.below > 0:
		return ours <= g.below
	case g.never:
		return ours == 0
	default:
		return ours <= floor+g.extra
	}
}

// text says in the unit of the figure what the goal is.
func (g goal) text(unit string) string {
	switch {
	case g.most > 0:
		return fmt.Sprintf("≤ %.2f×", g.most)
	case g.least > 0:
		return fmt.Sprintf("≥ %.2f×", g.least)
	case g.extra > 0:
		return fmt.Sprintf("≤ floor + %g %s", g.extra, unit)
	case g.above > 0:
		return fmt.Sprintf("≥ %g %s", g.above, unit)
	case g.below > 0:
		return fmt.Sprintf("≤ %g %s", g.below, unit)
	case g.never:
		return "never"
	default:
		return ""
	}
}

// works returns the works in the order in which they are measured, without those of
// growth.
func works() []work {
	return []work{
		withRivals(echoAlone()),
		echoMany("echo10", 10),
		echoMany("echo100", 100),
		withRivals(echoMany("echo1k", 1000)),
		withRivals(echoMany("echo10k", 10_000)),
		echoOf("sizes-10B", 10),
		echoOf("sizes-1KB", 1000),
		echoOf("sizes-10KB", 10_000),
		echoOf("sizes-100KB", 100_000),
		withRivals(streamAlone()),
		withRivals(streamMany()),
		hello(),
		instances(),
		ordinals(),
		sendMany(),
		outstanding(),
		many(),
		oneKey(),
		backlog(),
		neighbors(),
		observed("metrics10k", withMetrics),
		observed("sampled10k", withSampledTraces),
		observed("traces10k", withTraces),
	}
}

// workNames returns what selects works.
func workNames() []string {
	var names []string
	for _, w := range works() {
		names = append(names, w.name)
	}
	return append(names, growthNames()...)
}

// withRivals has a work also done by what users would pick instead.
func withRivals(w work) work {
	w.rivals = true
	return w
}

// selectWorks returns the named works, or all but those of growth. A name stands for
// itself, and for all works whose names begin with it and a hyphen.
func selectWorks(names string) ([]work, error) {
	all := works()
	if names == "" {
		return all, nil
	}
	all = append(all, growthWorks()...)
	var selected []work
	for name := range strings.SplitSeq(names, ",") {
		before := len(selected)
		for _, w := range all {
			if w.name == name || strings.HasPrefix(w.name, name+"-") {
				selected = append(selected, w)
			}
		}
		if len(selected) == before {
			return nil, fmt.Errorf("there is no work %q; there are %s", name, strings.Join(workNames(), ", "))
		}
	}
	return selected, nil
}

// percentile returns the value below which a share of sorted values lies.
func percentile(sorted []time.Duration, share float64) time.Duration {
	return sorted[min(int(share*float64(len(sorted))), len(sorted)-1)]
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
