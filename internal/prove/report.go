//go:build unix

package prove

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls/internal/checker"
)

// setting returns a number that the environment may set.
func setting(t *testing.T, name string, preset int) int {
	t.Helper()
	value := os.Getenv(name)
	if value == "" {
		return preset
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 {
		t.Fatalf("%s is %q, want a number", name, value)
	}
	return n
}

// figures lists what was counted, by name.
func figures(counts map[string]int) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(&b, "%s %d, ", name, counts[name])
	}
	return b.String()
}

// report prints the figures of a scenario.
func (f *fleet) report(events []checker.Event, found []checker.Violation) {
	f.t.Helper()
	fates := make(map[string]map[checker.Kind]int) // by request: how often something happened to it
	for i := range events {
		e := &events[i]
		if e.Request == "" {
			continue
		}
		if fates[e.Request] == nil {
			fates[e.Request] = make(map[checker.Kind]int)
		}
		if e.Kind == checker.HandlerEnd && e.Error != "" {
			continue
		}
		if e.Kind == checker.Dead && e.Run != "" {
			continue // of a response
		}
		fates[e.Request][e.Kind]++
	}
	sum := make(map[string]int)
	for _, r := range fates {
		acked := r[checker.Acked] > 0
		for name, is := range map[string]bool{
			"requests":     r[checker.Invoke] > 0,
			"acknowledged": acked,
			"refused":      r[checker.Refused] > 0,
			"unknown":      r[checker.Invoke] > 0 && !acked && r[checker.Refused] == 0,
			"handled":      r[checker.HandlerEnd] > 0,
			"dead letters": r[checker.Dead] > 0,
		} {
			if is {
				sum[name]++
			}
		}
		sum["handled again"] += max(0, r[checker.HandlerEnd]-1)
	}
	losses := 0
	for _, v := range found {
		if v.Rule == checker.RuleTerminal || v.Rule == checker.RuleEnded {
			losses++
		}
	}
	var b strings.Builder
	b.WriteString(figures(f.tally))
	for _, name := range []string{
		"requests", "acknowledged", "unknown", "refused", "handled", "handled again", "dead letters",
	} {
		fmt.Fprintf(&b, "%s %d, ", name, sum[name])
	}
	f.t.Logf("seed %d: %sresponses received %d, commits %d, events %d, losses %d, violations %d, duration %v",
		f.seed, b.String(), f.watch.count(checker.Received), f.watch.count(checker.Commit), len(events),
		losses, len(found), time.Since(f.start).Round(100*time.Millisecond))
	if 2*sum["acknowledged"] < sum["requests"] {
		f.t.Errorf("only %d of %d requests were acknowledged: this shows little", sum["acknowledged"], sum["requests"])
	}
}
