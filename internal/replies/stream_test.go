package replies_test

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/asynccalls/asynccalls/internal/replies"
)

// sent is one response as it arrives.
type sent struct {
	run  string
	seq  int32
	kind replies.Kind
	sum  uint64
}

func TestStream(t *testing.T) {
	t.Parallel()
	const (
		skip, deliver, finish = replies.Skip, replies.Deliver, replies.Finish
		complete, diverge     = replies.Complete, replies.Diverge
		more, last            = replies.More, replies.Last
		bare, failed          = replies.Bare, replies.Failed
	)
	tests := map[string]struct {
		arrive []sent
		want   []replies.Action
	}{
		"unary":       {[]sent{{"a", 0, last, 1}}, []replies.Action{complete}},
		"none":        {[]sent{{"a", 0, bare, 0}}, []replies.Action{finish}},
		"error":       {[]sent{{"a", 0, failed, 0}}, []replies.Action{finish}},
		"two":         {[]sent{{"a", 0, more, 1}, {"a", 1, last, 2}}, []replies.Action{deliver, complete}},
		"two and end": {[]sent{{"a", 0, more, 1}, {"a", 1, more, 2}, {"a", 2, bare, 0}}, []replies.Action{deliver, deliver, finish}},
		"error after one": {
			[]sent{{"a", 0, more, 1}, {"a", 1, failed, 0}},
			[]replies.Action{deliver, finish},
		},
		"duplicate": {
			[]sent{{"a", 0, more, 1}, {"a", 0, more, 1}, {"a", 1, last, 2}},
			[]replies.Action{deliver, skip, complete},
		},
		"gap": {[]sent{{"a", 1, more, 1}, {"a", 2, last, 1}}, []replies.Action{skip, skip}},
		"second run goes on": {
			[]sent{{"a", 0, more, 1}, {"b", 0, more, 1}, {"b", 1, last, 2}},
			[]replies.Action{deliver, skip, complete},
		},
		"two runs in turn": {
			[]sent{{"a", 0, more, 1}, {"b", 0, more, 1}, {"b", 1, more, 2}, {"a", 1, more, 2}, {"a", 2, bare, 0}},
			[]replies.Action{deliver, skip, deliver, skip, finish},
		},
		"second run ends first, behind": {
			[]sent{{"a", 0, more, 1}, {"a", 1, more, 2}, {"b", 0, last, 1}},
			[]replies.Action{deliver, deliver, diverge},
		},
		"second run ends where the first is": {
			[]sent{{"a", 0, more, 1}, {"b", 0, last, 1}},
			[]replies.Action{deliver, finish},
		},
		"second run differs, first completes": {
			[]sent{{"a", 0, more, 1}, {"b", 0, more, 9}, {"a", 1, last, 2}},
			[]replies.Action{deliver, skip, complete},
		},
		"second run differs and completes": {
			[]sent{{"a", 0, more, 1}, {"b", 0, more, 9}, {"b", 1, bare, 0}},
			[]replies.Action{deliver, skip, diverge},
		},
		"second run differs and ends with a response": {
			[]sent{{"a", 0, more, 1}, {"b", 0, last, 9}},
			[]replies.Action{deliver, diverge},
		},
		"second run fails at once": {
			[]sent{{"a", 0, more, 1}, {"b", 0, failed, 0}},
			[]replies.Action{deliver, diverge},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s replies.Stream
			var got []replies.Action
			for _, a := range tt.arrive {
				got = append(got, s.Accept(a.run, a.seq, a.kind, a.sum))
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("actions are %v, want %v", got, tt.want)
			}
		})
	}
}

// TestStreamDeliversOnePrefix lets several runs of a call interleave at random,
// equal ones and different ones, and checks that what is delivered is always the
// beginning of one of them, each response once.
func TestStreamDeliversOnePrefix(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 5000 {
		runs := make([][]uint64, 1+random.IntN(4))
		for i := range runs {
			runs[i] = make([]uint64, random.IntN(6))
			for k := range runs[i] {
				runs[i][k] = 1 + random.Uint64N(2)
			}
		}
		var s replies.Stream
		var delivered []uint64
		at := make([]int, len(runs))
		for range 100 {
			i := random.IntN(len(runs))
			if at[i] > len(runs[i]) {
				continue
			}
			k := at[i]
			if at[i]++; random.IntN(5) == 0 {
				at[i]-- // it arrives once more
			}
			kind, sum := replies.Bare, uint64(0)
			if k < len(runs[i]) {
				kind, sum = replies.More, runs[i][k]
			}
			action := s.Accept("r"+strconv.Itoa(i), int32(k), kind, sum)
			if action == replies.Deliver {
				delivered = append(delivered, runs[i][k])
			}
			if !slices.ContainsFunc(runs, func(r []uint64) bool {
				return len(r) >= len(delivered) && slices.Equal(r[:len(delivered)], delivered)
			}) {
				t.Fatalf("delivered %v, which is the beginning of none of %v", delivered, runs)
			}
			if action == replies.Finish && !slices.Equal(runs[i], delivered) {
				t.Fatalf("ended well with %v after %v", runs[i], delivered)
			}
			if action == replies.Diverge && slices.Equal(runs[i], delivered) {
				t.Fatalf("diverged although run %v was delivered", runs[i])
			}
			if action == replies.Finish || action == replies.Diverge {
				break
			}
		}
	}
}

func TestStreamFollowsABoundedNumberOfRuns(t *testing.T) {
	t.Parallel()
	var s replies.Stream
	for i := range 1000 {
		s.Accept("r"+strconv.Itoa(i), 0, replies.More, uint64(i+1))
	}
	if got := s.Accept("one more", 0, replies.Last, 5); got != replies.Skip {
		t.Errorf("action for a run beyond the bound is %v, want %v", got, replies.Skip)
	}
	if got := s.Accept("r0", 1, replies.Last, 5); got != replies.Complete {
		t.Errorf("action for the first run is %v, want %v", got, replies.Complete)
	}
}
