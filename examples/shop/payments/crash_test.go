package payments_test

import (
	"testing"
	"time"

	"github.com/asynccalls/asynccalls/asynccallstest"
)

// TestCrashAfterCharge has the charge be handled again.
func TestCrashAfterCharge(t *testing.T) {
	t.Parallel()
	with(t, func(t testing.TB, s *fixture) {
		moves(t, s.Call(charge("o1", 60)), 60)
		s.Crash()
		s.b.Wait()
		s.has(t, 40)
	})
}

// TestCrashWithinCharge has the process crash when the money was moved, and nobody was
// told.
func TestCrashWithinCharge(t *testing.T) {
	t.Parallel()
	with(t, func(t testing.TB, s *fixture) {
		s.after = func(string) {
			s.after = nil
			s.Crash()
		}
		moves(t, s.Call(charge("o1", 60)), 60)
		s.has(t, 40)
	})
}

// TestCrashOfRefunded has charge and refund be handled again, in their order.
func TestCrashOfRefunded(t *testing.T) {
	t.Parallel()
	with(t, func(t testing.TB, s *fixture) {
		s.Call(charge("o1", 60))
		s.Send(refund("o1"))
		s.Crash()
		s.b.Wait()
		s.has(t, 100)
	})
}

// TestRestartWhileAway has another process go on with what waits for the bank.
func TestRestartWhileAway(t *testing.T) {
	t.Parallel()
	with(t, func(t testing.TB, s *fixture) {
		s.before = awayUntil(time.Now().Add(time.Minute))
		s.b.Client().Notify(t.Context(), charge("o1", 60))
		s.Call(charge("o2", 1)) // the first was tried as well
		s.Restart()
		s.b.Wait()
		s.has(t, 40)
	})
}

// TestExplore has all go wrong that can in two steps, while an order is charged and
// refunded.
func TestExplore(t *testing.T) {
	t.Parallel()
	bound := asynccallstest.Bound{Schedules: 50}
	asynccallstest.Explore(t, bound, func(t testing.TB, b *asynccallstest.Broker) {
		s := start(b)
		if err := b.Client().Notify(t.Context(), charge("o1", 60), refund("o1"), charge("o2", 40)); err != nil {
			t.Fatal(err)
		}
		b.Wait()
		s.has(t, 60)
	})
}
