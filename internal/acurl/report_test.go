package acurl

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/asynccalls/asynccalls"
)

const ms = time.Millisecond

// measured returns a report of calls of which each but the last takes so long.
func measured(calls ...timed) *report {
	m := newMeasurement()
	for i := range calls {
		m.take(&calls[i])
	}
	r := m.report(2 * time.Second)
	r.Target, r.InFlight = "shop/price", 8
	return r
}

func TestReport(t *testing.T) {
	t.Parallel()
	var calls []timed
	for i := range 100 {
		calls = append(calls, timed{first: ms, end: time.Duration(i+1) * ms, responses: 2})
	}
	denied := fmt.Errorf("call: %w", &asynccalls.Error{Status: 402, Message: "no money"})
	calls = append(calls, timed{err: denied, responses: 1}, timed{err: denied}, timed{err: fmt.Errorf("call: %w", context.DeadlineExceeded)})
	r := measured(calls...)
	want := `target     shop/price
load       8 in flight, for 2.0s
calls      100  50/s
failed     1    context deadline exceeded
failed     2    status 402
responses  201  100/s

  latency  first response     end
      min             1ms     1ms
     mean             1ms  50.5ms
      p50             1ms    50ms
      p90             1ms    90ms
      p99             1ms    99ms
    p99.9             1ms   100ms
      max             1ms   100ms

      1ms to       2ms           1  #
      2ms to       4ms           2  ##
      4ms to       8ms           4  ####
      8ms to      16ms           8  #######
     16ms to      32ms          16  ##############
     32ms to      64ms          32  ############################
     64ms to     128ms          37  ################################
`
	if diff := cmp.Diff(want, r.text(68)); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
	if r.Calls != 103 || r.Failed != 3 || r.Responses != 201 || r.CallsPerSecond != 50 {
		t.Errorf("report is %+v, want 103 calls, 3 failed, 201 responses, 50 a second", r)
	}
}

// TestReportFitsTheTerminal has windows that are wide, narrow, and hardly there.
func TestReportFitsTheTerminal(t *testing.T) {
	t.Parallel()
	r := measured(timed{end: ms, responses: 0}, timed{end: 3 * time.Second})
	for _, width := range []int{200, 80, 50, 40, 1} {
		for line := range strings.Lines(r.text(width)) {
			if n := len([]rune(strings.TrimRight(line, "\n"))); n > max(width, 40) || n > 80 {
				t.Errorf("in %d columns there is a line of %d: %q", width, n, line)
			}
		}
	}
	if text := r.text(80); !strings.Contains(text, "     p50               -   1ms") {
		t.Errorf("text of calls without responses is\n%s", text)
	}
}

// TestReportGaps has no calls, all that failed, and times far from each other.
func TestReportGaps(t *testing.T) {
	t.Parallel()
	if r := measured(); r.End != nil || r.Histogram != nil || !strings.Contains(r.text(80), "calls      0  0/s") {
		t.Errorf("report of no calls is %+v:\n%s", r, r.text(80))
	}
	if r := measured(timed{err: errors.New("broken")}); r.End != nil || r.Failed != 1 || r.Failures["broken"] != 1 {
		t.Errorf("report of a call that failed is %+v", r)
	}
	got := measured(timed{end: ms / 1000}, timed{end: ms}, timed{end: 5 * ms}, timed{end: 2 * time.Hour}).Histogram
	if len(got) < 5 || got[0] != (bucket{From: 0, To: 0.0625, Calls: 1}) {
		t.Fatalf("histogram is %+v", got)
	}
	var calls int64
	for i, b := range got {
		calls += b.Calls
		if i > 0 && (b.From != got[i-1].To || b.To != 2*b.From) {
			t.Errorf("bucket %d is %+v, behind %+v", i, b, got[i-1])
		}
	}
	if calls != 4 || got[len(got)-1].Calls != 1 || got[len(got)-1].To < 3_600_000 {
		t.Errorf("histogram is %+v, want 4 calls, the last an hour long", got)
	}
}
