package checker

import (
	"slices"
	"time"
)

// The rules in this file are about calls whose terms are known.

// checkDeadline looks for calls that ended too late.
func checkDeadline(t *trace, o Options) []Violation {
	var found []Violation
	for _, r := range t.requests {
		if r.invoke == nil || r.end == nil {
			continue
		}
		if r.left != nil && r.end.At.After(r.left.At.Add(o.Slack+r.reading())) {
			found = append(found, violation(RuleDeadline, r.events,
				"call %s went on after its caller had given it up", r.id))
		}
		if late := r.end.At.Sub(r.invoke.Until); late > o.Precision+o.Slack+r.reading() {
			found = append(found, violation(RuleDeadline, []*Event{r.invoke, r.end},
				"call %s ended %v after its deadline", r.id, late))
		}
	}
	return found
}

// reading is how long the caller may have read what was there when the call ended.
func (r *request) reading() time.Duration {
	return time.Duration(len(r.received)+1) * r.invoke.Terms.Pause
}

// checkReason looks for ends without a reason, and for reasons without an end.
func checkReason(t *trace, o Options) []Violation {
	var found []Violation
	for _, r := range t.requests {
		if r.invoke == nil || t.orphaned(r) {
			continue
		}
		if missed := t.outlived(r, o); missed != nil {
			found = append(found, violation(RuleReason, append([]*Event{missed}, r.events...),
				"call %s did not end when responses were lost", r.id))
		}
		if r.end == nil || r.end.Error == "" {
			continue
		}
		if !t.explains(r, o) {
			found = append(found, violation(RuleReason, r.events,
				"nothing explains why call %s ended: %s", r.id, r.end.Error))
		}
		if t.neglected(r, o) {
			found = append(found, violation(RuleReason, r.events,
				"call %s ended though all was well for %v: %s", r.id, o.Recovery, r.end.Error))
		}
	}
	return found
}

// explains reports whether there was the reason for which a call ended.
func (t *trace) explains(r *request, o Options) bool {
	switch r.end.Reason {
	case ReasonDeadline:
		return r.end.At.Add(o.Precision).After(r.invoke.Until)
	case ReasonLeft:
		return r.left != nil
	case ReasonUnsent:
		return r.unsent != nil
	case ReasonLost:
		return t.suffered(r, Missed)
	case ReasonClosed:
		return slices.ContainsFunc(t.disturbed[r.invoker], func(e *Event) bool {
			return e.Kind == Closing && !e.At.After(r.end.At)
		})
	default:
		if t.suffered(r, Cut) && len(r.written) > 0 && r.end.Reason != "" {
			return true // a response may be another one with the same number
		}
		return slices.ContainsFunc(r.runs(), r.explainedBy)
	}
}

// explainedBy reports whether a run is the reason for which the call ended.
func (r *request) explainedBy(s *stored) bool {
	terms := r.invoke.Terms
	switch r.end.Reason {
	case ReasonStatus:
		return s.end != nil && s.end.Mark == MarkError
	case ReasonRestarted:
		return s.end != nil && (terms.One || !s.equals(r.received))
	case ReasonSlow:
		return terms.Limit > 0 && s.size > terms.Limit
	case ReasonCount:
		return terms.One && (len(s.responses) > 1 || len(s.responses) == 0 && s.end != nil)
	default:
		return false
	}
}

// neglected reports whether a call was not answered although it had the time for
// it after the last thing went wrong.
func (t *trace) neglected(r *request, o Options) bool {
	if o.Healed.IsZero() || r.end.Reason != ReasonDeadline || t.suffered(r, Missed, Cut) {
		return false
	}
	from := r.invoke.At
	if o.Healed.After(from) {
		from = o.Healed
	}
	return r.invoke.Until.Sub(from) >= o.Recovery
}

// outlived returns the loss that a call has outlived, nil if there is none.
func (t *trace) outlived(r *request, o Options) *Event {
	grace := o.Slack + r.reading()
	for _, e := range t.disturbed[r.invoker] {
		if e.Kind == Missed && e.At.After(r.invoke.At) && (r.end == nil || r.end.At.After(e.At.Add(grace))) {
			return e
		}
	}
	return nil
}

// suffered reports whether something happened to the caller while a call of it was
// pending.
func (t *trace) suffered(r *request, kinds ...Kind) bool {
	return slices.ContainsFunc(t.disturbed[r.invoker], func(e *Event) bool {
		over := e.At
		if e.Kind == Stalled {
			over = e.Until
		}
		return slices.Contains(kinds, e.Kind) && !e.At.After(r.end.At) && !over.Before(r.invoke.At)
	})
}

// checkWhole looks for callers that got something else than one run.
func checkWhole(t *trace, _ Options) []Violation {
	var found []Violation
	for _, r := range t.requests {
		if r.invoke == nil {
			continue
		}
		for _, e := range r.received {
			if !r.holds(e) {
				found = append(found, violation(RuleWhole, r.events,
					"call %s got response %d of run %s, and that was never stored for it", r.id, e.Seq, e.Run))
			}
		}
		// After a cut a response may be another one with the same number.
		if r.end != nil && !t.suffered(r, Cut) && !r.whole() {
			found = append(found, violation(RuleWhole, r.events,
				"call %s ended after %d responses, and there is no such run", r.id, len(r.received)))
		}
	}
	return found
}

// holds reports whether what was received was stored before.
func (r *request) holds(e *Event) bool {
	return slices.ContainsFunc(r.written, func(w *Event) bool {
		return w.Run == e.Run && w.Seq == e.Seq && w.Digest == e.Digest && !w.At.After(e.At)
	})
}

// whole reports whether the call got one whole run, if it ended as if it had.
func (r *request) whole() bool {
	failed := r.end.Reason == ReasonStatus
	if r.end.Error != "" && !failed {
		return true
	}
	return slices.ContainsFunc(r.runs(), func(s *stored) bool {
		if s.end == nil || s.end.Mark == MarkError != failed {
			return false
		}
		return s.equals(r.received) || failed && r.invoke.Terms.One
	})
}

// checkAnswered looks for responses that were stored, and did not reach their call.
func checkAnswered(t *trace, o Options) []Violation {
	var found []Violation
	for _, r := range t.requests {
		if r.invoke == nil || r.end == nil || t.suffered(r, Missed, Cut, Stalled) {
			continue
		}
		if r.invoke.Terms.Pause > 0 {
			if r.overfed(o) {
				found = append(found, violation(RuleAnswered, r.events,
					"call %s went on when more was waiting than %d", r.id, r.invoke.Terms.Limit))
			}
			continue
		}
		soon := r.end.At.Add(-o.Slack)
		for _, s := range r.runs() {
			switch {
			case s.end != nil && s.end.At.Before(soon):
				found = append(found, violation(RuleAnswered, r.events,
					"call %s went on although run %s was stored as a whole", r.id, s.run))
			case r.end.Reason == ReasonDeadline && !r.invoke.Terms.One && s.withheld(r.received, soon):
				found = append(found, violation(RuleAnswered, r.events,
					"call %s got %d responses, and more of run %s were stored", r.id, len(r.received), s.run))
			}
		}
	}
	return found
}

// overfed reports whether more waited than may before the caller began to read, and
// it got that: the call was to end when it was too much. It is looked at only where
// there is one run, and nothing else ended the call meanwhile.
func (r *request) overfed(o Options) bool {
	limit := r.invoke.Terms.Limit
	runs := r.runs()
	begins := r.invoke.At.Add(r.invoke.Terms.Pause - o.Slack)
	left := r.left != nil && !r.left.At.After(begins)
	if limit == 0 || len(runs) != 1 || left || !r.invoke.Until.After(begins) || r.end.At.Before(begins) {
		return false
	}
	waited, got := 0, 0
	for i, e := range runs[0].responses {
		if e.At.Before(begins) {
			waited += e.Size
		}
		if i < len(r.received) {
			got += e.Size
		}
	}
	return waited > limit && (got > limit || r.end.Error == "")
}

// stored is one run as its caller can follow it: its responses without a gap, each
// once.
type stored struct {
	run       string
	responses []*Event
	size      int
	end       *Event // nil if there is none
}

// runs returns the runs that were stored for a call, in the order in which they
// began.
func (r *request) runs() []*stored {
	var runs []*stored
	for _, e := range r.written {
		i := slices.IndexFunc(runs, func(s *stored) bool { return s.run == e.Run })
		if i < 0 {
			i = len(runs)
			runs = append(runs, &stored{run: e.Run})
		}
		runs[i].add(e)
	}
	return runs
}

// add takes in a response, unless it is behind a gap or the end, or a repetition.
func (s *stored) add(e *Event) {
	if s.end != nil || e.Seq != len(s.responses) {
		return
	}
	if e.Mark != MarkMore {
		s.end = e
	}
	if e.Mark == MarkMore || e.Mark == MarkEnd {
		s.responses = append(s.responses, e)
		s.size += e.Size
	}
}

// equals reports whether the run has just the responses that were received.
func (s *stored) equals(received []*Event) bool {
	return len(s.responses) == len(received) && s.begins(received)
}

// begins reports whether the run begins with what was received.
func (s *stored) begins(received []*Event) bool {
	if len(s.responses) < len(received) {
		return false
	}
	for i, e := range received {
		if s.responses[i].Digest != e.Digest {
			return false
		}
	}
	return true
}

// withheld reports whether the run goes on behind what was received, with what was
// stored before some time.
func (s *stored) withheld(received []*Event, before time.Time) bool {
	n := len(received)
	return len(s.responses) > n && s.begins(received) && s.responses[n].At.Before(before)
}
