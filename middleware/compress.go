package middleware

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"sync"

	"github.com/asynccalls/asynccalls"
)

// Header fields, with the meaning that HTTP gives them (RFC 9110, sections 8.4 and
// 12.5.3).
const (
	contentEncoding = "content-encoding"
	acceptEncoding  = "accept-encoding"
	gzipEncoding    = "gzip"
)

// Compression compresses bodies with gzip and marks them with the header
// content-encoding, as HTTP does. Kafka compresses batches of records by itself, with
// less work; this is for single large bodies, and for what limits the size of a record.
//
// A service that uses it for its requests sends them only to services that use it as
// well. It asks for compressed responses by the header accept-encoding, so they are
// not sent to others.
type Compression struct {
	Min int // bodies of fewer bytes are sent as they are; default 4 KiB
	Max int // a body that would be larger when it is not compressed any more is refused; default 16 MiB
}

// Use has a service compress and decompress all bodies of requests and responses. Like
// [asynccalls.Service.Use] it panics once Listen was called. Other middleware sees
// responses compressed if it was added before, for endpoints, or after, for calls.
func (c Compression) Use(s *asynccalls.Service) {
	if c.Min <= 0 {
		c.Min = 4 << 10
	}
	if c.Max <= 0 {
		c.Max = 16 << 20
	}
	s.UseHooks(asynccalls.Hooks{BeforeSend: c.beforeSend, BeforeReceive: c.beforeReceive})
	s.Use(c.respond)
	s.UseResponses(c.responses)
	s.UseCalls(c.calls)
}

func (c Compression) beforeSend(_ context.Context, r *asynccalls.Request) error {
	r.Header.Set(acceptEncoding, gzipEncoding)
	c.compress(&r.Header, &r.Body)
	return nil
}

func (c Compression) beforeReceive(_ context.Context, r *asynccalls.Request) error {
	return c.decompress(&r.Header, &r.Body)
}

// respond compresses responses for those who ask for that.
func (c Compression) respond(next asynccalls.Handler) asynccalls.Handler {
	return func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
		if slices.Contains(r.Header.Values(acceptEncoding), gzipEncoding) {
			w = &compressingWriter{w, c}
		}
		return next(ctx, w, r)
	}
}

type compressingWriter struct {
	asynccalls.ResponseWriter

	c Compression
}

func (w *compressingWriter) Send(ctx context.Context, r *asynccalls.Response) error {
	if r != nil && r.Err() == nil {
		w.c.compress(&r.Header, &r.Body)
	}
	return w.ResponseWriter.Send(ctx, r)
}

func (c Compression) responses(next asynccalls.ResponseHandler) asynccalls.ResponseHandler {
	return func(ctx context.Context, r *asynccalls.Response) error {
		if err := c.decompress(&r.Header, &r.Body); err != nil {
			return asynccalls.Permanent(err)
		}
		return next(ctx, r)
	}
}

func (c Compression) calls(next asynccalls.Caller) asynccalls.Caller {
	return func(ctx context.Context, r *asynccalls.Request) iter.Seq2[*asynccalls.Response, error] {
		responses := next(ctx, r)
		return func(yield func(*asynccalls.Response, error) bool) {
			for resp, err := range responses {
				if err == nil {
					err = c.decompress(&resp.Header, &resp.Body)
				}
				if err != nil {
					yield(nil, err)
					return
				}
				if !yield(resp, nil) {
					return
				}
			}
		}
	}
}

// writers are used again: each has a large table.
var writers = sync.Pool{New: func() any { return gzip.NewWriter(nil) }} //nolint:gochecknoglobals // a pool

// compress replaces a body that is large enough, unless it was compressed already.
func (c Compression) compress(h *asynccalls.Header, body *[]byte) {
	if len(*body) < c.Min || h.Get(contentEncoding) != "" {
		return
	}
	var buf bytes.Buffer
	w, _ := writers.Get().(*gzip.Writer)
	defer writers.Put(w)
	w.Reset(&buf)
	_, _ = w.Write(*body) // a buffer takes everything
	_ = w.Close()
	if buf.Len() < len(*body) {
		h.Set(contentEncoding, gzipEncoding)
		*body = buf.Bytes()
	}
}

// decompress replaces a body that is compressed.
func (c Compression) decompress(h *asynccalls.Header, body *[]byte) error {
	switch encoding := h.Get(contentEncoding); encoding {
	case "":
		return nil
	case gzipEncoding:
	default:
		return fmt.Errorf("content-encoding %q is not known, only %q", encoding, gzipEncoding)
	}
	r, err := gzip.NewReader(bytes.NewReader(*body))
	if err != nil {
		return fmt.Errorf("the body is not compressed as content-encoding says: %w", err)
	}
	plain, err := io.ReadAll(io.LimitReader(r, int64(c.Max)+1))
	switch {
	case err != nil:
		return fmt.Errorf("the compressed body is damaged: %w", err)
	case len(plain) > c.Max:
		return fmt.Errorf("the body is larger than %d bytes when it is not compressed", c.Max)
	}
	*h = slices.DeleteFunc(*h, func(f asynccalls.Field) bool { return f.Key == contentEncoding })
	*body = plain
	return nil
}
