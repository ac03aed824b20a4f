package checker_test

import (
	"testing"

	"github.com/asynccalls/asynccalls/internal/checker"
)

// said and got are response seq of a run, with the body that it should have.
func said(run string, seq int) checker.Event {
	return response(checker.Responded, "r", run, seq, string(rune('a'+seq)))
}

func got(run string, seq int) checker.Event {
	return response(checker.Received, "r", run, seq, string(rune('a'+seq)))
}

func body(b string, e checker.Event) checker.Event {
	e.Digest = b
	return e
}

func TestResponsesOfCalls(t *testing.T) {
	t.Parallel()
	over := call(checker.Ended, "r")
	open := tale(call(checker.Invoke, "r"), said("x", 0), said("x", 1), said("x", 2))
	with := func(more ...checker.Event) []checker.Event { return append(open[:len(open):len(open)], more...) }
	run(t, map[string]story{
		"all":                     {with(got("x", 0), got("x", 1), got("x", 2), over), ""},
		"some, then an error":     {with(got("x", 0), failing(over)), ""},
		"none, then an error":     {with(failing(over)), ""},
		"another run goes on":     {with(said("y", 0), said("y", 1), said("y", 2), got("x", 0), got("y", 1), got("y", 2), over), ""},
		"a run that nobody told":  {with(got("x", 0), got("y", 1), got("y", 2), over), ""},
		"a run without any":       {with(start(0, "r", "1"), end(0, "r", "1"), start(0, "r", "2"), end(0, "r", "2"), over), ""},
		"a shorter run":           {with(said("y", 0), got("x", 0), over), ""},
		"gap":                     {with(got("x", 0), got("x", 2), failing(over)), "responses"},
		"not from the beginning":  {with(got("x", 1), failing(over)), "responses"},
		"twice":                   {with(got("x", 0), got("x", 0), got("x", 1), failing(over)), "responses"},
		"swapped":                 {with(got("x", 1), got("x", 0), got("x", 2), failing(over)), "responses"},
		"changed":                 {with(body("z", got("x", 0)), failing(over)), "responses"},
		"too few":                 {with(got("x", 0), got("x", 1), over), "responses"},
		"none":                    {with(over), "responses"},
		"a run that is different": {with(body("z", said("y", 0)), said("y", 1), got("x", 0), got("y", 1), failing(over)), "responses"},
		"number sent twice":       {with(said("x", 1), got("x", 0), failing(over)), "responses"},
	})
}

func TestResponsesToHandlers(t *testing.T) {
	t.Parallel()
	over := send(checker.Ended, "r")
	over.Run = "x"
	original := func(run string, seq int) checker.Event { return response(checker.Original, "r", run, seq, "") }
	stored := original("x", 1)
	stored.Topic = responses
	open := tale(send(checker.Invoke, "r"), send(checker.Acked, "r"), start(0, "r", "1"),
		said("x", 0), said("x", 1), end(0, "r", "1"))
	with := func(more ...checker.Event) []checker.Event { return append(open[:len(open):len(open)], more...) }
	run(t, map[string]story{
		"all":             {with(got("x", 0), got("x", 1), over), ""},
		"repeated":        {with(got("x", 0), got("x", 0), got("x", 1), got("x", 0), got("x", 1), over, over), ""},
		"two runs":        {with(got("y", 0), got("x", 0), got("y", 1), got("x", 1), over), ""},
		"failed in a gap": {with(got("x", 1), failing(over)), ""},
		"swapped":         {with(got("x", 1), got("x", 0), over), "responses"},
		"too few":         {with(got("x", 0), over), "responses"},
		"none":            {with(over), "responses"},
		"of another run":  {with(got("y", 0), got("y", 1), over), "responses"},
		"gap":             {with(got("x", 1), over), "responses"},
		"changed":         {with(got("x", 0), body("z", got("x", 1)), over), "responses"},
		"changed by and by": {append(tale(send(checker.Invoke, "r")),
			got("x", 0), body("z", got("x", 0))), "responses"},
	})
}
