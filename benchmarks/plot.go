package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
)

// axis is what several works differ in.
type axis struct {
	title string // of the chart
	name  string // of the axis
	marks []axisMark
}

// axisMark is a place on an axis, and the work that was measured there.
type axisMark struct {
	at   float64
	name string
	work string
}

func flightAxis() axis {
	return axis{"Calls in flight, with bodies of 100 bytes", "calls in flight", []axisMark{
		{1, "1", "echo1"},
		{10, "10", "echo10"},
		{100, "100", "echo100"},
		{1000, "1,000", "echo1k"},
		{10_000, "10,000", "echo10k"},
	}}
}

func sizeAxis() axis {
	return axis{"Size of bodies, with 10,000 calls in flight", "body of request and of response", []axisMark{
		{10, "10 B", "sizes-10B"},
		{100, "100 B", "echo10k"},
		{1000, "1 KB", "sizes-1KB"},
		{10_000, "10 KB", "sizes-10KB"},
		{100_000, "100 KB", "sizes-100KB"},
	}}
}

// place is what was measured at a mark.
type place struct {
	at          float64
	floor, ours spread
}

// places returns what became of a figure at the marks of an axis, as far as it was
// measured.
func places(all []result, a *axis, figure string) []place {
	var found []place
	for _, m := range a.marks {
		if r := find(all, m.work, figure); r != nil {
			found = append(found, place{m.at, r.Floor, r.Ours})
		}
	}
	return found
}

// find returns the result for a figure of a work, or nil.
func find(all []result, work, figure string) *result {
	i := slices.IndexFunc(all, func(r result) bool { return r.Work == work && r.Figure == figure })
	if i < 0 {
		return nil
	}
	return &all[i]
}

// draw draws the charts for which enough was measured, if the plan asks for that.
// Other files stay as they are.
func (p *plan) draw(all []result, m machine) error {
	if p.plots == "" {
		return nil
	}
	place := fmt.Sprintf("Broker: %s. %s %s, %d CPUs, %s.", m.Broker, m.Go, m.System, m.CPUs, m.Date)
	var errs []error
	for name, a := range map[string]axis{"flight.svg": flightAxis(), "size.svg": sizeAxis()} {
		calls, times := places(all, &a, perSecond), places(all, &a, p99)
		if len(calls) < 2 || len(times) < 2 {
			continue
		}
		pic := &picture{title: a.title, foot: place + " Medians, smallest and largest of the rounds."}
		errs = append(errs, pic.write(filepath.Join(p.plots, name), curves(&a, calls, "calls/s"),
			curves(&a, times, "p99 of a call, ms")))
	}
	calls, times := find(all, "echo10k", perSecond), find(all, "echo10k", p99)
	if calls != nil && times != nil {
		title := "10,000 calls in flight, with bodies of 100 bytes"
		pic := &picture{title: title, foot: place + " Medians of the rounds."}
		errs = append(errs, pic.write(filepath.Join(p.plots, "rivals.svg"), bars(calls, "calls/s"),
			bars(times, "p99 of a call, ms")))
	}
	errs = append(errs, p.drawGrowth(all, place))
	return errors.Join(errs...)
}

// drawGrowth draws what a call costs along each series of which enough was measured.
func (p *plan) drawGrowth(all []result, place string) error {
	var panels []panel
	for _, s := range grown() {
		a := s.axis()
		if costs := s.costs(all); len(costs) >= 2 {
			panels = append(panels, curves(&a, costs, "CPU of a call, µs"))
		}
	}
	if len(panels) == 0 {
		return nil
	}
	pic := &picture{
		title: "CPU time of a call, of all clients and servers",
		foot:  place + " Medians, smallest and largest of the rounds.",
	}
	return pic.write(filepath.Join(p.plots, "growth.svg"), panels...)
}
