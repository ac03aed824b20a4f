package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
)

// publishBatch is how many requests are handed over at once.
const publishBatch = 5000

// sender is a service that only sends requests, durable ones included.
type sender struct {
	driver  driver.Driver
	service *asynccalls.Service
}

func openSender(s *setup, id string) (*sender, error) {
	d, svc, err := openService(s, id, asynccalls.Limits{})
	if err != nil {
		return nil, err
	}
	ignore := func(context.Context, *asynccalls.Response) error { return nil }
	w, err := s.draining()
	if err != nil {
		return nil, errors.Join(err, svc.Close(), d.Close())
	}
	for _, service := range w.drain.services {
		svc.HandleResponses(service, "/{endpoint}", ignore)
	}
	return &sender{d, svc}, nil
}

func (s *sender) close() error { return errors.Join(s.service.Close(), s.driver.Close()) }

// notify publishes count one-way requests.
func notify(ctx context.Context, s *setup, count int, request func(i int) *asynccalls.Request) (err error) {
	client, err := openSender(s, "client") //nolint:contextcheck // it does no I/O
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.close()) }()
	for i := 0; i < count; {
		batch := make([]*asynccalls.Request, min(publishBatch, count-i))
		for j := range batch {
			batch[j] = request(i + j)
		}
		if err := client.service.Notify(ctx, batch...); err != nil {
			return fmt.Errorf("publish: %w", err)
		}
		i += len(batch)
	}
	return nil
}
