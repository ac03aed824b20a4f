package memory

import (
	"context"
	"fmt"
	"time"

	"github.com/asynccalls/asynccalls/driver"
)

// Publish implements [driver.Publisher]. It never waits, so ctx does not
// matter, and calls done before it returns, on the goroutine of the caller.
func (d *Driver) Publish(_ context.Context, r *driver.Record, done func(*driver.Record, error)) {
	done(r, d.publish(r))
}

// Flush implements [driver.Publisher]. It never waits, since a record has its
// outcome when Publish returns.
func (d *Driver) Flush(context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.open()
}

func (d *Driver) publish(r *driver.Record) error {
	size := batchSize(r)
	d.mu.Lock()
	defer d.mu.Unlock()
	t, partition, err := d.target(r)
	if err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	now := time.Now()
	if err := t.accept(r, size, now); err != nil {
		return err
	}
	at := now
	if !t.appendTime && !r.Time.IsZero() {
		at = r.Time
	}
	r.Partition = partition
	r.Time = time.UnixMilli(at.UnixMilli()) // all that Kafka stores
	r.Offset = t.logs[partition].append(r)
	return nil
}

// target returns the topic and the partition that r goes to.
func (d *Driver) target(r *driver.Record) (*topic, int32, error) {
	if err := d.open(); err != nil {
		return nil, 0, err
	}
	t := d.topics[r.Topic]
	if t == nil {
		if err := checkName(r.Topic); err != nil {
			return nil, 0, err
		}
		return nil, 0, fmt.Errorf("topic %q: %w", r.Topic, driver.ErrNoTopic)
	}
	partition := r.Partition
	if partition == -1 {
		partition = t.choose(r.Key)
	}
	if partition < 0 || int(partition) >= len(t.logs) {
		return nil, 0, fmt.Errorf("partition %d of topic %q: %w", r.Partition, r.Topic, driver.ErrNoTopic)
	}
	return t, partition, nil
}
