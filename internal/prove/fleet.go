//go:build unix

package prove

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/internal/checker"
)

// fleet is all processes of a scenario.
type fleet struct {
	t        *testing.T
	ctx      context.Context //nolint:containedctx // that of the test
	dir      string
	seed     uint64
	random   *rand.Rand // of the goroutine of the test only
	address  string
	lenient  bool // the broker may be away, or wait for a member that has died: see package embedded
	topics   asynccalls.Topics
	patience Patience
	start    time.Time
	watch    *watch
	history  checker.History // of what the test does
	wg       sync.WaitGroup  // faults that are on their way

	mu    sync.Mutex // guards what follows
	slots []*slot
	tally map[string]int
}

// slot is one instance that is started again whenever it has ended.
type slot struct {
	part     part // of its processes, without Instance
	name     string
	count    int      // of its processes so far
	instance string   // the last of them
	process  *process // nil while there is none
	busy     bool     // something is being done to it
}

// newFleet returns a fleet without processes. The seed is drawn unless PROVE_SEED
// says it.
func newFleet(t *testing.T, limit time.Duration) *fleet {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	f := &fleet{
		t:        t,
		ctx:      ctx,
		dir:      t.ArtifactDir(),
		seed:     uint64(setting(t, "PROVE_SEED", rand.IntN(1_000_000))),
		patience: Patience{Session: time.Second, Rebalance: 5 * time.Second},
		start:    time.Now(),
		tally:    make(map[string]int),
	}
	f.random = rand.New(rand.NewPCG(f.seed, 0))
	f.watch = newWatch(f.dir)
	f.topics = asynccalls.Topics{Prefix: fmt.Sprintf("prove-%d-%d.", f.seed, os.Getpid()), Partitions: 6}
	folder, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("seed %d; run it again with: cd %s && PROVE_SEED=%d %s go test -count=1 -v -run '^%s$' .",
		f.seed, folder, f.seed, sizes(), strings.ReplaceAll(t.Name(), "/", "$/^"))
	t.Cleanup(f.end)
	return f
}

// sizes returns the settings by which the size of a scenario was chosen.
func sizes() string {
	var set []string
	for _, e := range os.Environ() {
		if strings.HasPrefix(e, "PROVE_") && !strings.HasPrefix(e, "PROVE_SEED=") || strings.HasPrefix(e, "ASYNCCALLS_KAFKA=") {
			set = append(set, e)
		}
	}
	sort.Strings(set)
	return strings.Join(set, " ")
}

// end ends all processes that are left.
func (f *fleet) end() {
	f.wg.Wait()
	for _, s := range f.slots {
		if s.process != nil {
			s.process.kill()
		}
	}
}

// count adds to a figure.
func (f *fleet) count(what string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tally[what]++
}

// tallied returns a figure.
func (f *fleet) tallied(what string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.tally[what]
}

// add makes a slot and starts its first process.
func (f *fleet) add(name string, p part) *slot {
	p.Seed, p.Address, p.Topics, p.Patience = f.seed, f.address, f.topics, f.patience
	s := &slot{part: p, name: name}
	f.mu.Lock()
	f.slots = append(f.slots, s)
	f.mu.Unlock()
	f.launch(s)
	return s
}

// launch starts the next process of a slot. A sender goes on where the last one
// has ended.
func (f *fleet) launch(s *slot) {
	if s.part.Role == roleSender {
		if err := f.watch.look(); err != nil {
			f.t.Error(err)
		}
		s.part.From = f.watch.figure(func(w *watch) int { return w.invoked[s.name] })
	}
	s.count++
	next := s.part
	next.Instance = fmt.Sprintf("%s.%d", s.name, s.count)
	p, err := startProcess(next, f.dir)
	if err != nil {
		f.t.Errorf("start %s: %v", next.Instance, err)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	s.instance, s.process = next.Instance, p
}

// kill kills the process of a slot.
func (f *fleet) kill(s *slot) {
	f.check(s)
	s.process.kill()
	f.history.Add(checker.Event{Kind: checker.Killed, Instance: s.instance})
}

// check reports a process that has ended though nobody wanted it to.
func (f *fleet) check(s *slot) {
	if s.process == nil {
		return
	}
	select {
	case <-s.process.ended:
		f.t.Errorf("%s has ended by itself: %v", s.instance, s.process.outcome())
		f.history.Add(checker.Event{Kind: checker.Killed, Instance: s.instance})
	default:
	}
}

// complaints counts the instances that ended as they were told to, and said that
// the broker did not let them commit or join: nothing is lost by that.
const complaints = "ended without the broker"

// stop has the process of a slot end in good order.
func (f *fleet) stop(s *slot) {
	if s.process == nil {
		return
	}
	f.check(s)
	err := s.process.stop()
	switch status, ended := errors.AsType[*exec.ExitError](err); {
	case err == nil:
	case f.lenient && ended && status.ExitCode() == complained:
		f.count(complaints)
	default:
		f.t.Errorf("stop: %v", err)
	}
	s.process = nil
}

// wait waits, not beyond the end of the test.
func (f *fleet) wait(d time.Duration) { wait(f.ctx, d) }

// until waits until what is true of what was written down. It reports false when
// the number that it returns has not changed for patience.
func (f *fleet) until(patience time.Duration, what func(w *watch) (over bool, progress int)) bool {
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	last, since := -1, time.Now()
	for {
		if err := f.watch.look(); err != nil {
			f.t.Fatal(err)
		}
		f.watch.mu.Lock()
		over, progress := what(f.watch)
		f.watch.mu.Unlock()
		if progress != last {
			last, since = progress, time.Now()
		}
		if over || time.Since(since) > patience {
			return over
		}
		select {
		case <-ticker.C:
		case <-f.ctx.Done():
			return false
		}
	}
}

// ready waits until all instances have joined their groups, and reports whether
// they have.
func (f *fleet) ready(patience time.Duration) bool {
	return f.until(patience, func(w *watch) (bool, int) {
		f.mu.Lock()
		defer f.mu.Unlock()
		n := 0
		for _, s := range f.slots {
			if !s.busy && (s.part.Role == roleBroker || w.joined[s.instance]) {
				n++
			}
		}
		return n == len(f.slots), n
	})
}

// mustBeReady fails the test if the instances do not join their groups.
func (f *fleet) mustBeReady() {
	f.t.Helper()
	if f.ready(30 * time.Second) {
		return
	}
	for _, s := range f.slots {
		f.check(s)
	}
	f.t.Fatal("not all instances have joined their groups")
}

// pick returns one of the slots with these roles that nothing is done to, and
// marks it; nil if there is none.
func (f *fleet) pick(roles ...role) *slot {
	f.mu.Lock()
	defer f.mu.Unlock()
	var idle []*slot
	for _, s := range f.slots {
		for _, r := range roles {
			if s.part.Role == r && !s.busy {
				idle = append(idle, s)
			}
		}
	}
	if len(idle) == 0 {
		return nil
	}
	s := idle[f.random.IntN(len(idle))]
	s.busy = true
	return s
}

// do does something to a slot that was picked, beside everything else.
func (f *fleet) do(s *slot, what func()) {
	f.wg.Go(func() {
		what()
		f.mu.Lock()
		defer f.mu.Unlock()
		s.busy = false
	})
}
