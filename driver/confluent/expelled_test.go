package confluent_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestExpelledAndReplaced has the broker give a member up, and its partition to
// another. The member joins again without having noticed, as after a long pause of
// its process: what it had is lost, and it must not commit it.
func TestExpelledAndReplaced(t *testing.T) {
	t.Parallel()
	cluster := fake(t)
	d := open(t, cluster.ListenAddrs()[0])
	topic := create(t, d, 1)
	publish(t.Context(), d, topic, numbers(0, 5)...).get()
	m := join(t, d, "group", topic)
	m.receiveUntil(t, func() bool { return len(m.records) == 5 })
	id := cluster.GroupInfo("group").Members[0].MemberID
	other := join(t, d, "group", topic)
	other.receiveUntil(t, func() bool { m.receiveOnce(t); return other.assigned > 0 })

	expel(t, cluster, id)
	other.receiveUntil(t, func() bool { return len(other.records) == 5 })
	joined, goOn := holdNewMember(cluster)
	other.receiveUntil(t, func() bool { m.receiveOnce(t); return joined() })
	goOn() // the member does not receive now, so it can't be told
	if _, err := cluster.WaitGroupStable(t.Context(), "group", 2); err != nil {
		t.Fatal(err)
	}
	done := driver.Position{Partition: driver.Partition{Topic: topic}, Offset: 3, Epoch: -1}
	if err := m.Commit(t.Context(), done); err == nil {
		t.Error("the member may commit what was lost, and it was not told of")
	}
	m.receiveUntil(t, func() bool { return m.lost+m.revoked > 0 })
	if m.revoked > 0 {
		t.Error("the partition was revoked, want lost")
	}
	if err := m.Commit(t.Context(), done); err == nil {
		t.Error("the member may commit what was lost")
	}
}

// TestExpelledAndBack has the broker give a member up, and its partition to
// another, which commits and leaves. The member, which has not noticed, gets the
// partition back: it goes on where the other has ended.
func TestExpelledAndBack(t *testing.T) {
	t.Parallel()
	cluster := fake(t)
	d := open(t, cluster.ListenAddrs()[0])
	topic := create(t, d, 1)
	publish(t.Context(), d, topic, numbers(0, 5)...).get()
	m := join(t, d, "group", topic)
	m.receiveUntil(t, func() bool { return len(m.records) == 5 })
	id := cluster.GroupInfo("group").Members[0].MemberID
	other := join(t, d, "group", topic)
	other.receiveUntil(t, func() bool { m.receiveOnce(t); return other.assigned > 0 })

	expel(t, cluster, id)
	other.receiveUntil(t, func() bool { return len(other.records) == 5 })
	at := func(offset int64) driver.Position {
		return driver.Position{Partition: driver.Partition{Topic: topic}, Offset: offset, Epoch: -1}
	}
	if err := other.Commit(t.Context(), at(3)); err != nil {
		t.Fatal(err)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	m.receiveUntil(t, func() bool { return len(m.records) == 7 })
	if m.lost != 1 || m.revoked != 0 || m.records[5].Offset != 3 {
		t.Errorf("lost %d times, revoked %d times, then received %d; want lost once, and record 3",
			m.lost, m.revoked, m.records[5].Offset)
	}
	if err := m.Commit(t.Context(), at(5)); err != nil {
		t.Errorf("commit: %v", err)
	}
}

// TestExpelledAlone has the broker give up the only member of a group. What it had
// is lost, as it can't know that nobody had it since, and then it gets it back.
func TestExpelledAlone(t *testing.T) {
	t.Parallel()
	cluster := fake(t)
	d := open(t, cluster.ListenAddrs()[0])
	topic := create(t, d, 1)
	publish(t.Context(), d, topic, numbers(0, 5)...).get()
	m := join(t, d, "group", topic)
	m.receiveUntil(t, func() bool { return len(m.records) == 5 })
	expel(t, cluster, cluster.GroupInfo("group").Members[0].MemberID)
	before := m.assigned
	m.receiveUntil(t, func() bool { return m.lost > 0 && m.assigned > before })
	done := driver.Position{Partition: driver.Partition{Topic: topic}, Offset: 3, Epoch: -1}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := m.Commit(ctx, done); err != nil {
		t.Errorf("commit: %v", err)
	}
	if m.revoked != 0 || m.lost != 1 {
		t.Errorf("revoked %d times, lost %d times, want lost once", m.revoked, m.lost)
	}
}

// expel removes a member from its group, and has its next heartbeat tell it only
// that the group rebalances.
func expel(tb testing.TB, cluster *kfake.Cluster, id string) {
	tb.Helper()
	cluster.ControlKey(int16(kmsg.Heartbeat), func(r kmsg.Request) (kmsg.Response, error, bool) {
		req := r.(*kmsg.HeartbeatRequest)
		if req.MemberID != id {
			return nil, nil, false
		}
		resp := req.ResponseKind().(*kmsg.HeartbeatResponse)
		resp.ErrorCode = kerr.RebalanceInProgress.Code
		return resp, nil, true
	})
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group = "group"
	m := kmsg.NewLeaveGroupRequestMember()
	m.MemberID = id
	req.MemberID = id
	req.Members = append(req.Members, m)
	resp, err := req.RequestWith(tb.Context(), raw(tb, cluster.ListenAddrs()[0]))
	if err != nil || resp.ErrorCode != 0 {
		tb.Fatalf("leave: %v, %+v", err, resp)
	}
}

// holdNewMember holds back the assignment of members that join from now on.
func holdNewMember(cluster *kfake.Cluster) (joined func() bool, goOn func()) {
	known := make(map[string]bool)
	for _, m := range cluster.GroupInfo("group").Members {
		known[m.MemberID] = true
	}
	arrived, released := make(chan struct{}), make(chan struct{})
	cluster.ControlKey(int16(kmsg.SyncGroup), func(r kmsg.Request) (kmsg.Response, error, bool) {
		if known[r.(*kmsg.SyncGroupRequest).MemberID] {
			return nil, nil, false
		}
		cluster.SleepControl(func() { close(arrived); <-released })
		cluster.DropControl()
		return nil, nil, false
	})
	joined = func() bool {
		select {
		case <-arrived:
			return true
		default:
			return false
		}
	}
	return joined, func() { close(released) }
}

// TestCommitOutlivesAssignment has a member lose its partition and get it again
// while a commit is tried again and again. The member waits for that before it
// takes the partition; the commit must fail, though the broker would take it now.
func TestCommitOutlivesAssignment(t *testing.T) {
	t.Parallel()
	cluster := fake(t)
	// The broker waits that long for the member that it only seems to have forgotten.
	d := open(t, cluster.ListenAddrs()[0], kafka.ConfigMap{"session.timeout.ms": 6000})
	topic := create(t, d, 1)
	publish(t.Context(), d, topic, numbers(0, 5)...).get()
	var broken atomic.Bool
	tried := make(chan struct{}, 1)
	cluster.ControlKey(int16(kmsg.OffsetCommit), func(r kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		if !broken.Load() {
			return nil, nil, false
		}
		select {
		case tried <- struct{}{}:
		default:
		}
		return refuseCommit(r.(*kmsg.OffsetCommitRequest)), nil, true
	})
	committed := make(chan error, 1)
	m := &member{}
	m.onAssigned = func() {
		if broken.Swap(false) {
			committed <- <-committed
		}
	}
	g, err := d.Join(t.Context(), "group", []string{topic}, m)
	if err != nil {
		t.Fatal(err)
	}
	m.Group = g
	m.receiveUntil(t, func() bool { return len(m.records) == 5 })

	broken.Store(true)
	go func() {
		committed <- m.Commit(t.Context(), driver.Position{Partition: driver.Partition{Topic: topic}, Offset: 3, Epoch: -1})
	}()
	<-tried
	forget(cluster)
	m.receiveUntil(t, func() bool { return len(m.records) == 10 })
	if err := <-committed; err == nil {
		t.Error("the commit has passed, want it to fail as the partition is lost")
	}
	if m.lost != 1 || m.assigned != 2 {
		t.Errorf("lost %d times, assigned %d times, want lost once and assigned twice", m.lost, m.assigned)
	}
}

// refuseCommit answers that the broker may take a commit later.
func refuseCommit(req *kmsg.OffsetCommitRequest) *kmsg.OffsetCommitResponse {
	resp := req.ResponseKind().(*kmsg.OffsetCommitResponse)
	for _, topic := range req.Topics {
		t := kmsg.NewOffsetCommitResponseTopic()
		t.Topic = topic.Topic
		for _, partition := range topic.Partitions {
			p := kmsg.NewOffsetCommitResponseTopicPartition()
			p.Partition, p.ErrorCode = partition.Partition, kerr.UnknownTopicOrPartition.Code
			t.Partitions = append(t.Partitions, p)
		}
		resp.Topics = append(resp.Topics, t)
	}
	return resp
}

// forget tells the member that beats next that its group does not know it.
func forget(cluster *kfake.Cluster) {
	cluster.ControlKey(int16(kmsg.Heartbeat), func(r kmsg.Request) (kmsg.Response, error, bool) {
		resp := r.(*kmsg.HeartbeatRequest).ResponseKind().(*kmsg.HeartbeatResponse)
		resp.ErrorCode = kerr.UnknownMemberID.Code
		return resp, nil, true
	})
}
