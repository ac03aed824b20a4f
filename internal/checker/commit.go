package checker

import (
	"container/heap"
	"maps"
	"time"
)

// clock is how the time of an event is written.
const clock = "15:04:05.000"

// checkBack looks for commits that are lower than one before.
func checkBack(t *trace, _ Options) []Violation {
	var found []Violation
	last := make(map[partition]*Event)
	for _, e := range t.events {
		switch e.Kind {
		case Truncated:
			delete(last, e.partition())
		case Commit:
			before := last[e.partition()]
			if before != nil && e.Offset < before.Offset {
				found = append(found, violation(RuleBack, []*Event{before, e},
					"partition %d of %s: %s committed %d at %s, %s committed %d before, at %s", e.Partition, e.Topic,
					e.Instance, e.Offset, e.At.Format(clock), before.Instance, before.Offset, before.At.Format(clock)))
			}
			last[e.partition()] = e
		default:
		}
	}
	return found
}

// record is what is known of a record at some moment.
type record struct {
	first     *Event // that named it
	request   *request
	succeeded bool // a run of it did
	failed    bool // a run of it ended with an error
}

// tenure is one partition in the hands of one instance.
type tenure struct {
	instance string
	partition
}

// ledger follows the records of all partitions to their ends.
type ledger struct {
	t       *trace
	logs    map[partition]*log
	open    map[tenure]*running
	reached map[tenure]int64     // the offset behind the last record delivered
	over    map[string]time.Time // when a call was seen to end
}

// running is the runs that an instance has open of a partition. Those of another
// instance do not matter to it: they have lost the partition, even if they do not
// know yet.
type running struct {
	offsets map[string]int64 // by run
	records map[int64]int    // how many runs, by offset
}

// log is the records of one partition that were seen.
type log struct {
	records map[int64]*record
	pending offsets // those that may be unfinished, and some that are not
}

// checkUnfinished looks for commits above records that are not finished.
func checkUnfinished(t *trace, _ Options) []Violation {
	l := &ledger{
		t:       t,
		logs:    make(map[partition]*log),
		open:    make(map[tenure]*running),
		reached: make(map[tenure]int64),
		over:    make(map[string]time.Time),
	}
	for _, e := range t.events {
		if _, before := l.over[e.Request]; e.Kind == Ended && !before {
			l.over[e.Request] = e.At
		}
	}
	var found []Violation
	for _, e := range t.events {
		if e.Kind == Commit {
			found = append(found, l.commit(e)...)
		} else {
			l.follow(e)
		}
	}
	return found
}

// follow takes in everything but a commit.
func (l *ledger) follow(e *Event) {
	at := tenure{e.Instance, e.partition()}
	switch e.Kind {
	case Assigned:
		delete(l.reached, at)
	case Delivered:
		l.record(e)
		l.reached[at] = max(l.reached[at], e.Offset+1)
	case HandlerStart:
		l.record(e)
		l.begin(at, e)
	case HandlerEnd:
		r := l.record(e)
		r.failed = r.failed || e.Error != ""
		r.succeeded = r.succeeded || e.Error == ""
		l.end(at, e)
	case Revoked, Lost:
		delete(l.open, at)
	case Truncated:
		delete(l.logs, e.partition())
	case Killed:
		maps.DeleteFunc(l.open, func(at tenure, _ *running) bool { return at.instance == e.Instance })
	default:
	}
}

func (l *ledger) begin(at tenure, e *Event) {
	runs := l.open[at]
	if runs == nil {
		runs = &running{make(map[string]int64), make(map[int64]int)}
		l.open[at] = runs
	}
	runs.offsets[e.Run] = e.Offset
	runs.records[e.Offset]++
}

func (l *ledger) end(at tenure, e *Event) {
	runs := l.open[at]
	if runs == nil {
		return // it was cut off
	}
	if _, ok := runs.offsets[e.Run]; !ok {
		return
	}
	delete(runs.offsets, e.Run)
	runs.records[e.Offset]--
	if runs.records[e.Offset] == 0 {
		delete(runs.records, e.Offset)
	}
}

// record returns what is known of the record at the place of e.
func (l *ledger) record(e *Event) *record {
	p := l.logs[e.partition()]
	if p == nil {
		p = &log{records: make(map[int64]*record)}
		l.logs[e.partition()] = p
	}
	r := p.records[e.Offset]
	if r == nil {
		r = &record{first: e}
		p.records[e.Offset] = r
		heap.Push(&p.pending, e.Offset)
	}
	if r.request == nil {
		r.request = l.t.byID[e.Request]
	}
	return r
}

// commit returns what is wrong with a commit.
func (l *ledger) commit(e *Event) []Violation {
	var found []Violation
	at := tenure{e.Instance, e.partition()}
	if l.t.delivers[e.Instance] && e.Offset > l.reached[at] {
		found = append(found, violation(RuleUnfinished, []*Event{e},
			"partition %d of %s: committed %d, and was given only what is below %d",
			e.Partition, e.Topic, e.Offset, l.reached[at]))
	}
	p := l.logs[e.partition()]
	if p == nil {
		return found
	}
	for len(p.pending) > 0 && p.pending[0] < e.Offset {
		offset, _ := heap.Pop(&p.pending).(int64)
		if r := p.records[offset]; !l.finished(r, l.open[at], e.At) {
			found = append(found, violation(RuleUnfinished, append([]*Event{r.first, e}, r.history()...),
				"partition %d of %s: committed %d, and the record at %d is not finished",
				e.Partition, e.Topic, e.Offset, offset))
		}
	}
	return found
}

// finished reports whether nothing has to be done about a record any more, as
// far as the instance with these runs can know. When a dead letter was written,
// or an end sent, is not known exactly: it counts if it is there at all, and no
// run is on its way. A call may end at the same moment.
func (l *ledger) finished(r *record, runs *running, at time.Time) bool {
	q := r.request
	switch {
	case r.succeeded:
		return true
	case runs != nil && runs.records[r.first.Offset] > 0:
		return false
	case l.t.dead[r.first.place()]:
		return true
	case q == nil:
		return false
	case q.dead, q.expired, q.failed:
		return true
	case q.mode == ModeCall: // who gave up is answered with an error, or not at all
		over, ended := l.over[q.id]
		return r.failed || ended && !over.After(at) || l.t.orphaned(q)
	default: // a handler may fail after it has sent the end
		return r.failed && q.ended > 0
	}
}

// history returns all events of the request that the record is.
func (r *record) history() []*Event {
	if r.request == nil {
		return nil
	}
	return r.request.events
}

// offsets is a heap, the lowest first.
type offsets []int64

// Len implements [heap.Interface].
func (o *offsets) Len() int { return len(*o) }

// Less implements [heap.Interface].
func (o *offsets) Less(i, j int) bool { return (*o)[i] < (*o)[j] }

// Swap implements [heap.Interface].
func (o *offsets) Swap(i, j int) { (*o)[i], (*o)[j] = (*o)[j], (*o)[i] }

// Push implements [heap.Interface].
func (o *offsets) Push(x any) {
	offset, _ := x.(int64)
	*o = append(*o, offset)
}

// Pop implements [heap.Interface].
func (o *offsets) Pop() any {
	last := len(*o) - 1
	x := (*o)[last]
	*o = (*o)[:last]
	return x
}
