package asynccalls_test

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynccalls/asynccalls/internal/checker"
)

var exploreSeed = flag.Uint64("explore.seed", 0, "explore this seed only")

// TestExplore runs random scenarios in virtual time: instances join, leave and
// die, handlers fail, and the broker refuses, forgets and is late. Then all is
// well for a while, and what was seen must keep the promises of chapters 2 to 4.
// EXPLORE_SEEDS is how many scenarios.
func TestExplore(t *testing.T) {
	t.Parallel()
	var total tally
	begun := time.Now()
	seeds := exploreSeeds(t)
	t.Cleanup(func() { t.Logf("explored %d seeds in %v: %s", len(seeds), time.Since(begun), &total) })
	for _, seed := range seeds {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				x := newExploration(t, seed)
				x.run()
				total.merge(&x.tally)
			})
			if t.Failed() {
				t.Logf("again with: go test -run TestExplore -explore.seed=%d .", seed)
			}
		})
	}
}

func exploreSeeds(t *testing.T) []uint64 {
	t.Helper()
	if *exploreSeed != 0 {
		return []uint64{*exploreSeed}
	}
	n := 50
	if s := os.Getenv("EXPLORE_SEEDS"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			t.Fatalf("EXPLORE_SEEDS: %v", err)
		}
	}
	first := rand.Uint64N(1e9) + 1
	t.Logf("seeds from %d on", first)
	seeds := make([]uint64, n)
	for i := range seeds {
		seeds[i] = first + uint64(i)
	}
	return seeds
}

// tally counts what happened, by name.
type tally struct {
	mu     sync.Mutex // guards counts
	counts map[string]int
}

func (c *tally) count(name string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counts == nil {
		c.counts = make(map[string]int)
	}
	c.counts[name] += n
}

// merge adds what another has counted.
func (c *tally) merge(other *tally) {
	other.mu.Lock()
	defer other.mu.Unlock()
	for name, n := range other.counts {
		c.count(name, n)
	}
}

func (c *tally) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(c.counts)) {
		parts = append(parts, fmt.Sprint(name, " ", c.counts[name]))
	}
	return strings.Join(parts, ", ")
}

// judge checks what was seen.
func (x *exploration) judge() {
	events := x.history.Events()
	x.count("events", len(events))
	for _, v := range checker.Check(events, checker.Options{Slack: time.Nanosecond}) {
		x.t.Errorf("seed %d: %v", x.seed, v)
	}
	x.complete(events)
}

// complete checks that what was left at the end is nothing: all partitions are
// committed to their ends.
func (x *exploration) complete(events []checker.Event) {
	ends := make(map[string]int64)
	for _, topic := range []string{"server.requests", "client.responses"} {
		for _, r := range read(x.t, x.broker, topic) {
			ends[fmt.Sprint(topic, "/", r.Partition)] = r.Offset + 1
		}
	}
	for _, e := range events {
		p := fmt.Sprint(e.Topic, "/", e.Partition)
		if e.Kind == checker.Commit && e.Offset == ends[p] {
			delete(ends, p)
		}
	}
	for p, end := range ends {
		x.t.Errorf("seed %d: partition %s was not committed to its end, %d", x.seed, p, end)
	}
}
