package confluent_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/drivers/kafkatest"
	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
)

// TestCloseWhileJoining closes a member that has joined anew, as all do in a
// rebalance, and waits for one that holds Revoked up: the others take over when
// that is done, and not when the session of the closed one has ended.
func TestCloseWhileJoining(t *testing.T) {
	t.Parallel()
	for name, addr := range kafkatest.Clusters(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := open(t, addr, kafka.ConfigMap{"heartbeat.interval.ms": 50})
			topic := kafkatest.Create(t, d, 4)
			first := joinMate(t, d, "group-"+topic, topic)
			held, goOn := make(chan struct{}), make(chan struct{})
			var once sync.Once
			first.onRevoked = func() {
				once.Do(func() {
					close(held)
					<-goOn
				})
			}
			until(t, "the first has all", []*mate{first}, func() bool { return len(first.owned) == 4 })
			go first.receiveOn()
			closing := joinMate(t, d, "group-"+topic, topic)
			<-held
			third := joinMate(t, d, "group-"+topic, topic)
			for range 20 { // meanwhile both join, and wait for the first
				closing.receiveOnce()
				third.receiveOnce()
			}
			closed := make(chan struct{})
			go func() {
				defer close(closed)
				closing.leave()
			}()
			for range 20 { // meanwhile it is being closed
				third.receiveOnce()
			}
			close(goOn)
			begin := time.Now()
			until(t, "the others share", []*mate{third}, func() bool { return len(third.owned) == 2 })
			if took := time.Since(begin); took > 20*time.Second {
				t.Errorf("the others share after %v, as if the member had died", took)
			}
			<-closed
		})
	}
}

// receiveOn receives until the test or the member ends.
func (m *mate) receiveOn() {
	buf := make([]driver.Record, 10)
	for {
		_, err := m.Receive(m.tb.Context(), buf)
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return
		}
	}
}
