package memory

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/asynccalls/asynccalls/driver"
)

// Topics implements [driver.Admin].
func (d *Driver) Topics(ctx context.Context, names ...string) ([]driver.Topic, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("topics: %w", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.open(); err != nil {
		return nil, fmt.Errorf("topics: %w", err)
	}
	var topics []driver.Topic
	seen := map[string]bool{}
	for _, name := range names {
		t := d.topics[name]
		if t == nil || seen[name] {
			continue
		}
		seen[name] = true
		topics = append(topics, driver.Topic{
			Name:       name,
			Partitions: int32(len(t.logs)),
			Replicas:   t.replicas,
			MaxBytes:   t.maxBytes,
		})
	}
	return topics, nil
}

// Create implements [driver.Admin]. A topic has one partition by default, and
// takes batches of 1 MiB. The number of replicas is only stored. Of several
// topics, those that are legal are created.
func (d *Driver) Create(ctx context.Context, topics ...driver.Topic) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("create topics: %w", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.open(); err != nil {
		return fmt.Errorf("create topics: %w", err)
	}
	var errs []error
	for _, t := range topics {
		if err := d.create(t); err != nil {
			errs = append(errs, fmt.Errorf("create topic: %w", err))
		}
	}
	return errors.Join(errs...)
}

// DeleteTopic deletes a topic with its records and the offsets that groups
// committed for it, as an administrator does. Those who read it receive a
// [driver.LostError], and go on at the beginning when the topic is created
// again.
func (d *Driver) DeleteTopic(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.open(); err != nil {
		return fmt.Errorf("delete topic: %w", err)
	}
	t, err := d.topic(name)
	if err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	delete(d.topics, name)
	for _, l := range t.logs {
		l.remove()
		if len(l.cursors) > 0 {
			d.deleted[l.partition] = l
		}
		for _, g := range d.groups {
			delete(g.committed, l.partition)
		}
	}
	d.rebalance(name)
	return nil
}

// DeleteRecords deletes the records of a partition with offsets lower than
// before, as an administrator does; -1 deletes all. An offset behind the end of
// the partition is [driver.ErrRefused].
func (d *Driver) DeleteRecords(p driver.Partition, before int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	l, err := d.log(p)
	if err != nil {
		return fmt.Errorf("delete records: %w", err)
	}
	if before == -1 {
		before = l.end()
	}
	if before < 0 || before > l.end() {
		return fmt.Errorf("delete records of partition %d of topic %q before offset %d: %w",
			p.ID, p.Topic, before, driver.ErrRefused)
	}
	l.truncate(before)
	return nil
}

// create creates a topic unless it exists. The caller holds the lock.
func (d *Driver) create(spec driver.Topic) error {
	if d.topics[spec.Name] != nil {
		return nil
	}
	t, err := newTopic(spec)
	if err != nil {
		return err
	}
	for name := range d.topics {
		if strings.ReplaceAll(name, ".", "_") == strings.ReplaceAll(t.name, ".", "_") {
			return fmt.Errorf("topic name %q collides with %q: %w", t.name, name, driver.ErrRefused)
		}
	}
	for id := range max(spec.Partitions, 1) {
		p := driver.Partition{Topic: t.name, ID: id}
		l := d.deleted[p]
		if l == nil {
			l = &log{partition: p}
		}
		delete(d.deleted, p)
		l.exists = true
		t.logs = append(t.logs, l)
	}
	d.topics[t.name] = t
	d.rebalance(t.name)
	return nil
}

// rebalance rebalances the groups that subscribe to a topic. The caller holds
// the lock.
func (d *Driver) rebalance(topic string) {
	for _, g := range d.groups {
		for _, m := range g.members {
			if m.subscribes(topic) {
				g.rebalance()
				break
			}
		}
	}
}
