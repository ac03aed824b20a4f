package checker_test

import (
	"testing"

	"github.com/asynccalls/asynccalls/internal/checker"
)

func TestUnfinished(t *testing.T) {
	t.Parallel()
	assigned, revoked := at(checker.Assigned, 0), at(checker.Revoked, 0)
	killed := by("a", checker.Event{Kind: checker.Killed})
	commit := func(n int64) checker.Event { return at(checker.Commit, n) }
	delivered := func(n int64) checker.Event { return at(checker.Delivered, n) }
	dead := at(checker.Dead, 0)
	placeless := checker.Event{Kind: checker.Dead, Request: "r"}
	answered := failing(send(checker.Ended, "r"))
	nowhere := delivered(0)
	nowhere.Request = "r"
	gaveUp := failing(call(checker.Ended, "r"))
	elsewhere := commit(1)
	elsewhere.Partition = 1
	first := []checker.Event{assigned, delivered(0), delivered(1), start(0, "r", "1")}
	with := func(more ...checker.Event) []checker.Event { return append(first[:len(first):len(first)], more...) }
	run(t, map[string]story{
		"below":                    {with(commit(0)), ""},
		"finished":                 {with(end(0, "r", "1"), commit(1)), ""},
		"running":                  {with(commit(1), end(0, "r", "1")), "unfinished"},
		"running, dead before":     {with(dead, commit(1)), "unfinished"},
		"another partition":        {append(tale(start(0, "r", "1")), elsewhere), ""},
		"failed":                   {with(failing(end(0, "r", "1")), commit(1)), "unfinished"},
		"failed, dead by place":    {with(failing(end(0, "r", "1")), commit(1), dead), ""},
		"failed, dead by request":  {with(failing(end(0, "r", "1")), commit(1), placeless), ""},
		"failed, answered":         {with(failing(end(0, "r", "1")), commit(1), answered), ""},
		"failed after the end":     {with(send(checker.Invoke, "r"), send(checker.Ended, "r"), failing(end(0, "r", "1")), commit(1)), ""},
		"expired, nobody waits":    {with(call(checker.Invoke, "r"), call(checker.Ended, "r"), revoked, by("b", assigned), by("b", delivered(0)), by("b", commit(1))), ""},
		"expired, somebody waits":  {with(call(checker.Invoke, "r"), revoked, by("b", assigned), by("b", delivered(0)), by("b", commit(1)), call(checker.Ended, "r")), "unfinished"},
		"unknown endpoint":         {append(tale(call(checker.Invoke, "r"), assigned), nowhere, commit(1), gaveUp), ""},
		"failed, nobody waits":     {with(call(checker.Invoke, "r"), failing(end(0, "r", "1")), commit(1), gaveUp), ""},
		"waits for another try":    {with(failing(end(0, "r", "1")), commit(1), start(0, "r", "2"), end(0, "r", "2")), "unfinished"},
		"not started":              {with(end(0, "r", "1"), commit(2)), "unfinished"},
		"not started, expired":     {with(end(0, "r", "1"), start(1, "q", "2"), failing(end(1, "q", "2")), notify(checker.Expired, "q"), commit(2)), ""},
		"not delivered":            {with(end(0, "r", "1"), start(1, "q", "2"), end(1, "q", "2"), commit(3)), "unfinished"},
		"gap":                      {tale(assigned, delivered(7), start(7, "r", "1"), end(7, "r", "1"), commit(8)), ""},
		"of a former assignment":   {with(end(0, "r", "1"), revoked, assigned, commit(1)), "unfinished"},
		"cut off, answered":        {with(revoked, by("b", assigned), by("b", delivered(0)), send(checker.Ended, "r"), by("b", commit(1))), "unfinished"},
		"cut off, answered 504":    {with(revoked, by("b", assigned), by("b", delivered(0)), answered, by("b", commit(1))), ""},
		"killed, done by another":  {with(killed, by("b", assigned), by("b", delivered(0)), by("b", start(0, "r", "2")), by("b", end(0, "r", "2")), by("b", commit(1))), ""},
		"killed, done by nobody":   {with(killed, by("b", assigned), by("b", delivered(0)), by("b", commit(1))), "unfinished"},
		"killed, in another's run": {with(killed, by("b", assigned), by("b", delivered(0)), by("b", start(0, "r", "2")), by("b", commit(1))), "unfinished"},
		"lost unawares":            {with(by("b", assigned), by("b", delivered(0)), answered, by("b", commit(1))), ""},
		"handled unawares":         {with(by("b", assigned), by("b", delivered(0)), by("b", failing(end(0, "r", "2"))), answered, by("b", commit(1))), ""},
		"another one unawares":     {with(by("b", assigned), by("b", delivered(0)), by("b", start(0, "r", "2")), answered, by("b", commit(1))), "unfinished"},
		"truncated":                {with(at(checker.Truncated, 0), commit(1)), ""},
	})
}

func TestBack(t *testing.T) {
	t.Parallel()
	commit := func(n int64) checker.Event { return at(checker.Commit, n) }
	other := commit(3)
	other.Partition = 1
	late := by("b", commit(3))
	late.At = epoch.Add(1)
	run(t, map[string]story{
		"forward":           {tale(commit(3), commit(3), commit(5)), ""},
		"two partitions":    {tale(commit(5), other), ""},
		"truncated":         {tale(commit(5), at(checker.Truncated, 0), commit(3)), ""},
		"back":              {tale(commit(5), commit(3)), "back"},
		"back by another":   {tale(commit(5), by("b", commit(3))), "back"},
		"given out of turn": {tale(commit(2), commit(5), late), ""},
		"back twice":        {tale(commit(5), commit(3), commit(4), commit(2)), "back back"},
	})
}
