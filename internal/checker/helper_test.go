package checker_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls/internal/checker"
)

// epoch is when all histories of these tests begin.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

const requests, responses = "s.requests", "c.responses"

// tale is a list of events.
func tale(events ...checker.Event) []checker.Event { return events }

// timed gives events the times 0, 1, 2 and so on, in seconds, where they have
// none.
func timed(events []checker.Event) []checker.Event {
	events = slices.Clone(events)
	for i := range events {
		if events[i].At.IsZero() {
			events[i].At = epoch.Add(time.Duration(i) * time.Second)
		}
	}
	return events
}

// about is an event of the client about a request.
func about(k checker.Kind, mode, request string) checker.Event {
	return checker.Event{Kind: k, Instance: "client", Request: request, Mode: mode}
}

// call, send and notify are events of the client.
func call(k checker.Kind, request string) checker.Event {
	return about(k, checker.ModeCall, request)
}

func send(k checker.Kind, request string) checker.Event {
	return about(k, checker.ModeSend, request)
}

func notify(k checker.Kind, request string) checker.Event {
	return about(k, checker.ModeNotify, request)
}

// at is an event of instance a about offset n of partition 0.
func at(k checker.Kind, n int64) checker.Event {
	return checker.Event{Kind: k, Instance: "a", Topic: requests, Offset: n}
}

// start and end are a run of request at offset n with key k.
func start(n int64, request, run string) checker.Event {
	e := at(checker.HandlerStart, n)
	e.Request, e.Run, e.Key = request, run, "k"
	return e
}

func end(n int64, request, run string) checker.Event {
	e := start(n, request, run)
	e.Kind = checker.HandlerEnd
	return e
}

// response is a response of a run, with a body.
func response(k checker.Kind, request, run string, seq int, body string) checker.Event {
	return checker.Event{Kind: k, Instance: "client", Request: request, Run: run, Seq: seq, Digest: body}
}

// by has another instance see an event.
func by(instance string, e checker.Event) checker.Event {
	e.Instance = instance
	return e
}

func failing(e checker.Event) checker.Event {
	e.Error = "broken"
	return e
}

// story is a history and the rules that it violates.
type story struct {
	events []checker.Event
	want   string // rules, separated by spaces
}

// run checks stories.
func run(t *testing.T, stories map[string]story) {
	t.Helper()
	for name, s := range stories {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := checker.Check(timed(s.events), checker.Options{Slack: time.Nanosecond})
			var rules, texts []string
			for _, v := range found {
				rules = append(rules, v.Rule)
				texts = append(texts, v.String())
			}
			if got := strings.Join(rules, " "); got != s.want {
				t.Errorf("violates %q, want %q\n%s", got, s.want, strings.Join(texts, "\n"))
			}
		})
	}
}
