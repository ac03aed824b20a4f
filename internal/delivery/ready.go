package delivery

import "container/heap"

// ready holds the tasks that may run. The one that was added first goes first:
// so the commit point does not stay behind, and a key with many tasks does not
// end long after the others.
type ready struct {
	fresh queue // in their order
	late  late  // those that had to wait for something
}

func (r *ready) len() int { return r.fresh.len + len(r.late) }

// add takes in a task that was just added to its lane.
func (r *ready) add(t *Task) { r.fresh.push(t) }

// push takes in a task that had to wait.
func (r *ready) push(t *Task) { heap.Push(&r.late, t) }

// pop returns the oldest task, or nil.
func (r *ready) pop() *Task {
	if len(r.late) == 0 || r.fresh.len > 0 && r.fresh.head.order < r.late[0].order {
		return r.fresh.pop()
	}
	t, _ := heap.Pop(&r.late).(*Task)
	return t
}

// late is a heap of tasks, the oldest first.
type late []*Task

var _ heap.Interface = (*late)(nil)

// Len implements [heap.Interface].
func (l *late) Len() int { return len(*l) }

// Less implements [heap.Interface].
func (l *late) Less(i, j int) bool { return (*l)[i].order < (*l)[j].order }

// Swap implements [heap.Interface].
func (l *late) Swap(i, j int) { (*l)[i], (*l)[j] = (*l)[j], (*l)[i] }

// Push implements [heap.Interface].
func (l *late) Push(x any) {
	t, _ := x.(*Task)
	*l = append(*l, t)
}

// Pop implements [heap.Interface].
func (l *late) Pop() any {
	last := len(*l) - 1
	t := (*l)[last]
	(*l)[last] = nil
	*l = (*l)[:last]
	return t
}
