package checker_test

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/asynccalls/asynccalls/internal/checker"
)

func TestJSON(t *testing.T) {
	t.Parallel()
	want := timed(tale(
		checker.Event{
			Kind: checker.HandlerEnd, Instance: "a", Request: "r", Key: "k\n\"", Topic: "t", Partition: 3, Offset: 1 << 60,
			Run: "x", Seq: 4, Digest: "d", Assignment: 2, Error: "e", Mode: checker.ModeSend,
		},
		checker.Event{Kind: checker.Killed, Instance: "b"},
	))
	want[1].At = want[1].At.Add(1)
	var b bytes.Buffer
	for _, e := range want {
		if err := checker.WriteJSON(&b, e); err != nil {
			t.Fatal(err)
		}
	}
	whole := b.String()
	tests := map[string]struct {
		text string
		want []checker.Event
		err  string
	}{
		"whole":                {whole, want, ""},
		"nothing":              {"", nil, ""},
		"without its last end": {strings.TrimSuffix(whole, "\n"), want, ""},
		"cut short":            {whole[:len(whole)-5], want[:1], ""},
		"cut in the middle":    {whole[:20] + "\n" + whole, nil, "line 1"},
		"cut later":            {whole + whole[:20] + "\n" + whole, want, "line 3"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := checker.ReadJSON(strings.NewReader(tt.text))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("read (-want +got):\n%s", diff)
			}
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("error is %v, want %q", err, tt.err)
			}
		})
	}
}

func TestHistory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var h checker.History
		before := time.Now()
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				for range 100 {
					h.Add(checker.Event{Kind: checker.Invoke})
				}
			})
		}
		wg.Wait()
		h.Add(checker.Event{Kind: checker.Acked, At: before.Add(time.Hour)})
		events := h.Events()
		if len(events) != 1001 {
			t.Fatalf("there are %d events, want 1001", len(events))
		}
		if !events[0].At.Equal(before) || !events[1000].At.Equal(before.Add(time.Hour)) {
			t.Errorf("times are %v and %v", events[0].At, events[1000].At)
		}
		events[0].Kind = checker.Killed
		if h.Events()[0].Kind != checker.Invoke {
			t.Error("what Events returned is the history itself")
		}
	})
}
