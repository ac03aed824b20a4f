package main

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync/atomic"

	"github.com/asynccalls/asynccalls"
)

// drawKeys draws the key of each request at random. The same seed gives the same
// keys.
func drawKeys(seed uint64, count, keys int) []int {
	random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // a seed that can be given again is the point
	drawn := make([]int, count)
	for i := range drawn {
		drawn[i] = random.IntN(keys)
	}
	return drawn
}

// busiest returns how many requests the key has that has the most.
func busiest(drawn []int) int {
	counts := make([]int, len(drawn))
	for _, key := range drawn {
		counts[key]++
	}
	return slices.Max(counts)
}

// ticket is the body of a request that has a place among those of its key.
type ticket struct{ key, place uint32 }

// tickets returns the bodies of requests, in the order of the log.
func tickets(drawn []int) []ticket {
	next := make(map[int]uint32)
	all := make([]ticket, len(drawn))
	for i, key := range drawn {
		all[i] = ticket{uint32(key), next[key]} //nolint:gosec // the works are small
		next[key]++
	}
	return all
}

func (t ticket) request(service, endpoint string) *asynccalls.Request {
	body := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, t.key), t.place)
	r := asynccalls.NewRequest(service, endpoint, body)
	r.Key = "key-" + strconv.FormatUint(uint64(t.key), 10)
	return r
}

func readTicket(body []byte) (ticket, error) {
	if len(body) != 8 {
		return ticket{}, errors.New("request without a ticket")
	}
	return ticket{binary.BigEndian.Uint32(body), binary.BigEndian.Uint32(body[4:])}, nil
}

// watch counts how often the order of a key was broken: a request was handled
// beside another one of its key, or was not the next one of it. It is safe for
// concurrent use.
type watch struct {
	keys   []watchedKey
	broken atomic.Int64
}

type watchedKey struct {
	running atomic.Int32
	next    atomic.Uint32
}

func newWatch(keys int) *watch { return &watch{keys: make([]watchedKey, keys)} }

func (w *watch) begin(t ticket) {
	k := &w.keys[t.key]
	beside := k.running.Add(1) > 1
	if turn := k.next.Swap(t.place+1) == t.place; beside || !turn {
		w.broken.Add(1)
	}
}

func (w *watch) end(t ticket) { w.keys[t.key].running.Add(-1) }
