package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/asynccalls/asynccalls/embedded"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// embeddedBroker is the side of a process that is the broker of all.
const embeddedBroker = "embedded"

// startBroker starts the embedded broker in this process, or that of a side.
func (s *setup) startBroker() (*actor, error) {
	if s.Side != embeddedBroker {
		side, err := s.side()
		if err != nil {
			return nil, err
		}
		return side.broker()
	}
	b, err := embedded.Start(embedded.Options{})
	if err != nil {
		return nil, err
	}
	return &actor{addresses: []string{b.Addr()}, act: nothing, stop: b.Close}, nil
}

// versionOf returns what a broker seems to be, by the protocol that it speaks.
func versionOf(ctx context.Context, brokers []string) (string, error) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		return "", err
	}
	defer cl.Close()
	versions, err := kadm.NewClient(cl).ApiVersions(ctx)
	if err != nil {
		return "", fmt.Errorf("ask the broker for its version: %w", err)
	}
	for _, v := range versions.Sorted() {
		if v.Err == nil {
			return v.VersionGuess(), nil
		}
	}
	return "", errors.New("ask the broker for its version: no answer")
}
