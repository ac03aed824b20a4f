package franz

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/drivers"
)

var (
	errNotAssigned = errors.New("partition is not assigned")
	errNotLearned  = errors.New("the member has joined anew, and not learned its partitions yet")
)

// Commit implements [driver.Group].
func (g *group) Commit(ctx context.Context, positions ...driver.Position) error {
	if err := g.commit(ctx, positions); err != nil {
		return fmt.Errorf("commit to group %q: %w", g.name, err)
	}
	return nil
}

func (g *group) commit(ctx context.Context, positions []driver.Position) error {
	if g.isDone() {
		return drivers.ErrClosed
	}
	select {
	case g.committing <- struct{}{}:
		defer func() { <-g.committing }()
	case <-ctx.Done():
		return ctx.Err()
	case <-g.done:
		return drivers.ErrClosed
	}
	if err := g.awaitSettled(ctx, positions); err != nil {
		return err
	}
	// Only now is known what is assigned: commits before may have waited for a
	// rebalance.
	own, errs := g.split(positions)
	for len(own) > 0 {
		err := g.store(ctx, own)
		if err == nil {
			break
		}
		switch {
		case g.isDone():
			return errors.Join(append(errs, drivers.ErrClosed)...)
		case ctx.Err() != nil:
			return errors.Join(append(errs, g.driver.reason(ctx, ctx.Err()))...)
		case !mayRetryCommit(err):
			return errors.Join(append(errs, err)...)
		}
		pause(ctx, retryPause)
		var more []error
		own, more = g.split(own)
		errs = append(errs, more...)
	}
	return errors.Join(errs...)
}

// awaitSettled waits until it is known where the group goes on in the partitions
// that were just assigned. A commit before would move that.
func (g *group) awaitSettled(ctx context.Context, positions []driver.Position) error {
	for {
		changed := g.unsettled(positions)
		if changed == nil {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		case <-g.done:
			return drivers.ErrClosed
		}
	}
}

// unsettled returns what is closed when the assignment changes, or nil if there
// is nothing to wait for.
func (g *group) unsettled(positions []driver.Position) <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, p := range positions {
		if settled, ok := g.assigned[p.Partition]; ok && !settled {
			return g.changed
		}
	}
	return nil
}

// split returns the positions of assigned partitions, and errors for the others.
func (g *group) split(positions []driver.Position) ([]driver.Position, []error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var own []driver.Position
	var errs []error
	for _, p := range positions {
		if _, ok := g.assigned[p.Partition]; ok {
			own = append(own, p)
		} else {
			errs = append(errs, fmt.Errorf("partition %d of topic %q: %w", p.ID, p.Topic, errNotAssigned))
		}
	}
	return own, errs
}

// store commits once.
func (g *group) store(ctx context.Context, positions []driver.Position) error {
	offsets := map[string]map[int32]kgo.EpochOffset{}
	meta := map[driver.Partition]string{}
	for _, p := range positions {
		if offsets[p.Topic] == nil {
			offsets[p.Topic] = map[int32]kgo.EpochOffset{}
		}
		offsets[p.Topic][p.ID] = kgo.EpochOffset{Epoch: p.Epoch, Offset: p.Offset}
		meta[p.Partition] = p.Meta
	}
	ctx = kgo.PreCommitFnContext(ctx, func(req *kmsg.OffsetCommitRequest) error {
		if !g.isKnownAs(req.MemberID) {
			return errNotLearned
		}
		setMeta(req, meta)
		return nil
	})
	var result error
	g.client.CommitOffsetsSync(ctx, offsets,
		func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, err error) {
			result = err
			if err == nil {
				result = commitErrors(resp)
			}
		})
	return result
}

func setMeta(req *kmsg.OffsetCommitRequest, meta map[driver.Partition]string) {
	for i := range req.Topics {
		t := &req.Topics[i]
		for j := range t.Partitions {
			p := &t.Partitions[j]
			p.Metadata = kmsg.StringPtr(meta[driver.Partition{Topic: t.Topic, ID: p.Partition}])
		}
	}
}

func commitErrors(resp *kmsg.OffsetCommitResponse) error {
	var errs []error
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				errs = append(errs, fmt.Errorf("partition %d of topic %q: %w", p.Partition, t.Topic, err))
			}
		}
	}
	return errors.Join(errs...)
}

// mayRetryCommit says whether the broker may take the same commit later. What is
// not an answer of the broker says that it was away, or was not asked.
func mayRetryCommit(err error) bool {
	answer, ok := errors.AsType[*kerr.Error](err)
	return !ok || answer.Retriable || errors.Is(err, kerr.RebalanceInProgress)
}
