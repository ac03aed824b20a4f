package main

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
)

// durableService is a service that sends requests and handles the responses.
type durableService struct {
	driver  driver.Driver
	service *asynccalls.Service

	listening sync.WaitGroup
}

var _ durable = (*durableService)(nil)

// openDurableService returns when the service has its partitions.
func openDurableService(ctx context.Context, s *setup, t *tally) (durable, error) {
	w, err := s.work()
	if err != nil {
		return nil, err
	}
	c := new(durableService)
	c.driver, c.service, err = openService(s, "client", asynccalls.Limits{}) //nolint:contextcheck // it does no I/O
	if err != nil {
		return nil, err
	}
	c.service.HandleResponses("server", "/echo", func(_ context.Context, r *asynccalls.Response) error {
		err := errors.Join(r.Err(), checkBody(len(r.Body), w.size))
		if err != nil {
			t.fail(err)
		}
		t.arrive()
		return err
	})
	c.listening.Go(func() { t.fail(errors.Join(errors.New("listening ended"), c.service.Listen(ctx))) })
	ready, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	if err := c.service.Ready(ready); err != nil {
		return nil, errors.Join(fmt.Errorf("listen: %w", err), c.close())
	}
	return c, nil
}

func (c *durableService) send(ctx context.Context, n int, body []byte) error {
	batch := make([]*asynccalls.Request, n)
	for i := range batch {
		batch[i] = asynccalls.NewRequest("server", "/echo", body)
	}
	return c.service.Send(ctx, batch...)
}

func (c *durableService) close() error {
	err := c.service.Close()
	c.listening.Wait()
	return errors.Join(err, c.driver.Close())
}
