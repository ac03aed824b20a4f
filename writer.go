package asynccalls

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/delivery"
	"github.com/asynccalls/asynccalls/internal/wire"
)

var _ ResponseWriter = (*run)(nil)

// Send implements [ResponseWriter] for the handler of the run.
func (r *run) Send(ctx context.Context, resp *Response) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.closed:
		return fmt.Errorf("send response: the handler has returned: %w", ErrClosed)
	case r.ended:
		return fmt.Errorf("send response: the last one was sent: %w", ErrClosed)
	case resp == nil:
		return errors.New("send response: it is nil")
	case r.message.mode == delivery.OneWay:
		return nil
	case r.cut.Load():
		return fmt.Errorf("send response: %w", ErrRevoked)
	case !resp.claim():
		return errors.New("send response: it was sent before; make a new one with NewResponse")
	}
	if lost := r.failed.Load(); lost != nil {
		return fmt.Errorf("send response: an earlier one, number %d: %w", lost.seq, lost.err)
	}
	if err := r.publish(ctx, resp); err != nil {
		return fmt.Errorf("send response: %w", err)
	}
	return nil
}

// sendEnd sends what ends the call: an error, or a bare end. The lock is held.
func (r *run) sendEnd(err error) {
	end := &Response{End: true, bare: true}
	if err != nil {
		e := r.endError(err)
		end = &Response{Status: e.Status, Body: []byte(e.Message), End: true}
	}
	if err := r.publish(r.message.group.ctx, end); err != nil {
		g := r.message.group
		g.logger.ErrorContext(g.base, "end dropped", "source", r.message.source(), "error", err)
	}
}

// endError returns what the caller is told of an error.
func (r *run) endError(err error) *Error {
	var large *TooLargeError
	switch {
	case errors.Is(err, errExpired):
		return &Error{statusExpired, err.Error()}
	case errors.As(err, &large) && r.repaired:
		return &Error{statusServerError, err.Error()}
	default:
		return failure(err)
	}
}

// publish hands a response to the driver, and gives it its number. An error says
// that the response is not valid, and then the call goes on. The lock is held.
func (r *run) publish(ctx context.Context, resp *Response) error {
	id := r.responseID()
	w := wire.Response{
		Kind:      wire.KindReply,
		Token:     r.message.token,
		RequestID: r.message.request.ID,
		Run:       r.id,
		Seq:       r.seq,
		Status:    resp.Status,
		End:       resp.End || resp.Status >= statusFailed,
		Bare:      resp.bare,
	}
	if r.message.mode == delivery.Durable {
		w.Kind, w.Token = wire.KindResponse, ""
		w.Service, w.Endpoint = r.message.group.s.id, r.message.request.Endpoint
	}
	o := r.message.group.s.newOutgoing(r.topic, r)
	o.index = int(r.seq)
	ac, err := wire.AppendResponse(o.ac[:0], &w)
	if err == nil {
		err = o.setHeaders(ac, resp.Header)
	}
	if err != nil {
		o.free()
		return err
	}
	if r.message.mode == delivery.Durable {
		o.record.Key = r.responseKey()
	} else {
		o.record.Partition = r.partition()
	}
	if !resp.bare {
		o.record.Value = resp.Body
	}
	resp.ID, resp.RequestID, resp.Run, resp.Seq = id, r.message.request.ID, r.id, int(r.seq)
	r.seq++
	r.ended = w.End
	r.open.Add(1)
	r.message.group.s.driver.Publish(ctx, &o.record, answered)
	return nil
}

// responseID returns the ID of the next response. With the first one the run
// gets its own ID, which is a part of that, and learns where its responses go.
func (r *run) responseID() string {
	var b [128]byte
	id := append(b[:0], r.message.request.ID...)
	id = append(id, '.')
	begin := len(id)
	if r.id == "" {
		id = r.message.group.s.runs.append(id)
	} else {
		id = append(id, r.id...)
	}
	end := len(id)
	id = append(id, '.')
	full := string(strconv.AppendInt(id, int64(r.seq), 10))
	if r.id == "" {
		r.id = full[begin:end]
		if s := r.message.group.s; r.message.mode == delivery.Durable {
			r.topic = s.topic(r.message.request.From, responsesTopic)
		} else {
			r.topic = s.recall(&s.answered, r.message.request.From, repliesTopic)
		}
	}
	return full
}

// responseKey keeps the responses of a run in one partition: the key of the
// request, or its ID if it has none.
func (r *run) responseKey() []byte {
	if len(r.message.record.key) > 0 {
		return r.message.record.key
	}
	return []byte(r.message.request.ID)
}

// partition returns where the caller waits.
func (r *run) partition() int32 {
	t, err := wire.ParseToken(r.message.token)
	if err != nil {
		return -1 // a token was checked when it was decoded
	}
	return t.Partition
}

// answered is called by the driver with the outcome of a response.
func answered(record *driver.Record, err error) {
	o, _ := record.Tag.(*outgoing)
	r, _ := o.owner.(*run)
	seq := int32(o.index) //nolint:gosec // it was one
	o.free()
	if err != nil {
		r.failed.CompareAndSwap(nil, &lostResponse{seq, err})
	}
	r.settle()
}
