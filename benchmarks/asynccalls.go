package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/driver/franz"
	"github.com/twmb/franz-go/pkg/kgo"
)

// serveAsynccalls answers requests with their own bodies.
func serveAsynccalls(ctx context.Context, s *setup, ready func(addresses ...string)) (err error) {
	w, err := s.work()
	if err != nil {
		return err
	}
	d, svc, err := openService(s, "server", asynccalls.Limits{}) //nolint:contextcheck // it does no I/O
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	svc.Handle("/echo", answer(1))
	svc.Handle("/stream", answer(w.answers))
	ended := make(chan error, 1)
	go func() { ended <- svc.Listen(ctx) }()
	if err := svc.Ready(ctx); err != nil {
		_ = svc.Close() // err says why
		return err
	}
	ready()
	return <-ended
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

// openService opens a service whose calls may take as long as those of the floor,
// unless limits say otherwise.
func openService(s *setup, id string, limits asynccalls.Limits) (driver.Driver, *asynccalls.Service, error) {
	d, err := franz.Open(strings.Join(s.Brokers, ","), kgo.WithHooks(s.requests))
	if err != nil {
		return nil, nil, err
	}
	w, err := s.work()
	if err != nil {
		return nil, nil, errors.Join(err, d.Close())
	}
	limits.Call = cmp.Or(limits.Call, callLimit)
	svc, err := asynccalls.New(
		id, d,
		asynccalls.Topics{Prefix: s.Prefix, Partitions: w.requestPartitions(), ReplyPartitions: replyPartitions},
		limits,
	)
	if err == nil {
		err = s.observe(svc)
	}
	if err != nil {
		_ = d.Close() // err says why
		return nil, nil, err
	}
	return d, svc, nil
}

// serviceCaller is a client of asynccalls.
type serviceCaller struct {
	driver  driver.Driver
	service *asynccalls.Service
	answers int // to a stream
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
	return &serviceCaller{d, svc, w.answers}, nil
}

func (c *serviceCaller) echo(ctx context.Context, _ int, body []byte) error {
	resp, err := c.service.CallOne(ctx, asynccalls.NewRequest("server", "/echo", body))
	if err != nil {
		return err
	}
	return checkBody(len(resp.Body), len(body))
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
