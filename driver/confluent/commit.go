//go:build cgo

package confluent

import (
	"context"
	"errors"
	"fmt"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/drivers"
	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
)

var (
	errNotAssigned = errors.New("partition is not assigned")

	// errNoMember says that the group does not know the member, or did not while a
	// commit was on its way. As long as the partitions are assigned it may be sent again.
	errNoMember = errors.New("the group does not know the member")
)

// A claim is a position to be committed, and the assignment that allows it.
type claim struct {
	driver.Position
	by *assignment
}

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
	claims, errs := g.claim(positions)
	select {
	case g.committing <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	case <-g.done:
		return drivers.ErrClosed
	}
	taken := true // by this call, and to be given back
	defer func() {
		if taken {
			<-g.committing
		}
	}()
	for {
		var more []error
		claims, more = g.valid(ctx, claims)
		errs = append(errs, more...)
		if len(claims) == 0 {
			return errors.Join(errs...)
		}
		err := g.reach(ctx)
		if err == nil {
			err, taken = g.store(ctx, claims)
		}
		switch {
		case err == nil:
			return errors.Join(errs...)
		case g.isDone():
			return errors.Join(append(errs, drivers.ErrClosed)...)
		case ctx.Err() != nil:
			return errors.Join(append(errs, g.driver.reason(ctx, ctx.Err()))...)
		case !mayRetryCommit(err):
			return errors.Join(append(errs, err)...)
		}
		pause(ctx, retryPause)
	}
}

// reach makes sure that a broker can be reached, if none could be when that was
// tried last. The client would keep the commit for as long as the group keeps a
// silent member, and not end before.
func (g *group) reach(ctx context.Context) error {
	if g.driver.connects.problem() == nil {
		return nil
	}
	ctx, leave, err := g.driver.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	_, err = g.driver.describe(ctx, g.topics[0])
	return err
}

// claim returns the positions of assigned partitions, and errors for the others.
func (g *group) claim(positions []driver.Position) ([]claim, []error) {
	g.lock.Lock()
	defer g.lock.Unlock()
	var own []claim
	var errs []error
	for _, p := range positions {
		if a := g.assigned[p.Partition]; a != nil {
			own = append(own, claim{p, a})
		} else {
			errs = append(errs, notAssigned(p))
		}
	}
	return own, errs
}

// valid returns the claims whose assignments have not ended, and errors for the
// others. It waits until it is known where the group goes on in what was just
// assigned: a commit before would move that.
func (g *group) valid(ctx context.Context, claims []claim) ([]claim, []error) {
	for {
		own, errs, changed := g.sort(claims)
		if changed == nil {
			return own, errs
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, append(errs, ctx.Err())
		case <-g.done:
			return nil, append(errs, drivers.ErrClosed)
		}
	}
}

// sort also returns what is closed when the assignment changes, if there is
// something to wait for.
func (g *group) sort(claims []claim) (own []claim, errs []error, changed <-chan struct{}) {
	g.lock.Lock()
	defer g.lock.Unlock()
	for _, c := range claims {
		switch {
		case g.assigned[c.Partition] != c.by:
			errs = append(errs, notAssigned(c.Position))
			continue
		case !c.by.settled:
			changed = g.changed
		}
		own = append(own, c)
	}
	return own, errs, changed
}

func notAssigned(p driver.Position) error {
	return fmt.Errorf("partition %d of topic %q: %w", p.ID, p.Topic, errNotAssigned)
}

// store commits once. The client can't be told to stop that: if ctx ends before,
// the commits that follow wait until it has an answer, and taken is false.
func (g *group) store(ctx context.Context, claims []claim) (err error, taken bool) { //nolint:revive // see taken
	at := make([]kafka.TopicPartition, len(claims))
	for i := range claims {
		c := &claims[i]
		at[i] = kafka.TopicPartition{
			Topic: &c.Topic, Partition: c.ID, Offset: kafka.Offset(c.Offset), Metadata: &c.Meta,
		}
		if c.Epoch >= 0 {
			at[i].LeaderEpoch = &c.Epoch
		}
	}
	select {
	case g.asking <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err(), true
	case <-g.done:
		return drivers.ErrClosed, true
	}
	stored := make(chan error, 1)
	g.control(func(c *kafka.Consumer) error {
		by := membershipOf(c)
		if by.expelled() {
			stored <- errNoMember
			<-g.asking
			return nil
		}
		g.storing.Go(func() {
			err := commitErrors(c.CommitOffsets(at))
			if err == nil {
				err = g.remains(by)
			}
			stored <- err
			<-g.asking
		})
		return nil
	})
	select {
	case err := <-stored:
		return err, true
	case <-ctx.Done():
		err = ctx.Err()
	case <-g.done:
		err = drivers.ErrClosed
	}
	g.control(func(*kafka.Consumer) error {
		g.storing.Go(func() {
			<-stored //nolint:errcheck // nobody asks any more
			<-g.committing
		})
		return nil
	})
	return err, false
}

// remains returns an error if the group does not know the member any more as it did:
// the client may have committed as nobody.
func (g *group) remains(by membership) error {
	err := drivers.ErrClosed
	g.control(func(c *kafka.Consumer) error {
		if err = nil; membershipOf(c) != by {
			err = errNoMember
		}
		return nil
	})
	return err
}

func commitErrors(all []kafka.TopicPartition, err error) error {
	if err != nil {
		return err
	}
	var errs []error
	for _, p := range all {
		if p.Error != nil {
			errs = append(errs, fmt.Errorf("partition %d of topic %q: %w", p.Partition, *p.Topic, p.Error))
		}
	}
	return errors.Join(errs...)
}

// mayRetryCommit says whether the broker may take the same commit later. What is
// not an answer of the broker says that it was away, or was not asked. A commit
// that is sent while the member joins anew is answered after that, and of another
// generation then; as long as the partitions are assigned, it may be sent again.
func mayRetryCommit(err error) bool {
	c := code(err)
	return c <= kafka.ErrNoError || isRetriable(c) || c == kafka.ErrIllegalGeneration
}
