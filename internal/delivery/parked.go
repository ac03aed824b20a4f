package delivery

import (
	"container/heap"
	"time"
)

// parked holds tasks that wait for their next attempt, the earliest first.
type parked []*Task

var _ heap.Interface = (*parked)(nil)

// Len implements [heap.Interface].
func (p *parked) Len() int { return len(*p) }

// Less implements [heap.Interface].
func (p *parked) Less(i, j int) bool { return (*p)[i].due.Before((*p)[j].due) }

// Swap implements [heap.Interface].
func (p *parked) Swap(i, j int) { (*p)[i], (*p)[j] = (*p)[j], (*p)[i] }

// Push implements [heap.Interface].
func (p *parked) Push(x any) {
	t, _ := x.(*Task)
	*p = append(*p, t)
}

// Pop implements [heap.Interface].
func (p *parked) Pop() any {
	last := len(*p) - 1
	t := (*p)[last]
	(*p)[last] = nil
	*p = (*p)[:last]
	return t
}

func (p *parked) add(t *Task, due time.Time) {
	t.due = due
	heap.Push(p, t)
}

// next takes the first task if its time has come.
func (p *parked) next(now time.Time) *Task {
	if len(*p) == 0 || now.Before((*p)[0].due) {
		return nil
	}
	t, _ := heap.Pop(p).(*Task)
	return t
}

// take removes the tasks that match.
func (p *parked) take(match func(*Task) bool) []*Task {
	var taken []*Task
	rest := (*p)[:0]
	for _, t := range *p {
		if match(t) {
			taken = append(taken, t)
		} else {
			rest = append(rest, t)
		}
	}
	clear((*p)[len(rest):])
	*p = rest
	heap.Init(p)
	return taken
}
