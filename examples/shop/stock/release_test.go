package stock_test

import "testing"

func TestRelease(t *testing.T) {
	t.Parallel()
	with(t, func(t testing.TB, s *fixture) {
		s.Call(about("/reserve/o1", 2))
		for range 2 { // the second time it changes nothing
			answers(t, s.Send(about("/release/o1", 2)), mugs(2))
			s.has(t, 3)
		}
	})
}

// TestReleaseComesFirst has a reservation come after all that was to be undone.
func TestReleaseComesFirst(t *testing.T) {
	t.Parallel()
	with(t, func(t testing.TB, s *fixture) {
		answers(t, s.Send(about("/release/o1", 2)), mugs(2))
		refuses(t, s.Call(about("/reserve/o1", 2)), 409)
		s.has(t, 3)
	})
}

func TestReleaseOfRefused(t *testing.T) {
	t.Parallel()
	with(t, func(t testing.TB, s *fixture) {
		s.Call(about("/reserve/o1", 4))
		answers(t, s.Send(about("/release/o1", 4)), mugs(4))
		s.has(t, 3)
	})
}

func TestReleaseOfShipped(t *testing.T) {
	t.Parallel()
	with(t, func(t testing.TB, s *fixture) {
		s.Call(about("/reserve/o1", 2))
		s.Call(about("/ship/o1", 2))
		refuses(t, s.Send(about("/release/o1", 2)), 409)
		s.has(t, 1)
	})
}

// TestReleaseAnswersWhatWas has the database say how much was reserved, not the request.
func TestReleaseAnswersWhatWas(t *testing.T) {
	t.Parallel()
	with(t, func(t testing.TB, s *fixture) {
		s.Call(about("/reserve/o1", 2))
		answers(t, s.Send(about("/release/o1", 3)), mugs(2))
		s.has(t, 3)
	})
}
