package acurl

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/internal/topics"
)

// standing is how a service stands, as the broker sees it.
type standing struct {
	service string
	members int // of its group
	topics  []topicStanding
}

// topicStanding is how one of its topics stands.
type topicStanding struct {
	name       string
	kind       string
	partitions int32
	replicas   int
	lag        int64 // records that the group has not committed; of dead letters: those that are there
}

// of returns how its topic of a kind stands; nothing if there is none.
func (s *standing) of(kind string) topicStanding {
	for _, t := range s.topics {
		if t.kind == kind {
			return t
		}
	}
	return topicStanding{}
}

// survey asks the broker how services stand. Without names it is all that have
// a topic for requests, by name.
func (c *connection) survey(ctx context.Context, admin *kadm.Client, names ...string) ([]*standing, error) {
	there, err := admin.ListTopics(ctx)
	if err != nil {
		return nil, fmt.Errorf("list topics: %w", err)
	}
	found := make(map[string]*standing)
	for _, t := range there {
		name, ours := strings.CutPrefix(t.Topic, c.prefix)
		service, wanted := strings.CutSuffix(name, topics.Requests)
		if ours && wanted && (len(names) == 0 || slices.Contains(names, service)) {
			found[service] = &standing{service: service}
		}
	}
	for _, name := range names {
		if found[name] == nil {
			return nil, noTopic(name, c.prefix+name+topics.Requests)
		}
	}
	for service, s := range found {
		for _, kind := range []string{topics.Requests, topics.Responses, topics.Dead} {
			if t, ok := there[c.prefix+service+kind]; ok {
				s.topics = append(s.topics, topicStanding{
					name: t.Topic, kind: kind,
					partitions: int32(len(t.Partitions)), replicas: t.Partitions.NumReplicas(),
				})
			}
		}
	}
	all := slices.SortedFunc(maps.Values(found), func(a, b *standing) int { return cmp.Compare(a.service, b.service) })
	return all, c.measure(ctx, admin, all)
}

// measure finds out how far the groups of services are.
func (c *connection) measure(ctx context.Context, admin *kadm.Client, all []*standing) error {
	if len(all) == 0 {
		return nil
	}
	var groups, names []string
	for _, s := range all {
		groups = append(groups, c.prefix+s.service)
		for _, t := range s.topics {
			names = append(names, t.name)
		}
	}
	described, err := admin.DescribeGroups(ctx, groups...)
	if err != nil {
		return fmt.Errorf("describe groups: %w", err)
	}
	committed := admin.FetchManyOffsets(ctx, groups...)
	starts, err := admin.ListStartOffsets(ctx, names...)
	if err != nil {
		return fmt.Errorf("list offsets: %w", err)
	}
	ends, err := admin.ListEndOffsets(ctx, names...)
	if err != nil {
		return fmt.Errorf("list offsets: %w", err)
	}
	for _, s := range all {
		group := c.prefix + s.service
		s.members = len(described[group].Members)
		if err := committed[group].Err; err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
			return fmt.Errorf("positions of group %q: %w", group, err)
		}
		for i := range s.topics {
			t := &s.topics[i]
			for id, end := range ends[t.name] {
				at := starts[t.name][id].Offset
				if o, ok := committed[group].Fetched.Lookup(t.name, id); ok {
					at = max(at, o.At)
				}
				t.lag += max(0, end.Offset-at)
			}
		}
	}
	return nil
}

// noTopic is the error that a service is not known.
func noTopic(service, topic string) error {
	return fmt.Errorf("%w: %q: there is no topic %s", asynccalls.ErrNoService, service, topic)
}
