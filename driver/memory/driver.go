package memory

import (
	"context"
	"fmt"
	"sync"

	"github.com/asynccalls/asynccalls/driver"
)

// A Driver is a broker and the connection to it. It is safe for concurrent use.
// Make one with [New].
type Driver struct {
	mu      sync.Mutex // guards all below, and all state of topics, logs, groups and readers
	closed  bool
	topics  map[string]*topic
	deleted map[driver.Partition]*log // logs of deleted topics that somebody reads
	groups  map[string]*group
	readers map[*reader]struct{} // those not closed
}

var _ driver.Driver = (*Driver)(nil)

// New returns a broker without topics.
func New() *Driver {
	return &Driver{
		topics:  map[string]*topic{},
		deleted: map[driver.Partition]*log{},
		groups:  map[string]*group{},
		readers: map[*reader]struct{}{},
	}
}

// Read implements [driver.Driver]. An offset lower than -1 is
// [driver.ErrRefused].
func (d *Driver) Read(ctx context.Context, p driver.Partition, offset int64) (driver.Reader, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("read partition %d of topic %q: %w", p.ID, p.Topic, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	l, err := d.log(p)
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	if offset < -1 {
		return nil, fmt.Errorf("read partition %d of topic %q from offset %d: %w",
			p.ID, p.Topic, offset, driver.ErrRefused)
	}
	if offset == -1 {
		offset = l.end()
	}
	r := newReader(d)
	return &single{r, r.attach(l, offset)}, nil
}

// Close implements [driver.Driver]. It does not wait for a listener that is
// being called.
func (d *Driver) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	for r := range d.readers {
		r.end()
	}
	for _, g := range d.groups {
		for _, m := range g.members {
			m.settle()
		}
	}
	return nil
}

// open returns an error if the driver is closed. The caller holds the lock.
func (d *Driver) open() error {
	if d.closed {
		return fmt.Errorf("memory driver is closed: %w", driver.ErrRefused)
	}
	return nil
}

// log returns the log of a partition. The caller holds the lock.
func (d *Driver) log(p driver.Partition) (*log, error) {
	if err := d.open(); err != nil {
		return nil, err
	}
	t, err := d.topic(p.Topic)
	if err != nil {
		return nil, err
	}
	if p.ID < 0 || int(p.ID) >= len(t.logs) {
		return nil, fmt.Errorf("partition %d of topic %q: %w", p.ID, p.Topic, driver.ErrNoTopic)
	}
	return t.logs[p.ID], nil
}

// topic returns a topic that exists. The caller holds the lock.
func (d *Driver) topic(name string) (*topic, error) {
	t := d.topics[name]
	if t == nil {
		return nil, fmt.Errorf("topic %q: %w", name, driver.ErrNoTopic)
	}
	return t, nil
}
