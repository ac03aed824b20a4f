//go:build cgo

package confluent

import (
	"errors"
	"testing"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
)

func TestOutcome(t *testing.T) {
	t.Parallel()
	tests := map[kafka.ErrorCode]error{
		kafka.ErrMsgSizeTooLarge:    &driver.TooLargeError{Limit: 20_000},
		kafka.ErrRecordListTooLarge: &driver.TooLargeError{Limit: 20_000},

		kafka.ErrUnknownTopicOrPart: driver.ErrNoTopic,
		kafka.ErrUnknownTopicID:     driver.ErrNoTopic,
		kafka.ErrTopicException:     driver.ErrNoTopic,
		kafka.ErrUnknownTopic:       driver.ErrNoTopic,
		kafka.ErrUnknownPartition:   driver.ErrNoTopic,

		kafka.ErrTopicAuthorizationFailed:    driver.ErrRefused,
		kafka.ErrClusterAuthorizationFailed:  driver.ErrRefused,
		kafka.ErrInvalidRecord:               driver.ErrRefused,
		kafka.ErrInvalidTimestamp:            driver.ErrRefused,
		kafka.ErrPolicyViolation:             driver.ErrRefused,
		kafka.ErrUnsupportedCompressionType:  driver.ErrRefused,
		kafka.ErrUnsupportedForMessageFormat: driver.ErrRefused,
		kafka.ErrInvalidMsg:                  driver.ErrRefused,

		kafka.ErrPurgeQueue:                   driver.ErrUnknownOutcome,
		kafka.ErrPurgeInflight:                driver.ErrUnknownOutcome,
		kafka.ErrMsgTimedOut:                  driver.ErrUnknownOutcome,
		kafka.ErrTransport:                    driver.ErrUnknownOutcome,
		kafka.ErrFatal:                        driver.ErrUnknownOutcome,
		kafka.ErrNotEnoughReplicas:            driver.ErrUnknownOutcome,
		kafka.ErrNotEnoughReplicasAfterAppend: driver.ErrUnknownOutcome,
		kafka.ErrOutOfOrderSequenceNumber:     driver.ErrUnknownOutcome,
		kafka.ErrUnknownProducerID:            driver.ErrUnknownOutcome,
		kafka.ErrRequestTimedOut:              driver.ErrUnknownOutcome,
	}
	d := &Driver{routes: newRoutes()}
	d.routes.set("topic", &route{limit: 20_000})
	kinds := []error{driver.ErrNoTopic, driver.ErrRefused, driver.ErrUnknownOutcome}
	for code, want := range tests {
		t.Run(code.String(), func(t *testing.T) {
			t.Parallel()
			cause := kafka.NewError(code, "", false)
			err := d.outcome(&publication{record: &driver.Record{Topic: "topic"}, err: cause})
			if !errors.Is(err, cause) {
				t.Errorf("outcome is %q, want one with its cause", err)
			}
			large, isLarge := errors.AsType[*driver.TooLargeError](err)
			wantLarge, wantIsLarge := errors.AsType[*driver.TooLargeError](want)
			if isLarge != wantIsLarge || isLarge && *large != *wantLarge {
				t.Errorf("outcome is %q, want %q", err, want)
			}
			for _, kind := range kinds {
				if errors.Is(err, kind) != errors.Is(want, kind) {
					t.Errorf("outcome is %q, want %q", err, want)
				}
			}
		})
	}
}

func TestMemberID(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ serialized, want string }{
		"member":         {"CGMDv2:\x01\x00\x00\x00group\x00member\x00\x01", "member"},
		"zero in number": {"CGMDv2:\x00\x00\x00\x00group\x00member\x00\x01", "member"},
		"none":           {"CGMDv2:\xff\xff\xff\xffgroup\x00\x00\x01", ""},
		"other version":  {"CGMDv3:\x01\x00\x00\x00group\x00member\x00\x01", ""},
		"cut":            {"CGMDv2:\x01\x00\x00\x00group", ""},
		"nothing":        {"", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := memberIDIn([]byte(tt.serialized)); got != tt.want {
				t.Errorf("member is %q, want %q", got, tt.want)
			}
		})
	}
}

// TestMemberIDOfClient looks whether the client still keeps what it hands over to
// producers where it is expected.
func TestMemberIDOfClient(t *testing.T) {
	t.Parallel()
	m, err := kafka.NewTestConsumerGroupMetadata("group")
	if err != nil {
		t.Fatal(err)
	}
	if serialized := serializedIn(m); memberIDIn(serialized) != "" || len(serialized) == 0 {
		t.Errorf("the client has %q, want a group without a member", serialized)
	}
}
