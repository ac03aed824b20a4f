package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestGrowthOf(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		cost     func(n float64) float64
		exponent string
		steepest string
		within   string
	}{
		"constant":   {func(float64) float64 { return 5 }, "1.00", "1000 to 10000: 1.00", "yes"},
		"falling":    {func(n float64) float64 { return 1 / math.Sqrt(n) }, "0.50", "1000 to 10000: 0.32", "yes"},
		"half a log": {func(n float64) float64 { return 1 + math.Log2(n)/2 }, "1.21", "1000 to 10000: 1.28", "yes"},
		"a root":     {math.Sqrt, "1.50", "10 to 10000: 31.62", "no"},
		"just above": {func(n float64) float64 { return max(1.3, math.Log10(n)) }, "1.13", "100 to 10000: 2.00", "unclear"},
		"linear":     {func(n float64) float64 { return n }, "2.00", "1 to 10000: 10000.00", "no"},
		"at the end": {func(n float64) float64 { return max(9, n/500) }, "1.07", "1000 to 10000: 2.22", "no"},
		"a hill":     {func(n float64) float64 { return max(1, 90-math.Abs(n-100)) }, "1.00", "10 to 100: 90.00", "no"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var places []place
			for _, n := range powers(10, 10_000) {
				c := tt.cost(float64(n))
				places = append(places, place{at: float64(n), ours: spread{c, 0.9 * c, 1.1 * c}})
			}
			g := growthOf("some", "asynccalls", places, func(p place) spread { return p.ours })
			if got := fmt.Sprintf("%.2f", g.Exponent); got != tt.exponent {
				t.Errorf("all calls cost n^%s, want n^%s", got, tt.exponent)
			}
			if got := fmt.Sprintf("%.0f to %.0f: %.2f", g.From, g.To, g.Grew); got != tt.steepest {
				t.Errorf("the steepest is %s, want %s", got, tt.steepest)
			}
			if got := g.within(); got != tt.within {
				t.Errorf("%.2f× is within %.2f×: %q, want %q", g.Grew, g.Allowed, got, tt.within)
			}
		})
	}
}

// TestSeries finds out whether the works of a series are those that are drawn.
func TestSeries(t *testing.T) {
	t.Parallel()
	var want []string
	for _, s := range grown() {
		a := s.axis()
		if first, last := a.marks[0].name, a.marks[len(a.marks)-1].at; first != "1" || last < 10 {
			t.Errorf("%s goes from %s to %g, want it to begin with 1 and have an end", s.name, first, last)
		}
		for _, m := range a.marks {
			want = append(want, m.work)
		}
	}
	for names, want := range map[string][]string{
		growthName: want, "growth-keys": {"growth-keys-1", "growth-keys-10", "growth-keys-100", "growth-keys-1000"},
	} {
		works, err := selectWorks(names)
		var got []string
		for _, w := range works {
			got = append(got, w.name)
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s selects %q (%v), want %q", names, got, err, want)
		}
	}
	if got := strings.Join([]string{brief(64), brief(1000), brief(100_000), brief(1_000_000)}, " "); got != "64 1k 100k 1M" {
		t.Errorf("the numbers on axes are %s, want 64 1k 100k 1M", got)
	}
	all, err := selectWorks("")
	if i := slices.IndexFunc(all, func(w work) bool { return strings.HasPrefix(w.name, growthName) }); err != nil || i >= 0 {
		t.Errorf("work %d is of growth (%v), want it to be asked for", i, err)
	}
}

func TestTargets(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		work work
		want string
	}{
		"usual":     {work{}, "[{server /echo }] of [/echo]"},
		"keys":      {work{keys: 2}, "[{server /echo key-0} {server /echo key-1}] of [/echo]"},
		"endpoints": {work{endpoints: 2}, "[{server /echo/0 } {server /echo/1 }] of [/echo/0 /echo/1]"},
		"wildcards": {
			work{endpoints: 2, wildcards: true},
			"[{server /echo/0/17 } {server /echo/1/17 }] of [/echo/0/{id} /echo/1/{id}]",
		},
		"services": {work{services: 2}, "[{server /echo } {server-1 /echo }] of [/echo]"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := fmt.Sprint(tt.work.targets(), " of ", tt.work.patterns()); got != tt.want {
				t.Errorf("got targets %s, want %s", got, tt.want)
			}
		})
	}
}

func TestGate(t *testing.T) {
	t.Parallel()
	s := &setup{Work: "growth-outstanding-10"}
	if err := s.openGate(t.Context()); err != nil {
		t.Fatal(err)
	}
	key, err := dialGate(t.Context(), &setup{Servers: []string{s.gate.address()}})
	if err != nil {
		t.Fatal(err)
	}
	if err := key.let(3); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		s.gate.pass()
	}
	if s.gate.free != 0 {
		t.Errorf("%d answers may pass after the first and three more, want none", s.gate.free)
	}
	passed := make(chan struct{})
	go func() {
		s.gate.pass()
		close(passed)
	}()
	if err := s.gate.close(); err != nil {
		t.Error(err)
	}
	<-passed
	if err := key.Close(); err != nil {
		t.Error(err)
	}
	if err := (&setup{Work: "echo1"}).openGate(t.Context()); err != nil {
		t.Error(err)
	}
	var none *gate
	none.pass()
}

// TestRunGrowth has points of series measured, and one of these drawn.
func TestRunGrowth(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	var progress log
	dir := t.TempDir()
	args := []string{
		"-works", "growth-outstanding-1,growth-outstanding-100,growth-instances-2,growth-services-10",
		"-rounds", "1", "-round", "200ms", "-timeout", "1m", "-plot", dir, "-json",
	}
	if err := run(t.Context(), args, &out, &progress); err != nil {
		t.Fatalf("run: %v\n%s", err, &progress)
	}
	works := make(map[string]int)
	var sides []string
	decoder := json.NewDecoder(&out)
	for decoder.More() {
		var line struct {
			result
			growth
		}
		if err := decoder.Decode(&line); err != nil {
			t.Fatal(err)
		}
		switch {
		case line.Work != "":
			works[line.Work]++
			if line.Figure == perSecond && (line.Floor.Median <= 0 || line.Ours.Median <= 0) {
				t.Errorf("%s: there were %g and %g calls a second, want some", line.Work, line.Floor.Median, line.Ours.Median)
			}
		case line.Series != "":
			sides = append(sides, line.Series+" "+line.Side)
		}
	}
	if len(works) != 4 || works["growth-services-10"] != 3 {
		t.Errorf("got figures of %v, want three of each of four works", works)
	}
	if want := []string{"growth-outstanding floor", "growth-outstanding asynccalls"}; !slices.Equal(sides, want) {
		t.Errorf("got growth of %q, want %q", sides, want)
	}
	svg, err := os.ReadFile(filepath.Join(dir, "growth.svg"))
	if err != nil || !bytes.Contains(svg, []byte(">calls outstanding<")) {
		t.Errorf("got a chart of %d bytes (%v), want one that names its axis", len(svg), err)
	}
}

func TestGrowthOfNothing(t *testing.T) {
	t.Parallel()
	var all []result
	for _, work := range []string{"growth-keys-1", "growth-keys-10"} {
		all = append(all, result{Work: work, Figure: perCall, Floor: spread{1, 1, 1}, Ours: spread{1, 0, 1}})
	}
	if got := growths(all); len(got) > 0 {
		t.Errorf("got %v of calls that cost nothing, want nothing", got)
	}
}

func TestGrowthTable(t *testing.T) {
	t.Parallel()
	var all []result
	for n, cost := range map[int]float64{1: 1, 10: 2, 100: 20} {
		for _, figure := range []string{perSecond, perCall, peak} {
			all = append(all, result{
				Work: fmt.Sprintf("growth-keys-%d", n), Figure: figure,
				Floor: spread{1, 1, 1}, Ours: spread{cost, cost, cost}, Ratio: spread{cost, cost, cost},
			})
		}
	}
	var out bytes.Buffer
	p := &table{w: &out}
	if err := p.work(all); err != nil {
		t.Fatal(err)
	}
	if err := p.finish(machine{Broker: "some"}); err != nil {
		t.Fatal(err)
	}
	got := strings.Join(strings.Fields(out.String()), " ")
	for _, want := range []string{
		"| growth-keys-10 | 1 | 2 | 2.00× [2.00 – 2.00] | 1 [1 – 1] | 2 [2 – 2] | 2.00× [2.00 – 2.00] | 1 | 2 |",
		"| growth-keys | floor | n^1.00 | 10 to 100 | 1.00× | 1.77× | yes |",
		"| growth-keys | asynccalls | n^1.65 | 10 to 100 | 10.00× | 1.77× | no |",
		"Broker: some.",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("got\n%swant it to hold %q", &out, want)
		}
	}
	if strings.Contains(got, "| work | figure |") {
		t.Errorf("got\n%swant no table of other works", &out)
	}
}
