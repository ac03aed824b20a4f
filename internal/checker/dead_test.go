package checker_test

import (
	"testing"

	"github.com/asynccalls/asynccalls/internal/checker"
)

func TestDead(t *testing.T) {
	t.Parallel()
	letter := func(k checker.Kind, request, run, digest string) checker.Event {
		return checker.Event{Kind: k, Instance: "x", Request: request, Run: run, Digest: digest}
	}
	original := func(digest string) checker.Event { return letter(checker.Original, "r", "", digest) }
	dead := func(digest string) checker.Event { return letter(checker.Dead, "r", "", digest) }
	nameless := at(checker.Dead, 4)
	nameless.Digest = "d"
	placed := original("d")
	placed.Topic, placed.Offset = requests, 4
	run(t, map[string]story{
		"the same":              {tale(original("d"), dead("d")), ""},
		"found first":           {tale(dead("d"), original("d")), ""},
		"one of two":            {tale(original("c"), original("d"), dead("d")), ""},
		"a response":            {tale(letter(checker.Original, "r", "x", "d"), letter(checker.Dead, "r", "x", "d")), ""},
		"a response, not known": {tale(original("d"), letter(checker.Dead, "r", "x", "e")), ""},
		"by its place":          {tale(placed, nameless), ""},
		"nothing known":         {tale(dead("d")), ""},
		"changed":               {tale(original("d"), dead("e")), "dead"},
		"changed, by its place": {tale(placed, body("e", nameless)), "dead"},
		"of nothing":            {tale(original("d"), letter(checker.Dead, "q", "", "d")), "dead"},
		"a changed response":    {tale(letter(checker.Original, "r", "x", "d"), letter(checker.Dead, "r", "x", "e")), "dead"},
		"another response":      {tale(letter(checker.Original, "r", "x", "d"), letter(checker.Dead, "r", "y", "d")), "dead"},
	})
}
