package deadletters

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/topics"
	"github.com/asynccalls/asynccalls/internal/wire"
)

// skipError says why a letter is not put back.
type skipError struct{ reason string }

func (e *skipError) Error() string { return e.reason }

func skip(format string, args ...any) error { return &skipError{fmt.Sprintf(format, args...)} }

// message returns the record that puts the message of a letter back. A
// [*skipError] says that it must not, or cannot, be put back.
func (b *box) message(ctx context.Context, l *Letter) (*driver.Record, error) {
	r := &driver.Record{Topic: l.Source.Topic, Partition: -1, Key: l.Key, Value: l.Value, Headers: l.headers}
	if err := b.checkTopic(l); err != nil {
		return nil, err
	}
	if l.Stub {
		source, err := b.fetch(ctx, l)
		if err != nil {
			return nil, err
		}
		r.Key, r.Value, r.Headers = source.Key, source.Value, source.Headers
	}
	ac, err := b.header(r)
	if err != nil {
		return nil, err
	}
	replay := wire.Replay{Count: l.Replays + 1, Topic: l.At.Topic, Partition: l.At.Partition, Offset: l.At.Offset}
	r.Headers = append(keptHeaders(r.Headers, ac),
		driver.Header{Key: wire.HeaderReplay, Value: wire.AppendReplay(nil, &replay)})
	return r, nil
}

// checkTopic refuses to write where the messages of the service do not come
// from: a header can name any topic.
func (b *box) checkTopic(l *Letter) error {
	own := b.options.Prefix + b.service
	if l.Source.Topic == own+topics.Requests || l.Source.Topic == own+topics.Responses {
		return nil
	}
	// The broker would not take a response that this service sent.
	service, prefixed := strings.CutPrefix(l.Source.Topic, b.options.Prefix)
	service, isResponse := strings.CutSuffix(service, topics.Responses)
	if prefixed && isResponse && l.Source.Offset < 0 && wire.ValidService(service) == nil && b.answers(l.headers) {
		return nil
	}
	return skip("it is said to come from topic %q, which is not one of %s", l.Source.Topic, b.service)
}

// answers reports whether headers are those of a response of the service.
func (b *box) answers(headers []driver.Header) bool {
	ac, err := wire.Find(headers)
	if err != nil {
		return false
	}
	response, err := wire.DecodeResponse(ac)
	return err == nil && response.Kind == wire.KindResponse && response.Service == b.service
}

// header returns the header "ac" with which a message goes back: without what
// belongs to its first time.
func (b *box) header(r *driver.Record) ([]byte, error) {
	ac, err := wire.Find(r.Headers)
	if err != nil {
		return nil, unreadable(err)
	}
	if strings.HasSuffix(r.Topic, topics.Responses) {
		response, err := wire.DecodeResponse(ac)
		switch {
		case errors.Is(err, wire.ErrVersion):
		case err != nil:
			return nil, unreadable(err)
		case response.Kind != wire.KindResponse:
			return nil, unreadable(errors.New("it is a response to an awaited request"))
		}
		return ac, nil
	}
	request, err := wire.DecodeRequest(ac)
	switch {
	case errors.Is(err, wire.ErrVersion):
		return ac, nil
	case err != nil:
		return nil, unreadable(err)
	}
	request.TTL = 0
	if request.Kind == wire.KindCall { // nobody waits any more
		request.Kind, request.Token = wire.KindNotify, ""
	}
	return wire.AppendRequest(nil, &request)
}

func unreadable(err error) error { return skip("it would come back, as nobody can handle it: %v", err) }

// keptHeaders returns the headers that a message goes back with, in their order,
// with room for one more.
func keptHeaders(headers []driver.Header, ac []byte) []driver.Header {
	kept := make([]driver.Header, 0, len(headers)+1)
	for _, h := range headers {
		switch h.Key {
		case wire.HeaderDead, wire.HeaderError, wire.HeaderReplay:
		case wire.Header:
			kept = append(kept, driver.Header{Key: h.Key, Value: ac})
		default:
			kept = append(kept, h)
		}
	}
	return kept
}

// fetch reads the message that a stub stands for.
func (b *box) fetch(ctx context.Context, l *Letter) (*driver.Record, error) {
	gone := skip("it is a stub, and the message is not at %v any more", l.Source)
	if l.Source.Offset < 0 {
		return nil, skip("it is a stub of a message that was stored nowhere")
	}
	p := driver.Partition{Topic: l.Source.Topic, ID: l.Source.Partition}
	end, err := endOf(ctx, b.driver, p)
	switch {
	case errors.Is(err, driver.ErrNoTopic):
		return nil, gone
	case err != nil:
		return nil, fmt.Errorf("fetch the message of a stub: %w", err)
	}
	var found *driver.Record
	err = scan(ctx, b.driver, section{p, l.Source.Offset, min(end, l.Source.Offset+1)}, func(r *driver.Record) bool {
		if r.Time.UnixMilli() == l.Time.UnixMilli() {
			found = &driver.Record{Key: r.Key, Value: r.Value, Headers: slices.Clone(r.Headers)}
		}
		return false
	})
	if err != nil {
		return nil, fmt.Errorf("fetch the message of a stub: %w", err)
	}
	if found == nil {
		return nil, gone
	}
	return found, nil
}
