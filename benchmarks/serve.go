package main

import (
	"context"
	"errors"
	"sync"

	"github.com/asynccalls/asynccalls"
)

// service is one that drains its log.
type service struct {
	id       string
	handlers map[string]asynccalls.Handler // by pattern
	retry    asynccalls.Retry              // of all handlers
	ready    func()                        // called when the service has its partitions; may be nil
}

// serveUntil serves until the meter has seen all requests.
func (v *service) serveUntil(ctx context.Context, s *setup, m *meter) (err error) {
	w, err := s.work()
	if err != nil {
		return err
	}
	d, svc, err := openService(s, v.id, w.limits) //nolint:contextcheck // it does no I/O
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	for pattern, h := range v.handlers {
		svc.Handle(pattern, h, v.retry)
	}
	var listening sync.WaitGroup
	ended := make(chan error, 1)
	listening.Go(func() { ended <- svc.Listen(ctx) })
	if err = svc.Ready(ctx); err == nil && v.ready != nil {
		v.ready()
	}
	err = errors.Join(err, m.wait(ctx, ended), svc.Close())
	listening.Wait()
	return err
}
