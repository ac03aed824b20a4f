package delivery_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/delivery"
)

var bound = delivery.Bound{Records: 1 << 20, Bytes: 1 << 40}

// job is what a task stands for in these tests.
type job struct {
	task delivery.Task
	key  string
	nr   int
}

func newJob(a *delivery.Assignment, key string, nr int) *job {
	j := &job{key: key, nr: nr}
	j.task.Owner, j.task.Assignment = j, a
	return j
}

func next(l *delivery.Lanes) *job {
	t := l.Next()
	if t == nil {
		return nil
	}
	j, _ := t.Owner.(*job)
	return j
}

// TestLanesModel runs random additions, takings, releases and revocations, and
// checks each taking against the rules of 2.3.
func TestLanesModel(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 300 {
		l := delivery.NewLanes()
		gate := delivery.NewGate(2)
		a := delivery.NewAssignment(bound)
		p := driver.Partition{Topic: "t", ID: 1}
		var waiting, running []*job
		for nr := range 300 {
			switch random.IntN(3) {
			case 0:
				key := []string{"", "a", "b", "c", "d"}[random.IntN(5)]
				j := newJob(a, key, nr)
				if key == "d" || key == "" && nr%2 == 0 {
					j.task.Gate = gate
				}
				l.Add(&j.task, p, []byte(key))
				waiting = append(waiting, j)
			case 1:
				if len(running) > 0 {
					i := random.IntN(len(running))
					l.Release(&running[i].task)
					running = slices.Delete(running, i, i+1)
				}
			default:
				if random.IntN(20) == 0 {
					a.Revoke()
					waiting = nil
					a = delivery.NewAssignment(bound)
					continue
				}
				j := next(l)
				check(t, j, waiting, running, gate)
				if j != nil {
					i := slices.Index(waiting, j)
					waiting = slices.Delete(waiting, i, i+1)
					running = append(running, j)
				}
			}
		}
		for len(running) > 0 || len(waiting) > 0 {
			if j := next(l); j != nil {
				i := slices.Index(waiting, j)
				if i < 0 {
					t.Fatalf("took %v, which was dropped", j.nr)
				}
				waiting = slices.Delete(waiting, i, i+1)
				running = append(running, j)
				continue
			}
			if len(running) == 0 {
				t.Fatalf("%d tasks wait for ever", len(waiting))
			}
			l.Release(&running[0].task)
			running = running[1:]
		}
		if j := next(l); j != nil {
			t.Fatalf("took %v after everything was released", j.nr)
		}
	}
}

// check compares what Next returned with what it may return.
func check(t *testing.T, got *job, waiting, running []*job, gate *delivery.Gate) {
	t.Helper()
	var may []*job
	seen := make(map[string]bool)
	inGate := 0
	for _, j := range running {
		seen[j.key] = true
		if j.task.Gate == gate {
			inGate++
		}
	}
	for _, j := range waiting {
		if (j.key == "" || !seen[j.key]) && (j.task.Gate == nil || inGate < 2) {
			may = append(may, j)
		}
		seen[j.key] = true
	}
	if got == nil && len(may) > 0 {
		t.Fatalf("took nothing although %d could run, the first with key %q", len(may), may[0].key)
	}
	if got != nil && !slices.Contains(may, got) {
		t.Fatalf("took number %d with key %q, which must wait", got.nr, got.key)
	}
}

func TestLanesOutliveAssignments(t *testing.T) {
	t.Parallel()
	l := delivery.NewLanes()
	p := driver.Partition{Topic: "t", ID: 1}
	before, after := delivery.NewAssignment(bound), delivery.NewAssignment(bound)
	old := newJob(before, "k", 1)
	l.Add(&old.task, p, []byte("k"))
	if next(l) != old {
		t.Fatal("the first task does not run")
	}
	before.Revoke()
	again := newJob(after, "k", 1)
	l.Add(&again.task, p, []byte("k"))
	if next(l) != nil {
		t.Error("the new delivery runs beside the old run (2.3)")
	}
	if !before.Revoked() || before.Running() != 1 {
		t.Errorf("the old assignment has %d running, want 1", before.Running())
	}
	l.Release(&old.task)
	if next(l) != again {
		t.Error("the new delivery does not run after the old run has ended")
	}
}

func TestLanesKeepPartitionsApart(t *testing.T) {
	t.Parallel()
	l := delivery.NewLanes()
	a := delivery.NewAssignment(bound)
	for i, p := range []driver.Partition{{Topic: "t"}, {Topic: "t", ID: 1}, {Topic: "u"}} {
		l.Add(&newJob(a, "k", i).task, p, []byte("k"))
	}
	if l.Ready() != 3 {
		t.Errorf("%d tasks of one key in three partitions may run, want 3", l.Ready())
	}
}

func TestDecide(t *testing.T) {
	t.Parallel()
	type o = delivery.Outcome
	none, end, dead, both := o{}, o{End: true}, o{Dead: true}, o{End: true, Dead: true}
	// Columns: success, final, fault, unserved, expired.
	tests := map[delivery.Mode][5]o{
		delivery.Awaited:  {end, end, end, end, none},
		delivery.Durable:  {end, end, both, dead, end},
		delivery.OneWay:   {none, dead, dead, dead, none},
		delivery.Response: {none, dead, dead, dead, none},
	}
	for mode, wants := range tests {
		for i, want := range wants {
			t.Run(fmt.Sprintf("mode %d failure %d", mode, i), func(t *testing.T) {
				t.Parallel()
				got := delivery.Decide(mode, delivery.Failure(i)) //nolint:gosec // five of them
				if got != want {
					t.Errorf("outcome is %+v, want %+v", got, want)
				}
			})
		}
	}
}

func BenchmarkLanes(b *testing.B) {
	for name, key := range map[string]string{"key": "customer-17", "no key": ""} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			l := delivery.NewLanes()
			a := delivery.NewAssignment(bound)
			p := driver.Partition{Topic: "a-money-broker.requests", ID: 1}
			j := newJob(a, key, 1)
			for b.Loop() {
				l.Add(&j.task, p, []byte(key))
				l.Release(l.Next())
			}
		})
	}
}
