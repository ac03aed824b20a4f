package checker_test

import (
	"testing"
	"time"

	"github.com/asynccalls/asynccalls/internal/checker"
)

// deadline is that of the calls in these tests.
var deadline = epoch.Add(30 * time.Second)

// under is the beginning of a call with these terms.
func under(terms checker.Terms) checker.Event {
	e := call(checker.Invoke, "r")
	e.Terms, e.Until = &terms, deadline
	return e
}

// stored is response seq of a run, as it was stored for the caller.
func stored(run string, seq int, mark string) checker.Event {
	e := by("server", response(checker.Written, "r", run, seq, string(rune('a'+seq))))
	e.Mark, e.Size = mark, 100
	return e
}

// because is the end of a call for a reason.
func because(reason string) checker.Event {
	e := failing(call(checker.Ended, "r"))
	e.Reason = reason
	return e
}

// later has an event happen some seconds after the epoch.
func later(seconds float64, e checker.Event) checker.Event {
	e.At = epoch.Add(time.Duration(seconds * float64(time.Second)))
	return e
}

// of is an event of the client that is about no request.
func of(k checker.Kind) checker.Event { return checker.Event{Kind: k, Instance: "client"} }

func TestDeadline(t *testing.T) {
	t.Parallel()
	invoke, over := under(checker.Terms{}), because(checker.ReasonDeadline)
	killed := of(checker.Killed)
	run(t, map[string]story{
		"at it":              {tale(invoke, later(30, over)), ""},
		"as soon as noticed": {tale(invoke, later(30.1, over)), ""},
		"too late":           {tale(invoke, later(30.2, over)), "deadline"},
		"slow to read":       {tale(under(checker.Terms{Pause: time.Second}), later(31, over)), ""},
		"too slow":           {tale(under(checker.Terms{Pause: time.Second}), later(32, over)), "deadline"},
		"slow to read one":   {tale(under(checker.Terms{Pause: time.Second}), later(30, stored("x", 0, "")), later(31, got("x", 0)), later(32, over)), ""},
		"given up":           {tale(invoke, later(5, call(checker.Left, "r")), later(5, because(checker.ReasonLeft))), ""},
		"went on":            {tale(invoke, later(5, call(checker.Left, "r")), later(6, because(checker.ReasonLeft))), "deadline"},
		"caller died":        {tale(invoke, killed), ""},
	})
}

func TestReason(t *testing.T) {
	t.Parallel()
	invoke := under(checker.Terms{})
	refused := by("client", checker.Event{Kind: checker.Original, Request: "r", Error: "refused"})
	left := call(checker.Left, "r")
	status := stored("x", 0, checker.MarkError)
	one, limited := under(checker.Terms{One: true}), under(checker.Terms{Limit: 150})
	more, whole := stored("x", 0, checker.MarkMore), stored("x", 1, checker.MarkEnd)
	at := func(e checker.Event) checker.Event { e.At = epoch.Add(10 * time.Second); return e }
	run(t, map[string]story{
		"status":               {tale(invoke, at(status), at(because(checker.ReasonStatus))), ""},
		"no status":            {tale(invoke, at(because(checker.ReasonStatus))), "reason whole"},
		"another in its place": {tale(invoke, at(of(checker.Cut)), at(stored("x", 0, checker.MarkBare)), at(status), at(because(checker.ReasonStatus))), ""},
		"behind the end":       {tale(invoke, at(stored("x", 0, checker.MarkBare)), at(status), at(because(checker.ReasonStatus))), "reason whole"},
		"deadline":             {tale(invoke, later(30, because(checker.ReasonDeadline))), ""},
		"before the deadline":  {tale(invoke, later(29, because(checker.ReasonDeadline))), "reason"},
		"left":                 {tale(invoke, at(left), at(because(checker.ReasonLeft))), ""},
		"not left":             {tale(invoke, because(checker.ReasonLeft)), "reason"},
		"lost":                 {tale(invoke, at(of(checker.Missed)), at(because(checker.ReasonLost))), ""},
		"nothing lost":         {tale(invoke, because(checker.ReasonLost)), "reason"},
		"lost before":          {tale(of(checker.Missed), invoke, because(checker.ReasonLost)), "reason"},
		"lost by another":      {tale(invoke, by("b", of(checker.Missed)), because(checker.ReasonLost)), "reason"},
		"cut, not lost":        {tale(invoke, of(checker.Cut), because(checker.ReasonLost)), "reason"},
		"outlives a loss":      {tale(invoke, of(checker.Missed), later(30, because(checker.ReasonDeadline))), "reason"},
		"restarted":            {tale(invoke, at(stored("y", 1, checker.MarkMore)), at(status), at(because(checker.ReasonRestarted))), "reason"},
		"another run":          {tale(invoke, more, got("x", 0), at(body("z", stored("y", 0, checker.MarkEnd))), at(because(checker.ReasonRestarted))), ""},
		"no other run":         {tale(invoke, at(more), at(got("x", 0)), at(because(checker.ReasonRestarted))), "reason"},
		"slow":                 {tale(limited, at(more), at(whole), at(because(checker.ReasonSlow))), ""},
		"within the limit":     {tale(limited, more, because(checker.ReasonSlow)), "reason"},
		"no limit":             {tale(invoke, at(more), at(whole), at(because(checker.ReasonSlow))), "reason"},
		"two":                  {tale(one, at(more), at(whole), at(because(checker.ReasonCount))), ""},
		"none":                 {tale(one, at(stored("x", 0, checker.MarkBare)), at(because(checker.ReasonCount))), ""},
		"just one":             {tale(one, at(stored("x", 0, checker.MarkEnd)), at(because(checker.ReasonCount))), "reason"},
		"any number wanted":    {tale(invoke, at(more), at(whole), at(because(checker.ReasonCount))), "reason"},
		"refused":              {tale(invoke, refused, because(checker.ReasonUnsent)), ""},
		"sent":                 {tale(invoke, because(checker.ReasonUnsent)), "reason"},
		"closed":               {tale(invoke, of(checker.Closing), because(checker.ReasonClosed)), ""},
		"open":                 {tale(invoke, because(checker.ReasonClosed)), "reason"},
		"none at all":          {tale(invoke, because("")), "reason"},
	})
}

func TestWhole(t *testing.T) {
	t.Parallel()
	invoke, over := under(checker.Terms{}), call(checker.Ended, "r")
	one := under(checker.Terms{One: true})
	more, last := stored("x", 0, checker.MarkMore), stored("x", 1, checker.MarkEnd)
	bare, failed := stored("x", 1, checker.MarkBare), stored("x", 1, checker.MarkError)
	now := func(events ...checker.Event) []checker.Event { // no time passes
		for i := range events {
			events[i].At = epoch
		}
		return events
	}
	run(t, map[string]story{
		"with the last":      {now(invoke, more, last, got("x", 0), got("x", 1), over), ""},
		"with a bare end":    {now(invoke, more, bare, got("x", 0), over), ""},
		"with a status":      {now(invoke, more, failed, got("x", 0), because(checker.ReasonStatus)), ""},
		"stored again":       {now(invoke, more, more, last, got("x", 0), got("x", 1), over), ""},
		"of two equal runs":  {now(invoke, more, stored("y", 0, ""), stored("y", 1, checker.MarkEnd), got("x", 0), got("y", 1), over), ""},
		"one":                {now(one, stored("x", 0, checker.MarkEnd), got("x", 0), over), ""},
		"one, with a status": {now(one, more, failed, because(checker.ReasonStatus)), ""},
		"too few":            {now(invoke, more, last, got("x", 0), over), "whole"},
		"too many":           {now(invoke, more, bare, last, got("x", 0), got("x", 1), over), "whole"},
		"not whole":          {now(invoke, more, stored("x", 2, checker.MarkBare), got("x", 0), over), "whole"},
		"well, of a failure": {now(invoke, more, failed, got("x", 0), over), "whole"},
		"another response":   {now(invoke, more, bare, body("z", got("x", 0)), over), "whole whole"},
		"another run":        {now(invoke, more, bare, got("y", 0), because(checker.ReasonStatus)), "reason whole whole"},
		"none was stored":    {now(invoke, over), "whole"},
		"behind a cut":       {now(invoke, of(checker.Cut), more, body("z", more), bare, body("z", got("x", 0)), over), ""},
	})
}

func TestAnswered(t *testing.T) {
	t.Parallel()
	invoke, over := under(checker.Terms{}), later(30, because(checker.ReasonDeadline))
	slow, heavy := under(checker.Terms{Pause: time.Minute}), under(checker.Terms{Pause: time.Minute, Limit: 150})
	for _, e := range []*checker.Event{&slow, &heavy} {
		e.Until = epoch.Add(5 * time.Minute)
	}
	hasty := heavy
	hasty.Until = deadline
	last := stored("x", 1, checker.MarkEnd)
	more, bare := stored("x", 0, checker.MarkMore), stored("x", 1, checker.MarkBare)
	missed, stalled := of(checker.Missed), of(checker.Stalled)
	missed.At, stalled.Until = over.At, epoch.Add(time.Second)
	run(t, map[string]story{
		"not whole":           {tale(invoke, later(5, more), later(5, got("x", 0)), over), ""},
		"whole at the end":    {tale(invoke, later(5, more), later(5, got("x", 0)), later(30, bare), over), ""},
		"whole":               {tale(invoke, later(5, more), later(5, got("x", 0)), later(6, bare), over), "answered"},
		"ended well too late": {tale(invoke, later(5, more), later(5, got("x", 0)), later(6, bare), later(7, call(checker.Ended, "r"))), "answered"},
		"withheld":            {tale(invoke, later(5, more), over), "answered"},
		"another is withheld": {tale(invoke, later(5, more), later(5, got("x", 0)), later(6, body("z", stored("y", 0, ""))), over), ""},
		"slow to read":        {tale(hasty, later(5, more), later(5, got("x", 0)), later(6, bare), over), ""},
		"much waits":          {tale(heavy, later(5, more), later(5, last), later(60, got("x", 0)), later(120, because(checker.ReasonSlow))), ""},
		"its time is over":    {tale(hasty, later(5, more), later(5, last), later(60, because(checker.ReasonDeadline))), ""},
		"it has left":         {tale(heavy, later(5, more), later(5, last), later(29, call(checker.Left, "r")), later(60, because(checker.ReasonLeft))), ""},
		"too much was read":   {tale(heavy, later(5, more), later(5, last), later(60, got("x", 0)), later(120, got("x", 1)), later(180, call(checker.Ended, "r"))), "answered"},
		"no limit":            {tale(slow, later(5, more), later(5, last), later(60, got("x", 0)), later(120, got("x", 1)), later(180, call(checker.Ended, "r"))), ""},
		"missed":              {tale(invoke, later(5, more), missed, over), ""},
		"stalled":             {tale(stalled, invoke, later(5, more), over), ""},
		"stalled before":      {tale(stalled, later(3, invoke), later(5, more), over), "answered"},
		"another is stalled":  {tale(by("b", stalled), invoke, later(5, more), over), "answered"},
	})
}

// TestHealed checks calls that had time after the last thing went wrong.
func TestHealed(t *testing.T) {
	t.Parallel()
	over := later(30, because(checker.ReasonDeadline))
	cut := of(checker.Cut)
	tests := map[string]struct {
		events []checker.Event
		healed float64
		want   int
	}{
		"time enough":         {tale(under(checker.Terms{}), over), 9, 1},
		"little time":         {tale(under(checker.Terms{}), over), 11, 0},
		"invoked later":       {tale(later(9, under(checker.Terms{})), over), -20, 1},
		"invoked much later":  {tale(later(11, under(checker.Terms{})), over), -20, 0},
		"responses were lost": {tale(under(checker.Terms{}), cut, over), 9, 0},
		"another reason":      {tale(under(checker.Terms{}), call(checker.Left, "r"), because(checker.ReasonLeft)), 9, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := checker.Options{Recovery: 20 * time.Second}
			if found := checker.Check(timed(tt.events), o); len(found) != 0 {
				t.Errorf("found %v, want nothing while it is not known when things were well", found)
			}
			o.Healed = epoch.Add(time.Duration(tt.healed * float64(time.Second)))
			if found := checker.Check(timed(tt.events), o); len(found) != tt.want {
				t.Errorf("found %v, want %d", found, tt.want)
			}
		})
	}
}
