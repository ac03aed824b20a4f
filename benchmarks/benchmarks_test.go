package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
)

// TestMain lets the executable of the test be the processes that the program
// starts.
func TestMain(m *testing.M) {
	if encoded := os.Getenv(setupVariable); encoded != "" {
		os.Exit(child(encoded, os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// log takes what several processes write at once.
type log struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func TestRun(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	var progress log
	args := []string{
		"-works", "echo1k,sizes-10KB,hello,send10k,outstanding", "-outstanding", "1000", "-rivals", "none",
		"-rounds", "1", "-round", "10ms", "-timeout", "1m", "-json",
	}
	if err := run(t.Context(), args, &out, &progress); err != nil {
		t.Fatalf("run: %v\n%s", err, &progress)
	}
	var got []string
	decoder := json.NewDecoder(&out)
	for decoder.More() {
		var r result
		if err := decoder.Decode(&r); err != nil {
			t.Fatal(err)
		}
		if r.Work != "" && (r.Floor.Median <= 0 || r.Ours.Median <= 0) {
			t.Errorf("%s measured %g and %g, want positive numbers", r.Work, r.Floor.Median, r.Ours.Median)
		}
		if n := len(got); n == 0 || got[n-1] != r.Work {
			got = append(got, r.Work)
		}
	}
	if want := "echo1k sizes-10KB hello send10k outstanding "; strings.Join(got, " ") != want {
		t.Errorf("got results of %q, want %q and one about the machine", got, want)
	}
}

func TestUnknownNames(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"-works", "echo2"}, {"-rivals", "echo2"}} {
		err := run(t.Context(), args, &bytes.Buffer{}, &log{})
		if err == nil || !strings.Contains(err.Error(), `"echo2"`) {
			t.Errorf("%s: got error %v, want one that names it", args[0], err)
		}
	}
}

func TestGroupOfWorks(t *testing.T) {
	t.Parallel()
	works, err := selectWorks("sizes,echo1")
	var names []string
	for _, w := range works {
		names = append(names, w.name)
	}
	want := "sizes-10B sizes-1KB sizes-10KB sizes-100KB echo1"
	if got := strings.Join(names, " "); err != nil || got != want {
		t.Errorf("got works %q (%v), want %q", got, err, want)
	}
}

func TestUnreachableBroker(t *testing.T) {
	t.Parallel()
	args := []string{"-brokers", "127.0.0.1:1", "-works", "echo1", "-timeout", "1s"}
	err := run(t.Context(), args, &bytes.Buffer{}, &log{})
	if err == nil || !strings.HasPrefix(err.Error(), "echo1: ") {
		t.Errorf("got error %v, want one that names the work", err)
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := table{w: &out}
	r := result{
		Work: "echo1k", Figure: "calls", Unit: "1/s", Goal: "≥ 0.90×", Met: true,
		Floor: spread{123_456, 1000, 200_000}, Ours: spread{99.5, 1.25, 100}, Ratio: spread{0.95, 0.9, 1},
	}
	if err := p.work([]result{r}); err != nil {
		t.Fatal(err)
	}
	if err := p.finish(machine{Broker: "some", Go: "go", System: "os", CPUs: 2, Date: "today"}); err != nil {
		t.Fatal(err)
	}
	want := "123,000 [1,000 – 200,000] | 99.5 [1.25 – 100] | 0.95× [0.90 – 1.00] | ≥ 0.90× | yes |"
	if !strings.Contains(out.String(), want) {
		t.Errorf("got\n%swant it to hold %q", &out, want)
	}
}

func TestResultWithoutFloor(t *testing.T) {
	t.Parallel()
	f := figure{"order broken", "times", goal{never: true}}
	good, bad := newResult("keys", f, []float64{0, 0}, []float64{0, 0}), newResult("keys", f, []float64{0}, []float64{1})
	if !good.Met || bad.Met {
		t.Errorf("the goal of never is met by 0: %t, and by 1: %t; want only the first", good.Met, bad.Met)
	}
	good.Note = "what else there is to know"
	var text, objects bytes.Buffer
	tables, values := &table{w: &text}, &lines{w: &objects}
	if err := errors.Join(tables.work([]result{good}), tables.finish(machine{}), values.work([]result{good})); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| 0 [0 – 0] | - | never | yes |", "- `keys`: what else there is to know."} {
		if !strings.Contains(strings.Join(strings.Fields(text.String()), " "), want) {
			t.Errorf("got\n%swant it to hold %q", &text, want)
		}
	}
}

func TestResultWithoutCosts(t *testing.T) {
	t.Parallel()
	w := work{name: "some", figures: []figure{{"memory", "B", goal{below: 400}}, {"share", "×", goal{above: 0.85}}}}
	b := bench{work: w}
	for _, values := range [][]float64{{100, 1}, {401, 0.9}} {
		b.teams = append(b.teams, &team{samples: []sample{{values: values, client: usage{CPU: 1}, server: usage{CPU: 1}}}})
	}
	results := b.results()
	if results[0].Met || !results[1].Met {
		t.Errorf("401 is at most 400: %t, 0.9 is at least 0.85: %t; want only the second",
			results[0].Met, results[1].Met)
	}
	var text bytes.Buffer
	p := &table{w: &text}
	if err := errors.Join(p.work(results), p.finish(machine{})); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| ≤ 400 B | no |", "| ≥ 0.85 × | yes |", "| some | - | - | - | - | - |"} {
		if !strings.Contains(strings.Join(strings.Fields(text.String()), " "), want) {
			t.Errorf("got\n%swant it to hold %q", &text, want)
		}
	}
}

func TestOptionsOfOutstanding(t *testing.T) {
	t.Parallel()
	p, err := parse([]string{"-works", "outstanding", "-outstanding", "2000"}, &log{})
	if err != nil || p.works[0].count != 2000 {
		t.Errorf("got %+v (%v), want 2000 calls", p, err)
	}
	_, err = parse([]string{"-outstanding", "999"}, &log{})
	if err == nil || !strings.Contains(err.Error(), "-outstanding is 999") {
		t.Errorf("got error %v, want one that names the flag", err)
	}
}

func TestOptionsOfDrains(t *testing.T) {
	t.Parallel()
	p, err := parse([]string{"-works", "backlog", "-backlog", "17", "-seed", "5"}, &log{})
	if err != nil || p.works[0].drain.requests != 17 || p.seed != 5 {
		t.Errorf("got %+v (%v), want 17 requests and seed 5", p, err)
	}
	if _, err := parse([]string{"-backlog", "-1"}, &log{}); err == nil || !strings.Contains(err.Error(), "-backlog is -1") {
		t.Errorf("got error %v, want one that names the flag", err)
	}
	other, err := parse(nil, &log{})
	if err != nil || other.seed == 0 {
		t.Errorf("got seed %d (%v), want one that was drawn", other.seed, err)
	}
}
