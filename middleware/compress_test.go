package middleware_test

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/middleware"
)

// large is a body that is compressed well.
var large = strings.Repeat("apples and pears, ", 1000)

// TestCompression sends bodies compressed to those who understand that.
func TestCompression(t *testing.T) {
	t.Parallel()
	type seen struct {
		Encoding string
		Size     int
	}
	var requests, responses []seen
	c := middleware.Compression{Min: 100, Max: 20_000}
	errNotNow := errors.New("not now")
	var durable []string
	plain, refuse := false, false
	world(t, func(server, client *asynccalls.Service) {
		server.UseHooks(asynccalls.Hooks{BeforeReceive: func(_ context.Context, r *asynccalls.Request) error {
			requests = append(requests, seen{r.Header.Get("content-encoding"), len(r.Body)})
			if plain {
				r.Header, r.Body = nil, []byte(large) // as from a client that does not know of compression
			}
			return nil
		}})
		c.Use(server)
		server.Handle("/echo", func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
			if encoding := r.Header.Get("content-encoding"); encoding != "" {
				t.Errorf("the handler gets content-encoding %q", encoding)
			}
			return w.Send(ctx, asynccalls.NewResponse(r.Body))
		})
		server.Handle("/fail", func(ctx context.Context, w asynccalls.ResponseWriter, _ *asynccalls.Request) error {
			if w.Send(ctx, nil) == nil {
				t.Error("nil is sent")
			}
			failed := asynccalls.NewResponse([]byte(large))
			failed.Status = 418
			return w.Send(ctx, failed)
		})
		c.Use(client)
		client.UseHooks(asynccalls.Hooks{BeforeSend: func(context.Context, *asynccalls.Request) error {
			if refuse {
				return errNotNow
			}
			return nil
		}})
		client.UseCalls(func(next asynccalls.Caller) asynccalls.Caller {
			return func(ctx context.Context, r *asynccalls.Request) iter.Seq2[*asynccalls.Response, error] {
				sequence := next(ctx, r)
				return func(yield func(*asynccalls.Response, error) bool) {
					for resp, err := range sequence {
						if err == nil {
							responses = append(responses, seen{resp.Header.Get("content-encoding"), len(resp.Body)})
						}
						if !yield(resp, err) {
							return
						}
					}
				}
			}
		})
		client.HandleResponses("server", "/echo", func(_ context.Context, r *asynccalls.Response) error {
			durable = append(durable, string(r.Body))
			return nil
		})
	}, func(t *testing.T, client *asynccalls.Service) {
		random := make([]byte, 200)
		_, _ = rand.NewChaCha8([32]byte{}).Read(random)
		for _, body := range []string{large[:99], large, string(random)} {
			resp, err := client.CallOne(t.Context(), asynccalls.NewRequest("server", "/echo", []byte(body)))
			if err != nil || string(resp.Body) != body || resp.Header.Get("content-encoding") != "" {
				t.Errorf("%.20s: error %v", body, err)
			}
		}
		again := asynccalls.NewRequest("server", "/echo", []byte(large))
		refuse = true
		if _, err := client.CallOne(t.Context(), again); !errors.Is(err, errNotNow) {
			t.Errorf("error %v, want %v", err, errNotNow)
		}
		refuse = false
		if resp, err := client.CallOne(t.Context(), again); err != nil || string(resp.Body) != large {
			t.Errorf("a request that was refused at first: %v", err)
		}
		_, err := client.CallOne(t.Context(), asynccalls.NewRequest("server", "/fail", nil))
		if e, ok := errors.AsType[*asynccalls.Error](err); !ok || e.Message != large {
			t.Errorf("a failed response: %.200v", err)
		}
		synctest.Wait()
		plain = true
		if _, err := client.CallOne(t.Context(), asynccalls.NewRequest("server", "/echo", []byte("small"))); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		plain = false
		if err := client.Send(t.Context(), asynccalls.NewRequest("server", "/echo", []byte(large))); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Second)
		synctest.Wait()
		if diff := cmp.Diff([]string{large}, durable); diff != "" {
			t.Errorf("durable responses (-want +got):\n%s", diff)
		}
		if len(requests) != 7 || requests[0] != (seen{"", 99}) || requests[1].Encoding != "gzip" ||
			requests[1].Size > len(large)/10 || requests[2] != (seen{"", 200}) {
			t.Errorf("requests on their way: %v", requests)
		}
		if len(responses) != 5 || responses[1].Encoding != "gzip" || responses[4] != (seen{"", len(large)}) {
			t.Errorf("responses on their way: %v", responses)
		}
	})
}

// TestCompressionRefuses receives what is not compressed as it says.
func TestCompressionRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		encoding string
		edit     func(body []byte) []byte
		max      int
		want     string
	}{
		"unknown":   {"br", nil, 1 << 20, `status 400: content-encoding "br" is not known, only "gzip"`},
		"not gzip":  {"gzip", func([]byte) []byte { return []byte("plain") }, 1 << 20, "status 400: the body is not compressed"},
		"damaged":   {"gzip", func(b []byte) []byte { return b[:len(b)/2] }, 1 << 20, "status 400: the compressed body is damaged"},
		"too large": {"gzip", bytes.Clone, len(large) - 1, "status 400: the body is larger than 17999 bytes"},
		"fits":      {"gzip", bytes.Clone, len(large), ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			world(t, func(server, client *asynccalls.Service) {
				middleware.Compression{Max: tt.max}.Use(server)
				server.Handle("/e", func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error { return nil })
				middleware.Compression{}.Use(client)
				client.UseHooks(asynccalls.Hooks{BeforeSend: func(_ context.Context, r *asynccalls.Request) error {
					r.Header.Set("content-encoding", tt.encoding)
					if tt.edit != nil {
						r.Body = tt.edit(r.Body)
					}
					return nil
				}})
			}, func(t *testing.T, client *asynccalls.Service) {
				var got error
				for _, err := range client.Call(t.Context(), asynccalls.NewRequest("server", "/e", []byte(large))).Responses() {
					got = err
				}
				e, _ := errors.AsType[*asynccalls.Error](got)
				if (e == nil) != (tt.want == "") || e != nil && !strings.HasPrefix(e.Error(), tt.want) {
					t.Errorf("the call ended with %v, want %q", got, tt.want)
				}
			})
		})
	}
}
