package asynccalls

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/topics"
)

// lastWords bounds each step of the end of a service that needs the broker.
const lastWords = 5 * time.Second

// Listen serves the registered endpoints and handlers of responses until ctx is
// done or Close is called. It first creates the topics of the service that are
// missing, and keeps trying while the broker is away. At the end it takes in
// nothing new, lets the handlers that run finish within Limits.Grace (they may
// still call), ends pending calls with [ErrClosed], commits what is done, and
// leaves the group. What was not finished is delivered again, to another
// instance or after a restart.
//
// Listen returns nil after that, and an error if handlers would not stop, which
// it names, if the broker did not answer in the end, or if it could not begin.
// It can be called once, and the service ends with it.
func (s *Service) Listen(ctx context.Context) error {
	if err := s.beginListening(); err != nil {
		return err
	}
	err := s.listen(ctx)
	s.lane.close()
	if err != nil {
		err = fmt.Errorf("listen: service %q: %w", s.id, err)
	}
	s.finish(err)
	return err
}

func (s *Service) listen(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	g := newGroup(ctx, s)
	defer g.stop()
	g.tasks.Go(func() {
		select {
		case <-s.closing:
			cancel()
		case <-ctx.Done():
		}
	})
	defer g.tasks.Wait()
	defer cancel()
	if err := s.wrapHandlers(); err != nil {
		return err
	}
	if err := s.serveInfo(g); err != nil {
		return err
	}
	s.mu.Lock()
	s.group = g
	s.mu.Unlock()
	if err := g.join(ctx); err != nil {
		return err
	}
	g.tasks.Go(g.keeper.run)
	defer g.stop()
	buf := make([]driver.Record, groupBatch)
	err := g.receive(ctx, buf)
	if err != nil {
		err = fmt.Errorf("receive: %w", err)
	}
	return errors.Join(err, g.drain(buf), g.leave()) //nolint:contextcheck // ctx has ended
}

// kinds returns the kinds of topics from which the group receives.
func (g *group) kinds() []string {
	var kinds []string
	if g.s.endpoints.Len() > 0 {
		kinds = append(kinds, topics.Requests)
	}
	if len(g.s.responses) > 0 {
		kinds = append(kinds, topics.Responses)
	}
	return kinds
}

// topics returns the names of the topics that the group needs.
func (g *group) topics() []string {
	names := []string{g.s.topic(g.s.id, topics.Dead)}
	for _, kind := range g.kinds() {
		names = append(names, g.s.topic(g.s.id, kind))
	}
	return names
}

// join creates what is missing and joins the group.
func (g *group) join(ctx context.Context) error {
	kinds := append(g.kinds(), topics.Dead)
	subscribed := g.topics()[1:] // without that for dead letters
	name := g.s.config.topics.Prefix + g.s.id
	err := g.s.persist(ctx, g.s.wait, func(ctx context.Context) error {
		// Each try looks again: a topic may go before the group is joined.
		topics, err := g.s.tryTopics(ctx, kinds)
		if err != nil {
			return err
		}
		for _, t := range topics {
			g.known[t.Name] = t.Partitions
		}
		g.member, err = g.s.driver.Join(ctx, name, subscribed, g)
		if err != nil {
			return fmt.Errorf("join group %q: %w", name, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	g.s.wait(fmt.Errorf("no partitions of group %q yet", name))
	return nil
}

// drain lets the handlers that run finish. Meanwhile it goes on receiving
// without taking anything in, so that a rebalance need not wait.
func (g *group) drain(buf []driver.Record) error {
	g.mu.Lock()
	g.draining = true
	all := g.engine.Drain()
	g.mu.Unlock()

	ctx, cancel := context.WithTimeout(g.base, g.s.config.limits.Grace)
	defer cancel()
	g.tasks.Go(func() {
		g.await(ctx, g.still)
		cancel()
	})
	err := g.receive(ctx, buf)
	if err != nil && !g.await(ctx, g.still) { // the reader is gone, the handlers are not
		g.logger.WarnContext(g.base, "receive while draining", "error", err)
	}
	if stragglers := g.stragglers(); len(stragglers) > 0 {
		g.cutOff(all, ErrClosed)
		return fmt.Errorf("handlers did not stop within %v: %s",
			g.s.config.limits.Grace, strings.Join(stragglers, ", "))
	}
	return nil
}

// drains reports whether the service takes nothing in any more.
func (g *group) drains() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.draining
}

// still reports whether no handler runs. The lock is held.
func (g *group) still() bool {
	for w := range g.crew {
		if w.message != nil {
			return false
		}
	}
	return true
}

// stragglers names the handlers that run.
func (g *group) stragglers() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	var names []string
	for w := range g.crew {
		if w.message != nil {
			names = append(names, w.message.String())
		}
	}
	slices.Sort(names)
	return names
}

// leave ends pending calls, sees to it that everything sent has its outcome,
// commits, and leaves the group. Afterwards no goroutine of the group runs but
// those of handlers that would not stop.
func (g *group) leave() error {
	g.s.lane.close()
	ctx, cancel := context.WithTimeout(g.base, lastWords)
	defer cancel()
	var errs []error
	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"flush", g.s.driver.Flush},
		{"stop the keeper", func(context.Context) error { g.stop(); return nil }},
		{"commit", g.keeper.commit},
		{"leave the group", func(context.Context) error { return g.member.Close() }},
	} {
		if err := step.do(ctx); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", step.name, err))
		}
	}
	g.mu.Lock()
	g.stopping = true
	g.work.Broadcast()
	g.mu.Unlock()
	g.await(ctx, func() bool { return g.onlyStragglers() })
	g.s.tellRevoked(g.assigned())
	return errors.Join(errs...)
}

// assigned returns the partitions that this member has.
func (g *group) assigned() []driver.Partition {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Collect(g.engine.Assigned())
}

// onlyStragglers reports whether all workers have ended but those whose handlers
// were cut off. The lock is held.
func (g *group) onlyStragglers() bool {
	for w := range g.crew {
		if w.message == nil || !w.message.run.cut.Load() {
			return false
		}
	}
	return true
}
