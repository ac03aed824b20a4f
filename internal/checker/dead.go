package checker

// letter names what a record is about: a request, or one response of a run.
type letter struct {
	request, run string
	seq          int
}

// originals is what was written, by all that a dead letter may be found by.
type originals struct {
	letters   map[letter][]*Event
	places    map[place][]*Event
	requests  bool // those of requests are known
	responses bool // those of responses are
}

// checkDead looks for dead letters that are not what was written.
func checkDead(t *trace, _ Options) []Violation {
	o := &originals{letters: make(map[letter][]*Event), places: make(map[place][]*Event)}
	for _, e := range t.events {
		if e.Kind == Original {
			o.add(e)
		}
	}
	var found []Violation
	for _, e := range t.events {
		if e.Kind == Dead {
			found = append(found, o.compare(e)...)
		}
	}
	return found
}

func (e *Event) letter() letter { return letter{e.Request, e.Run, e.Seq} }

func (o *originals) add(e *Event) {
	if e.Request != "" {
		o.letters[e.letter()] = append(o.letters[e.letter()], e)
	}
	if e.Topic != "" {
		o.places[e.place()] = append(o.places[e.place()], e)
	}
	o.requests = o.requests || e.Run == ""
	o.responses = o.responses || e.Run != ""
}

// compare returns what is wrong with a dead letter. It may lack what it is found
// by, if its headers are not what they were.
func (o *originals) compare(e *Event) []Violation {
	written := o.letters[e.letter()]
	if e.Request == "" || written == nil {
		written = o.places[e.place()]
	}
	if written == nil {
		known := o.requests && e.Run == "" || o.responses && e.Run != ""
		if !known {
			return nil
		}
		return []Violation{violation(RuleDead, []*Event{e},
			"a dead letter of offset %d of partition %d of %s is of nothing that was written",
			e.Offset, e.Partition, e.Topic)}
	}
	for _, w := range written {
		if w.Digest == e.Digest {
			return nil
		}
	}
	return []Violation{violation(RuleDead, append([]*Event{e}, written...),
		"the dead letter of request %q is not what was written", e.Request)}
}
