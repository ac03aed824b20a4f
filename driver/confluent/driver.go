//go:build cgo

package confluent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/drivers"
	"github.com/asynccalls/asynccalls/internal/slab"
	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
)

var _ driver.Driver = (*Driver)(nil)

// A Driver is connected to one Kafka cluster. It is safe for concurrent use.
type Driver struct {
	settings     settings
	connects     *connects
	outlets      *outlets
	admin        *kafka.AdminClient
	routes       *routes
	buffer       *drivers.Buffer
	detours      *detours
	publications slab.Slab[publication]

	life    context.Context //nolint:containedctx // ends with the driver, for goroutines that wait
	done    context.CancelFunc
	closing sync.Once

	mu      sync.Mutex // guards readers, and what is entered
	readers map[io.Closer]struct{}
	entered sync.WaitGroup // calls that use the clients
}

// Open returns a driver for the cluster that the brokers at seeds belong to,
// such as "host1:9092,host2:9092". It does not connect yet. The settings, which
// may be nil, are those of librdkafka by their names; they are copied. They reach
// each client that the driver makes; those that break the contract are an error
// that names them.
func Open(seeds string, given *kafka.ConfigMap) (*Driver, error) {
	addrs, err := drivers.ParseSeeds(seeds)
	if err != nil {
		return nil, fmt.Errorf("confluent: %w", err)
	}
	s, err := newSettings(addrs, given)
	if err != nil {
		return nil, err
	}
	if err := s.tryConsumer(); err != nil {
		return nil, err
	}
	d := &Driver{settings: s, connects: newConnects(), readers: map[io.Closer]struct{}{}}
	d.life, d.done = context.WithCancel(context.Background())
	d.buffer = drivers.NewBuffer(s.bounds())
	d.routes = newRoutes()
	d.detours = newDetours(d)
	d.outlets = newOutlets(d)
	main, err := d.outlets.of(defaultLimit)
	if err != nil {
		return nil, fmt.Errorf("confluent: %w", err)
	}
	if d.admin, err = kafka.NewAdminClientFromProducer(main.producer); err != nil {
		d.outlets.close()
		return nil, fmt.Errorf("confluent: %w", err)
	}
	return d, nil
}

// tryConsumer makes a client that receives, from nowhere, to see that it can be
// made.
func (s settings) tryConsumer() error {
	own := *s.consumer("try")
	delete(own, "bootstrap.servers")
	delete(own, "go.logs.channel")
	delete(own, "go.logs.channel.enable")
	own["log_level"], own["log.queue"] = 0, true
	c, err := kafka.NewConsumer(&own)
	if err != nil {
		return fmt.Errorf("confluent: %w", err)
	}
	_ = c.Close()
	return nil
}

// Close implements [driver.Driver].
func (d *Driver) Close() error {
	d.closing.Do(func() {
		d.mu.Lock()
		d.done() // nothing enters any more
		d.mu.Unlock()
		d.buffer.Shut()
		d.closeReaders()
		d.detours.stop()
		d.fail()
		d.detours.wait()
		d.entered.Wait()
		d.outlets.close()
	})
	return nil
}

// fail lets the clients fail all records, until each has its outcome: one that is
// being handed over may come after the others were failed.
func (d *Driver) fail() {
	for {
		d.outlets.purge()
		ctx, cancel := context.WithTimeout(context.Background(), purgeAgain)
		err := d.buffer.Flush(ctx)
		cancel()
		if err == nil {
			return
		}
	}
}

// purgeAgain is how long to wait for records that were failed.
const purgeAgain = 20 * time.Millisecond

func (d *Driver) closed() bool { return d.life.Err() != nil }

// enter begins a call that uses the clients of the driver, which stay open until
// leave is called. The context returned ends with ctx, or with the driver.
func (d *Driver) enter(ctx context.Context) (within context.Context, leave func(), err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed() {
		return nil, nil, drivers.ErrClosed
	}
	d.entered.Add(1)
	within, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(d.life, cancel)
	return within, func() {
		stop()
		cancel()
		d.entered.Done()
	}, nil
}

// closeReaders closes all readers and groups, at once.
func (d *Driver) closeReaders() {
	d.mu.Lock()
	readers := slices.Collect(maps.Keys(d.readers))
	d.mu.Unlock()
	var closing sync.WaitGroup
	for _, r := range readers {
		closing.Go(func() { _ = r.Close() })
	}
	closing.Wait()
}

// keep remembers a reader, to close it with the driver. It closes it at once if
// the driver is closed.
func (d *Driver) keep(r io.Closer) error {
	d.mu.Lock()
	closed := d.closed()
	if !closed {
		d.readers[r] = struct{}{}
	}
	d.mu.Unlock()
	if closed {
		return errors.Join(drivers.ErrClosed, r.Close())
	}
	return nil
}

// drop forgets a reader that was closed.
func (d *Driver) drop(r io.Closer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.readers, r)
}
