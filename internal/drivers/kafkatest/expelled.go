package kafkatest

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/asynccalls/asynccalls/driver"
)

// An Untold checks what a commit of lost ends with that comes when the group has
// given lost to another member, and the one that commits could not be told yet.
type Untold func(tb testing.TB, g driver.Group, lost driver.Position)

// ExpelledAndReplaced has the broker give a member up, and its partition to
// another. The member joins again without having noticed, as after a long pause of
// its process: what it had is lost, and it must not commit it.
func ExpelledAndReplaced(t *testing.T, open Open, untold Untold) {
	cluster, addr := Fake(t)
	d := open(t, addr)
	topic, m := joined(t, d)
	other := replace(t, cluster, d, topic, m)
	arrived, goOn := holdNewMember(cluster)
	other.receiveUntil(t, func() bool { m.receiveOnce(t); return arrived() })
	goOn() // the member does not receive now, so it can't be told
	if _, err := cluster.WaitGroupStable(t.Context(), "group", 2); err != nil {
		t.Fatal(err)
	}
	untold(t, m, at(topic, 3))
	m.receiveUntil(t, func() bool { return m.lost+m.revoked > 0 })
	if m.revoked > 0 {
		t.Error("the partition was revoked, want lost")
	}
	if err := m.Commit(t.Context(), at(topic, 3)); err == nil {
		t.Error("the member may commit what was lost")
	}
}

// ExpelledAndBack has the broker give a member up, and its partition to another,
// which commits and leaves. The member, which has not noticed, gets the partition
// back: it goes on where the other has ended.
func ExpelledAndBack(t *testing.T, open Open) {
	cluster, addr := Fake(t)
	d := open(t, addr)
	topic, m := joined(t, d)
	other := replace(t, cluster, d, topic, m)
	if err := other.Commit(t.Context(), at(topic, 3)); err != nil {
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
	if err := m.Commit(t.Context(), at(topic, 5)); err != nil {
		t.Errorf("commit: %v", err)
	}
}

// ExpelledAlone has the broker give up the only member of a group. What it had is
// lost, as it can't know that nobody had it since, and then it gets it back. That
// is its first assignment or its second: some clients join without it at first.
func ExpelledAlone(t *testing.T, open Open, assignments int) {
	cluster, addr := Fake(t)
	d := open(t, addr)
	topic, m := joined(t, d)
	expel(t, cluster, cluster.GroupInfo("group").Members[0].MemberID)
	want := m.assigned + assignments
	m.receiveUntil(t, func() bool { return m.lost > 0 && m.assigned >= want })
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := m.Commit(ctx, at(topic, 3)); err != nil {
		t.Errorf("commit: %v", err)
	}
	if m.revoked != 0 || m.lost != 1 {
		t.Errorf("revoked %d times, lost %d times, want lost once", m.revoked, m.lost)
	}
}

// ExpelledFromNobody has the broker give up the only member of a group, and tell it
// that its generation is over. The member does not receive, so it can't be told that
// it has lost what it had; the group has no member, and takes what nobody commits.
// The member knows when it has sent so many heartbeats: one is answered, and some
// clients go on.
func ExpelledFromNobody(t *testing.T, open Open, heartbeats int) {
	addr, topic, m := expelledFromNobody(t, open, heartbeats)
	stored, err := kadm.NewClient(Raw(t, addr)).FetchOffsets(t.Context(), "group")
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := stored.Lookup(topic, 0); got.At != 4 {
		t.Errorf("the group goes on at %d, want 4", got.At)
	}
	m.receiveUntil(t, func() bool { return m.lost > 0 })
}

// ExpelledMeanwhile is the same while the member learns it. What some clients then
// commit as nobody can't be helped, but it does not pass for the member's.
func ExpelledMeanwhile(t *testing.T, open Open) {
	expelledFromNobody(t, open, 1)
}

// expelledFromNobody returns a member that was alone in its group and has committed 4,
// and a topic. It was expelled, and can't commit 3.
func expelledFromNobody(t *testing.T, open Open, heartbeats int) (addr, topic string, m *member) {
	t.Helper()
	cluster, addr := Fake(t)
	topic, m = joined(t, open(t, addr))
	if err := m.Commit(t.Context(), at(topic, 4)); err != nil {
		t.Fatal(err)
	}
	beaten := expelWith(t, cluster, cluster.GroupInfo("group").Members[0].MemberID, kerr.IllegalGeneration)
	for range heartbeats {
		<-beaten
	}
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if err := m.Commit(ctx, at(topic, 3)); err == nil {
		t.Error("the member may commit what was lost, and it was not told of")
	}
	return addr, topic, m
}

// joined returns a topic with five records, and a member that has received them.
func joined(t *testing.T, d driver.Driver) (topic string, m *member) {
	t.Helper()
	topic = Create(t, d, 1)
	fill(t, d, topic, Numbers(0, 5)...)
	m = join(t, d, "group", topic)
	m.receiveUntil(t, func() bool { return len(m.records) == 5 })
	return topic, m
}

// replace expels m, which is alone in its group, when another member has joined.
// It returns that one when it has received all that m had.
func replace(t *testing.T, cluster *kfake.Cluster, d driver.Driver, topic string, m *member) *member {
	t.Helper()
	id := cluster.GroupInfo("group").Members[0].MemberID
	other := join(t, d, "group", topic)
	other.receiveUntil(t, func() bool { m.receiveOnce(t); return other.assigned > 0 })
	expel(t, cluster, id)
	other.receiveUntil(t, func() bool { return len(other.records) == 5 })
	return other
}

// expel removes a member from its group, and has its next heartbeat tell it only
// that the group rebalances.
func expel(tb testing.TB, cluster *kfake.Cluster, id string) {
	tb.Helper()
	expelWith(tb, cluster, id, kerr.RebalanceInProgress)
}

// expelWith removes a member from its group, and has its next heartbeat tell it an
// error. It returns what gets an element for that, and for the one after it.
func expelWith(tb testing.TB, cluster *kfake.Cluster, id string, answer *kerr.Error) (beaten <-chan struct{}) {
	tb.Helper()
	beats := make(chan struct{}, 2)
	cluster.ControlKey(int16(kmsg.Heartbeat), func(r kmsg.Request) (kmsg.Response, error, bool) {
		req := r.(*kmsg.HeartbeatRequest)
		if req.MemberID != id || len(beats) == cap(beats) {
			return nil, nil, false
		}
		beats <- struct{}{}
		if answer == nil {
			return nil, nil, false
		}
		cluster.KeepControl()
		resp := req.ResponseKind().(*kmsg.HeartbeatResponse)
		resp.ErrorCode, answer = answer.Code, nil
		return resp, nil, true
	})
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group = "group"
	m := kmsg.NewLeaveGroupRequestMember()
	m.MemberID = id
	req.MemberID = id
	req.Members = append(req.Members, m)
	resp, err := req.RequestWith(tb.Context(), Raw(tb, cluster.ListenAddrs()[0]))
	if err != nil || resp.ErrorCode != 0 {
		tb.Fatalf("leave: %v, %+v", err, resp)
	}
	return beats
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

// CommitOutlivesAssignment has a member lose its partition and get it again while a
// commit is tried again and again. The member waits for that before it takes the
// partition; the commit must fail, though the broker would take it now.
func CommitOutlivesAssignment(t *testing.T, open Open) {
	cluster, addr := Fake(t)
	d := open(t, addr)
	topic := Create(t, d, 1)
	fill(t, d, topic, Numbers(0, 5)...)
	var broken atomic.Bool
	tried := refuseCommits(cluster, &broken)
	committed := make(chan error, 1)
	m := &member{}
	m.onAssigned = func() {
		if broken.Swap(false) {
			committed <- <-committed
		}
	}
	m.join(t, d, "group", topic)
	m.receiveUntil(t, func() bool { return len(m.records) == 5 })

	broken.Store(true)
	go func() { committed <- m.Commit(t.Context(), at(topic, 3)) }()
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

// refuseCommits answers commits with that the broker may take them later, as long
// as it is broken. It returns what gets an element when one has been refused.
func refuseCommits(cluster *kfake.Cluster, broken *atomic.Bool) <-chan struct{} {
	tried := make(chan struct{}, 1)
	cluster.ControlKey(int16(kmsg.OffsetCommit), func(r kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		if !broken.Load() {
			return nil, nil, false
		}
		select {
		case tried <- struct{}{}:
		default: // it is known already
		}
		return refuseCommit(r.(*kmsg.OffsetCommitRequest)), nil, true
	})
	return tried
}

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
