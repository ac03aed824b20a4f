//go:build unix

package prove

import "time"

// The figures that faults are counted by.
const (
	kills          = "kills"
	stops          = "stops"
	longStops      = "of these beyond the session timeout"
	brokerKills    = "broker kills"
	brokerStops    = "broker stops"
	brokerRestarts = "broker restarts"
)

// salvo has a few faults happen at about the same time, and most often waits
// until all instances are well again, so that the next ones find them at work.
func (f *fleet) salvo(brokers func() bool, restart func(*slot, time.Duration)) {
	for range 1 + f.random.IntN(4) {
		f.fault(brokers(), restart)
		f.wait(upTo(100*time.Millisecond, f.random.Float64()))
	}
	gap, hurry := upTo(500*time.Millisecond, f.random.Float64()), f.random.IntN(10) < 4
	f.wait(gap)
	if !hurry {
		f.ready(3 * time.Second)
	}
}

// fault draws one fault and has it happen, beside those that are on their way.
func (f *fleet) fault(broker bool, restart func(*slot, time.Duration)) {
	kind, length, client := f.random.IntN(100), f.random.Float64(), f.random.IntN(100) < 20
	roles := []role{roleServer}
	switch {
	case broker:
		roles = []role{roleBroker}
	case client:
		roles = []role{roleSender, roleClient}
	}
	s := f.pick(roles...)
	if s == nil {
		return
	}
	switch {
	case broker && kind < 70:
		restart(s, upTo(1500*time.Millisecond, length))
	case broker:
		f.halt(s, brokerStops, upTo(2*time.Second, length))
	case kind < 50:
		f.crash(s, kills, 0, upTo(f.patience.Session, length))
	case kind < 55: // stopped, and never to go on
		f.crash(s, kills, upTo(2*f.patience.Session, length), 0)
	case kind < 82:
		f.halt(s, stops, upTo(f.patience.Session*8/10, length))
	default:
		f.count(longStops)
		f.halt(s, stops, f.patience.Session*12/10+upTo(2*f.patience.Session, length))
	}
}

func upTo(most time.Duration, part float64) time.Duration { return time.Duration(float64(most) * part) }

// faulted returns the number of faults so far.
func (f *fleet) faulted() int {
	sum := 0
	for _, what := range []string{kills, stops, brokerKills, brokerStops, brokerRestarts} {
		sum += f.tallied(what)
	}
	return sum
}

// crash kills a process, perhaps after it was stopped for a while, and starts
// the next after another.
func (f *fleet) crash(s *slot, what string, stopped, down time.Duration) {
	f.count(what)
	f.do(s, func() {
		if stopped > 0 {
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
		s.process.halt()
		f.wait(d)
		s.process.resume()
	})
}

// killBroker kills a broker and starts it again.
func (f *fleet) killBroker(s *slot, down time.Duration) { f.crash(s, brokerKills, 0, down) }

// restartBroker has a broker end in good order and starts it again.
func (f *fleet) restartBroker(s *slot, down time.Duration) {
	f.count(brokerRestarts)
	f.do(s, func() {
		f.stop(s)
		f.wait(down)
		f.launch(s)
	})
}
