//go:build cgo

package confluent

import (
	"context"
	"fmt"
	"time"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
)

var _ interface {
	driver.Reader
	Position() int64
} = (*single)(nil)

// noGroup is what librdkafka needs as the name of a group where there is none. It
// is asked for, but never joined, and nothing is committed to it.
const noGroup = "asynccalls.none"

// A single is a reader of one partition, without a group.
type single struct{ *reader }

// Position returns the offset of the next record, see [driver.Reader].
func (s *single) Position() int64 { return s.queue.place() }

// Read implements [driver.Driver].
func (d *Driver) Read(ctx context.Context, p driver.Partition, offset int64) (driver.Reader, error) {
	r, err := d.read(ctx, p, offset)
	if err != nil {
		return nil, fmt.Errorf("read partition %d of topic %q: %w", p.ID, p.Topic, err)
	}
	return &single{r}, nil
}

func (d *Driver) read(ctx context.Context, p driver.Partition, offset int64) (*reader, error) {
	ctx, leave, err := d.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	if offset < -1 {
		return nil, fmt.Errorf("offset is %d, want -1 or more: %w", offset, driver.ErrRefused)
	}
	topics, err := d.await(ctx, p.Topic)
	if err != nil {
		return nil, err
	}
	if p.ID < 0 || p.ID >= topics[p.Topic].partitions {
		return nil, driver.ErrNoTopic
	}
	if offset < 0 {
		if offset, err = d.end(ctx, p); err != nil {
			return nil, err
		}
	}
	r := newReader(d)
	r.queue.position = offset
	t := &track{partition: p, next: offset, seen: time.Now(), id: topics[p.Topic].id}
	r.tracks[p] = t
	own := d.settings.consumer(noGroup)
	(*own)["enable.partition.eof"] = true // so that the position passes what is no record
	if r.consumer, err = kafka.NewConsumer(own); err != nil {
		return nil, err
	}
	r.goOn(t)
	go r.pump() //nolint:contextcheck // the pump outlives Read, and ends with Close
	if err := d.keep(r); err != nil {
		return nil, err
	}
	return r, nil
}
