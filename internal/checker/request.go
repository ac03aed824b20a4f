package checker

// checkTerminal looks for requests that were acknowledged and came to nothing.
func checkTerminal(t *trace, _ Options) []Violation {
	var found []Violation
	for _, r := range t.requests {
		if r.acked && !r.succeeded && !r.dead && !r.expired && r.ended == 0 {
			found = append(found, violation(RuleTerminal, r.events,
				"request %s was acknowledged and is lost: never handled well, no dead letter, no end", r.id))
		}
	}
	return found
}

// checkEnded looks for calls that did not end once, and durable requests whose
// service got no end.
func checkEnded(t *trace, _ Options) []Violation {
	var found []Violation
	for _, r := range t.requests {
		switch {
		case r.mode == ModeCall && r.ended > 1:
			found = append(found, violation(RuleEnded, r.events, "call %s ended %d times, want once", r.id, r.ended))
		case r.mode == ModeCall && r.invoked && r.ended == 0 && !t.orphaned(r):
			found = append(found, violation(RuleEnded, r.events, "call %s never ended", r.id))
		case r.mode == ModeCall && r.afterEnd():
			found = append(found, violation(RuleEnded, r.events, "call %s got a response after its end", r.id))
		case r.mode == ModeSend && r.acked && r.started && r.ended == 0:
			found = append(found, violation(RuleEnded, r.events, "durable request %s was started and got no end", r.id))
		}
	}
	return found
}

// checkRefused looks for requests that were handled although their sender was
// told that they were not written.
func checkRefused(t *trace, _ Options) []Violation {
	var found []Violation
	for _, r := range t.requests {
		if r.refused && !r.acked && !r.unknown && (r.started || r.dead) {
			found = append(found, violation(RuleRefused, r.events,
				"request %s was refused as not written, and was there", r.id))
		}
	}
	return found
}

// afterEnd reports whether a response was received after the end.
func (r *request) afterEnd() bool {
	over := false
	for _, e := range r.events {
		if e.Kind == Received && over {
			return true
		}
		over = over || e.Kind == Ended
	}
	return false
}
