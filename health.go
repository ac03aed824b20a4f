package asynccalls

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/asynccalls/asynccalls/internal/topics"
)

const (
	// pulseEvery is how old a good answer of the broker gets before it is asked
	// again, pulseAgain a bad one, and pulseTimeout how long an answer may take.
	pulseEvery   = 5 * time.Second
	pulseAgain   = time.Second
	pulseTimeout = 5 * time.Second

	// pulseStale is when an answer is too old to count; then Health waits pulseWait
	// for another.
	pulseStale = 30 * time.Second
	pulseWait  = time.Second

	// hungAfter is how long a loop of the library may be away.
	hungAfter = time.Minute
)

// Health says whether a service lives, and whether it is ready; see
// [Service.Health].
type Health struct {
	// Live is nil as long as the service can do its work, or will be able to. If
	// not, only a restart of the process helps, and it says why.
	Live error

	// Ready is nil when the service does its work: it says what is missing, or that
	// the service is ending.
	Ready error

	Checks []Check // that Live and Ready consist of, in a fixed order
}

// Check is one thing that was looked at. Its name is stable: "loops" and
// "handlers" make up Live, "listen", "broker", "topics", "assignment" and
// "replies" make up Ready.
type Check struct {
	Name string
	Live bool  // it belongs to Live, else to Ready
	Err  error // nil if all is well
}

// Health says how the service is, for the probes of whatever runs it. Live
// depends on nothing outside of the process, so that a broker that is away, a
// rebalance or a slow handler does not get it restarted: it fails if a loop of
// the library hangs for a minute, if handlers that have run for more than twice
// Limits.Handler hold all of Limits.Concurrency, and if Listen has failed.
//
// Ready fails until Listen serves, and from when it ends; without handlers there
// is nothing to listen for. It fails while the broker does not answer or a topic
// of the service is missing, which is found out within 15 seconds if Health is
// called at least that often; while the group has put this member out; and while
// the partition for responses cannot be read. A member to which the group gives
// no partition, because there are more members than partitions, is ready: it
// stands by.
//
// Health is meant to be called every few seconds. If it was not for half a
// minute, it waits up to a second for the broker.
func (s *Service) Health() Health {
	s.mu.Lock()
	l := life{s.group, s.phase, s.serves(), s.joined(), s.waiting, s.result}
	s.mu.Unlock()
	broker, topics := s.pulse.look(s.needed(l.group))
	h := Health{Checks: []Check{
		{"loops", true, l.loops()},
		{"handlers", true, l.handlers()},
		{"listen", false, l.listen()},
		{"broker", false, broker},
		{"topics", false, topics},
		{"assignment", false, l.assignment()},
		{"replies", false, s.lane.health()},
	}}
	for _, c := range h.Checks {
		if c.Err == nil {
			continue
		}
		err := fmt.Errorf("%s: %w", c.Name, c.Err)
		if c.Live {
			h.Live = errors.Join(h.Live, err)
		}
		h.Ready = errors.Join(h.Ready, err)
	}
	return h
}

// life is how far a service has come.
type life struct {
	group   *group // nil before Listen
	phase   phase
	serves  bool  // it has handlers
	joined  bool  // it has had its first assignment
	waiting error // what Listen waits for
	result  error // of Listen
}

// loops looks after the goroutines of the library.
func (l *life) loops() error {
	if l.result != nil {
		return l.result
	}
	if l.group == nil || l.phase != listening {
		return nil
	}
	now := time.Now()
	if away := l.group.away(now); away > hungAfter {
		return fmt.Errorf("the receive loop hangs for %v", away.Round(time.Second))
	}
	if silent := l.group.keeper.silent(now); silent > hungAfter {
		return fmt.Errorf("the committing loop hangs for %v", silent.Round(time.Second))
	}
	return nil
}

// handlers looks for handlers that are stuck (semantics 2.8).
func (l *life) handlers() error {
	if l.group == nil {
		return nil
	}
	most := l.group.s.config.limits.Concurrency
	if l.group.stuck() >= most {
		return fmt.Errorf("all %d handlers that may run have run for more than twice their limit", most)
	}
	return nil
}

func (l *life) listen() error {
	switch {
	case l.phase == ended:
		return ErrClosed
	case l.group != nil && l.group.drains():
		return errors.New("the service is ending")
	case l.group == nil && l.serves:
		return errors.New("Listen was not called")
	default:
		return nil
	}
}

func (l *life) assignment() error {
	switch {
	case !l.serves:
		return nil
	case l.phase == ended:
		return ErrClosed
	case l.waiting != nil:
		return l.waiting
	case !l.joined:
		return errors.New("not a member of the group yet")
	case l.group.isOut():
		return errors.New("the group has put this member out; it joins again")
	default:
		return nil
	}
}

// away returns for how long the receive loop has not been in the driver.
func (g *group) away(now time.Time) time.Duration { return since(g.left.Load(), now) }

// stuck returns how many handlers were reported as stuck and hold a slot.
func (g *group) stuck() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := 0
	for w := range g.crew {
		if w.stuck && w.message.run.slot.Held() {
			n++
		}
	}
	return n
}

// isOut reports whether this is not a member of its group at the moment.
func (g *group) isOut() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.out
}

// silent asks the keeper for a sign of life, and returns for how long it has given
// none since it was asked.
func (k *keeper) silent(now time.Time) time.Duration {
	if !k.runs.Load() {
		return 0
	}
	k.asked.CompareAndSwap(0, now.UnixNano())
	k.poke()
	return since(k.asked.Load(), now)
}

// since returns how long ago a time is that is given in nanoseconds, 0 if it is 0.
func since(nanoseconds int64, now time.Time) time.Duration {
	if nanoseconds == 0 {
		return 0
	}
	return now.Sub(time.Unix(0, nanoseconds))
}

// health says whether calls can be made, if any were.
func (l *lane) health() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case !l.started || l.at != nowhere:
		return nil
	case l.failure != nil:
		return l.failure
	default:
		return errors.New("the topic for responses cannot be read yet")
	}
}

// needed returns the topics that the service cannot do without.
func (s *Service) needed(g *group) []string {
	var names []string
	if g != nil {
		names = g.topics()
	}
	s.lane.mu.Lock()
	defer s.lane.mu.Unlock()
	if s.lane.started {
		names = append(names, s.topic(s.id, topics.Replies))
	}
	return names
}

// pulse asks the broker for the topics of a service while somebody wants to know
// how it is. One goroutine at a time does that; it belongs to the lane.
type pulse struct {
	s *Service

	mu      sync.Mutex    // guards what follows
	running chan struct{} // closed when the broker has answered; nil if it was not asked
	at      time.Time     // when it answered last, or did not in time
	broker  error         // its answer then
	topics  error
}

// look returns whether the broker answers, and whether all topics are there.
func (p *pulse) look(names []string) (broker, topics error) {
	if len(names) == 0 {
		return nil, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now, every := time.Now(), pulseEvery
	if p.broker != nil || p.topics != nil {
		every = pulseAgain
	}
	if p.running == nil && now.Sub(p.at) >= every {
		running := make(chan struct{})
		if p.s.lane.spawn(func(ctx context.Context) { p.ask(ctx, names, running) }) {
			p.running = running
		}
	}
	if running := p.running; running != nil && now.Sub(p.at) >= pulseStale {
		p.mu.Unlock()
		timer := time.NewTimer(pulseWait)
		select {
		case <-running:
		case <-timer.C:
		}
		timer.Stop()
		p.mu.Lock()
		if time.Since(p.at) >= pulseStale {
			return fmt.Errorf("no answer for %v", pulseWait), nil
		}
	}
	return p.broker, p.topics
}

// ask asks the broker.
func (p *pulse) ask(ctx context.Context, names []string, running chan<- struct{}) {
	ctx, cancel := context.WithTimeout(ctx, pulseTimeout)
	defer cancel()
	found, err := p.s.driver.Topics(ctx, names...)
	exist := make(map[string]bool, len(found))
	for _, t := range found {
		exist[t.Name] = true
	}
	var missing []string
	for _, name := range names {
		if err == nil && !exist[name] {
			missing = append(missing, name)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	defer close(running)
	p.running, p.at, p.broker, p.topics = nil, time.Now(), err, nil
	if len(missing) > 0 {
		p.topics = fmt.Errorf("missing: %s", strings.Join(missing, ", "))
	}
}
