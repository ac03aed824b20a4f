package franz

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/drivers"
)

// Lag tells what [driver.Group] says.
func (g *group) Lag(ctx context.Context) (map[driver.Partition]int64, error) {
	if g.isDone() {
		return nil, fmt.Errorf("lag of group %q: %w", g.name, drivers.ErrClosed)
	}
	ctx, cancel := g.driver.connects.impatient(ctx)
	defer cancel()
	lag, err := g.lag(ctx)
	if err != nil {
		return nil, fmt.Errorf("lag of group %q: %w", g.name, g.driver.reason(ctx, err))
	}
	return lag, nil
}

func (g *group) lag(ctx context.Context) (map[driver.Partition]int64, error) {
	own, topics := g.own()
	if len(own) == 0 {
		return map[driver.Partition]int64{}, nil
	}
	admin := g.driver.admin
	committed, err := admin.FetchOffsetsForTopics(ctx, g.name, topics...)
	if err != nil {
		return nil, err
	}
	starts, err := admin.ListStartOffsets(ctx, topics...)
	if err != nil {
		return nil, err
	}
	ends, err := admin.ListEndOffsets(ctx, topics...)
	if err != nil {
		return nil, err
	}
	lag := make(map[driver.Partition]int64, len(own))
	for _, p := range own {
		start, end := at(starts, p), at(ends, p)
		if start < 0 || end < 0 {
			continue
		}
		position, ok := committed.Lookup(p.Topic, p.ID)
		if ok && position.Err == nil {
			lag[p] = max(end-max(position.At, start), 0) // without a commit it is at -1
		}
	}
	return lag, nil
}

// at returns a listed offset, or -1 if the broker has told none.
func at(listed kadm.ListedOffsets, p driver.Partition) int64 {
	if o, ok := listed.Lookup(p.Topic, p.ID); ok && o.Err == nil {
		return o.Offset
	}
	return -1
}

// own returns the partitions of this member, and their topics.
func (g *group) own() (partitions []driver.Partition, topics []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	seen := map[string]bool{}
	for p := range g.assigned {
		partitions = append(partitions, p)
		if !seen[p.Topic] {
			seen[p.Topic] = true
			topics = append(topics, p.Topic)
		}
	}
	return partitions, topics
}
