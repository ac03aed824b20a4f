package drivertest

import (
	"context"
	"maps"

	"github.com/asynccalls/asynccalls/driver"
)

func lagCases() map[string]scenario {
	return map[string]scenario{
		"lag is what is not committed":         lagUncommitted,
		"lag is that of the member's own":      lagOwn,
		"lag counts from the start of the log": lagTruncated,
	}
}

// lagging is what a group may have, see [driver.Group].
type lagging interface {
	Lag(ctx context.Context) (map[driver.Partition]int64, error)
}

// checkLag checks what a member says of its lag. One that says nothing is a member,
// too.
func (f *fixture) checkLag(ctx context.Context, m *member, when string, want map[driver.Partition]int64) {
	f.Helper()
	g, ok := m.Group.(lagging)
	if !ok {
		return
	}
	got, err := g.Lag(ctx)
	if err != nil {
		f.Fatalf("lag %s: %v", when, err)
	}
	if !maps.Equal(got, want) {
		f.Errorf("lag %s is %v, want %v", when, got, want)
	}
}

func lagUncommitted(ctx context.Context, f *fixture) {
	_, m, p := f.started(ctx, 3)
	f.checkLag(ctx, m, "without a commit", map[driver.Partition]int64{p[0]: 10, p[1]: 10, p[2]: 10})
	f.commit(ctx, m, at(p[0], 4), at(p[1], 10))
	f.checkLag(ctx, m, "after a commit", map[driver.Partition]int64{p[0]: 6, p[1]: 0, p[2]: 10})
	f.publish(ctx, numbered(p[1].Topic, p[1].ID, 10, 3)...)
	f.checkLag(ctx, m, "when more was published", map[driver.Partition]int64{p[0]: 6, p[1]: 3, p[2]: 10})
	m.close(ctx)
	if g, ok := m.Group.(lagging); ok {
		if lag, err := g.Lag(ctx); err == nil {
			f.Errorf("lag after Close is %v, want an error", lag)
		}
	}
}

func lagOwn(ctx context.Context, f *fixture) {
	party, first, p := f.started(ctx, 2)
	f.commit(ctx, first, at(p[0], 3), at(p[1], 3))
	second := party.join(ctx, p[0].Topic).start(ctx)
	party.wait(ctx, "partitions shared", party.ownsAll(2, first, second))
	for _, m := range []*member{first, second} {
		f.checkLag(ctx, m, "of a part", map[driver.Partition]int64{party.ownedBy(m)[0]: 7})
	}
}

func lagTruncated(ctx context.Context, f *fixture) {
	if f.config.DeleteRecords == nil {
		return
	}
	_, m, p := f.started(ctx, 1)
	if err := f.config.DeleteRecords(ctx, f.driver, p[0], 8); err != nil {
		f.Fatalf("delete records: %v", err)
	}
	f.checkLag(ctx, m, "without a commit", map[driver.Partition]int64{p[0]: 2})
}
