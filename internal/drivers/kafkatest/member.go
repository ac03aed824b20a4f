package kafkatest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls/driver"
)

// A member is a group and its listener.
type member struct {
	driver.Group
	assigned, revoked, lost int
	records                 []driver.Record
	onAssigned              func() // called by Assigned if it is set
}

func join(tb testing.TB, d driver.Driver, group, topic string) *member {
	tb.Helper()
	m := &member{}
	m.join(tb, d, group, topic)
	return m
}

func (m *member) join(tb testing.TB, d driver.Driver, group, topic string) {
	tb.Helper()
	g, err := d.Join(tb.Context(), group, []string{topic}, m)
	if err != nil {
		tb.Fatalf("join: %v", err)
	}
	m.Group = g
}

// Assigned implements [driver.Listener].
func (m *member) Assigned([]driver.Partition) {
	m.assigned++
	if m.onAssigned != nil {
		m.onAssigned()
	}
}

// Revoked implements [driver.Listener].
func (m *member) Revoked(context.Context, []driver.Partition) { m.revoked++ }

// Lost implements [driver.Listener].
func (m *member) Lost([]driver.Partition) { m.lost++ }

// receiveUntil receives until a condition holds.
func (m *member) receiveUntil(tb testing.TB, condition func() bool) {
	tb.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !condition() {
		m.receiveOnce(tb)
		if time.Now().After(deadline) {
			tb.Fatalf("received in vain: %d records, %d assigned, %d lost", len(m.records), m.assigned, m.lost)
		}
	}
}

// receiveOnce receives for a moment.
func (m *member) receiveOnce(tb testing.TB) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), 20*time.Millisecond)
	defer cancel()
	buf := make([]driver.Record, 100)
	n, err := m.Receive(ctx, buf)
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		tb.Fatalf("receive: %v", err)
	}
	m.records = append(m.records, buf[:n]...)
}

// at is a position in partition 0 of a topic.
func at(topic string, offset int64) driver.Position {
	return driver.Position{Partition: driver.Partition{Topic: topic}, Offset: offset, Epoch: -1}
}
