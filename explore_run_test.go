package asynccalls_test

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls/driver/memory"
	"github.com/asynccalls/asynccalls/internal/checker"
)

// exploration is one random scenario. One goroutine, in run, decides what
// happens; what depends on the order of other goroutines is drawn by name, see
// dice, so that a seed leads to much the same scenario each time.
type exploration struct {
	tally

	t          *testing.T
	seed       uint64
	random     *rand.Rand // of run only
	broker     *memory.Driver
	history    checker.History
	calm       atomic.Bool    // nothing fails any more
	healing    chan struct{}  // closed then
	healed     time.Time      // when that was
	partitions atomic.Int32   // that the topic of the callers seems to have
	wg         sync.WaitGroup // the goroutines that run has started
	commits    sync.Mutex     // held while a commit is applied and written down

	client     *host
	callers    []*host // instead, in runCalls
	most       int     // responses of a handler
	servers    []*host // that are well
	responders []*host // further instances of the client that are well
	all        []*host
	sent       int

	mu      sync.Mutex // guards what follows
	times   map[string]int
	open    map[string]int    // how many handlers run, by request
	handler map[string]string // the instance that started the last one, by request
	waiting map[string][]byte // the tokens of calls that have not ended, by request
}

func newExploration(t *testing.T, seed uint64) *exploration {
	t.Helper()
	x := &exploration{
		t:      t,
		seed:   seed,
		random: rand.New(rand.NewPCG(seed, 0)),
		broker: memory.New(),
		times:  make(map[string]int),
		most:   4,

		healing: make(chan struct{}),
		open:    make(map[string]int),
		handler: make(map[string]string),
		waiting: make(map[string][]byte),
	}
	x.partitions.Store(lanesAtFirst)
	t.Cleanup(func() {
		if err := x.broker.Close(); err != nil {
			t.Errorf("close broker: %v", err)
		}
	})
	return x
}

// dice returns the chance that belongs to a name.
func (x *exploration) dice(name ...any) *rand.Rand {
	h := fnv.New64a()
	fmt.Fprint(h, name...)
	return rand.New(rand.NewPCG(x.seed, h.Sum64()))
}

// nth counts how often it was called with a name, from 1.
func (x *exploration) nth(name ...any) int {
	key := fmt.Sprint(name...)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.times[key]++
	return x.times[key]
}

func (x *exploration) run() {
	x.client = x.newClient("client")
	x.servers = append(x.servers, x.newServer())
	for _, h := range x.all {
		if err := h.service.Ready(x.t.Context()); err != nil {
			x.t.Fatal(err)
		}
	}
	for range 20 + x.random.IntN(40) {
		pass(time.Duration(x.random.IntN(4000)) * time.Millisecond)
		x.step()
	}
	for x.sent < 30 {
		x.traffic()
	}
	x.drain()
	x.bury()
	x.judge()
}

// step has one thing happen.
func (x *exploration) step() {
	dice := x.random.IntN(100)
	switch {
	case dice < 53:
		x.traffic()
	case dice < 66:
		if len(x.servers) < 4 {
			x.servers = append(x.servers, x.newServer())
		}
	case dice < 72:
		x.leave(&x.servers)
	case dice < 78:
		x.die(&x.servers)
	case dice < 81:
		x.breakOff(&x.servers)
	case dice < 86:
		x.stall()
	case dice < 90:
		x.expel()
	case dice < 95:
		if len(x.responders) < 2 {
			x.responders = append(x.responders, x.newClient(fmt.Sprint("responder-", len(x.all))))
		}
	case dice < 97:
		x.leave(&x.responders)
	default:
		x.die(&x.responders)
	}
}

// take removes one of the hosts, nil if there is none.
func (x *exploration) take(hosts *[]*host) *host {
	if len(*hosts) == 0 {
		return nil
	}
	i := x.random.IntN(len(*hosts))
	h := (*hosts)[i]
	*hosts = append((*hosts)[:i:i], (*hosts)[i+1:]...)
	return h
}

// leave ends an instance as one should.
func (x *exploration) leave(hosts *[]*host) {
	if h := x.take(hosts); h != nil {
		x.count("instances left", 1)
		h.driver.note(checker.Event{Kind: checker.Closing})
		x.wg.Go(func() { h.service.Close() }) // with an error, if faults come at the wrong time
	}
}

// die kills an instance. The group notices after a while.
func (x *exploration) die(hosts *[]*host) {
	if h := x.take(hosts); h != nil {
		x.count("instances died", 1)
		h.driver.die()
		notice := time.Duration(x.random.IntN(10_000)) * time.Millisecond
		x.wg.Go(func() {
			pass(notice)
			h.driver.dropOut()
		})
	}
}

// breakOff makes receiving fail for good: the service ends.
func (x *exploration) breakOff(hosts *[]*host) {
	if h := x.take(hosts); h != nil {
		x.count("receiving broke", 1)
		h.driver.breakOff()
	}
}

// stall keeps one instance from receiving, so long that it may lose its
// partitions without noticing.
func (x *exploration) stall() {
	x.count("receiving stalled", 1)
	x.one().driver.stall(time.Duration(x.random.IntN(90)) * time.Second)
}

// expel gives the partitions of an instance that is alive to others.
func (x *exploration) expel() {
	x.count("instances expelled", 1)
	x.one().driver.expel(time.Duration(x.random.IntN(5000)) * time.Millisecond)
}

// one returns any of the instances that are well.
func (x *exploration) one() *host {
	hosts := slices.Concat([]*host{x.client}, x.responders, x.servers)
	if x.client == nil {
		hosts = hosts[1:]
	}
	if len(hosts) == 0 {
		return x.caller()
	}
	return hosts[x.random.IntN(len(hosts))]
}

// heal has nothing fail from now on.
func (x *exploration) heal() {
	if x.calm.Swap(true) {
		return
	}
	x.healed = time.Now()
	close(x.healing)
	if len(x.servers) == 0 {
		x.servers = append(x.servers, x.newServer())
	}
}

// drain lets everything come to its end.
func (x *exploration) drain() {
	x.heal()
	x.wg.Wait()
	pass(20 * time.Minute)
	var closing sync.WaitGroup
	for _, h := range x.all {
		closing.Go(func() { h.service.Close() })
	}
	closing.Wait()
	x.wg.Wait()
}
