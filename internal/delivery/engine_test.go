package delivery_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/delivery"
)

// TestEngineStepByStep runs the machines on the stack of the test, without a
// goroutine and a clock: what a testing mode does.
func TestEngineStepByStep(t *testing.T) {
	t.Parallel()
	e := delivery.NewEngine(delivery.Bound{Records: 3, Bytes: 1 << 20})
	p := driver.Partition{Topic: "t", ID: 2}
	now := start
	e.Assign([]driver.Partition{p})
	var log []string
	for i, key := range []string{"a", "b", "a", "c"} {
		j := newJob(nil, key, i)
		r := &driver.Record{Topic: "t", Partition: 2, Offset: int64(10 + 2*i), Epoch: 1, Key: []byte(key)}
		if !e.Take(&j.task, r, 100) {
			t.Fatalf("record %d was not taken in", i)
		}
	}
	if e.Take(&newJob(nil, "a", 9).task, &driver.Record{Topic: "t"}, 1) {
		t.Error("a record of a partition that is not assigned was taken in")
	}
	if paused, changed := e.Paused(); !changed || !slices.Equal(paused, []driver.Partition{p}) {
		t.Errorf("paused is %v, want the partition with a full window", paused)
	}
	failing := map[int]int{0: 2, 3: 9} // how often each fails
	tries := map[int]*delivery.Tries{}
	step := func() bool {
		e.Wake(now)
		task := e.Next(now)
		if task == nil {
			return false
		}
		j, _ := task.Owner.(*job)
		failed := delivery.Failed{At: now, Jitter: 1}
		if tries[j.nr] == nil {
			tries[j.nr] = &delivery.Tries{}
		}
		if failing[j.nr] > 0 {
			failing[j.nr]--
			failed.How = delivery.Fault
		}
		o := delivery.Decide(delivery.OneWay, failed, retry, tries[j.nr])
		log = append(log, fmt.Sprintf("%v %d: again %v, dead %v", now.Sub(start), j.nr, !o.Retry.IsZero(), o.Dead))
		e.Finish(task, o, now)
		if o.Retry.IsZero() {
			task.Done()
		}
		return true
	}
	commit := func(err error) {
		c := e.Commit()
		log = append(log, fmt.Sprintf("%v commit %v: %v", now.Sub(start), c.Positions, err))
		if err == nil {
			e.Committed(c)
		}
	}
	for e.Pending() {
		for step() {
		}
		if due, ok := e.Due(); ok {
			now = due
			continue
		}
		commit(errors.New("lost"))
		commit(nil)
		commit(nil)
	}
	want := []string{
		"0s 0: again true, dead false",
		"0s 1: again false, dead false",
		"0s 3: again true, dead false",
		"1s 0: again true, dead false",
		"1s 3: again true, dead false",
		"3s 0: again false, dead false",
		"3s 2: again false, dead false",
		"3s 3: again false, dead true",
		"3s commit [{{t 2} 17 1 }]: lost",
		"3s commit [{{t 2} 17 1 }]: <nil>",
		"3s commit []: <nil>",
	}
	if !slices.Equal(log, want) {
		t.Errorf("happened:\n%q\nwant:\n%q", log, want)
	}
	if paused, changed := e.Paused(); !changed || len(paused) > 0 {
		t.Errorf("paused is %v, want none any more", paused)
	}
}

// TestEngineEnds wants nothing of an assignment to run or to be taken in after
// its end, and its position to be committed (2.7).
func TestEngineEnds(t *testing.T) {
	t.Parallel()
	e := delivery.NewEngine(bound)
	p, q := driver.Partition{Topic: "t"}, driver.Partition{Topic: "t", ID: 1}
	both := []driver.Partition{p, q}
	e.Assign(both)
	take := func(id int32, offset int64) *job {
		j := newJob(nil, fmt.Sprint(offset), int(offset))
		e.Take(&j.task, &driver.Record{Topic: "t", Partition: id, Offset: offset, Epoch: -1, Key: []byte(j.key)}, 1)
		return j
	}
	done, parked := take(0, 1), take(0, 2)
	take(0, 3)
	other := take(1, 4)
	e.Next(start)
	e.Finish(&done.task, delivery.Outcome{}, start)
	done.task.Done()
	e.Next(start)
	e.Finish(&parked.task, delivery.Outcome{Retry: start.Add(time.Second)}, start)
	if ended := e.End([]driver.Partition{p}); len(ended) != 1 || ended[0].Running() != 0 || !ended[0].Revoked() {
		t.Errorf("ended %v, want the assignment", ended)
	}
	if take(0, 5).task.Assignment != nil {
		t.Error("a record was taken in after the end")
	}
	e.Wake(start.Add(time.Hour))
	if task := e.Next(start.Add(time.Hour)); task == nil || task.Owner != other {
		t.Errorf("runs %v, want only what is of the other partition", task)
	}
	if _, ok := e.Due(); ok {
		t.Error("something is parked after the end")
	}
	if c := e.Commit(); len(c.Positions) != 1 || c.Positions[0].Offset != 2 {
		t.Errorf("commits %v, want what is done of the partition that ended", c.Positions)
	}
	e.Forget([]driver.Partition{p})
	if c := e.Commit(); len(c.Positions) != 0 {
		t.Errorf("commits %v, want nothing of a partition that was forgotten", c.Positions)
	}
	if ended := e.Drain(); len(ended) != 1 || ended[0].Running() != 1 {
		t.Errorf("drains %v, want the other partition", ended)
	}
	if paused, _ := e.Paused(); len(paused) != 1 {
		t.Errorf("paused is %v, want all that is assigned", paused)
	}
}

// BenchmarkEngine measures a record in flight among a million: taken in, run,
// finished, done in random order, committed.
func BenchmarkEngine(b *testing.B) {
	const inFlight = 1 << 20
	e := delivery.NewEngine(delivery.Bound{Records: 1 << 30, Bytes: 1 << 50})
	e.Assign([]driver.Partition{{Topic: "t"}})
	r := &driver.Record{Topic: "t"}
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; n += inFlight {
		b.StopTimer()
		jobs := make([]job, inFlight) // a task is used once
		b.StartTimer()
		for i := range jobs {
			jobs[i].task = delivery.Task{Owner: &jobs[i]}
			r.Offset++
			e.Take(&jobs[i].task, r, 100)
		}
		for t := e.Next(start); t != nil; t = e.Next(start) {
			e.Finish(t, delivery.Outcome{}, start)
		}
		for i := range jobs {
			jobs[i*7919%inFlight].task.Done()
		}
		e.Committed(e.Commit())
		if e.Pending() {
			b.Fatal("records are left")
		}
	}
}
