package asynccalls

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/asynccalls/asynccalls/internal/chance"
	"github.com/asynccalls/asynccalls/internal/route"
)

// Request is a message to an endpoint of a service. Make one with [NewRequest].
// A handler gets the same type; it must not change it.
type Request struct {
	// ID identifies the request. NewRequest sets it; it may be replaced by up to
	// 64 letters, digits, '-', '_' and ':' that are as unique.
	ID string

	Service  string // who is asked
	Endpoint string // a path, such as "/orders/17"
	Key      string // requests with one key are handled in order; "" for any order
	From     string // who asks; set by the library
	Header   Header
	Body     []byte // belongs to the library once the request was sent

	// TTL is how long after it was sent the request may still be started; 0 is
	// for ever. For an awaited request it is the time until its deadline, set by
	// the library. It is rounded up to milliseconds.
	TTL time.Duration

	Attempt int    // in a handler: 1 for the first run in this delivery
	Source  Source // in a handler: where the request came from

	pattern *route.Pattern // in a handler: what matched
	sent    uint32         // atomic; 1 once the request was handed over
}

// Source is the place of a message in its topic. The offset of a partition only
// grows, so that the source can serve as a fencing token for effects: two hosts
// can overlap after one has lost its partitions without noticing, and then the
// same request, or a later one of its key, may have taken effect already.
type Source struct {
	Topic     string
	Partition int32
	Offset    int64
}

// NewRequest returns a request with a new ID. A nil body is sent as null.
func NewRequest(service, endpoint string, body []byte) *Request {
	n := new(struct {
		request Request
		id      [chance.MaxRequestID]byte // one allocation for both
	})
	id := chance.AppendRequestID(n.id[:0])
	n.request = Request{
		ID:      unsafe.String(&id[0], len(id)), //nolint:gosec // nothing changes it any more
		Service: service, Endpoint: endpoint, Body: body,
	}
	return &n.request
}

// PathValue returns what the wildcard of that name in the pattern of the handler
// stands for, or "".
func (r *Request) PathValue(name string) string { return r.pattern.Value(r.Endpoint, name) }

// RequestFrom returns the request that the handler with this context serves, or
// nil outside of a handler of requests.
func RequestFrom(ctx context.Context) *Request {
	r, _ := ctx.Value(requestKey{}).(*Request)
	return r
}

type requestKey struct{}

var errRequestSent = errors.New("the request was sent before; make a new one with NewRequest")

// claim marks the request as sent, and reports whether it was not before.
func (r *Request) claim() bool { return atomic.CompareAndSwapUint32(&r.sent, 0, 1) }

// unsent allows a request to be sent again if err says that it was not.
func (r *Request) unsent(err error) {
	if !errors.Is(err, ErrUnknownOutcome) {
		atomic.StoreUint32(&r.sent, 0)
	}
}
