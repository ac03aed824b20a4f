package kafkatest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/asynccalls/asynccalls/driver"
)

// NoBroker asks for topics, and creates one, without a broker: the errors have the
// address and the reason. It measures real time, with much room.
func NoBroker(t *testing.T, open Open) {
	d := open(t, nobody)
	begin := time.Now()
	var topicsErr, createErr error
	var calls sync.WaitGroup
	calls.Go(func() { _, topicsErr = d.Topics(t.Context(), "topic") })
	calls.Go(func() { createErr = d.Create(t.Context(), driver.Topic{Name: "topic"}) })
	calls.Wait()
	for what, err := range map[string]error{"topics": topicsErr, "create": createErr} {
		if err == nil || !strings.Contains(err.Error(), nobody) || !strings.Contains(err.Error(), "refused") {
			t.Errorf("%s without a broker: error %v, want one with the address and the reason", what, err)
		}
	}
	if took := time.Since(begin); took > 8*time.Second {
		t.Errorf("topics and create without a broker took %v", took)
	}
}

// NoBrokerWaits joins and reads without a broker: both wait until their context
// ends, and say what they waited for.
func NoBrokerWaits(t *testing.T, open Open) {
	d := open(t, nobody)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, joinErr := d.Join(ctx, "group", []string{"topic"}, &member{})
	_, readErr := d.Read(ctx, driver.Partition{Topic: "topic"}, 0)
	for what, err := range map[string]error{"join": joinErr, "read": readErr} {
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), nobody) {
			t.Errorf("%s without a broker: error %v, want that of ctx with the reason", what, err)
		}
	}
}

// TopicsSayWhy has the broker refuse to tell of topics and to create them: the
// errors say why. For unauthorized see [PublishNotAuthorized].
func TopicsSayWhy(t *testing.T, open Open, unauthorized func(error) bool) {
	cluster, addr := Fake(t)
	d := open(t, addr)
	topic := Create(t, d, 1)
	cluster.Fault(kfake.Fault{
		Keys:  []kmsg.Key{kmsg.Metadata, kmsg.CreateTopics, kmsg.DescribeConfigs},
		Err:   kerr.TopicAuthorizationFailed,
		Count: -1,
	})
	if _, err := d.Topics(t.Context(), topic); !unauthorized(err) {
		t.Errorf("topics: error %v, want %v", err, kerr.TopicAuthorizationFailed)
	}
	err := d.Create(t.Context(), driver.Topic{Name: "other"})
	if !unauthorized(err) || !strings.Contains(err.Error(), `"other"`) {
		t.Errorf("create: error %v, want %v with the name", err, kerr.TopicAuthorizationFailed)
	}
}
