//go:build confluent

package main

import (
	"strings"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/driver/confluent"
	"github.com/asynccalls/asynccalls/driver/franz"
	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
	"github.com/twmb/franz-go/pkg/kgo"
)

// The sides that use librdkafka: by itself, with and without reports of outcomes, and
// below asynccalls.
const (
	rawName       = "librdkafka"
	blindName     = "librdkafka-blind"
	confluentName = "asynccalls-confluent"
)

// otherDrivers returns the sides that need a C compiler.
func otherDrivers() []side {
	return []side{
		{name: rawName, serve: serveRaw, open: openRaw},
		{name: blindName, serve: serveRaw, open: openRaw},
		{name: confluentName, serve: serveAsynccalls, open: openAsynccalls},
	}
}

func openDriver(s *setup) (driver.Driver, error) {
	brokers := strings.Join(s.Brokers, ",")
	if s.Side != confluentName {
		return franz.Open(brokers, kgo.WithHooks(s.requests))
	}
	w, err := s.work()
	if err != nil {
		return nil, err
	}
	settings := kafka.ConfigMap{"compression.type": "snappy"} // as librdkafka by itself
	if w.inflight >= rawLingers {
		settings["linger.ms"] = rawLinger
	}
	return confluent.Open(brokers, &settings)
}
