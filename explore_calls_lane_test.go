package asynccalls_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/checker"
	"github.com/asynccalls/asynccalls/internal/wire"
)

// lanes is the topic in which callers wait for responses. It has all its partitions
// from the beginning, but seems to have fewer.
const (
	lanes        = "client.replies"
	lanesAtFirst = 2
	lanesAtLast  = 6
)

// Create implements [driver.Admin].
func (c *chaos) Create(ctx context.Context, topics ...driver.Topic) error {
	topics = slices.Clone(topics)
	for i := range topics {
		if topics[i].Name == lanes {
			topics[i].Partitions = lanesAtLast
		}
	}
	return c.Driver.Create(ctx, topics...)
}

// Topics implements [driver.Admin].
func (c *chaos) Topics(ctx context.Context, names ...string) ([]driver.Topic, error) {
	topics, err := c.Driver.Topics(ctx, names...)
	for i := range topics {
		if topics[i].Name == lanes {
			topics[i].Partitions = min(topics[i].Partitions, c.x.partitions.Load())
		}
	}
	return topics, err
}

// disturb does something to where a caller waits for responses, or to all callers.
func (x *exploration) disturb(h *host) {
	switch x.random.IntN(14) {
	case 0, 1:
		x.count("lanes stalled", 1)
		h.driver.lane.stall(time.Duration(x.random.IntN(30_000)) * time.Millisecond)
	case 2:
		x.count("lanes stalled for more than ten minutes", 1)
		h.driver.lane.stall(time.Duration(600+x.random.IntN(200)) * time.Second)
	case 3, 4:
		x.cutOff(h)
	case 5, 6, 7:
		x.repeat()
	case 8, 9:
		x.litter()
	case 10:
		x.truncate(h)
	case 11:
		x.count("lanes broken", 1)
		h.driver.lane.breakOff()
	case 12:
		x.count("lanes grown", 1)
		x.partitions.Add(1 + x.random.Int32N(2))
	default:
		x.recreate()
	}
}

// cutOff has the log of a caller end before its position. At times it was late, and
// what it has not read is gone.
func (x *exploration) cutOff(h *host) {
	x.count("lanes cut off", 1)
	n, lossy := 1+x.random.Int64N(20), x.random.IntN(2) == 0
	if lossy {
		h.driver.lane.stall(time.Duration(x.random.IntN(3000)) * time.Millisecond)
	}
	h.driver.lane.cutOff(n, lossy)
}

// written returns what is in a topic, if that is there.
func (x *exploration) written(topic string) []driver.Record {
	ctx := x.t.Context()
	topics, err := x.broker.Topics(ctx, topic)
	if err != nil || len(topics) == 0 {
		return nil
	}
	var all []driver.Record
	buf := make([]driver.Record, 1000)
	for id := range topics[0].Partitions {
		p := driver.Partition{Topic: topic, ID: id}
		end, err := x.broker.Read(ctx, p, -1)
		if err != nil {
			x.t.Fatal(err)
		}
		r, err := x.broker.Read(ctx, p, 0)
		if err != nil {
			x.t.Fatal(err)
		}
		for r.(positioner).Position() < end.(positioner).Position() {
			n, err := r.Receive(ctx, buf)
			if _, lost := errors.AsType[*driver.LostError](err); err != nil && !lost {
				x.t.Fatal(err)
			}
			all = append(all, buf[:n]...)
		}
		r.Close()
		end.Close()
	}
	return all
}

// repeat writes some responses again, in any order.
func (x *exploration) repeat() {
	all := x.written(lanes)
	if len(all) == 0 {
		return
	}
	for range 1 + x.random.IntN(30) {
		x.count("responses repeated", 1)
		x.put(x.recent(all))
	}
}

// recent returns any of the records, most often a late one: its call may still be
// pending.
func (x *exploration) recent(all []driver.Record) driver.Record {
	n := len(all)
	return all[n-1-min(x.random.IntN(n), x.random.IntN(n), x.random.IntN(n))]
}

// expect takes in that a call waits, if r is the request of one.
func (x *exploration) expect(r *driver.Record, e checker.Event) {
	if e.Kind != checker.Original || r.Topic != "server.requests" {
		return
	}
	ac, err := wire.Find(r.Headers)
	if err != nil {
		return
	}
	w, err := wire.DecodeRequest(ac)
	if err != nil || w.From != "client" || w.Kind != wire.KindCall {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.waiting[w.ID] = []byte(w.Token)
}

// forget takes in that a call has ended.
func (x *exploration) forget(id string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.waiting, id)
}

// litter writes what is no response to any call, and responses that are for nobody,
// most often much like those to calls that wait.
func (x *exploration) litter() {
	x.mu.Lock()
	waiting := maps.Clone(x.waiting)
	x.mu.Unlock()
	ids := slices.Sorted(maps.Keys(waiting))
	for range 1 + x.random.IntN(10) {
		r := driver.Record{Partition: x.random.Int32N(lanesAtLast), Value: []byte("litter")}
		ac := fmt.Appendf(nil, "1 r 0.stranger.%d.1 r1.run.0 e", x.random.IntN(10))
		if len(ids) > 0 && x.random.IntN(4) > 0 {
			id, other := ids[x.random.IntN(len(ids))], ids[x.random.IntN(len(ids))]
			ac = alike(x.random, id, waiting[id], waiting[other])
			r.Partition = int32(waiting[other][0] - '0')
		}
		if x.random.IntN(8) > 0 {
			r.Headers = []driver.Header{{Key: wire.Header, Value: ac}}
		}
		x.count("litter", 1)
		x.put(r)
	}
}

// alike makes a header like that of a response to a call, which is for another
// instance, call or request, has a number that is none or far away, or is no header.
func alike(random *rand.Rand, id string, token, other []byte) []byte {
	place := bytes.Split(token, []byte(".")) // partition, instance, slot, generation
	run, number := []string{"a", "b", "c"}[random.IntN(3)], "0 e"
	switch random.IntN(8) {
	case 0:
		place[1] = []byte("stranger")
	case 1:
		place[2], place[3] = []byte("4294967295"), []byte("4294967295")
	case 2:
		place[3] = fmt.Appendf(nil, "%d", 1000+random.IntN(1000))
	case 3:
		id = "q" + id[1:]
	case 4:
		number = "2147483647 e"
	case 5:
		number = "99999999999999999999 e"
	case 6:
		if bytes.Equal(token, other) {
			id = "nobody"
		}
		place = bytes.Split(other, []byte("."))
	default:
		run, number = strings.Repeat("x", 33+random.IntN(2000)), "0 "
	}
	return fmt.Appendf(nil, "1 r %s %s.%s.%s", bytes.Join(place, []byte(".")), id, run, number)
}

// put writes a record into the topic for responses, if that is there.
func (x *exploration) put(r driver.Record) {
	out := driver.Record{Topic: lanes, Partition: r.Partition, Key: r.Key, Value: r.Value, Headers: r.Headers}
	x.broker.Publish(x.t.Context(), &out, func(*driver.Record, error) {})
}

// truncate removes the oldest responses, as retention does. At times a caller is so
// late that it has not read them.
func (x *exploration) truncate(h *host) {
	x.count("lanes truncated", 1)
	all := x.written(lanes)
	if len(all) == 0 {
		return
	}
	if x.random.IntN(3) == 0 {
		x.remove(x.recent(all))
		return
	}
	late := time.Duration(2+x.random.IntN(10)) * time.Second
	h.driver.lane.stall(late)
	x.wg.Go(func() {
		pass(late - time.Second)
		for _, r := range x.written(lanes) {
			x.remove(r)
		}
	})
}

// remove removes a response and all before it in its partition.
func (x *exploration) remove(last driver.Record) {
	err := x.broker.DeleteRecords(driver.Partition{Topic: lanes, ID: last.Partition}, last.Offset+1)
	if err != nil && !errors.Is(err, driver.ErrNoTopic) && !errors.Is(err, driver.ErrRefused) { // it may be another topic
		x.t.Errorf("seed %d: %v", x.seed, err)
	}
}

// recreate deletes the topic, and may create it again, with any number of
// partitions.
func (x *exploration) recreate() {
	if x.broker.DeleteTopic(lanes) != nil {
		return // nobody has called yet
	}
	x.partitions.Store(lanesAtFirst)
	x.count("lanes deleted", 1)
	if x.random.IntN(2) == 0 {
		x.count("lanes created again", 1)
		topic := driver.Topic{Name: lanes, Partitions: 1 + x.random.Int32N(lanesAtLast)}
		if err := x.broker.Create(x.t.Context(), topic); err != nil {
			x.t.Errorf("seed %d: %v", x.seed, err)
		}
	}
}
