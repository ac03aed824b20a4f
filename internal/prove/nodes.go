//go:build unix

package prove

import (
	"context"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/asynccalls/asynccalls/internal/checker"
)

// The figures that faults of nodes are counted by.
const (
	nodeKills = "node kills"
	nodeStops = "node stops"
)

// Nodes kills and cuts off nodes of a cluster that scripts/kafka has started,
// each time the leader of a partition that is in use (semantics 4.1). PROVE_NODES
// has its addresses, PROVE_SCRIPT is that script, and KAFKA_HOME the place of the cluster.
func Nodes(t *testing.T) {
	t.Helper()
	rounds := setting(t, "PROVE_ROUNDS", 1)
	tiers := make(map[string]string)
	if addrs := os.Getenv("PROVE_NODES"); addrs != "" {
		tiers["kafka"] = addrs
	}
	for name, addrs := range tiers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t, 5*time.Minute)
			f.address, f.topics.Replicas = addrs, 3
			// What is cut off is given up soon, but not before the cluster does so.
			f.patience.Session, f.patience.Request = 6*time.Second, 2*time.Second
			f.populate(0, 0)
			c := f.cluster()
			for n := range int32(rounds) {
				c.killLeader(2 * n % f.topics.Partitions)
				c.cutLeaderOff((2*n + 1) % f.topics.Partitions)
			}
			f.enough()
			f.settle()
			f.judge(checker.Options{})
		})
	}
}

// cluster is the nodes of the broker.
type cluster struct {
	f     *fleet
	admin *kadm.Client
}

func (f *fleet) cluster() *cluster {
	f.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(f.address, ",")...),
		kgo.RequestTimeoutOverhead(time.Second), kgo.DialTimeout(time.Second), kgo.MetadataMinAge(100*time.Millisecond))
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(client.Close)
	c := &cluster{f, kadm.NewClient(client)}
	c.whole()
	return c
}

// killLeader kills the node that leads a partition of the requests, and starts it
// again after others have taken over.
func (c *cluster) killLeader(partition int32) {
	c.f.t.Helper()
	node := c.leader(partition)
	c.f.t.Logf("kill node %d, which leads partition %d", node, partition)
	c.f.count(nodeKills)
	c.signal(node, syscall.SIGKILL)
	c.takenOver(partition, node)
	c.script("revive", node)
	c.whole()
}

// cutLeaderOff stops the node that leads a partition of the requests, until
// others have taken over and longer. Then the node goes on as if nothing had
// happened.
func (c *cluster) cutLeaderOff(partition int32) {
	c.f.t.Helper()
	node := c.leader(partition)
	c.f.t.Logf("cut off node %d, which leads partition %d", node, partition)
	c.f.count(nodeStops)
	c.signal(node, syscall.SIGSTOP)
	defer c.signal(node, syscall.SIGCONT)
	c.takenOver(partition, node)
	c.signal(node, syscall.SIGCONT)
	c.whole()
}

// takenOver waits until a partition has another leader, and some requests were
// acknowledged and handled since.
func (c *cluster) takenOver(partition, node int32) {
	c.f.t.Helper()
	c.await("another leader", func(t kadm.TopicDetails) bool {
		p := t[c.f.requests()].Partitions[partition]
		return p.Leader >= 0 && p.Leader != node
	})
	acked, ended := c.f.watch.count(checker.Acked), c.f.watch.count(checker.Ended)
	const more = 500
	if !c.f.until(time.Minute, func(w *watch) (bool, int) {
		return w.counts[checker.Acked] > acked+more && w.counts[checker.Ended] > ended+more, 0
	}) {
		c.f.t.Error("the others do not go on")
	}
}

// whole waits until all replicas of all partitions are in sync.
func (c *cluster) whole() {
	c.f.t.Helper()
	c.await("all replicas to be in sync", func(topics kadm.TopicDetails) bool {
		synced := len(topics) > 0
		topics.EachPartition(func(p kadm.PartitionDetail) {
			if strings.HasPrefix(p.Topic, c.f.topics.Prefix) {
				synced = synced && p.Err == nil && p.Leader >= 0 && len(p.ISR) == 3
			}
		})
		return synced
	})
}

// await waits until something is true of the topics.
func (c *cluster) await(what string, is func(kadm.TopicDetails) bool) {
	c.f.t.Helper()
	ctx, cancel := context.WithTimeout(c.f.ctx, time.Minute)
	defer cancel()
	for {
		topics, err := c.admin.ListTopics(ctx)
		if err == nil && is(topics) {
			return
		}
		if !wait(ctx, 100*time.Millisecond) {
			c.f.t.Fatalf("waited in vain for %s: %v, %v", what, err, topics)
		}
	}
}

// leader returns the node that leads a partition of the requests.
func (c *cluster) leader(partition int32) (node int32) {
	c.f.t.Helper()
	c.await("a leader", func(t kadm.TopicDetails) bool {
		node = t[c.f.requests()].Partitions[partition].Leader
		return node >= 0
	})
	return node
}

func (f *fleet) requests() string { return f.topics.Prefix + serverID + ".requests" }

// signal sends a signal to the process of a node.
func (c *cluster) signal(node int32, sig syscall.Signal) {
	c.f.t.Helper()
	pid, err := strconv.Atoi(c.script("pid", node))
	if err != nil {
		c.f.t.Fatal(err)
	}
	if err := syscall.Kill(pid, sig); err != nil {
		c.f.t.Fatal(err)
	}
}

// script runs a command of scripts/kafka about a node.
func (c *cluster) script(command string, node int32) string {
	c.f.t.Helper()
	out, err := exec.Command(os.Getenv("PROVE_SCRIPT"), command, strconv.Itoa(int(node))).Output() //nolint:gosec // our own
	if err != nil {
		c.f.t.Fatalf("scripts/kafka %s %d: %v\n%s", command, node, err, out)
	}
	return strings.TrimSpace(string(out))
}
