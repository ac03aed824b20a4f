package drivertest

import (
	"context"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls/driver"
)

// Config says how the suite reaches the driver under test and its cluster.
type Config struct {
	// Open returns a new driver. The suite closes it. All members, readers and
	// publishers of one case use one driver, so a broker inside the process may
	// be a new one at each call.
	Open func(tb testing.TB) driver.Driver

	// DeleteTopic deletes a topic on the cluster that d is connected to, as an
	// administrator does. The cases that need it are skipped if it is nil. With
	// it, the suite also deletes its topics at the end, when d is closed; it
	// ignores the error then.
	DeleteTopic func(ctx context.Context, d driver.Driver, name string) error

	// DeleteRecords deletes the records of p with offsets lower than before, on
	// the cluster that d is connected to. The cases that need it are skipped if
	// it is nil.
	DeleteRecords func(ctx context.Context, d driver.Driver, p driver.Partition, before int64) error

	// Timeout bounds each case; default 1 min.
	Timeout time.Duration
}

// Run runs the suite, each case as a parallel subtest of t.
func Run(t *testing.T, c Config) {
	t.Helper()
	if c.Timeout == 0 {
		c.Timeout = time.Minute
	}
	cases := map[string]scenario{}
	for _, group := range []map[string]scenario{
		adminCases(), publishCases(), flushCases(), contentCases(), readCases(), lossCases(),
		pauseCases(), groupCases(), commitCases(), lagCases(), closeCases(),
	} {
		maps.Copy(cases, group)
	}
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), c.Timeout)
			t.Cleanup(cancel)
			cases[name](ctx, newFixture(ctx, t, c))
		})
	}
}

// A scenario is one case of the suite.
type scenario func(ctx context.Context, f *fixture)
