package main

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
)

// gate holds the answers of a server back. Its client says how many may pass. It is
// safe for concurrent use; a nil gate is always open.
type gate struct {
	listener net.Listener
	serving  sync.WaitGroup

	mu     sync.Mutex // guards what follows
	more   *sync.Cond
	free   int      // answers that may pass
	client net.Conn // or nil
	closed bool
}

// openGate gives a server its gate, if the work has one.
func (s *setup) openGate(ctx context.Context) error {
	w, err := s.work()
	if err == nil && w.gated {
		s.gate, err = newGate(ctx)
	}
	return err
}

// newGate returns a gate that one answer may pass, which is that to the first call
// of the client.
func newGate(ctx context.Context) (*gate, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	g := &gate{listener: l, free: 1}
	g.more = sync.NewCond(&g.mu)
	g.serving.Go(g.serve)
	return g, nil
}

func (g *gate) address() string { return g.listener.Addr().String() }

// serve does what the client says, until it or the gate is closed.
func (g *gate) serve() {
	conn, err := g.listener.Accept()
	if err != nil || !g.admit(conn) {
		return
	}
	for {
		var n uint32
		if err := binary.Read(conn, binary.BigEndian, &n); err != nil {
			return
		}
		g.let(int(n))
	}
}

// admit reports whether the gate is still there, which closes the connection then.
func (g *gate) admit(conn net.Conn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		_ = conn.Close() // nothing was written
		return false
	}
	g.client = conn
	return true
}

// let lets n answers more pass.
func (g *gate) let(n int) {
	g.mu.Lock()
	g.free += n
	g.mu.Unlock()
	g.more.Broadcast()
}

// pass returns when one more answer may pass.
func (g *gate) pass() {
	if g == nil {
		return
	}
	g.mu.Lock()
	for g.free == 0 && !g.closed {
		g.more.Wait()
	}
	g.free--
	g.mu.Unlock()
}

// close lets all pass.
func (g *gate) close() error {
	if g == nil {
		return nil
	}
	err := g.listener.Close()
	g.mu.Lock()
	g.closed = true
	if g.client != nil {
		_ = g.client.Close() // nothing was written
	}
	g.mu.Unlock()
	g.more.Broadcast()
	g.serving.Wait()
	return err
}

// gateKey is a client's connection to the gate of its server.
type gateKey struct{ io.WriteCloser }

func dialGate(ctx context.Context, s *setup) (*gateKey, error) {
	if len(s.Servers) != 1 {
		return nil, errors.New("the server has no gate")
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", s.Servers[0])
	if err != nil {
		return nil, err
	}
	return &gateKey{conn}, nil
}

// let lets n answers pass the gate.
func (k *gateKey) let(n int) error {
	return binary.Write(k, binary.BigEndian, uint32(n)) //nolint:gosec // the works are small
}
