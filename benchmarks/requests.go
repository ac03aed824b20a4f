package main

import (
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// requests counts what a process asks of the broker. It tells how well records
// are batched, which is most of what they cost.
type requests struct{ count atomic.Uint64 }

var _ kgo.HookBrokerWrite = (*requests)(nil)

// OnBrokerWrite implements [kgo.HookBrokerWrite].
func (r *requests) OnBrokerWrite(kgo.BrokerMetadata, int16, int, time.Duration, time.Duration, error) {
	r.count.Add(1)
}
