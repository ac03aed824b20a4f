// Package topics says which topics a service has, and how they are created.
package topics

import (
	"strconv"
	"time"

	"github.com/asynccalls/asynccalls/driver"
)

// The topics of a service, by what follows the service's ID in their names.
const (
	Requests  = ".requests"
	Responses = ".responses"
	Replies   = ".replies"
	Dead      = ".dead"
)

// The defaults of [Settings].
const (
	DefaultPartitions      = 4
	DefaultReplyPartitions = 8
	DefaultReplyRetention  = time.Hour
)

// Settings are those of asynccalls.Topics.
type Settings struct {
	Prefix string

	Partitions      int32
	ReplyPartitions int32
	Replicas        int16
	Retention       time.Duration

	ReplyRetention time.Duration
}

// Name returns the full name of a topic of a service.
func (s *Settings) Name(service, kind string) string { return s.Prefix + service + kind }

// Topic returns how a topic of a service is created.
func (s *Settings) Topic(service, kind string) driver.Topic {
	t := driver.Topic{
		Name:       s.Name(service, kind),
		Partitions: s.Partitions,
		Replicas:   s.Replicas,
		Config:     map[string]string{"message.timestamp.type": "LogAppendTime"},
	}
	retention := s.Retention
	if kind == Replies {
		t.Partitions = s.ReplyPartitions
		retention = s.ReplyRetention
	}
	if retention > 0 {
		t.Config["retention.ms"] = strconv.FormatInt(retention.Milliseconds(), 10)
	}
	return t
}
