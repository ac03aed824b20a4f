package franz

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/asynccalls/asynccalls/driver"
)

// A balancer is that of kgo for cooperative rebalancing (KIP-429), but that it
// does not let a member keep what it had under another ID. The group gave that
// member up, and others may have had its partitions, and committed, before they
// were assigned to it again. kgo takes them for the ones it never lost, and would
// go on where it was. Left out of one assignment, they are lost, and the member
// joins again; what it gets then begins where the group is.
type balancer struct {
	kgo.GroupBalancer
	group *group
}

func newBalancer(g *group) balancer { return balancer{kgo.CooperativeStickyBalancer(), g} }

// ParseSyncAssignment implements [kgo.GroupBalancer].
func (b balancer) ParseSyncAssignment(assignment []byte) (map[string][]int32, error) {
	assigned, err := b.GroupBalancer.ParseSyncAssignment(assignment)
	if err != nil {
		return nil, err
	}
	if id, _ := b.group.client.GroupMetadata(); b.group.isKnownAs(id) {
		return assigned, nil
	}
	b.group.mu.Lock()
	defer b.group.mu.Unlock()
	for topic, ids := range assigned {
		assigned[topic] = slices.DeleteFunc(ids, func(id int32) bool {
			_, had := b.group.assigned[driver.Partition{Topic: topic, ID: id}]
			return had
		})
	}
	return assigned, nil
}
