package delivery

// Task is one record that is to be handled.
type Task struct {
	Entry      *Entry // in the window of its partition
	Owner      any    // what handles the record, for whoever takes the task
	Assignment *Assignment
	Gate       *Gate // nil for no bound but that of the workers
	Awaited    bool  // somebody waits for the outcome: it runs even while the gate probes

	tardy  bool   // it was overdue once
	key    uint64 // of the lane, 0 for a record without a key
	order  uint64 // in which the tasks were added
	behind *Task  // the next task of the same key
	queued *Task  // the next task in the queue it waits in
}

// Done marks the record as done. It is safe to call from any goroutine.
func (t *Task) Done() { t.Assignment.Window.Done(t.Entry) }

// Assignment is one partition as long as this member of the group has it.
type Assignment struct {
	Window  *Window
	running int  // tasks taken and not yet released
	revoked bool // nothing of it is taken any more
	unacked unacked
}

// NewAssignment returns the state of a partition that was just assigned.
func NewAssignment(b Bound) *Assignment { return &Assignment{Window: NewWindow(b)} }

// Running returns how many of its tasks were taken and not yet released.
func (a *Assignment) Running() int { return a.running }

// Revoked reports whether the assignment has ended.
func (a *Assignment) Revoked() bool { return a.revoked }

// queue is a list of tasks, linked through them.
type queue struct {
	head, tail *Task
	len        int
}

func (q *queue) push(t *Task) {
	if q.tail == nil {
		q.head = t
	} else {
		q.tail.queued = t
	}
	q.tail = t
	q.len++
}

func (q *queue) pop() *Task {
	t := q.head
	if t == nil {
		return nil
	}
	q.head = t.queued
	t.queued = nil
	if q.head == nil {
		q.tail = nil
	}
	q.len--
	return t
}

// take removes the tasks that match, and returns them in their order.
func (q *queue) take(match func(*Task) bool) []*Task {
	var taken []*Task
	for range q.len {
		t := q.pop()
		if match(t) {
			taken = append(taken, t)
		} else {
			q.push(t)
		}
	}
	return taken
}
