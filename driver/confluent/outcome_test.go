//go:build cgo

package confluent

import (
	"encoding/binary"
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

func TestMembership(t *testing.T) {
	t.Parallel()
	generation := func(n int32) string {
		return string(binary.NativeEndian.AppendUint32(nil, uint32(n)))
	}
	tests := map[string]struct {
		serialized string
		want       membership
		expelled   bool
	}{
		"member":         {"CGMDv2:" + generation(1) + "group\x00member\x00\x01", membership{"member", 1}, false},
		"zero in number": {"CGMDv2:" + generation(0) + "group\x00member\x00\x01", membership{"member", 0}, false},
		"unknown":        {"CGMDv2:" + generation(-1) + "group\x00\x00\x01", membership{"", -1}, true},
		"old":            {"CGMDv2:" + generation(-1) + "group\x00member\x00\x01", membership{"member", -1}, true},
		"without a name": {"CGMDv2:" + generation(5) + "group\x00\x00\x01", membership{"", 5}, true},
		"other version":  {"CGMDv3:" + generation(1) + "group\x00member\x00\x01", membership{}, false},
		"cut":            {"CGMDv2:" + generation(1) + "group", membership{}, false},
		"nothing":        {"", membership{}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := membershipIn([]byte(tt.serialized))
			if got != tt.want || got.expelled() != tt.expelled {
				t.Errorf("got %+v, expelled %t; want %+v, %t", got, got.expelled(), tt.want, tt.expelled)
			}
		})
	}
}

// TestMembershipOfClient looks whether the client still keeps what it hands over to
// producers where it is expected.
func TestMembershipOfClient(t *testing.T) {
	t.Parallel()
	m, err := kafka.NewTestConsumerGroupMetadata("group")
	if err != nil {
		t.Fatal(err)
	}
	if serialized := serializedIn(m); membershipIn(serialized) != (membership{"", -1}) || len(serialized) == 0 {
		t.Errorf("the client has %q, want a group without a member", serialized)
	}
}
