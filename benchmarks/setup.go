package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// setupVariable is the variable in the environment of a process that this
// program has started. It holds a setup.
const setupVariable = "ASYNCCALLS_BENCHMARK"

// role is what a process does.
type role string

const (
	broker role = "broker"
	server role = "server"
	client role = "client"

	publisher role = "publisher" // of the requests that wait in a work with a drain
	drainer   role = "drainer"   // one of its variants
)

// setup says what a process is.
type setup struct {
	Role    role
	Side    string   `json:",omitempty"` // the name of a side or of a variant, but for a broker
	Work    string   `json:",omitempty"` // the name of a work, but for a broker
	Brokers []string `json:",omitempty"`
	Servers []string `json:",omitempty"` // addresses, for a client of a side that has no broker
	Prefix  string   `json:",omitempty"` // of topics and groups
	Seed    uint64   `json:",omitempty"` // of what is drawn at random

	// Instance is the number of this one of the Instances that share the work; it is
	// 0, and Instances 0 or 1, for one that has it alone.
	Instance, Instances int `json:",omitempty"`

	CPU    string `json:",omitempty"` // file for a profile of CPU time
	Allocs string `json:",omitempty"` // file for a profile of allocations

	requests *requests // of all connections of the process
	gate     *gate     // of a server of a work that has one, or nil
}

// order has a client make calls, or one of a work with a drain take as many
// requests. With a count of 0 it only reports, as any other
// process does.
type order struct{ Count int }

// report is the answer to an order, and what a process says first, as soon as it
// is ready.
type report struct {
	Error     string        `json:",omitempty"`
	Addresses []string      `json:",omitempty"` // of a broker or server
	Values    []float64     `json:",omitempty"` // for the figures of the work
	Took      time.Duration `json:",omitempty"`
	Usage     usage
}

// usage is what a process has used since it started.
type usage struct {
	CPU      time.Duration
	Allocs   uint64
	Requests uint64 // to the broker

	Memory float64 // the largest resident size until now, in megabytes
}

func (u usage) since(before usage) usage {
	return usage{u.CPU - before.CPU, u.Allocs - before.Allocs, u.Requests - before.Requests, u.Memory}
}

func (u usage) plus(v usage) usage {
	return usage{u.CPU + v.CPU, u.Allocs + v.Allocs, u.Requests + v.Requests, u.Memory + v.Memory}
}

func parseSetup(encoded string) (*setup, error) {
	s := setup{requests: new(requests)}
	if err := json.Unmarshal([]byte(encoded), &s); err != nil {
		return nil, fmt.Errorf("variable %s: %w", setupVariable, err)
	}
	return &s, nil
}

// side returns the side that the process is on.
func (s *setup) side() (*side, error) {
	w, err := s.work()
	if err != nil {
		return nil, err
	}
	for _, candidate := range w.compared() {
		if candidate.name == s.Side {
			return &candidate, nil
		}
	}
	return nil, fmt.Errorf("there is no side %q", s.Side)
}

// work returns the work that the process takes part in, or its part of it.
func (s *setup) work() (*work, error) {
	all := append(works(), growthWorks()...)
	i := slices.IndexFunc(all, func(w work) bool { return w.name == s.Work })
	if i < 0 {
		return nil, fmt.Errorf("there is no work %q", s.Work)
	}
	w := &all[i]
	w.inflight /= max(s.Instances, 1)
	return w, nil
}
