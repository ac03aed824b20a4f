package asynccalls

import (
	"sync/atomic"
	"unsafe"

	"github.com/asynccalls/asynccalls/internal/route"
)

// Response is one of the responses to a request. Make one with [NewResponse];
// the library sets the fields that identify it.
type Response struct {
	ID        string // RequestID, Run and Seq in one
	RequestID string
	Service   string // who was asked
	Endpoint  string // what was asked for
	Key       string // of the request

	// Run identifies one execution of the request, and Seq numbers its responses
	// from 0. A request that is delivered again has another run; see
	// [Service.HandleResponses].
	Run string
	Seq int

	Status int  // 200 unless set; from 400 on the call has failed and Body is the message
	End    bool // the last response: set it to save the record that would say so
	Header Header
	Body   []byte // belongs to the library once the response was sent
	Source Source // for who receives it: where it came from

	room    *headerRoom    // for its header, or nil
	bare    bool           // an end without a response
	pattern *route.Pattern // in a handler of responses: what matched
	sent    uint32         // atomic; 1 once the response was handed over
}

// headerRoom is what most headers of responses fit into.
type headerRoom [128]byte

// NewResponse returns a response with status 200.
func NewResponse(body []byte) *Response {
	n := new(struct {
		response Response
		room     headerRoom // one allocation for both
	})
	n.response = Response{Status: statusOK, Body: body, room: &n.room}
	return &n.response
}

// PathValue returns what the wildcard of that name in the pattern of the handler
// of responses stands for, or "".
func (r *Response) PathValue(name string) string { return r.pattern.Value(r.Endpoint, name) }

// Err returns an [*Error] if the status says that the call failed, else nil.
func (r *Response) Err() error {
	if r.Status < statusFailed {
		return nil
	}
	return &Error{Status: r.Status, Message: string(r.Body)}
}

// headerRoom returns the room for the header that belongs to r, or nil: a copy of a
// response has none.
func (r *Response) headerRoom() *headerRoom {
	if uintptr(unsafe.Pointer(r.room)) != uintptr(unsafe.Pointer(r))+unsafe.Sizeof(*r) {
		return nil
	}
	return r.room
}

func (r *Response) claim() bool { return atomic.CompareAndSwapUint32(&r.sent, 0, 1) }
