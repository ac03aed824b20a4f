package delivery_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

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

// start is the time in these tests.
var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func next(l *delivery.Lanes, now time.Time) *job {
	t := l.Next(now)
	if t == nil {
		return nil
	}
	j, _ := t.Owner.(*job)
	return j
}

// TestLanesModel runs random additions, takings, releases, retries and
// revocations, and checks each taking against the rules of 2.3 and 2.4.
func TestLanesModel(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 300 {
		m := &lanesModel{
			t: t, random: random, lanes: delivery.NewLanes(), now: start,
			gate: delivery.NewGate(2, retry), assignment: delivery.NewAssignment(bound),
			parked: map[*job]time.Time{},
		}
		for nr := range 300 {
			m.step(nr)
		}
		m.finish()
	}
}

// lanesModel is the plainest form of the rules: lists of jobs.
type lanesModel struct {
	t          *testing.T
	random     *rand.Rand
	lanes      *delivery.Lanes
	now        time.Time
	gate       *delivery.Gate
	assignment *delivery.Assignment

	waiting, running []*job // waiting in the order of their lanes
	parked           map[*job]time.Time
}

func (m *lanesModel) step(nr int) {
	switch m.random.IntN(8) {
	case 0, 1, 2:
		m.add(nr)
	case 3, 4:
		m.end(m.random.IntN(3) == 0)
	case 5:
		m.now = m.now.Add(time.Duration(m.random.IntN(1000)) * time.Millisecond)
		m.lanes.Wake(m.now)
	default:
		if m.random.IntN(20) == 0 {
			m.revoke()
			return
		}
		m.take()
	}
}

func (m *lanesModel) add(nr int) {
	key := []string{"", "a", "b", "c", "d"}[m.random.IntN(5)]
	j := newJob(m.assignment, key, nr)
	if key == "d" || key == "" && nr%2 == 0 {
		j.task.Gate = m.gate
	}
	m.lanes.Add(&j.task, driver.Partition{Topic: "t", ID: 1}, []byte(key))
	m.waiting = append(m.waiting, j)
}

// end ends a job that runs, which may have to be tried again.
func (m *lanesModel) end(again bool) {
	if len(m.running) == 0 {
		return
	}
	i := m.random.IntN(len(m.running))
	j := m.running[i]
	m.running = slices.Delete(m.running, i, i+1)
	if !again {
		m.lanes.Finish(&j.task, delivery.Outcome{}, start)
		return
	}
	due := m.now.Add(time.Duration(m.random.IntN(1000)) * time.Millisecond)
	m.lanes.Finish(&j.task, delivery.Outcome{Retry: due}, m.now)
	if !j.task.Assignment.Revoked() {
		m.waiting = slices.Insert(m.waiting, 0, j) // before those of its key
		m.parked[j] = due
	}
}

func (m *lanesModel) revoke() {
	m.lanes.Revoke(m.assignment)
	m.waiting = nil
	clear(m.parked)
	m.assignment = delivery.NewAssignment(bound)
}

func (m *lanesModel) take() *job {
	j := next(m.lanes, m.now)
	m.check(j)
	if j != nil {
		i := slices.Index(m.waiting, j)
		m.waiting = slices.Delete(m.waiting, i, i+1)
		m.running = append(m.running, j)
		delete(m.parked, j)
	}
	return j
}

func (m *lanesModel) finish() {
	for len(m.running) > 0 || len(m.waiting) > 0 {
		m.now = m.now.Add(time.Second)
		m.lanes.Wake(m.now)
		if m.take() != nil {
			continue
		}
		if len(m.running) == 0 {
			m.t.Fatalf("%d tasks wait for ever", len(m.waiting))
		}
		m.end(false)
	}
	if j := next(m.lanes, m.now); j != nil {
		m.t.Fatalf("took %v after everything was released", j.nr)
	}
	if _, ok := m.lanes.Due(); ok {
		m.t.Fatal("something is parked after everything was released")
	}
}

// check compares what Next returned with what it may return.
func (m *lanesModel) check(got *job) {
	m.t.Helper()
	var may []*job
	seen := make(map[string]bool)
	inGate := 0
	for _, j := range m.running {
		seen[j.key] = true
		if j.task.Gate != nil {
			inGate++
		}
	}
	for _, j := range m.waiting {
		_, parked := m.parked[j]
		if !parked && (j.key == "" || !seen[j.key]) && (j.task.Gate == nil || inGate < 2) {
			may = append(may, j)
		}
		if parked && got == j && !m.parked[j].After(m.now) {
			return // its time has come
		}
		seen[j.key] = true
	}
	if got == nil && len(may) > 0 {
		m.t.Fatalf("took nothing although %d could run, the first with key %q", len(may), may[0].key)
	}
	if got != nil && !slices.Contains(may, got) {
		m.t.Fatalf("took number %d with key %q, which must wait", got.nr, got.key)
	}
}

// TestLanesRunTheOldest wants what had to wait to run before what was added later.
func TestLanesRunTheOldest(t *testing.T) {
	t.Parallel()
	l := delivery.NewLanes()
	a := delivery.NewAssignment(bound)
	for nr, key := range []string{"a", "a", "", "b", "", "b"} {
		l.Add(&newJob(a, key, nr).task, driver.Partition{}, []byte(key))
	}
	first := next(l, start)
	l.Finish(&first.task, delivery.Outcome{Retry: start.Add(time.Second)}, start)
	var order []int
	for j := next(l, start); j != nil; j = next(l, start) {
		order = append(order, j.nr)
		l.Finish(&j.task, delivery.Outcome{}, start)
		if len(order) == 2 {
			l.Wake(start.Add(time.Second))
		}
	}
	if want := []int{2, 3, 0, 1, 4, 5}; !slices.Equal(order, want) {
		t.Errorf("ran in the order %v, want %v", order, want)
	}
}

func TestLanesOutliveAssignments(t *testing.T) {
	t.Parallel()
	l := delivery.NewLanes()
	p := driver.Partition{Topic: "t", ID: 1}
	before, after := delivery.NewAssignment(bound), delivery.NewAssignment(bound)
	old := newJob(before, "k", 1)
	l.Add(&old.task, p, []byte("k"))
	if next(l, start) != old {
		t.Fatal("the first task does not run")
	}
	l.Revoke(before)
	again := newJob(after, "k", 1)
	l.Add(&again.task, p, []byte("k"))
	if next(l, start) != nil {
		t.Error("the new delivery runs beside the old run (2.3)")
	}
	if !before.Revoked() || before.Running() != 1 {
		t.Errorf("the old assignment has %d running, want 1", before.Running())
	}
	l.Finish(&old.task, delivery.Outcome{}, start)
	if next(l, start) != again {
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
				l.Finish(l.Next(start), delivery.Outcome{}, start)
			}
		})
	}
}
