package delivery_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/delivery"
)

// TestUnackedModel has handlers return whose responses are acknowledged, or not:
// the engine names each that waits for 240 ticks, once, and no other (3.9).
func TestUnackedModel(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	const patience = 240
	e := delivery.NewEngine(delivery.Bound{Records: 1 << 30, Bytes: 1 << 40})
	partitions := []driver.Partition{{Topic: "t"}, {Topic: "t", ID: 1}}
	e.Assign(partitions)
	due := make(map[*delivery.Task]int) // when it is to be named
	var open []*delivery.Task
	for now, offset := 0, int64(0); now < 3000; {
		switch random.IntN(4) {
		case 0:
			task := &delivery.Task{}
			e.Take(task, &driver.Record{Topic: "t", Partition: random.Int32N(2), Offset: offset}, 1)
			offset++
			if e.Next(time.Time{}) != task {
				t.Fatal("a task without a key does not run")
			}
			e.Finish(task, delivery.Outcome{}, time.Time{})
			due[task] = now + patience + 1
			open = append(open, task)
		case 1, 2:
			if len(open) > 0 {
				i := random.IntN(len(open))
				if random.IntN(3) > 0 {
					open[i].Done()
					delete(due, open[i])
				}
				open = append(open[:i], open[i+1:]...)
			}
		default:
			now++
			for _, task := range e.Overdue() {
				if due[task] != now {
					t.Fatalf("tick %d: a task is overdue that is due at %d", now, due[task])
				}
				delete(due, task)
			}
			for _, at := range due {
				if at <= now {
					t.Fatalf("tick %d: a task is not overdue that is due at %d", now, at)
				}
			}
		}
	}
	before := len(due)
	e.End(partitions)
	for range 2 * patience {
		if overdue := e.Overdue(); len(overdue) > 0 {
			t.Fatal("a task is overdue whose assignment has ended")
		}
	}
	if before == 0 {
		t.Error("no task waited at the end: this shows little")
	}
}
