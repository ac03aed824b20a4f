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
	explore(t, (*exploration).run)
}

// TestExploreCalls does the same with awaited calls alone: their callers have up to
// 50 responses to wait for, leave early or read slowly; the topic for responses is
// cut off, created again, and full of what is for others or no response at all;
// and what is in it comes twice (semantics 3.1 to 3.3, 3.5 and 3.8).
func TestExploreCalls(t *testing.T) {
	t.Parallel()
	explore(t, (*exploration).runCalls)
}

func explore(t *testing.T, run func(*exploration)) {
	t.Helper()
	var total tally
	begun := time.Now()
	seeds := exploreSeeds(t)
	t.Cleanup(func() {
		t.Logf("explored %d seeds in %v: %s", len(seeds), time.Since(begun), &total)
		if len(seeds) >= 500 {
			total.check(t)
		}
	})
	for _, seed := range seeds {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			t.Parallel()
			t.Cleanup(func() { // synctest.Test does not return if the test has failed
				if t.Failed() {
					name, _, _ := strings.Cut(t.Name(), "/")
					t.Logf("again with: go test -run '^%s$' -explore.seed=%d .", name, seed)
				}
			})
			synctest.Test(t, func(t *testing.T) {
				x := newExploration(t, seed)
				run(x)
				total.merge(&x.tally)
			})
		})
	}
}

func exploreSeeds(t *testing.T) []uint64 {
	t.Helper()
	if *exploreSeed != 0 {
		return []uint64{*exploreSeed}
	}
	n := defaultSeeds
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

// check checks that everything has happened that may.
func (c *tally) check(t *testing.T) {
	t.Helper()
	kinds := []string{
		"instances died", "instances expelled", "instances left", "receiving broke", "receiving stalled",
		"outcomes delayed", "requests refused", "requests unknown, written", "requests unknown, not written",
		"commits refused", "commits delayed", "commits not acknowledged", "nested calls",
	}
	if strings.HasPrefix(t.Name(), "TestExploreCalls") {
		kinds = append(kinds, callKinds()...)
	} else {
		kinds = append(kinds, "dead letters", "dead refused", "responses refused", "call", "send", "notify")
	}
	for _, kind := range kinds {
		if c.counts[kind] == 0 {
			t.Errorf("of %q there was nothing", kind)
		}
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
	o := checker.Options{
		Slack: time.Nanosecond, Precision: 20 * time.Millisecond,
		Healed: x.healed, Recovery: recovery,
	}
	for _, v := range checker.Check(events, o) {
		x.t.Errorf("seed %d: %v", x.seed, v)
	}
	x.complete(events)
}

// complete checks that what was left at the end is nothing: all partitions are
// committed to their ends.
func (x *exploration) complete(events []checker.Event) {
	ends := make(map[string]int64)
	topics := []string{"server.requests", "client.responses"}
	if x.client == nil {
		topics = topics[:1]
	}
	for _, topic := range topics {
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
