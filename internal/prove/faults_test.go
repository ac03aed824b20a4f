//go:build unix

package prove

import "time"

// The figures that a fault is counted by.
const (
	kills       = "kills"
	stops       = "stops"
	longStops   = "stops beyond the session timeout"
	brokerKills = "broker kills"
	brokerStops = "broker stops"
)

// fault draws one fault and has it happen, beside those that are on their way.
func (f *fleet) fault() {
	roles := []role{roleServer}
	switch dice := f.random.IntN(100); {
	case dice < 6:
		roles = []role{roleBroker}
	case dice < 25:
		roles = []role{roleSender, roleClient}
	}
	kind, length := f.random.IntN(100), f.random.Float64()
	s := f.pick(roles...)
	if s == nil {
		return
	}
	broker := s.part.Role == roleBroker
	switch {
	case broker && kind < 60:
		f.crash(s, brokerKills, 0, upTo(1500*time.Millisecond, length))
	case broker:
		f.halt(s, brokerStops, upTo(2*time.Second, length))
	case kind < 50:
		f.crash(s, kills, 0, upTo(time.Second, length))
	case kind < 55: // stopped, and never to go on
		f.crash(s, kills, upTo(2*f.session, length), 0)
	case kind < 82:
		f.halt(s, stops, upTo(f.session*8/10, length))
	default:
		f.count(longStops)
		f.halt(s, stops, f.session*12/10+upTo(2*f.session, length))
	}
}

func upTo(most time.Duration, part float64) time.Duration { return time.Duration(float64(most) * part) }

// crash kills a process, perhaps after it was stopped for a while, and starts
// the next after another.
func (f *fleet) crash(s *slot, what string, stopped, down time.Duration) {
	f.count(what)
	f.do(s, func() {
		if stopped > 0 {
			f.check(s)
			s.process.halt()
			f.wait(stopped)
		}
		f.kill(s)
		f.wait(down)
		f.launch(s)
	})
}

// halt stops a process for a while.
func (f *fleet) halt(s *slot, what string, d time.Duration) {
	f.count(what)
	f.do(s, func() {
		f.check(s)
		s.process.halt()
		f.wait(d)
		s.process.resume()
	})
}
