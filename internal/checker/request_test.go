package checker_test

import (
	"testing"

	"github.com/asynccalls/asynccalls/internal/checker"
)

func TestTerminal(t *testing.T) {
	t.Parallel()
	invoke, acked := notify(checker.Invoke, "r"), notify(checker.Acked, "r")
	dead := at(checker.Dead, 0)
	dead.Request = "r"
	deadResponse := dead
	deadResponse.Topic, deadResponse.Run = responses, "x"
	run(t, map[string]story{
		"handled":              {tale(invoke, acked, start(0, "r", "1"), end(0, "r", "1")), ""},
		"handled again":        {tale(invoke, acked, start(0, "r", "1"), failing(end(0, "r", "1")), start(0, "r", "2"), end(0, "r", "2")), ""},
		"handled before acked": {tale(invoke, start(0, "r", "1"), end(0, "r", "1"), acked), ""},
		"dead":                 {tale(invoke, acked, start(0, "r", "1"), failing(end(0, "r", "1")), dead), ""},
		"expired":              {tale(invoke, acked, notify(checker.Expired, "r")), ""},
		"answered":             {tale(send(checker.Invoke, "r"), send(checker.Acked, "r"), failing(send(checker.Ended, "r"))), ""},
		"not acknowledged":     {tale(invoke, notify(checker.Unknown, "r")), ""},
		"lost":                 {tale(invoke, acked), "terminal"},
		"failed":               {tale(invoke, acked, start(0, "r", "1"), failing(end(0, "r", "1"))), "terminal"},
		"never returned":       {tale(invoke, acked, start(0, "r", "1")), "terminal"},
		"killed":               {tale(invoke, acked, start(0, "r", "1"), by("a", checker.Event{Kind: checker.Killed})), "terminal"},
		"only a response dead": {tale(invoke, acked, deadResponse), "terminal"},
		"another one handled":  {tale(invoke, acked, start(0, "q", "1"), end(0, "q", "1")), "terminal"},
	})
}

func TestEnded(t *testing.T) {
	t.Parallel()
	invoke, over := call(checker.Invoke, "r"), call(checker.Ended, "r")
	killed := by("client", checker.Event{Kind: checker.Killed})
	sent := []checker.Event{send(checker.Invoke, "r"), send(checker.Acked, "r"), start(0, "r", "1"), end(0, "r", "1")}
	run(t, map[string]story{
		"once":              {tale(invoke, over), ""},
		"with an error":     {tale(invoke, failing(over)), ""},
		"caller killed":     {tale(invoke, killed), ""},
		"twice":             {tale(invoke, over, failing(over)), "ended"},
		"never":             {tale(invoke), "ended"},
		"server killed":     {tale(invoke, start(0, "r", "1"), by("a", killed)), "ended"},
		"response after it": {tale(invoke, over, response(checker.Received, "r", "x", 0, "b")), "ended"},
		"durable":           {append(sent, send(checker.Ended, "r"), send(checker.Ended, "r")), ""},
		"durable without":   {sent, "ended"},
	})
}

func TestRefused(t *testing.T) {
	t.Parallel()
	invoke, refused := notify(checker.Invoke, "r"), notify(checker.Refused, "r")
	dead := at(checker.Dead, 0)
	dead.Request = "r"
	run(t, map[string]story{
		"not there":  {tale(invoke, refused), ""},
		"sent again": {tale(invoke, refused, notify(checker.Acked, "r"), start(0, "r", "1"), end(0, "r", "1")), ""},
		"unknown":    {tale(invoke, refused, notify(checker.Unknown, "r"), start(0, "r", "1"), end(0, "r", "1")), ""},
		"handled":    {tale(invoke, refused, start(0, "r", "1"), end(0, "r", "1")), "refused"},
		"dead":       {tale(invoke, refused, dead), "refused"},
	})
}
