package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
)

// serveAsynccalls answers requests with their own bodies.
func serveAsynccalls(ctx context.Context, s *setup, ready func(addresses ...string)) (err error) {
	w, err := s.work()
	if err != nil {
		return err
	}
	d, err := openDriver(s) //nolint:contextcheck // it does no I/O
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	var services []*asynccalls.Service
	for _, name := range w.serviceNames() {
		svc, err := newService(s, d, name, asynccalls.Limits{})
		if err != nil {
			return err
		}
		for _, pattern := range w.patterns() {
			svc.Handle(pattern, gated(s.gate, answer(1)))
		}
		svc.Handle("/stream", answer(w.answers))
		services = append(services, svc)
	}
	return listen(ctx, services, ready)
}

// listen has services listen until ctx ends, or one of them fails. It calls ready
// when all of them are.
func listen(ctx context.Context, services []*asynccalls.Service, ready func(addresses ...string)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var listening sync.WaitGroup
	errs := make([]error, len(services)+1)
	for i, svc := range services {
		listening.Go(func() {
			defer cancel() // of the others
			errs[i] = svc.Listen(ctx)
		})
	}
	for _, svc := range services {
		if err := svc.Ready(ctx); err != nil {
			errs[len(services)] = err
			cancel()
			break
		}
	}
	if ctx.Err() == nil {
		ready()
	}
	listening.Wait()
	return errors.Join(errs...)
}

// gated returns a handler that waits for the gate.
func gated(g *gate, next asynccalls.Handler) asynccalls.Handler {
	if g == nil {
		return next
	}
	return func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
		g.pass()
		return next(ctx, w, r)
	}
}

// answer returns a handler that answers with n times the body of the request.
func answer(n int) asynccalls.Handler {
	return func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
		for i := range n {
			resp := asynccalls.NewResponse(r.Body)
			resp.End = i == n-1
			if err := w.Send(ctx, resp); err != nil {
				return err
			}
		}
		return nil
	}
}

// openService opens a driver and a service with it; see newService.
func openService(s *setup, id string, limits asynccalls.Limits) (driver.Driver, *asynccalls.Service, error) {
	d, err := openDriver(s)
	if err != nil {
		return nil, nil, err
	}
	svc, err := newService(s, d, id, limits)
	if err != nil {
		return nil, nil, errors.Join(err, d.Close())
	}
	return d, svc, nil
}

// newService returns a service whose calls may take as long as those of the floor,
// unless limits say otherwise.
func newService(s *setup, d driver.Driver, id string, limits asynccalls.Limits) (*asynccalls.Service, error) {
	w, err := s.work()
	if err != nil {
		return nil, err
	}
	limits.Call = cmp.Or(limits.Call, callLimit)
	options := []asynccalls.Option{
		asynccalls.Topics{Prefix: s.Prefix, Partitions: w.requestPartitions(), ReplyPartitions: w.replyPartitions()},
		limits,
	}
	if w.ordinals {
		options = append(options, asynccalls.WithReplyOrdinal(s.Instance))
	}
	svc, err := asynccalls.New(id, d, options...)
	if err == nil {
		err = s.observe(svc)
	}
	return svc, err
}

// serviceCaller is a client of asynccalls.
type serviceCaller struct {
	driver  driver.Driver
	service *asynccalls.Service
	targets []target // of the workers, in turn
	answers int      // to a stream
}

var _ caller = (*serviceCaller)(nil)

func openAsynccalls(_ context.Context, s *setup) (caller, error) {
	return newServiceCaller(s, asynccalls.Limits{}) //nolint:contextcheck // it does no I/O
}

func newServiceCaller(s *setup, limits asynccalls.Limits) (*serviceCaller, error) {
	w, err := s.work()
	if err != nil {
		return nil, err
	}
	d, svc, err := openService(s, "client", limits)
	if err != nil {
		return nil, err
	}
	return &serviceCaller{d, svc, w.targets(), w.answers}, nil
}

func (c *serviceCaller) echo(ctx context.Context, worker int, body []byte) error {
	resp, err := c.service.CallOne(ctx, c.request(worker, body))
	if err != nil {
		return err
	}
	return checkBody(len(resp.Body), len(body))
}

// request returns one to the target of a worker.
func (c *serviceCaller) request(worker int, body []byte) *asynccalls.Request {
	t := &c.targets[worker%len(c.targets)]
	r := asynccalls.NewRequest(t.service, t.endpoint, body)
	r.Key = t.key
	return r
}

func (c *serviceCaller) stream(ctx context.Context, _ int, body []byte) (first time.Time, err error) {
	n := 0
	call := c.service.Call(ctx, asynccalls.NewRequest("server", "/stream", body))
	for resp, err := range call.Responses() { //nolint:contextcheck // handlers outlive the ctx of receiving
		if err != nil {
			return first, err
		}
		if n == 0 {
			first = time.Now()
		}
		n++
		if err := checkBody(len(resp.Body), len(body)); err != nil {
			return first, err
		}
	}
	if n != c.answers {
		return first, fmt.Errorf("got %d responses, want %d", n, c.answers)
	}
	return first, nil
}

func (c *serviceCaller) close() error {
	return errors.Join(c.service.Close(), c.driver.Close())
}
