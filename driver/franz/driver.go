package franz

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/drivers"
	"github.com/asynccalls/asynccalls/internal/slab"
)

var _ driver.Driver = (*Driver)(nil)

// A Driver is connected to one Kafka cluster. It is safe for concurrent use.
type Driver struct {
	shared       []kgo.Opt // options of each client
	codecs       []kgo.CompressionCodec
	client       *kgo.Client // publishes and administrates
	admin        *kadm.Client
	connects     *connects
	limits       *limits
	buffer       *drivers.Buffer
	detours      *detours
	publications slab.Slab[publication]
	records      records

	done    chan struct{} // closed by the first call of Close
	closing sync.Once

	mu      sync.Mutex // guards readers
	readers map[io.Closer]struct{}
}

// Open returns a driver for the cluster that the brokers at seeds belong to,
// such as "host1:9092,host2:9092". It does not connect yet. Options reach each
// client of franz-go that the driver makes; those that break the contract are an
// error that names them.
func Open(seeds string, opts ...kgo.Opt) (*Driver, error) {
	addrs, err := drivers.ParseSeeds(seeds)
	if err != nil {
		return nil, fmt.Errorf("franz: %w", err)
	}
	if err := checkTyped(opts); err != nil {
		return nil, err
	}
	d := &Driver{connects: newConnects(), done: make(chan struct{}), readers: map[io.Closer]struct{}{}}
	d.limits = newLimits(d.askLimit)
	d.detours = newDetours(d)
	own := []kgo.Opt{kgo.SeedBrokers(addrs...), kgo.WithHooks(d.connects)}
	d.shared = slices.Concat(own, defaults(), opts)
	if err := d.connect(addrs); err != nil {
		return nil, err
	}
	d.admin = kadm.NewClient(d.client)
	return d, nil
}

// connect makes the client that publishes.
func (d *Driver) connect(addrs []string) error {
	given, err := try(producing(d.shared))
	if err != nil {
		return fmt.Errorf("franz: %w", err)
	}
	d.buffer = drivers.NewBuffer(bounds(given))
	d.codecs, _ = given.OptValue(kgo.ProducerBatchCompression).([]kgo.CompressionCodec)
	d.client, err = d.newClient(d.publishing()...)
	if err != nil {
		return fmt.Errorf("franz: %w", err)
	}
	if err := checkPlain(d.client, addrs); err != nil {
		d.client.Close()
		return err
	}
	return nil
}

// newClient makes a client with options beside those that all have. Each has a list of
// codecs of its own, as the client writes into that (franz-go 1.22.2).
func (d *Driver) newClient(opts ...kgo.Opt) (*kgo.Client, error) {
	codecs := kgo.ProducerBatchCompression(slices.Clone(d.codecs)...)
	return kgo.NewClient(slices.Concat(d.shared, []kgo.Opt{codecs}, opts)...)
}

// Close implements [driver.Driver].
func (d *Driver) Close() error {
	d.closing.Do(func() {
		close(d.done)
		d.buffer.Shut()
		d.closeReaders()
		d.client.Close()
		d.detours.stop()
		// The clients have failed all records, and report them now.
		_ = d.buffer.Flush(context.Background())
		d.detours.wait()
	})
	return nil
}

func (d *Driver) closed() bool {
	select {
	case <-d.done:
		return true
	default:
		return false
	}
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
