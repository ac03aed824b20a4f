package franz_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/asynccalls/asynccalls/driver"
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
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := m.Commit(ctx, done); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("commit of what was lost: error %v, want %v", err, context.DeadlineExceeded)
	}
	m.receiveUntil(t, func() bool { return m.lost+m.revoked > 0 })
	if m.revoked > 0 {
		t.Error("the partition was revoked, want lost")
	}
	if err := m.Commit(t.Context(), done); err == nil {
		t.Error("the member may commit what was lost")
	}
}

// TestExpelledAlone has the broker give up the only member of a group, which gets
// back what it had.
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
	m.receiveUntil(t, func() bool { return m.assigned > before })
	done := driver.Position{Partition: driver.Partition{Topic: topic}, Offset: 3, Epoch: -1}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := m.Commit(ctx, done); err != nil {
		t.Errorf("commit: %v", err)
	}
	if m.revoked+m.lost > 0 {
		t.Errorf("revoked %d times, lost %d times, want never", m.revoked, m.lost)
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
