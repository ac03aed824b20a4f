package asynccalls

import (
	"fmt"
	"strings"
	"time"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/slab"
	"github.com/asynccalls/asynccalls/internal/wire"
)

// outgoing is a record on its way to the broker, with room for what most
// records need. It comes from the slab of the service and goes back when the
// driver is done with it.
type outgoing struct {
	record driver.Record
	owner  any     // who learns the outcome
	call   calling // of an awaited request
	index  int     // which of the owner's records this is; of a batch or a run
	size   int     // of a response: what it takes of its outlet
	row    *slab.Row[outgoing]

	headers [2]driver.Header
	ac      [112]byte
}

// newOutgoing returns a record for topic, to be filled.
func (s *Service) newOutgoing(topic string, owner any) *outgoing {
	o, row := s.outgoings.Get()
	o.row, o.owner = row, owner
	o.record.Topic, o.record.Partition, o.record.Tag = topic, -1, o
	return o
}

// free gives the record back; nothing of it may be used any more. It is cleared field by
// field, which costs a fraction of what it costs to clear so large an object while the
// collector runs; newOutgoing sets the rest.
func (o *outgoing) free() {
	r := &o.record
	clear(r.Headers)
	r.Key, r.Value, r.Headers, r.Time = nil, nil, nil, time.Time{}
	o.owner, o.call = nil, calling{}
	o.row.Put()
}

// setHeaders puts the header of the protocol first, then the user's in their
// order.
func (o *outgoing) setHeaders(ac []byte, user Header) error {
	o.record.Headers = append(o.headers[:0], driver.Header{Key: wire.Header, Value: ac})
	for i, f := range user {
		switch {
		case f.Key == "":
			return fmt.Errorf("header %d has no key", i)
		case isProtocol(f.Key):
			return fmt.Errorf("header %q: keys that are %q or begin with %q belong to the protocol",
				f.Key, wire.Header, wire.Header+"-")
		}
		o.record.Headers = append(o.record.Headers, driver.Header{Key: f.Key, Value: []byte(f.Value)})
	}
	return nil
}

// setRequest fills in everything about a request but who it is from.
func (o *outgoing) setRequest(r *Request, w *wire.Request) error {
	ac, err := wire.AppendRequest(o.ac[:0], w)
	if err != nil {
		return err
	}
	if r.Key != "" {
		o.record.Key = []byte(r.Key)
	}
	o.record.Value = r.Body
	return o.setHeaders(ac, r.Header)
}

// userHeaders returns what is not of the protocol.
func userHeaders(headers []driver.Header) Header {
	if len(headers) <= 1 {
		return nil // only that of the protocol
	}
	h := make(Header, 0, len(headers)-1)
	for _, f := range headers {
		if !isProtocol(f.Key) {
			h = append(h, Field{f.Key, string(f.Value)})
		}
	}
	return h
}

// isProtocol reports whether a header belongs to the protocol and not to users.
func isProtocol(key string) bool {
	return key == wire.Header || strings.HasPrefix(key, wire.Header+"-")
}

func sourceOf(r *driver.Record) Source {
	return Source{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset}
}
