package checker

import "slices"

// lane is one key of a partition in one instance.
type lane struct {
	tenure
	key string
}

func (e *Event) tenure() tenure { return tenure{e.Instance, e.partition()} }

// checkOverlap looks for runs of one key that run at the same time in an
// instance. A run that goes on after its partition was taken away still counts:
// a partition that comes back waits for it.
func checkOverlap(t *trace, _ Options) []Violation {
	var found []Violation
	open := make(map[lane][]*Event)
	for _, e := range t.events {
		if e.Kind == Killed {
			for l := range open {
				if l.instance == e.Instance {
					delete(open, l)
				}
			}
		}
		if e.Key == "" {
			continue
		}
		l := lane{e.tenure(), e.Key}
		switch e.Kind {
		case HandlerStart:
			if len(open[l]) > 0 {
				found = append(found, violation(RuleOverlap, append(slices.Clone(open[l]), e),
					"key %q of partition %d of %s: run %s started beside run %s",
					e.Key, e.Partition, e.Topic, e.Run, open[l][0].Run))
			}
			open[l] = append(open[l], e)
		case HandlerEnd:
			open[l] = slices.DeleteFunc(open[l], func(start *Event) bool { return start.Run == e.Run })
			if len(open[l]) == 0 {
				delete(open, l)
			}
		default:
		}
	}
	return found
}

// checkOrder looks for runs that start behind the start of a later record of
// their key. After an assignment the log may begin further back.
func checkOrder(t *trace, _ Options) []Violation {
	type turn struct {
		assignment int
		start      *Event
	}
	var found []Violation
	assignments := make(map[tenure]int)
	last := make(map[lane]turn)
	for _, e := range t.events {
		switch e.Kind {
		case Assigned:
			assignments[e.tenure()]++
		case Truncated:
			for at := range assignments {
				if at.partition == e.partition() {
					assignments[at]++
				}
			}
		case HandlerStart:
			if e.Key == "" {
				continue
			}
			now := turn{assignments[e.tenure()], e}
			if e.Assignment > 0 {
				now.assignment = e.Assignment
			}
			l := lane{e.tenure(), e.Key}
			before, ok := last[l]
			if ok && before.assignment == now.assignment && e.Offset < before.start.Offset {
				found = append(found, violation(RuleOrder, []*Event{before.start, e},
					"key %q of partition %d of %s: offset %d started after offset %d",
					e.Key, e.Partition, e.Topic, e.Offset, before.start.Offset))
			}
			last[l] = now
		default:
		}
	}
	return found
}

// checkHeld looks for runs that start while their partition belongs to nobody or
// to another instance. It asks only instances that write down what they are
// assigned.
func checkHeld(t *trace, o Options) []Violation {
	var found []Violation
	held := make(map[tenure]bool)
	gone := make(map[tenure]*Event)
	for _, e := range t.events {
		switch e.Kind {
		case Assigned:
			held[e.tenure()] = true
		case Revoked, Lost:
			held[e.tenure()] = false
			gone[e.tenure()] = e
		case HandlerStart:
			at := e.tenure()
			if held[at] || !t.assigns[e.Instance] {
				continue
			}
			if since := gone[at]; since == nil {
				found = append(found, violation(RuleHeld, []*Event{e},
					"partition %d of %s: run %s started and it never was assigned", e.Partition, e.Topic, e.Run))
			} else if e.At.Sub(since.At) >= o.Slack {
				found = append(found, violation(RuleHeld, []*Event{since, e},
					"partition %d of %s: run %s started after it was %s", e.Partition, e.Topic, e.Run, since.Kind))
			}
		default:
		}
	}
	return found
}
