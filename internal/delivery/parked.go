package delivery

import (
	"container/heap"
	"time"
)

// parked holds tasks that wait for their next attempt, the earliest first.
type parked []appointment

// An appointment is a task and when it runs again.
type appointment struct {
	task *Task
	due  time.Time
}

var _ heap.Interface = (*parked)(nil)

// Len implements [heap.Interface].
func (p *parked) Len() int { return len(*p) }

// Less implements [heap.Interface].
func (p *parked) Less(i, j int) bool { return (*p)[i].due.Before((*p)[j].due) }

// Swap implements [heap.Interface].
func (p *parked) Swap(i, j int) { (*p)[i], (*p)[j] = (*p)[j], (*p)[i] }

// Push implements [heap.Interface].
func (p *parked) Push(x any) {
	a, _ := x.(appointment)
	*p = append(*p, a)
}

// Pop implements [heap.Interface].
func (p *parked) Pop() any {
	last := len(*p) - 1
	a := (*p)[last]
	(*p)[last] = appointment{}
	*p = (*p)[:last]
	return a
}

func (p *parked) add(t *Task, due time.Time) {
	heap.Push(p, appointment{t, due})
}

// next takes the first task if its time has come.
func (p *parked) next(now time.Time) *Task {
	if len(*p) == 0 || now.Before((*p)[0].due) {
		return nil
	}
	a, _ := heap.Pop(p).(appointment)
	return a.task
}

// take removes the tasks that match.
func (p *parked) take(match func(*Task) bool) []*Task {
	var taken []*Task
	rest := (*p)[:0]
	for _, a := range *p {
		if match(a.task) {
			taken = append(taken, a.task)
		} else {
			rest = append(rest, a)
		}
	}
	clear((*p)[len(rest):])
	*p = rest
	heap.Init(p)
	return taken
}
