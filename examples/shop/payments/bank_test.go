package payments_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls/asynccallstest"
	"github.com/asynccalls/asynccalls/examples/shop/internal/message"
)

// awayUntil returns what the bank does while it is away.
func awayUntil(back time.Time) func(context.Context, string) error {
	return func(context.Context, string) error {
		if time.Now().Before(back) {
			return errors.New("the bank at 10.1.2.3 is away")
		}
		return nil
	}
}

func onlyFor(order string, f func(context.Context, string) error) func(context.Context, string) error {
	return func(ctx context.Context, of string) error {
		if of != order {
			return nil
		}
		return f(ctx, of)
	}
}

// TestAway tells who waits that the bank is away, but not what it said.
func TestAway(t *testing.T) {
	t.Parallel()
	with(t, func(t testing.TB, s *fixture) {
		s.before = awayUntil(time.Now().Add(time.Hour))
		got := s.Call(charge("o1", 30))
		refuses(t, got, 503)
		if strings.Contains(got.Err.Error(), "10.1.2.3") || !strings.Contains(got.Cause.Error(), "10.1.2.3") {
			t.Errorf("the caller got %v, the cause is %v", got.Err, got.Cause)
		}
	})
}

// TestAwayForLong has a durable request wait much longer than it would be tried again.
func TestAwayForLong(t *testing.T) {
	t.Parallel()
	with(t, func(t testing.TB, s *fixture) {
		begun := time.Now()
		s.before = awayUntil(begun.Add(30 * time.Minute))
		moves(t, s.Send(charge("o1", 30)), 30)
		if took := time.Since(begun); took < 30*time.Minute || took > 31*time.Minute {
			t.Errorf("charged after %v, want soon after 30m", took)
		}
		s.has(t, 70)
	})
}

// TestAwayForOne has the bank fail for one order: others do not wait for it.
func TestAwayForOne(t *testing.T) {
	t.Parallel()
	with(t, func(t testing.TB, s *fixture) {
		s.before = onlyFor("o1", awayUntil(time.Now().Add(time.Minute)))
		s.b.Client().Notify(t.Context(), charge("o1", 60))
		moves(t, s.Call(charge("o2", 60)), 60)
		s.b.Wait() // o1 is refused then
		s.has(t, 40)
	})
}

// TestRefundWaitsForItsCharge has a refund wait behind a charge of the same order.
func TestRefundWaitsForItsCharge(t *testing.T) {
	t.Parallel()
	with(t, func(t testing.TB, s *fixture) {
		s.before = awayUntil(time.Now().Add(time.Minute))
		s.b.Client().Notify(t.Context(), charge("o1", 60))
		moves(t, s.Send(refund("o1")), 60) // not 0
		s.has(t, 100)
	})
}

// TestSlow has the bank take longer than the caller waits, who does not know then that
// the money was moved. To give it back is right in either case.
func TestSlow(t *testing.T) {
	t.Parallel()
	with(t, func(t testing.TB, s *fixture) {
		s.before = func(context.Context, string) error {
			<-time.After(40 * time.Second)
			return nil
		}
		if got := s.Call(charge("o1", 60)); !errors.Is(got.Err, context.DeadlineExceeded) {
			t.Errorf("the call ended with %v, want its deadline", got.Err)
		}
		s.has(t, 40)
		moves(t, s.Send(refund("o1")), 60)
	})
}

func TestPanic(t *testing.T) {
	t.Parallel()
	with(t, func(t testing.TB, s *fixture) {
		s.b.AllowPanics()
		s.before = func(context.Context, string) error { panic("no bank") }
		refuses(t, s.Call(charge("o1", 60)), 500)
		got := s.Send(charge("o1", 60))
		if got.Verdict != asynccallstest.DeadLettered || got.Attempts != 5 || message.Status(got.Err) != 500 {
			t.Errorf("%v, %v after %d attempts; want DeadLettered after 5", got.Verdict, got.Err, got.Attempts)
		}
		asynccallstest.Equal(t, s.DeadLetters(), charge("o1", 60))
	})
}
