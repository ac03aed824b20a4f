package delivery_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/delivery"
)

// outage is an endpoint whose handlers need something that may be away.
type outage struct {
	lanes      *delivery.Lanes
	gate       *delivery.Gate
	assignment *delivery.Assignment
	now        time.Time
	away       bool
	runs       int
	nr         int
}

func newOutage(limit int) *outage {
	return &outage{
		lanes: delivery.NewLanes(), gate: delivery.NewGate(limit, retry),
		assignment: delivery.NewAssignment(bound), now: start, away: true,
	}
}

func (o *outage) add(n int, awaited bool) {
	for range n {
		o.nr++
		j := newJob(o.assignment, fmt.Sprint(o.nr), o.nr)
		j.task.Gate, j.task.Awaited = o.gate, awaited
		o.lanes.Add(&j.task, driver.Partition{Topic: "t"}, []byte(j.key))
	}
}

// run runs all that may run now, and returns how many did.
func (o *outage) run() int {
	o.lanes.Wake(o.now)
	runs := 0
	for j := next(o.lanes, o.now); j != nil; j = next(o.lanes, o.now) {
		runs++
		outcome := delivery.Outcome{Away: o.away}
		if o.away && !j.task.Awaited {
			outcome.Retry = o.now.Add(time.Second)
		}
		o.lanes.Finish(&j.task, outcome, o.now)
	}
	o.runs += runs
	return runs
}

// TestGateProbes wants few attempts while something is away, and all of them once
// it is back (2.5).
func TestGateProbes(t *testing.T) {
	t.Parallel()
	o := newOutage(0)
	o.add(100, false)
	if n := o.run(); n != 10 {
		t.Errorf("%d ran before the gate began to probe, want 10", n)
	}
	for i, wait := range seconds(1, 2, 4, 4, 4) {
		o.now = o.now.Add(wait - 1)
		if n := o.run(); n != 0 {
			t.Errorf("%d ran before probe %d, want none", n, i)
		}
		o.now = o.now.Add(1)
		if n := o.run(); n != 1 {
			t.Errorf("%d ran as probe %d, want 1", n, i)
		}
	}
	o.away = false
	o.now = o.now.Add(4 * time.Second)
	if n := o.run(); n < 90 {
		t.Errorf("%d ran once it was back, want the rest", n)
	}
	o.now = o.now.Add(4 * time.Second)
	o.run()
	if want := 10 + 5 + 100; o.runs != want {
		t.Errorf("%d ran in all, want %d", o.runs, want)
	}
}

// TestGateProbesWithOthers wants one key that finds something away not to hold up
// the others.
func TestGateProbesWithOthers(t *testing.T) {
	t.Parallel()
	l := delivery.NewLanes()
	a := delivery.NewAssignment(bound)
	g := delivery.NewGate(0, retry)
	now := start
	bad := newJob(a, "bad", 0)
	bad.task.Gate = g
	l.Add(&bad.task, driver.Partition{}, []byte("bad"))
	for i := range 50 {
		j := next(l, now)
		if j != bad {
			t.Fatalf("round %d: ran %v, want the one that fails", i, j)
		}
		l.Finish(&j.task, delivery.Outcome{Retry: now.Add(time.Second), Away: true}, now)
		good := newJob(a, "good", i)
		good.task.Gate = g
		l.Add(&good.task, driver.Partition{}, []byte("good"))
		if got := next(l, now); got != good {
			t.Fatalf("round %d: the good one does not run", i)
		}
		l.Finish(&good.task, delivery.Outcome{}, start)
		now = now.Add(time.Second)
		l.Wake(now)
	}
}

// TestGateDoesNotProbeForOneKey has one key fail by itself many times, and others
// now and then: that is no reason to hold anything.
func TestGateDoesNotProbeForOneKey(t *testing.T) {
	t.Parallel()
	tests := map[string]func(o *outage){
		"one key": func(o *outage) {
			o.add(1, false)
			for range 30 {
				o.run()
				o.now = o.now.Add(time.Second)
			}
		},
		"not in a row": func(o *outage) {
			for range 5 {
				o.away = true
				o.add(9, false)
				o.run()
				o.away = false
				o.now = o.now.Add(time.Second)
				o.run()
			}
			o.away = true
			o.add(1, false)
			o.run()
		},
	}
	for name, fail := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOutage(0)
			fail(o)
			o.away = false
			o.add(1, false)
			if n := o.run(); n == 0 {
				t.Error("a healthy key is held")
			}
		})
	}
}

// TestGateForgetsTheRevoked wants the keys of tasks that wait at a gate to be free
// as soon as their partition goes, for its next assignment.
func TestGateForgetsTheRevoked(t *testing.T) {
	t.Parallel()
	tests := map[string]func(o *outage){
		"waiting": func(o *outage) {
			o.add(2, true)
			next(o.lanes, o.now) // it does not end
			next(o.lanes, o.now) // nothing: the gate is full
		},
		"held": func(o *outage) {
			o.add(20, false)
			o.run()
			o.now = o.now.Add(time.Second)
			o.lanes.Wake(o.now)
			next(o.lanes, o.now) // the probe; it does not end
		},
	}
	for name, wait := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOutage(1)
			wait(o)
			o.lanes.Revoke(o.assignment)
			a := delivery.NewAssignment(bound)
			again := newJob(a, fmt.Sprint(o.nr), 99) // the key of the last
			o.lanes.Add(&again.task, driver.Partition{Topic: "t"}, []byte(again.key))
			if got := next(o.lanes, o.now); got != again {
				t.Errorf("ran %v, want the new delivery of a key that waited", got)
			}
		})
	}
}

// TestGateProbeIsRevoked wants another probe when the partition of one goes, in
// each state that it can be in.
func TestGateProbeIsRevoked(t *testing.T) {
	t.Parallel()
	for _, state := range []string{"parked", "ready", "running", "finished"} {
		t.Run(state, func(t *testing.T) {
			t.Parallel()
			o := newOutage(0)
			gone := o.assignment
			o.add(10, false)
			o.run() // one of these is the probe, parked
			o.assignment = delivery.NewAssignment(bound)
			o.add(10, false)
			o.run()
			o.now = o.now.Add(time.Second)
			if state != "parked" {
				o.lanes.Wake(o.now)
			}
			var j *job
			if state == "running" || state == "finished" {
				j = next(o.lanes, o.now)
			}
			if state == "finished" {
				o.lanes.Finish(&j.task, delivery.Outcome{Retry: o.now, Away: true}, o.now)
			}
			o.lanes.Revoke(gone)
			if state == "running" {
				o.lanes.Finish(&j.task, delivery.Outcome{}, start)
			}
			o.away = false
			o.now = o.now.Add(10 * time.Second)
			o.run()
			o.now = o.now.Add(10 * time.Second)
			if o.run(); o.runs != 10+10 {
				t.Errorf("%d of 20 runs after the probe was revoked: the rest waits for ever", o.runs)
			}
		})
	}
}

// TestGateLetsAwaitedPass wants that somebody who waits is answered at once.
func TestGateLetsAwaitedPass(t *testing.T) {
	t.Parallel()
	o := newOutage(3)
	o.add(20, false)
	o.run()
	o.add(5, true)
	if n := o.run(); n != 5 {
		t.Errorf("%d of 5 awaited ran while the gate probes", n)
	}
}
