package checker

import "slices"

// answers is what is known of the responses to one request.
type answers struct {
	request   *request
	starts    int               // of handlers
	uncertain bool              // one of them died, and may have sent more than it has written down
	said      map[number]*Event // Responded
	written   map[number]bool   // Original; false if it was not written
	count     map[string]int    // how many responses each run is known to have sent, by run
	received  []*Event
	ends      []*Event
	found     []Violation
}

// number is one response of one run.
type number struct {
	run string
	seq int
}

// checkResponses looks at what callers, and handlers of responses, have got.
func checkResponses(t *trace, _ Options) []Violation {
	var found []Violation
	for _, r := range t.requests {
		a := &answers{request: r}
		for _, e := range r.events {
			a.note(e)
			a.uncertain = a.uncertain || e.Kind == HandlerStart && t.killed[e.Instance] != nil
		}
		a.same()
		if r.mode == ModeCall {
			a.awaited()
		} else {
			a.durable()
		}
		found = append(found, a.found...)
	}
	return found
}

func (a *answers) note(e *Event) {
	switch e.Kind {
	case HandlerStart:
		a.starts++
	case Original:
		if a.written == nil {
			a.written = make(map[number]bool)
		}
		n := number{e.Run, e.Seq}
		a.written[n] = a.written[n] || e.Topic != ""
	case Responded:
		if a.said == nil {
			a.said, a.count = make(map[number]*Event), make(map[string]int)
		}
		n := number{e.Run, e.Seq}
		if before := a.said[n]; before != nil {
			a.fail([]*Event{before, e}, "run %s of request %s sent number %d twice", e.Run, a.request.id, e.Seq)
		}
		a.said[n] = e
		a.count[e.Run] = max(a.count[e.Run], e.Seq+1)
	case Received:
		a.received = append(a.received, e)
	case Ended:
		a.ends = append(a.ends, e)
	default:
	}
}

// same checks that a response is the same wherever it was seen.
func (a *answers) same() {
	seen := make(map[number]*Event, len(a.received))
	for _, e := range a.received {
		n := number{e.Run, e.Seq}
		before := a.said[n]
		if before == nil {
			before = seen[n]
		}
		if before != nil && before.Digest != e.Digest {
			a.fail([]*Event{before, e}, "response %d of run %s of request %s has changed",
				e.Seq, e.Run, a.request.id)
		}
		seen[n] = e
	}
}

// awaited checks a call: 0, 1, 2 and so on, and all of them if it ended well.
func (a *answers) awaited() {
	for i, e := range a.received {
		if e.Seq != i {
			a.fail(a.received[:i+1], "call %s received number %d in place %d", a.request.id, e.Seq, i)
			return
		}
		if i > 0 && e.Run != a.received[i-1].Run && !a.follows(e.Run, a.received[:i]) {
			a.fail(a.request.events, "call %s went on with run %s, which began differently", a.request.id, e.Run)
			return
		}
	}
	if len(a.ends) != 1 || a.ends[0].Error != "" || len(a.count) == 0 {
		return
	}
	if len(a.received) == 0 && a.starts > len(a.count) {
		return // a run without responses
	}
	for _, n := range a.count {
		if n == len(a.received) || n < len(a.received) && a.uncertain {
			return
		}
	}
	a.fail(a.request.events, "call %s ended well after %d responses, and no run has sent so many",
		a.request.id, len(a.received))
}

// follows reports whether run began with what was received, as far as known.
func (a *answers) follows(run string, received []*Event) bool {
	for _, e := range received {
		if said := a.said[number{run, e.Seq}]; said != nil && said.Digest != e.Digest {
			return false
		}
	}
	return true
}

// durable checks what handlers of responses got: repetitions are allowed, but
// each number comes for the first time behind those before it, and a run that
// ended well lacks none that was written. Where it is found out too late that
// one was not, another end follows, or another run.
func (a *answers) durable() {
	got := make(map[string][]bool) // by run and number
	highest := make(map[string]int)
	for _, e := range a.received {
		if have := got[e.Run]; e.Seq < len(have) && have[e.Seq] {
			continue
		}
		if e.Seq < highest[e.Run] {
			a.fail(a.received, "request %s: number %d of run %s came for the first time after number %d",
				a.request.id, e.Seq, e.Run, highest[e.Run])
			return
		}
		highest[e.Run] = e.Seq
		for len(got[e.Run]) <= e.Seq {
			got[e.Run] = append(got[e.Run], false)
		}
		got[e.Run][e.Seq] = true
	}
	for _, end := range a.ends {
		if !slices.ContainsFunc(a.ends, func(e *Event) bool { return e.Run == end.Run && e.Error != "" }) {
			a.complete(end, got[end.Run])
		}
	}
}

// complete checks that all responses of a run that ended well were received.
func (a *answers) complete(end *Event, got []bool) {
	for seq := range max(len(got), a.count[end.Run]) {
		if seq < len(got) && got[seq] {
			continue
		}
		if written, known := a.written[number{end.Run, seq}]; !known || written {
			a.fail(append(slices.Clone(a.received), end),
				"request %s: run %s ended well, and its response %d was never received", a.request.id, end.Run, seq)
			return
		}
	}
}

func (a *answers) fail(events []*Event, format string, args ...any) {
	a.found = append(a.found, violation(RuleResponses, events, format, args...))
}
