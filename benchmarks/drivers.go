//go:build !confluent

package main

import (
	"strings"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/driver/franz"
	"github.com/twmb/franz-go/pkg/kgo"
)

// otherDrivers returns the sides that need a C compiler: none without the tag
// confluent.
func otherDrivers() []side { return nil }

func openDriver(s *setup) (driver.Driver, error) {
	return franz.Open(strings.Join(s.Brokers, ","), kgo.WithHooks(s.requests))
}
