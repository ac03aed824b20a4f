package main

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
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

func TestRun(t *testing.T) {
	t.Parallel()
	var out, progress bytes.Buffer
	args := []string{"-works", "echo1k,hello", "-rounds", "1", "-round", "10ms", "-timeout", "1m", "-json"}
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
		got = append(got, r.Work)
	}
	if want := "echo1k hello "; strings.Join(got, " ") != want {
		t.Errorf("got results of %q, want %q and one about the machine", got, want)
	}
}

func TestUnknownWork(t *testing.T) {
	t.Parallel()
	err := run(t.Context(), []string{"-works", "echo2"}, &bytes.Buffer{}, &bytes.Buffer{})
	if err == nil || !strings.Contains(err.Error(), `"echo2"`) {
		t.Errorf("got error %v, want one that names the work", err)
	}
}

func TestUnreachableBroker(t *testing.T) {
	t.Parallel()
	args := []string{"-brokers", "127.0.0.1:1", "-works", "echo1", "-timeout", "1s"}
	err := run(t.Context(), args, &bytes.Buffer{}, &bytes.Buffer{})
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
