package asynccalls

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"strings"
	"sync/atomic"
	"time"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/chance"
	"github.com/asynccalls/asynccalls/internal/topics"
	"github.com/asynccalls/asynccalls/internal/wire"
)

// attempt bounds one try to reach the broker; between tries the service waits,
// at first firstBackoff and at last lastBackoff.
const (
	attempt      = 10 * time.Second
	firstBackoff = 250 * time.Millisecond
	lastBackoff  = 5 * time.Second
)

// topic returns the full name of a topic of a service.
func (s *Service) topic(service, kind string) string { return s.config.layout().Name(service, kind) }

// destination is where the requests to a service go.
type destination struct{ service, topic string }

// destinations remembers those of services that requests were sent to lately, one in
// each place of the table. The zero table is empty.
type destinations [64]atomic.Pointer[destination]

// destination returns where the requests to a service go, if it can be one.
func (s *Service) destination(service string) (topic string, err error) {
	place := &s.asked[maphash.String(s.lane.seed, service)%uint64(len(s.asked))]
	if d := place.Load(); d != nil && d.service == service {
		return d.topic, nil
	}
	if err := wire.ValidService(service); err != nil {
		return "", err
	}
	d := &destination{strings.Clone(service), s.topic(service, topics.Requests)}
	place.Store(d)
	return d.topic, nil
}

// ensureTopics makes sure that topics of this service exist. It keeps trying while
// the broker is away, telling report what it waits for.
func (s *Service) ensureTopics(ctx context.Context, report func(error), kinds ...string) error {
	return s.persist(ctx, report, func(ctx context.Context) error {
		_, err := s.tryTopics(ctx, kinds)
		return err
	})
}

// tryTopics creates those topics of this service that do not exist, and returns what
// the broker says of all.
func (s *Service) tryTopics(ctx context.Context, kinds []string) ([]driver.Topic, error) {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = s.topic(s.id, k)
	}
	topics, err := s.driver.Topics(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("look up topics %s: %w", strings.Join(names, ", "), err)
	}
	exist := make(map[string]bool, len(topics))
	for _, t := range topics {
		exist[t.Name] = true
	}
	var missing []driver.Topic
	for i, k := range kinds {
		if !exist[names[i]] {
			missing = append(missing, s.config.layout().Topic(s.id, k))
		}
	}
	if len(missing) == 0 {
		return topics, nil
	}
	if !s.config.createTopics {
		return nil, &missingTopicsError{missing}
	}
	if err := s.driver.Create(ctx, missing...); err != nil {
		return nil, fmt.Errorf("create topics: %w", err)
	}
	topics, err = s.driver.Topics(ctx, names...)
	if err == nil && len(topics) < len(names) {
		// Another instance is creating them at this moment.
		err = fmt.Errorf("topics %s are not there yet, only %d", strings.Join(names, ", "), len(topics))
	}
	return topics, err
}

// persist calls try until it succeeds, fails for good, or ctx ends.
func (s *Service) persist(ctx context.Context, report func(error), try func(context.Context) error) error {
	backoff := firstBackoff
	for {
		tryCtx, cancel := context.WithTimeout(ctx, attempt)
		err := try(tryCtx)
		cancel()
		switch {
		case err == nil:
			report(nil)
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("%w (last try: %w)", context.Cause(ctx), err)
		case isFinal(err):
			return err
		}
		report(err)
		s.logger.WarnContext(ctx, "broker not ready", "error", err)
		if !pause(ctx, backoff/2+time.Duration(chance.Float64()*float64(backoff/2))) {
			return fmt.Errorf("%w (last try: %w)", context.Cause(ctx), err)
		}
		backoff = min(2*backoff, lastBackoff)
	}
}

// isFinal reports whether trying again cannot help.
func isFinal(err error) bool {
	var missing *missingTopicsError
	return errors.As(err, &missing) || errors.Is(err, driver.ErrRefused)
}

// pause waits for d, and reports whether ctx did not end before.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// missingTopicsError says which topics are missing and how to create them.
type missingTopicsError struct{ topics []driver.Topic }

func (m *missingTopicsError) Error() string {
	var b strings.Builder
	b.WriteString("topics are missing and their creation is switched off; create them with")
	for _, t := range m.topics {
		fmt.Fprintf(&b, "\n\tkafka-topics.sh --create --topic %s --partitions %d", t.Name, t.Partitions)
		if t.Replicas > 0 {
			fmt.Fprintf(&b, " --replication-factor %d", t.Replicas)
		}
		for _, key := range []string{"message.timestamp.type", "retention.ms"} {
			if v := t.Config[key]; v != "" {
				fmt.Fprintf(&b, " --config %s=%s", key, v)
			}
		}
	}
	return b.String()
}

func (m *missingTopicsError) Unwrap() error { return driver.ErrNoTopic }

// once does something that can fail, until it has succeeded.
type once struct {
	done atomic.Bool
	turn chan struct{} // holds an element while somebody tries
}

func newOnce() once { return once{turn: make(chan struct{}, 1)} }

// do calls f unless a call of it has succeeded. Others wait meanwhile, not
// longer than their ctx.
func (o *once) do(ctx context.Context, f func() error) error {
	if o.done.Load() {
		return nil
	}
	select {
	case o.turn <- struct{}{}:
		defer func() { <-o.turn }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if o.done.Load() {
		return nil
	}
	err := f()
	o.done.Store(err == nil)
	return err
}
