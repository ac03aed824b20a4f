package acurl

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/asynccalls/asynccalls/internal/topics"
	"github.com/asynccalls/asynccalls/internal/wire"
)

// fetchWait is how long the broker waits for records at a time, and so about how late
// the responses of a new client are seen.
const fetchWait = 250 * time.Millisecond

// watcher reads what a service receives and sends, without a group, so that nobody
// notices.
type watcher struct {
	connection *connection
	service    string
	client     *kgo.Client
	admin      *kadm.Client
	known      map[string]bool // topics that are read
	joiner     *joiner
}

// watch begins to read what comes after since; from now on if that is zero.
func (c *connection) watch(ctx context.Context, admin *kadm.Client, service string, since time.Time) (*watcher, error) {
	w := &watcher{connection: c, service: service, admin: admin, known: make(map[string]bool), joiner: newJoiner()}
	starts := make(map[string]map[int32]kgo.Offset)
	for _, kind := range []string{topics.Requests, topics.Dead} {
		found, err := w.starts(ctx, c.prefix+service+kind, since)
		if err != nil {
			return nil, err
		}
		for topic, offsets := range found {
			starts[topic] = offsets
		}
	}
	if len(starts[c.prefix+service+topics.Requests]) == 0 {
		return nil, noTopic(service, c.prefix+service+topics.Requests)
	}
	var err error
	w.client, err = c.client(kgo.ConsumePartitions(starts), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchMaxWait(fetchWait))
	return w, err
}

func (w *watcher) close() { w.client.Close() }

// starts returns where to begin in the partitions of a topic.
func (w *watcher) starts(
	ctx context.Context, topic string, since time.Time,
) (map[string]map[int32]kgo.Offset, error) {
	listed, err := w.admin.ListEndOffsets(ctx, topic)
	ends := listed
	if err == nil && !since.IsZero() {
		listed, err = w.admin.ListOffsetsAfterMilli(ctx, since.UnixMilli(), topic)
	}
	if err != nil {
		return nil, fmt.Errorf("list offsets of %s: %w", topic, err)
	}
	starts := make(map[string]map[int32]kgo.Offset)
	listed.Each(func(o kadm.ListedOffset) {
		if o.Err != nil {
			return // the topic is not there
		}
		if starts[topic] == nil {
			starts[topic] = make(map[int32]kgo.Offset)
		}
		// Where nothing has come since, that is the end, asked for anew: what came in
		// between lies before it, but not before the end of earlier.
		if end, ok := ends.Lookup(topic, o.Partition); ok && end.Err == nil {
			o.Offset = min(o.Offset, end.Offset)
		}
		starts[topic][o.Partition] = kgo.NewOffset().At(o.Offset)
	})
	w.known[topic] = w.known[topic] || len(starts) > 0
	return starts, nil
}

// next waits for records, and returns what they say, in the order of their times.
func (w *watcher) next(ctx context.Context) ([]*happening, error) {
	fetches := w.client.PollFetches(ctx)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for _, e := range fetches.Errors() {
		return nil, fmt.Errorf("read partition %d of %s: %w", e.Partition, e.Topic, e.Err)
	}
	records := fetches.Records()
	slices.SortStableFunc(records, func(a, b *kgo.Record) int {
		return cmp.Or(a.Timestamp.Compare(b.Timestamp), cmp.Compare(rank(a.Topic), rank(b.Topic)))
	})
	var all []*happening
	for _, r := range records {
		happened, err := w.take(ctx, r)
		if err != nil {
			return nil, err
		}
		all = append(all, happened...)
	}
	return all, nil
}

// rank orders what happens within a millisecond: what comes first, and what last.
func rank(topic string) int {
	switch {
	case strings.HasSuffix(topic, topics.Requests):
		return 0
	case strings.HasSuffix(topic, topics.Dead):
		return 2
	default:
		return 1
	}
}

// take takes in a record. Where the responses of a request go is read from then on.
func (w *watcher) take(ctx context.Context, r *kgo.Record) ([]*happening, error) {
	switch r.Topic {
	case w.connection.prefix + w.service + topics.Dead:
		return w.joiner.dead(r), nil
	case w.connection.prefix + w.service + topics.Requests:
	default:
		return w.joiner.response(r), nil
	}
	happened := w.joiner.request(r)
	if len(happened) == 0 {
		return nil, nil
	}
	c := happened[0].call
	kind := map[wire.Kind]string{wire.KindCall: topics.Replies, wire.KindSend: topics.Responses}[c.kind]
	topic := w.connection.prefix + c.from + kind
	if kind == "" || w.known[topic] {
		return happened, nil
	}
	starts, err := w.starts(ctx, topic, r.Timestamp)
	if err != nil {
		return nil, err
	}
	w.client.AddConsumePartitions(starts)
	return happened, nil
}
