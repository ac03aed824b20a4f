package checker_test

import (
	"testing"

	"github.com/asynccalls/asynccalls/internal/checker"
)

func TestOverlap(t *testing.T) {
	t.Parallel()
	killed := by("a", checker.Event{Kind: checker.Killed})
	keyed := func(key string, e checker.Event) checker.Event {
		e.Key = key
		return e
	}
	away := func(e checker.Event) checker.Event {
		e.Partition = 1
		return e
	}
	first := start(0, "r", "1")
	run(t, map[string]story{
		"one after the other": {tale(first, end(0, "r", "1"), start(1, "q", "2"), end(1, "q", "2")), ""},
		"other key":           {tale(first, keyed("l", start(1, "q", "2")), end(0, "r", "1")), ""},
		"no key":              {tale(keyed("", first), keyed("", start(1, "q", "2"))), ""},
		"other partition":     {tale(first, away(start(1, "q", "2"))), ""},
		"other instance":      {tale(first, by("b", start(0, "r", "2"))), ""},
		"after a kill":        {tale(first, killed, start(0, "r", "2")), ""},
		"at once":             {tale(first, start(1, "q", "2"), end(0, "r", "1"), end(1, "q", "2")), "overlap"},
		"the same record":     {tale(first, start(0, "r", "2")), "overlap"},
		"three":               {tale(first, start(1, "q", "2"), end(1, "q", "2"), start(2, "p", "3")), "overlap overlap"},
		"across a revocation": {tale(at(checker.Assigned, 0), first, at(checker.Revoked, 0), at(checker.Assigned, 0), start(0, "r", "2")), "overlap"},
		"other one killed":    {tale(first, by("b", killed), start(0, "r", "2")), "overlap"},
	})
}

func TestOrder(t *testing.T) {
	t.Parallel()
	done := func(n int64, r string) []checker.Event { return tale(start(n, r, r), end(n, r, r)) }
	both := func(a, b []checker.Event, between ...checker.Event) []checker.Event {
		return append(append(a, between...), b...)
	}
	numbered := func(n int, events []checker.Event) []checker.Event {
		for i := range events {
			events[i].Assignment = n
		}
		return events
	}
	elsewhere := at(checker.Assigned, 0)
	elsewhere.Partition = 1
	assigned := at(checker.Assigned, 0)
	run(t, map[string]story{
		"forward":           {both(done(3, "r"), done(5, "q")), ""},
		"again":             {both(done(3, "r"), done(3, "q")), ""},
		"redelivered":       {both(tale(assigned), both(done(5, "r"), done(3, "q"), assigned)), ""},
		"truncated":         {both(tale(assigned), both(done(5, "r"), done(3, "q"), at(checker.Truncated, 0))), ""},
		"numbered":          {both(numbered(1, done(5, "r")), numbered(2, done(3, "q"))), ""},
		"back":              {both(done(5, "r"), done(3, "q")), "order"},
		"back, numbered":    {both(numbered(1, done(5, "r")), numbered(1, done(3, "q"))), "order"},
		"another's":         {both(tale(assigned), both(done(5, "r"), done(3, "q"), by("b", assigned))), "order"},
		"another partition": {both(tale(assigned), both(done(5, "r"), done(3, "q"), elsewhere)), "order"},
	})
}

func TestHeld(t *testing.T) {
	t.Parallel()
	assigned, revoked, lost := at(checker.Assigned, 0), at(checker.Revoked, 0), at(checker.Lost, 0)
	with := func(before ...checker.Event) []checker.Event {
		return append(before, start(0, "r", "1"), end(0, "r", "1"))
	}
	now, then := lost, start(0, "r", "1")
	now.At = epoch.Add(1e12)
	then.At = now.At
	run(t, map[string]story{
		"held":            {with(assigned), ""},
		"again":           {with(assigned, revoked, assigned), ""},
		"nobody tells":    {with(), ""},
		"another's":       {with(assigned, by("b", revoked)), ""},
		"at that moment":  {tale(assigned, now, then), ""},
		"never":           {with(by("a", checker.Event{Kind: checker.Assigned, Topic: requests, Partition: 1})), "held"},
		"revoked":         {with(assigned, revoked), "held"},
		"lost":            {with(assigned, lost), "held"},
		"another has got": {with(assigned, revoked, by("b", assigned)), "held"},
	})
}
