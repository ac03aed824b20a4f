package checker_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls/internal/checker"
)

var modelSeed = flag.Uint64("checker.seed", 0, "tell one history of the model again")

// TestCheckAcceptsWhatIsRight has a model tell histories of a system that does
// everything right, in the order of time and shuffled.
func TestCheckAcceptsWhatIsRight(t *testing.T) {
	t.Parallel()
	overModels(t, func(t *testing.T, random *rand.Rand, events []checker.Event) {
		t.Helper()
		for range 2 {
			for _, v := range checker.Check(events, checker.Options{Slack: time.Microsecond}) {
				t.Error(v)
			}
			byInstance(random, events)
		}
	})
}

// TestCheckFindsWhatIsWrong breaks such histories in one place each: at an event
// drawn from those that it can be done at.
func TestCheckFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		rule string
		at   func(e checker.Event) bool
		harm func(events []checker.Event, e *checker.Event) []checker.Event
	}{
		"terminal": {checker.RuleTerminal, kind(checker.Acked), func(events []checker.Event, e *checker.Event) []checker.Event {
			id := e.Request
			return slices.DeleteFunc(events, func(e checker.Event) bool {
				return e.Request == id && (e.Kind == checker.HandlerEnd || e.Kind == checker.Ended || e.Kind == checker.Dead)
			})
		}},
		"end": {checker.RuleEnded, func(e checker.Event) bool {
			return e.Kind == checker.Ended && e.Mode == checker.ModeCall
		}, func(events []checker.Event, e *checker.Event) []checker.Event {
			id := e.Request
			return slices.DeleteFunc(events, func(e checker.Event) bool { return e.Request == id && e.Kind == checker.Ended })
		}},
		"commit": {checker.RuleUnfinished, kind(checker.Commit), func(events []checker.Event, e *checker.Event) []checker.Event {
			e.Offset += 1000
			return events
		}},
		"back": {checker.RuleBack, kind(checker.Commit), func(events []checker.Event, e *checker.Event) []checker.Event {
			e.Offset = 0
			return append(events, checker.Event{Kind: checker.Commit, At: events[len(events)-1].At, Topic: requests})
		}},
		"overlap": {checker.RuleOverlap, kind(checker.HandlerStart), func(events []checker.Event, e *checker.Event) []checker.Event {
			other := *e
			other.Run = "another"
			return append(events, other)
		}},
		"held": {checker.RuleHeld, kind(checker.HandlerStart), func(events []checker.Event, e *checker.Event) []checker.Event {
			p := e.Partition
			return slices.DeleteFunc(events, func(e checker.Event) bool {
				return e.Kind == checker.Assigned && e.Partition == p
			})
		}},
		"response": {checker.RuleResponses, func(e checker.Event) bool {
			return e.Kind == checker.Received && e.Seq < 2
		}, func(events []checker.Event, e *checker.Event) []checker.Event {
			e.Seq++
			return events
		}},
		"late": {checker.RuleDeadline, func(e checker.Event) bool {
			return e.Terms != nil
		}, func(events []checker.Event, e *checker.Event) []checker.Event {
			e.Until = e.At.Add(-time.Second)
			return events
		}},
		"no reason": {checker.RuleReason, func(e checker.Event) bool {
			return e.Reason != "" && e.Mode == checker.ModeCall
		}, func(events []checker.Event, e *checker.Event) []checker.Event {
			e.Reason = checker.ReasonLost
			return events
		}},
		"not stored": {checker.RuleWhole, kind(checker.Written), func(events []checker.Event, e *checker.Event) []checker.Event {
			stored := *e
			return slices.DeleteFunc(events, func(e checker.Event) bool {
				return e.Kind == stored.Kind && e.Request == stored.Request && e.Seq == stored.Seq
			})
		}},
		"not answered": {checker.RuleAnswered, func(e checker.Event) bool {
			return e.Kind == checker.Written && e.Mark != checker.MarkMore
		}, func(events []checker.Event, e *checker.Event) []checker.Event {
			for i := range events {
				if w := &events[i]; w.Kind == checker.Written && w.Request == e.Request {
					w.At = w.At.Add(-2 * time.Microsecond)
				}
			}
			return events
		}},
		"dead": {checker.RuleDead, kind(checker.Dead), func(events []checker.Event, e *checker.Event) []checker.Event {
			e.Digest = "changed"
			return events
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			broken := 0
			overModels(t, func(t *testing.T, random *rand.Rand, events []checker.Event) {
				t.Helper()
				e := pick(random, events, tt.at)
				if e == nil {
					return
				}
				broken++
				found := checker.Check(tt.harm(events, e), checker.Options{Slack: time.Microsecond})
				if !slices.ContainsFunc(found, func(v checker.Violation) bool { return v.Rule == tt.rule }) {
					t.Errorf("rule %s found nothing, all rules %v", tt.rule, found)
				}
			})
			if broken == 0 {
				t.Error("no history has an event that this can be done at")
			}
		})
	}
}

// kind returns what is true of events of kind k.
func kind(k checker.Kind) func(checker.Event) bool {
	return func(e checker.Event) bool { return e.Kind == k }
}

// overModels calls f with histories of the model, or with the one asked for.
func overModels(t *testing.T, f func(t *testing.T, random *rand.Rand, events []checker.Event)) {
	t.Helper()
	seeds := []uint64{*modelSeed}
	if *modelSeed == 0 {
		seeds = seeds[:0]
		for range 30 {
			seeds = append(seeds, rand.Uint64N(1e9))
		}
	}
	for _, seed := range seeds {
		random := rand.New(rand.NewPCG(seed, 0))
		f(t, random, newModel(random, 100).events)
		if t.Failed() {
			t.Fatalf("again with: go test -run '%s' ./internal/checker -checker.seed=%d", t.Name(), seed)
		}
	}
}

// pick returns one of the events that f is true of, or nil if it is of none.
func pick(random *rand.Rand, events []checker.Event, f func(checker.Event) bool) *checker.Event {
	var all []*checker.Event
	for i := range events {
		if f(events[i]) {
			all = append(all, &events[i])
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all[random.IntN(len(all))]
}

// byInstance orders events as files of several processes give them: those of
// each instance in turn.
func byInstance(random *rand.Rand, events []checker.Event) {
	turn := make(map[string]int)
	for i := range events { // no two at the same time, or their order is lost
		events[i].At = events[i].At.Add(time.Duration(i))
		if turn[events[i].Instance] == 0 {
			turn[events[i].Instance] = 1 + random.IntN(1000)
		}
	}
	slices.SortStableFunc(events, func(a, b checker.Event) int { return turn[a.Instance] - turn[b.Instance] })
}

func TestSkip(t *testing.T) {
	t.Parallel()
	events := timed(tale(notify(checker.Invoke, "r"), notify(checker.Acked, "r")))
	if found := checker.Check(events, checker.Options{Skip: []string{checker.RuleTerminal}}); found != nil {
		t.Errorf("found %v, want nothing", found)
	}
}

func TestSlack(t *testing.T) {
	t.Parallel()
	events := timed(tale(at(checker.Assigned, 0), at(checker.Lost, 0), start(0, "r", "1"), end(0, "r", "1")))
	for slack, want := range map[time.Duration]int{0: 1, 2 * time.Second: 0} {
		if found := checker.Check(events, checker.Options{Slack: slack}); len(found) != want {
			t.Errorf("with a slack of %v found %v, want %d", slack, found, want)
		}
	}
}

// BenchmarkCheck checks histories of a million events.
func BenchmarkCheck(b *testing.B) {
	for _, size := range []int{1000, 1_000_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			random := rand.New(rand.NewPCG(1, 2))
			var events []checker.Event
			for n := 0; len(events) < size; n++ {
				for _, e := range newModel(random, 500).events {
					if e.Request != "" {
						e.Request = fmt.Sprint(e.Request, "-", n)
					}
					e.Instance, e.Topic = fmt.Sprint(e.Instance, "-", n), fmt.Sprint(e.Topic, n%4)
					e.At = e.At.Add(time.Duration(n) * time.Hour)
					e.Offset += int64(n * 10_000)
					e.Digest, e.Run = fmt.Sprint(e.Digest, n), fmt.Sprint(e.Run, n)
					events = append(events, e)
				}
			}
			for b.Loop() {
				checker.Check(events[:size], checker.Options{})
			}
		})
	}
}
