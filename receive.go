package asynccalls

import (
	"errors"
	"fmt"
	"hash/maphash"
	"runtime"
	"slices"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/wire"
)

const (
	// laneBatch is how many responses are received at once.
	laneBatch = 256

	// atOnce is how many calls are looked up, or removed, under the lock: who makes a
	// call would sleep if it had to wait for more.
	atOnce = 16

	// responseSize is about what a response takes besides its body.
	responseSize = 256
)

// receive gives responses to their calls until there is a reason to look for a
// new position.
func (l *lane) receive(reader driver.Reader) error {
	buf := make([]driver.Record, laneBatch)
	places := make([]place, laneBatch)
	calls := make([]*Call, laneBatch)
	var over []*Call
	for {
		n, err := reader.Receive(l.ctx, buf)
		if lost, ok := errors.AsType[*driver.LostError](err); ok && lost.To > 0 {
			l.skip(lost)
			continue
		}
		if err != nil {
			return err
		}
		own := l.parse(buf[:n], places)
		l.ownReplies.Add(int64(own))
		l.foreignReplies.Add(int64(n - own))
		l.share(n, own)
		l.find(places[:n], calls)
		over = over[:0]
		for i := range n {
			switch c := calls[i]; {
			case c != nil:
				if l.deliver(c, &buf[i], places[i].rest) {
					over = append(over, c)
				}
			case places[i].generation != 0:
				l.late(&buf[i], places[i].rest)
			}
		}
		over = l.removeAll(over)
		clear(buf[:n])
		clear(places[:n])
		clear(calls[:n])
		for _, c := range over {
			c.leave()
		}
		clear(over[:cap(over)])
	}
}

// removeAll gives up the places of calls, and returns those that had one.
func (l *lane) removeAll(over []*Call) []*Call {
	had := over[:0]
	for some := range slices.Chunk(over, atOnce) {
		l.mu.Lock()
		for _, c := range some {
			if l.slots.Remove(c.place, c.generation) {
				had = append(had, c)
			}
		}
		l.mu.Unlock()
	}
	return had
}

// skip takes in that the broker has lost responses. If they were removed unread,
// those of any call may be among them. If the log was cut off, the reader goes back
// to what is left of it: what was received before is skipped, and what is lost,
// calls find out at their deadlines.
func (l *lane) skip(lost *driver.LostError) {
	l.s.logger.ErrorContext(l.ctx, "responses lost", "error", lost)
	l.s.tellGap(lost)
	if lost.To > lost.From {
		l.endAll(fmt.Errorf("%w: %w", ErrReplyLost, lost))
	}
}

// share looks at how many of the records that were received are for this instance.
func (l *lane) share(all, own int) {
	factor, tooMany := l.others.Count(own, all-own)
	if !tooMany {
		return
	}
	l.s.logger.WarnContext(l.ctx, "most responses in the partition are for other instances: "+
		"give the topic more partitions", "topic", l.partition.Topic, "partition", l.partition.ID,
		"partitions", l.partitions, "suggested", min(int64(l.partitions)*int64(factor), 1000))
}

// place is where a response says that its call is; a generation of 0 is nowhere.
type place struct {
	slot, generation uint32
	rest             []byte // of the header
}

// parse reads the places from records; nowhere for those of other instances, and
// for what is no response. It returns how many are of this one.
func (l *lane) parse(records []driver.Record, places []place) (own int) {
	for i := range records {
		places[i] = place{}
		ac, err := wire.Find(records[i].Headers)
		if err != nil {
			continue
		}
		to, err := wire.CutReply(ac)
		if err == nil && string(to.Instance) == l.instance {
			places[i] = place{to.Slot, to.Generation, to.Rest}
			own++
		}
	}
	return own
}

// find looks up the calls at places; nil for those that have ended.
func (l *lane) find(places []place, calls []*Call) {
	for len(places) > 0 {
		n := min(len(places), atOnce)
		l.findSome(places[:n], calls)
		touch(calls[:n])
		places, calls = places[n:], calls[n:]
	}
}

func (l *lane) findSome(places []place, calls []*Call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, p := range places {
		calls[i] = nil
		if p.generation != 0 {
			calls[i], _ = l.slots.Get(p.slot, p.generation)
		}
	}
}

// touch reads from the memory of each call that deliver needs, and does nothing else, so
// that the processor fetches that of many calls at a time: in deliver it would wait for
// that of each.
func touch(calls []*Call) {
	n := 0
	for _, c := range calls {
		if c != nil {
			n += len(c.request.ID) + len(c.wake) + c.stream.Delivered()
		}
	}
	runtime.KeepAlive(n)
}

// deliver gives a record to its call, and reports whether that ended it.
func (l *lane) deliver(c *Call, record *driver.Record, rest []byte) bool {
	w, err := wire.DecodeReply(l.texts.Keep(rest))
	if err != nil || w.RequestID != c.request.ID {
		l.s.logger.WarnContext(l.ctx, "response not understood", "request", c.request.ID, "error", err)
		return false
	}
	if len(l.responses) == 0 {
		l.responses = make([]Response, 16)
	}
	r := &l.responses[0]
	l.responses = l.responses[1:]
	r.fill(&w, record)
	r.Service, r.Endpoint, r.Key = c.request.Service, c.request.Endpoint, c.request.Key
	return c.receive(r, l.sum(r))
}

// late tells hooks of a response whose call has ended.
func (l *lane) late(record *driver.Record, rest []byte) {
	if len(l.s.hooks.list()) == 0 {
		return
	}
	if w, err := wire.DecodeReply(string(rest)); err == nil && !w.Bare {
		r := &Response{}
		r.fill(&w, record)
		l.s.tellLate(r)
	}
}

// fill sets what the record of an awaited response says.
func (r *Response) fill(w *wire.Response, record *driver.Record) {
	r.ID, r.RequestID, r.Run, r.Seq = w.ID, w.RequestID, w.Run, int(w.Seq)
	r.Status, r.End, r.bare = w.Status, w.End, w.Bare
	r.Header, r.Body, r.Source = userHeaders(record.Headers), record.Value, sourceOf(record)
}

// sum hashes what makes two responses the same. Which trace they belong to does not:
// each run has a span of its own.
func (l *lane) sum(r *Response) uint64 {
	sum := maphash.Bytes(l.seed, r.Body) + uint64(r.Status) //nolint:gosec // only a hash
	for _, f := range r.Header {
		if isTrace(f.Key) {
			continue
		}
		sum = sum*31 + maphash.String(l.seed, f.Key)
		sum = sum*31 + maphash.String(l.seed, f.Value)
	}
	return sum
}
