package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// growthName begins the names of the works that measure growth.
const growthName = "growth"

// series is works that differ in one number only, and tell how what a call costs
// grows with it.
type series struct {
	name   string // of what there are so many; the works are named growth-NAME-NUMBER
	text   string // the same in words
	points []int

	// vary makes echo10k the work of a point.
	vary func(w *work, n int)
}

// grown returns all series. Bodies have 100 bytes, and where it does not say
// otherwise, requests have four partitions, and a client has 10,000 calls in flight
// to a server. Clients that are many have 2,000 each.
//
// The floor has topics, partitions, keys and groups as asynccalls has. It has
// nothing like endpoints: there it is the same at each point.
func grown() []series {
	return []series{
		{"outstanding", "calls outstanding", powers(10, 1_000_000), burst},
		{"keys", "keys, in one partition", powers(10, 1000), func(w *work, n int) { w.partitions, w.keys = 1, n }},
		{"partitions", "partitions of requests", powers(4, 64), func(w *work, n int) { w.partitions = int32(n) }},
		{"instances", "servers, and as many clients", powers(2, mostInstances), func(w *work, n int) {
			w.partitions, w.replies = mostInstances, mostInstances
			w.instances, w.inflight, w.count = n, 2000*n, 2000*n*callsEach
		}},
		{"endpoints", "endpoints", powers(10, 100), func(w *work, n int) { w.endpoints = n }},
		{"wildcards", "endpoints with a wildcard", powers(10, 100), func(w *work, n int) {
			w.endpoints, w.wildcards = n, true
		}},
		{"services", "services, of one partition each", powers(10, 100), func(w *work, n int) {
			w.partitions, w.services = 1, n
		}},
	}
}

// mostInstances is how many servers and clients there are at most, and how many
// partitions for them, however many there are.
const mostInstances = 16

// powers returns 1, base and so on, up to most.
func powers(base, most int) []int {
	var all []int
	for n := 1; n <= most; n *= base {
		all = append(all, n)
	}
	return all
}

// The figures of all works of growth. Those of a call are of all clients and servers
// together, as is the memory, which is the largest resident size of each.
const (
	perCall = "CPU of a call"
	peak    = "memory, at most"
)

// callsEach is how many calls a worker makes in a round. It is the same at each point,
// as it costs something to start a worker. Of bursts there are as many as take a
// round.
const callsEach = 10

// work returns that of a point.
func (s *series) work(n int) work {
	w := echoMany(s.point(n), 10_000)
	w.count = w.inflight * callsEach
	w.figures = []figure{{perSecond, "1/s", goal{}}, {perCall, "µs", goal{}}, {peak, "MB", goal{}}}
	w.values = growthValues
	s.vary(&w, n)
	return w
}

func (s *series) full() string { return growthName + "-" + s.name }

func (s *series) point(n int) string { return fmt.Sprintf("%s-%d", s.full(), n) }

// axis returns what the works of the series are drawn on.
func (s *series) axis() axis {
	a := axis{name: s.text}
	for _, n := range s.points {
		a.marks = append(a.marks, axisMark{float64(n), brief(n), s.point(n)})
	}
	return a
}

// brief returns a number of a series as short as it gets, as seven stand on an axis.
func brief(n int) string {
	switch {
	case n >= 1_000_000 && n%1_000_000 == 0:
		return fmt.Sprintf("%dM", n/1_000_000)
	case n >= 1000 && n%1000 == 0:
		return fmt.Sprintf("%dk", n/1000)
	default:
		return strconv.Itoa(n)
	}
}

// growthWorks returns the works of all series.
func growthWorks() []work {
	var all []work
	for _, s := range grown() {
		for _, n := range s.points {
			all = append(all, s.work(n))
		}
	}
	return all
}

// growthNames returns the names of all series.
func growthNames() []string {
	var all []string
	for _, s := range grown() {
		all = append(all, s.full())
	}
	return all
}

// grows reports whether the result is of a work of growth.
func (r *result) grows() bool { return strings.HasPrefix(r.Work, growthName+"-") }

// growthValues returns the values for the figures of a work of growth.
func growthValues(s *sample, took time.Duration) []float64 {
	return append(crewValues(s, took), s.client.Memory+s.server.Memory)
}
