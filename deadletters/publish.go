package deadletters

import (
	"context"
	"fmt"

	"github.com/asynccalls/asynccalls/driver"
)

// outcome is what became of a record that was published.
type outcome struct {
	index int
	place Place
	err   error
}

// publish hands records over, in their order, and returns their outcomes when
// all are known. If ctx ends before, the others are [driver.ErrUnknownOutcome].
func publish(ctx context.Context, d driver.Driver, records []*driver.Record) []outcome {
	outcomes := make([]outcome, len(records))
	known := make(chan outcome, len(records))
	for i, r := range records {
		outcomes[i] = outcome{index: -1}
		r.Tag = i
		d.Publish(ctx, r, func(r *driver.Record, err error) {
			i, _ := r.Tag.(int)
			known <- outcome{i, Place{r.Topic, r.Partition, r.Offset}, err}
		})
	}
	for range records {
		o, ok := await(ctx, known)
		if !ok {
			break
		}
		outcomes[o.index] = o
	}
	for i := range outcomes {
		if outcomes[i].index < 0 {
			outcomes[i].err = fmt.Errorf("%w: %w", driver.ErrUnknownOutcome, context.Cause(ctx))
		}
	}
	return outcomes
}

// await returns the next outcome. When ctx has ended it returns only what is
// known already.
func await(ctx context.Context, known <-chan outcome) (o outcome, ok bool) {
	select {
	case o = <-known:
		return o, true
	default:
	}
	select {
	case o = <-known:
		return o, true
	case <-ctx.Done():
		return outcome{}, false
	}
}
