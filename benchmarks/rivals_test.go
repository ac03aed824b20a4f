package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestRivals has each rival do what it can, once.
func TestRivals(t *testing.T) {
	t.Parallel()
	streaming := slices.DeleteFunc(rivalNames(), func(name string) bool { return name == "watermill" })
	p := plan{rounds: 1, round: time.Millisecond, limit: orderLimit, rivals: rivalNames()}
	tests := map[string]struct {
		work work
		want []string
		note string
	}{
		"calls":   {withRivals(echoMany("echo1k", 1000)), rivalNames(), ""},
		"streams": {withRivals(streamMany()), streaming, "watermill answers each request once"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var progress log
			results, _, err := p.measure(t.Context(), tt.work, &progress)
			if err != nil {
				t.Fatalf("%v\n%s", err, &progress)
			}
			for _, r := range results {
				var got []string
				for _, other := range r.Rivals {
					got = append(got, other.Side)
					if other.Value.Median <= 0 || other.Ratio.Median <= 0 || other.Costs[0].CPU <= 0 {
						t.Errorf("%s of %s is %+v, want positive numbers", r.Figure, other.Side, other)
					}
				}
				if !slices.Equal(got, tt.want) || r.Note != tt.note {
					t.Errorf("got %q with the note %q, want %q with %q", got, r.Note, tt.want, tt.note)
				}
			}
		})
	}
}

func TestChosenRivals(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ names, want string }{
		"all":  {"http,grpc,nats,watermill", "floor asynccalls http grpc nats watermill"},
		"some": {"nats", "floor asynccalls nats"},
		"none": {noRivals, "floor asynccalls"},
	}
	w := withRivals(echoAlone())
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := parse([]string{"-rivals", tt.names}, &log{})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, s := range p.compared(&w) {
				got = append(got, s.name)
			}
			if strings.Join(got, " ") != tt.want {
				t.Errorf("got the sides %q, want %q", got, tt.want)
			}
		})
	}
}

// TestInstances has many servers and clients work together.
func TestInstances(t *testing.T) {
	t.Parallel()
	p := plan{rounds: 1, round: time.Millisecond, limit: orderLimit}
	var progress log
	results, _, err := p.measure(t.Context(), instances(), &progress)
	if err != nil {
		t.Fatalf("%v\n%s", err, &progress)
	}
	for _, r := range results {
		if r.Floor.Median <= 0 || r.Ours.Median <= 0 {
			t.Errorf("%s is %g and %g, want positive numbers", r.Figure, r.Floor.Median, r.Ours.Median)
		}
	}
}

func TestTableOfRivals(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	p := &table{w: &out}
	value := spread{50, 40, 60}
	with := result{Work: "echo1k", Figure: perSecond, Unit: "1/s", Floor: value, Ours: value, Ratio: spread{1, 1, 1}}
	with.Rivals = []rival{{Side: "http", Value: spread{25, 20, 30}, Ratio: spread{2, 1, 3}, Costs: [2]cost{{CPU: 7}, {CPU: 9}}}}
	without := with
	without.Work, without.Rivals = "echo10", nil
	if err := p.work([]result{with, without}); err != nil {
		t.Fatal(err)
	}
	if err := p.finish(machine{}); err != nil {
		t.Fatal(err)
	}
	got := strings.Join(strings.Fields(out.String()), " ")
	for _, want := range []string{
		"| echo1k | calls | 1/s | 50 (1.00× [1.00 – 1.00]) | 50 | 25 (2.00× [1.00 – 3.00]) |",
		"| 7 + 9 µs, 0 + 0 |",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("got\n%swant it to hold %q", &out, want)
		}
	}
	if n := strings.Count(got, "| echo10 |"); n != 2 {
		t.Errorf("the work without rivals is in %d tables, want only the two of all works", n)
	}
}

// TestCharts draws what was measured, and nothing for what was not.
func TestCharts(t *testing.T) {
	t.Parallel()
	var all []result
	for i, m := range flightAxis().marks {
		value := spread{float64(1000 * (i + 1)), float64(900 * (i + 1)), float64(1300 * (i + 1))}
		for _, figure := range []string{perSecond, p99} {
			all = append(all, result{
				Work: m.work, Figure: figure, Floor: value, Ours: value, Rivals: []rival{{Side: "nats", Value: value}},
			})
		}
	}
	p := &plan{plots: t.TempDir()}
	if err := p.draw(all, machine{Broker: "some"}); err != nil {
		t.Fatal(err)
	}
	tests := map[string][]string{
		"flight.svg": {"Calls in flight", "calls/s", "p99 of a call, ms", ">10,000<", "asynccalls", "Broker: some."},
		"rivals.svg": {"10,000 calls in flight", "nats", "5,000"},
	}
	for name, wants := range tests {
		svg, err := os.ReadFile(filepath.Join(p.plots, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range wants {
			if !strings.Contains(string(svg), want) {
				t.Errorf("%s does not hold %q", name, want)
			}
		}
	}
	if _, err := os.Stat(filepath.Join(p.plots, "size.svg")); !os.IsNotExist(err) {
		t.Errorf("got a chart of one size (%v), want none", err)
	}
	if err := p.draw(nil, machine{}); err != nil {
		t.Errorf("draw of no results: %v", err)
	}
}
