package franz

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/asynccalls/asynccalls/driver"
)

// ends asks for the first offset of a partition and the one after the last,
// until a broker answers.
func (d *Driver) ends(ctx context.Context, p driver.Partition) (first, end int64, err error) {
	if first, err = d.listed(ctx, p, d.admin.ListStartOffsets); err != nil {
		return 0, 0, err
	}
	end, err = d.listed(ctx, p, d.admin.ListEndOffsets)
	return first, end, err
}

type lister func(ctx context.Context, topics ...string) (kadm.ListedOffsets, error)

func (d *Driver) listed(ctx context.Context, p driver.Partition, list lister) (int64, error) {
	for {
		offsets, err := list(ctx, p.Topic)
		if err == nil {
			offset, ok := offsets.Lookup(p.Topic, p.ID)
			switch {
			case !ok:
				return 0, driver.ErrNoTopic
			case offset.Err == nil:
				return offset.Offset, nil
			}
			err = offset.Err
		}
		if isMissing(err) {
			return 0, fmt.Errorf("%w (%w)", driver.ErrNoTopic, err)
		}
		if d.isFinal(ctx, err) {
			return 0, d.reason(ctx, err)
		}
		pause(ctx, retryPause)
	}
}

// report returns a loss that has not been reported yet, or nil.
func (r *reader) report() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.found) == 0 {
		return nil
	}
	lost := r.found[0]
	r.found = r.found[1:]
	return lost
}

// lost remembers a loss. The client goes on at to.
func (r *reader) lost(p driver.Partition, from, to int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.found = append(r.found, &driver.LostError{Partition: p, From: from, To: to})
	r.next[p] = to
}

// expected returns the offset of the next record, as far as it is known.
func (r *reader) expected(p driver.Partition) (int64, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	offset, ok := r.next[p]
	return offset, ok
}

// outOfRange finds out where a partition goes on whose next record is not in the
// log. If ctx ends before, the client reports the same again.
func (r *reader) outOfRange(ctx context.Context, p driver.Partition) {
	from, ok := r.expected(p)
	if !ok {
		return
	}
	first, end, err := r.driver.ends(ctx, p)
	if err != nil {
		return
	}
	if first <= from && from <= end {
		return // it is in the log again
	}
	r.goOn(p, first)
	r.lost(p, from, first)
}

// skip goes on after a batch that is not received because of its size.
func (r *reader) skip(p driver.Partition, large *kgo.ErrDecompressTooLarge) {
	r.goOn(p, large.NextOffset)
	r.lost(p, large.Offset, large.NextOffset)
}

func (r *reader) goOn(p driver.Partition, offset int64) {
	r.client.SetOffsets(map[string]map[int32]kgo.EpochOffset{
		p.Topic: {p.ID: {Epoch: -1, Offset: offset}},
	})
}

// recreated handles that a topic is not the one any more that it was: it was
// deleted, and perhaps created again.
func (r *reader) recreated(ctx context.Context, topic string) {
	topics, err := r.driver.describe(ctx, r.driver.client, topic)
	if err != nil || topics[topic].id == r.ids[topic] {
		return
	}
	r.ids[topic] = topics[topic].id
	offsets := map[int32]kgo.Offset{}
	for p, from := range r.positions(topic) {
		offsets[p.ID] = kgo.NewOffset().At(0)
		r.lost(p, from, 0)
	}
	r.client.PurgeTopicsFromConsuming(topic)
	if r.isGroup {
		r.client.AddConsumeTopics(topic)
		return
	}
	r.client.AddConsumePartitions(map[string]map[int32]kgo.Offset{topic: offsets})
}

func (r *reader) positions(topic string) map[driver.Partition]int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	positions := map[driver.Partition]int64{}
	for p, next := range r.next {
		if p.Topic == topic {
			positions[p] = next
		}
	}
	return positions
}
