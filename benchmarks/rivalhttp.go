package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// httpConnections bounds the connections of the client, which keeps all of them.
// Calls that find none free wait in the client. Of 64, 256 and 1024 the fewest are
// by far the fastest with 10,000 calls in flight, and a little slower with 1,000;
// without a bound each call in flight has its own.
const httpConnections = 64

// serveHTTP answers with net/http, HTTP/1.1 without TLS.
func serveHTTP(ctx context.Context, s *setup, ready func(addresses ...string)) error {
	w, err := s.work()
	if err != nil {
		return err
	}
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /echo", func(w http.ResponseWriter, r *http.Request) { httpEcho(w, r) })
	mux.HandleFunc("POST /stream", func(rw http.ResponseWriter, r *http.Request) { httpStream(rw, r, w.answers) })
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: callLimit}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(l) }()
	ready(l.Addr().String())
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	if err := srv.Close(); err != nil {
		return err
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// httpEcho answers in one piece, whose length is known, so that it is not chunked.
func httpEcho(w http.ResponseWriter, r *http.Request) {
	body, ok := httpBody(w, r)
	if ok {
		_, _ = w.Write(body) // the client finds out
	}
}

// httpStream sends the first response at once. The others follow as net/http
// buffers them: a system call for each would make the stream several times slower.
func httpStream(w http.ResponseWriter, r *http.Request, answers int) {
	body, ok := httpBody(w, r)
	if !ok {
		return
	}
	for i := range answers {
		if _, err := w.Write(body); err != nil {
			return // the client finds out
		}
		if i == 0 {
			_ = http.NewResponseController(w).Flush() // so does it here
		}
	}
}

// httpBody reads the body of a request, whose length is known.
func httpBody(w http.ResponseWriter, r *http.Request) (body []byte, ok bool) {
	body = make([]byte, r.ContentLength)
	if _, err := io.ReadFull(r.Body, body); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return nil, false
	}
	return body, true
}

// httpCaller is a client of net/http with connections that are kept.
type httpCaller struct {
	client    *http.Client
	transport *http.Transport
	server    string // URL
	answers   int    // to a stream

	mu          sync.Mutex // guards what follows
	connections []net.Conn // all there have ever been
}

var _ caller = (*httpCaller)(nil)

func openHTTP(_ context.Context, s *setup) (caller, error) {
	w, err := s.work()
	if err != nil {
		return nil, err
	}
	h := &httpCaller{server: "http://" + s.Servers[0], answers: w.answers}
	h.transport = &http.Transport{
		DialContext:         h.dial,
		DisableCompression:  true,
		MaxConnsPerHost:     httpConnections,
		MaxIdleConnsPerHost: httpConnections,
	}
	h.client = &http.Client{Transport: h.transport}
	return h, nil
}

func (h *httpCaller) dial(ctx context.Context, network, address string) (net.Conn, error) {
	var dialer net.Dialer
	c, err := dialer.DialContext(ctx, network, address)
	if err == nil {
		h.mu.Lock()
		h.connections = append(h.connections, c)
		h.mu.Unlock()
	}
	return c, err
}

func (h *httpCaller) echo(ctx context.Context, _ int, body []byte) error {
	resp, err := h.post(ctx, "/echo", body)
	if err != nil {
		return err
	}
	got := make([]byte, max(resp.ContentLength, 0))
	_, err = io.ReadFull(resp.Body, got)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return err
	}
	return checkBody(len(got), len(body))
}

func (h *httpCaller) stream(ctx context.Context, _ int, body []byte) (first time.Time, err error) {
	resp, err := h.post(ctx, "/stream", body)
	if err != nil {
		return first, err
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	got := make([]byte, len(body))
	for i := range h.answers {
		if _, err := io.ReadFull(resp.Body, got); err != nil {
			return first, fmt.Errorf("response %d: %w", i+1, err)
		}
		if i == 0 {
			first = time.Now()
		}
	}
	if n, err := io.ReadFull(resp.Body, got); n > 0 || !errors.Is(err, io.EOF) {
		return first, fmt.Errorf("got %d bytes more than %d responses (%w)", n, h.answers, err)
	}
	return first, nil
}

func (h *httpCaller) post(ctx context.Context, path string, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.server+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	resp, err := h.client.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, errors.Join(fmt.Errorf("response has status %s", resp.Status), resp.Body.Close())
	}
	return resp, nil
}

func (h *httpCaller) close() error {
	h.transport.CloseIdleConnections()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.connections {
		_ = c.Close() // most are closed already
	}
	return nil
}
