package asynccalls

import (
	"context"
	"errors"
	"fmt"
	"unsafe"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/delivery"
	"github.com/asynccalls/asynccalls/internal/wire"
)

var _ ResponseWriter = (*run)(nil)

var errSentBefore = errors.New("it was sent before; make a new one with NewResponse")

// Send implements [ResponseWriter] for the handler of the run.
func (r *run) Send(ctx context.Context, resp *Response) error {
	r.Step("responds")
	err := r.send(ctx, resp)
	r.Step("has responded")
	if err != nil {
		return fmt.Errorf("send response: %w", err)
	}
	return nil
}

func (r *run) send(ctx context.Context, resp *Response) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.refuse(resp); err != nil || r.message.mode == delivery.OneWay {
		return err
	}
	r.begin()
	size := len(resp.Body) + responseSize
	for !r.to.reserve(size) {
		r.mu.Unlock()
		err := r.awaitSpace(ctx, size)
		r.mu.Lock()
		if err == nil {
			err = r.refuse(resp)
		}
		if err != nil {
			return err
		}
	}
	err := errSentBefore
	if resp.claim() {
		err = r.publish(ctx, resp, size)
	}
	if err != nil {
		r.to.release(size)
	}
	return err
}

// refuse says why the run may not send a response. The lock is held.
func (r *run) refuse(resp *Response) error {
	switch {
	case r.closed:
		return fmt.Errorf("the handler has returned: %w", ErrClosed)
	case r.ended:
		return fmt.Errorf("the last one was sent: %w", ErrClosed)
	case resp == nil:
		return errors.New("it is nil")
	case r.cut.Load():
		return ErrRevoked
	}
	if lost := r.failed.Load(); lost != nil {
		return fmt.Errorf("an earlier one, number %d: %w", lost.seq, lost.err)
	}
	return nil
}

// awaitSpace waits until there may be room on the way to the caller. The handler
// gives its slot away meanwhile: a destination that is slow holds up no other.
func (r *run) awaitSpace(ctx context.Context, size int) error {
	r.lend() //nolint:contextcheck // it may start a worker, whose handlers have contexts of their own
	defer r.regain()
	return r.to.wait(ctx, &r.ctx, size)
}

// sendEnd sends what ends the call: an error, or a bare end. It reports false if
// that cannot arrive anyway. The lock is held.
func (r *run) sendEnd(err error, how delivery.Failure) bool {
	end := &Response{End: true, bare: true}
	if err != nil && how != delivery.Dropped {
		e := r.endError(err)
		end = &Response{Status: e.Status, Body: []byte(e.Message), End: true}
	}
	if r.message.mode == delivery.Durable {
		end.Header = r.message.trace() // who awaits a call knows its trace
	}
	r.begin()
	if r.to.stuck.Load() {
		return false
	}
	size := len(end.Body) + responseSize
	r.to.add(size)
	if err := r.publish(r.message.group.ctx, end, size); err != nil {
		r.to.release(size)
		r.message.logger().ErrorContext(r.message.group.base, "end dropped", "error", err)
	}
	return true
}

// endError returns what the caller is told of an error.
func (r *run) endError(err error) *Error {
	var large *TooLargeError
	switch {
	case errors.Is(err, errExpired), errors.Is(err, errOutOfTime):
		return &Error{statusExpired, err.Error()}
	case errors.As(err, &large) && r.repaired:
		return &Error{statusServerError, fmt.Sprintf("response %d: %v", r.seq, large)} // not what else a driver says
	default:
		return failure(err)
	}
}

// publish hands a response to the driver, and gives it its number. An error says
// that the response is not valid, and then the call goes on. The lock is held.
func (r *run) publish(ctx context.Context, resp *Response, size int) error {
	w := wire.Response{
		Kind:      wire.KindReply,
		Token:     r.message.token,
		RequestID: r.message.request.ID,
		Seq:       r.seq,
		Status:    resp.Status,
		End:       resp.End || resp.Status >= statusFailed,
		Bare:      resp.bare,
	}
	if r.message.mode == delivery.Durable {
		w.Kind, w.Token = wire.KindResponse, ""
		w.Service, w.Endpoint = r.message.group.s.id, r.message.request.Endpoint
	}
	ac, id, err := r.encode(&w, resp)
	if err != nil {
		return err
	}
	o := r.message.group.s.newOutgoing(r.to.topic, r)
	o.index, o.size = int(r.seq), size
	if err := o.setHeaders(ac, resp.Header); err != nil {
		o.free()
		return err
	}
	o.record.Partition = r.to.partition
	if r.message.mode == delivery.Durable {
		o.record.Key = r.responseKey()
	}
	if !resp.bare {
		o.record.Value = resp.Body
	}
	resp.ID, resp.RequestID, resp.Seq = id, r.message.request.ID, int(r.seq)
	resp.Run = r.head[wire.ResponseIDBegin(&w)+len(w.RequestID)+1 : len(r.head)-1]
	r.seq++
	r.ended = w.End
	r.open.Add(1)
	r.message.group.s.driver.Publish(ctx, &o.record, answered)
	return nil
}

// begin finds out where the responses of the run go. The lock is held.
func (r *run) begin() {
	if r.to != nil {
		return
	}
	partition := int32(-1)
	if r.message.mode == delivery.Awaited {
		if t, err := wire.ParseToken(r.message.token); err == nil { // it was checked when it was decoded
			partition = t.Partition
		}
	}
	r.to = r.message.group.s.outlets.find(r.message.request.From, partition)
}

// encode returns the header of a response and the ID in it: one piece of memory for
// both, which nobody changes. With the first response the run gets its own ID, and
// the head that all of them have in common. The head does not stay in the memory of a
// response that others follow. The lock is held.
func (r *run) encode(w *wire.Response, resp *Response) (ac []byte, id string, err error) {
	var text string
	var head int
	if room := resp.headerRoom(); room != nil && (r.head != "" || w.End) {
		ac, head, err = r.appendHeader(room[:0], w)
		text = unsafe.String(unsafe.SliceData(ac), len(ac))
	} else {
		var b headerRoom
		var buf []byte
		buf, head, err = r.appendHeader(b[:0], w)
		text = string(buf)
	}
	if err != nil {
		return nil, "", err
	}
	if r.head == "" {
		r.head = text[:head]
	}
	end := head + 1
	for end < len(text) && text[end] != ' ' {
		end++
	}
	return unsafe.Slice(unsafe.StringData(text), len(text)), text[wire.ResponseIDBegin(w):end], nil
}

// appendHeader appends the header of a response, and returns the length of its head.
func (r *run) appendHeader(buf []byte, w *wire.Response) (_ []byte, head int, err error) {
	buf = append(buf, r.head...)
	if len(buf) == 0 {
		if buf, err = wire.AppendResponseHead(buf, w); err != nil {
			return buf, 0, err
		}
		buf = append(r.message.group.s.runs.Append(buf), '.')
	}
	head = len(buf)
	buf, err = wire.AppendResponseTail(buf, w)
	return buf, head, err
}

// responseKey keeps the responses of a run in one partition: the key of the
// request, or its ID if it has none.
func (r *run) responseKey() []byte {
	if len(r.message.record.key) > 0 {
		return r.message.record.key
	}
	id := r.message.request.ID
	return unsafe.Slice(unsafe.StringData(id), len(id)) // nobody changes it
}

// answered is called by the driver with the outcome of a response.
func answered(record *driver.Record, err error) {
	o, _ := record.Tag.(*outgoing)
	r, _ := o.owner.(*run)
	seq, size := int32(o.index), o.size //nolint:gosec // index was one
	o.free()
	if err != nil {
		r.to.release(size)
		lost := &lostResponse{seq: seq, err: err, before: r.failed.Load()}
		for !r.failed.CompareAndSwap(lost.before, lost) {
			lost.before = r.failed.Load()
		}
	} else {
		r.to.acknowledged(size)
		r.message.group.keeper.acknowledged()
	}
	r.settle()
}
