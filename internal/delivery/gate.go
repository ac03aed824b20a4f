package delivery

import "time"

// awayInARow is how many tasks in a row must find away what they need, until
// their gate lets only one at a time find out whether it is back.
const awayInARow = 10

// Gate is what the tasks of one endpoint share. It bounds how many of them run
// at a time. And when many of them find that what they need is away, it probes:
// it lets one run now and then, another one each time, until one finds it back;
// the others are held, instead of failing one after the other (semantics 2.5).
//
// Tasks that wait at a gate hold up no tasks of other gates.
type Gate struct {
	limit   int // 0 for none
	retry   Retry
	running int
	waiting queue // for one that runs to end
	held    queue // while the gate probes
	known   bool  // to the lanes

	away   int       // tasks in a row that found away what they need
	last   *Task     // the last of them
	probes int       // in a row that failed
	due    time.Time // when the next probe may run; zero as long as there is no need
	probe  *Task     // the next probe: it is parked, or runs
}

// NewGate returns a gate for limit tasks at a time, 0 for any number. It probes
// as often as r says.
func NewGate(limit int, r Retry) *Gate { return &Gate{limit: limit, retry: r} }

func (g *Gate) crowded() bool { return g.limit > 0 && g.running >= g.limit }

func (g *Gate) probing() bool { return !g.due.IsZero() }

// holds reports whether t must leave it to another one to find out.
func (g *Gate) holds(t *Task) bool {
	return g.probing() && !t.Awaited && g.probe != nil && g.probe != t
}

// fail takes in that t found away what it needs. It reports whether t is held
// now, instead of waiting for its own next attempt.
func (g *Gate) fail(t *Task, now time.Time) bool {
	if g.last != t {
		g.last = t
		g.away++
	}
	switch {
	case g.probe == t:
		g.probe = nil
	case g.probing():
		return true
	case g.away < awayInARow:
		return false
	}
	g.probes++
	g.due = now.Add(g.retry.pause(g.probes, 1))
	return true
}

// lose takes in that t will not be tried again.
func (g *Gate) lose(t *Task) {
	if g.probe == t {
		g.probe = nil
	}
}

// succeed takes in that a task found what it needs. It returns the tasks that
// were held.
func (g *Gate) succeed() queue {
	free := g.held
	g.held, g.due, g.probe = queue{}, time.Time{}, nil
	g.away, g.last, g.probes = 0, nil, 0
	return free
}
