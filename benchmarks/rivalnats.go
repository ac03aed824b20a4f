package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
)

// startNATS starts a server of NATS in this process. It stores nothing.
func startNATS() (*actor, error) {
	srv, err := natsserver.NewServer(&natsserver.Options{
		Host:          "127.0.0.1",
		Port:          natsserver.RANDOM_PORT,
		NoLog:         true,
		NoSigs:        true,
		MaxPending:    256 << 20, // for a client that reads slowly, as ours do between their calls
		WriteDeadline: callLimit,
	})
	if err != nil {
		return nil, err
	}
	srv.Start()
	stop := func() error {
		srv.Shutdown()
		srv.WaitForShutdown()
		return nil
	}
	if !srv.ReadyForConnections(callLimit) {
		return nil, errors.Join(fmt.Errorf("NATS is not ready within %v", callLimit), stop())
	}
	return &actor{addresses: []string{srv.ClientURL()}, act: nothing, stop: stop}, nil
}

// openConnection connects to NATS, without the compression and the pings that a
// network may need.
func openConnection(s *setup) (*nats.Conn, error) {
	return nats.Connect(strings.Join(s.Brokers, ","), nats.NoReconnect())
}

// serveNATS answers with the micro services of nats.go, whose endpoints run one
// handler at a time. These do not wait, so more would not help.
func serveNATS(ctx context.Context, s *setup, ready func(addresses ...string)) error {
	w, err := s.work()
	if err != nil {
		return err
	}
	c, err := openConnection(s)
	if err != nil {
		return err
	}
	defer c.Close()
	failed := make(chan error, 1)
	svc, err := micro.AddService(c, micro.Config{
		Name:    "benchmark",
		Version: "1.0.0",
		ErrorHandler: func(_ micro.Service, e *micro.NATSError) {
			select {
			case failed <- e:
			default: // the first is enough
			}
		},
	})
	if err != nil {
		return err
	}
	err = errors.Join(
		svc.AddEndpoint("echo", answerNATS(1)),
		svc.AddEndpoint("stream", answerNATS(w.answers)),
		c.Flush(), // the server knows them
	)
	if err != nil {
		return err
	}
	ready()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return svc.Stop()
	}
}

// answerNATS returns a handler that answers with n times the body of the request.
func answerNATS(n int) micro.HandlerFunc {
	return func(r micro.Request) {
		for range n {
			_ = r.Respond(r.Data()) // the error handler of the service gets what goes wrong
		}
	}
}

// natsCaller is a client of NATS. An echo is a request as nats.go makes it. For
// streams, which it has none of, there is one subscription for all workers, whose
// subjects end with their numbers: one for each call would cost more.
type natsCaller struct {
	connection *nats.Conn
	inbox      string
	slots      []chan *nats.Msg // of streams; nil is sent when the caller is closed
	answers    int
}

var _ caller = (*natsCaller)(nil)

func openNATS(_ context.Context, s *setup) (caller, error) {
	w, err := s.work()
	if err != nil {
		return nil, err
	}
	c, err := openConnection(s)
	if err != nil {
		return nil, err
	}
	n := &natsCaller{connection: c, inbox: c.NewInbox() + ".", answers: w.answers}
	for range w.inflight {
		n.slots = append(n.slots, make(chan *nats.Msg, w.answers+1))
	}
	if _, err = c.Subscribe(n.inbox+"*", n.receive); err == nil {
		err = c.Flush()
	}
	if err != nil {
		return nil, errors.Join(err, n.close())
	}
	return n, nil
}

// receive gives a response of a stream to the worker who waits for it.
func (n *natsCaller) receive(m *nats.Msg) {
	worker, err := strconv.Atoi(m.Subject[len(n.inbox):])
	if err != nil || worker >= len(n.slots) {
		return
	}
	select {
	case n.slots[worker] <- m:
	default: // the worker waits for fewer, and will say that it got too many
	}
}

func (n *natsCaller) echo(_ context.Context, _ int, body []byte) error {
	m, err := n.connection.Request("echo", body, callLimit)
	if err != nil {
		return err
	}
	return checkBody(len(m.Data), len(body))
}

func (n *natsCaller) stream(_ context.Context, worker int, body []byte) (first time.Time, err error) {
	if err := n.connection.PublishRequest("stream", n.inbox+strconv.Itoa(worker), body); err != nil {
		return first, err
	}
	for i := range n.answers {
		m := <-n.slots[worker]
		if m == nil {
			return first, errors.New("call: the client was closed")
		}
		if i == 0 {
			first = time.Now()
		}
		if err := checkBody(len(m.Data), len(body)); err != nil {
			return first, err
		}
	}
	return first, nil
}

func (n *natsCaller) close() error {
	n.connection.Close()
	for _, slot := range n.slots {
		select {
		case slot <- nil:
		default: // its worker has enough to find out by itself
		}
	}
	return nil
}
