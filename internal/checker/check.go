package checker

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// The rules, by their names in a [Violation] and in [Options].
const (
	// RuleTerminal: each acknowledged request was handled to the end without an
	// error, put into the dead letters, dropped for its TTL, or its caller got
	// an end.
	RuleTerminal = "terminal"

	// RuleEnded: each call ended exactly once, and nothing was received after
	// that; each acknowledged durable request that was started came to an end
	// that its service got.
	RuleEnded = "ended"

	// RuleRefused: what was refused, and never sent again, is not handled.
	RuleRefused = "refused"

	// RuleUnfinished: no commit is above a record that is not finished, or that
	// the instance was not given.
	RuleUnfinished = "unfinished"

	// RuleBack: the commits of a partition never go back.
	RuleBack = "back"

	// RuleOverlap: one key of a partition has one run at a time in an instance.
	RuleOverlap = "overlap"

	// RuleOrder: within an assignment the runs of a key start in the order of
	// the log.
	RuleOrder = "order"

	// RuleHeld: an instance starts nothing of a partition that it has not got.
	RuleHeld = "held"

	// RuleResponses: a caller gets responses 0, 1, 2 and so on, of one run or of
	// runs that are equal so far, and all of them; no number is given twice.
	RuleResponses = "responses"

	// RuleDeadline: a call ends at its deadline at the latest, and when its caller
	// gives it up.
	RuleDeadline = "deadline"

	// RuleReason: a call ends for a reason that there is; the loss of responses
	// ends all calls that are pending; and when all is well, calls are answered.
	RuleReason = "reason"

	// RuleWhole: what a caller gets was stored for it, and a call that ended well,
	// or with a status, got one whole run.
	RuleWhole = "whole"

	// RuleAnswered: a call ends as soon as one run is stored as a whole, and its
	// caller gets what is stored, if nothing is wrong with the place it is stored
	// in; one that is slow to read gets no more than may wait.
	RuleAnswered = "answered"

	// RuleDead: a dead letter is what was written.
	RuleDead = "dead"
)

// Options says what does not hold in a scenario.
type Options struct {
	Skip []string // rules that do not apply

	// Slack is how late an instance may write down the start of a run after its
	// partition was taken away; default 1 second. Where time is virtual, a
	// nanosecond will do. It is also how late a caller may write down what it got.
	Slack time.Duration

	// Precision is how late a deadline may be noticed; default 100 milliseconds.
	Precision time.Duration

	// Healed is when the last thing went wrong; zero if that is not known. A call
	// that has the time of Recovery from then on does not end at its deadline.
	Healed   time.Time
	Recovery time.Duration
}

// Violation is something that must not happen.
type Violation struct {
	Rule   string
	Text   string
	Events []Event // those that show it, in their order
}

// String returns all of it, one line for each event.
func (v Violation) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", v.Rule, v.Text)
	for _, e := range v.Events {
		b.WriteByte('\t')
		_ = WriteJSON(&b, e) // a strings.Builder takes everything
	}
	return b.String()
}

// Check returns what violates the rules, or nil. Events of several instances may
// come in any order: they are ordered by At, those of the same time as they are
// given.
func Check(events []Event, o Options) []Violation {
	if o.Slack == 0 {
		o.Slack = time.Second
	}
	if o.Precision == 0 {
		o.Precision = 100 * time.Millisecond
	}
	t := newTrace(events)
	var found []Violation
	for _, rule := range []struct {
		name  string
		check func(*trace, Options) []Violation
	}{
		{RuleTerminal, checkTerminal},
		{RuleEnded, checkEnded},
		{RuleRefused, checkRefused},
		{RuleUnfinished, checkUnfinished},
		{RuleBack, checkBack},
		{RuleOverlap, checkOverlap},
		{RuleOrder, checkOrder},
		{RuleHeld, checkHeld},
		{RuleResponses, checkResponses},
		{RuleDeadline, checkDeadline},
		{RuleReason, checkReason},
		{RuleWhole, checkWhole},
		{RuleAnswered, checkAnswered},
		{RuleDead, checkDead},
	} {
		if !slices.Contains(o.Skip, rule.name) {
			found = append(found, rule.check(t, o)...)
		}
	}
	return found
}
