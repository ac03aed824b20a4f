package embedded

import (
	"context"
	"fmt"
	"net"
	"sync"

	"github.com/twmb/franz-go/pkg/kfake"
)

const defaultPartitions = 4

// Options configures a [Broker]. The zero value is a broker in memory on a free
// port of the loopback interface.
type Options struct {
	// Listen is the address to listen on, as "host:port"; default
	// "127.0.0.1:0", a free port. Clients are told to connect to this very
	// address, so the host must not be a wildcard such as 0.0.0.0.
	Listen string

	// Dir is the directory that keeps topics, records and committed offsets
	// across restarts; it is created if missing. By default nothing is kept.
	Dir string

	// Partitions is the number of partitions of a topic that is created
	// without one; default 4. Topics are never created by using them.
	Partitions int
}

// A Broker is a running broker. It is safe for concurrent use.
type Broker struct {
	addr    string
	cluster *kfake.Cluster
	close   sync.Once
}

// Start starts a broker, and returns when it accepts connections.
func Start(o Options) (*Broker, error) {
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	if o.Partitions == 0 {
		o.Partitions = defaultPartitions
	}
	if o.Partitions < 0 {
		return nil, fmt.Errorf("embedded: Partitions is %d, want a positive number", o.Partitions)
	}
	host, _, err := net.SplitHostPort(o.Listen)
	if err != nil {
		return nil, fmt.Errorf("embedded: Listen is %q, want host:port: %w", o.Listen, err)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		return nil, fmt.Errorf("embedded: Listen is %q, want a host that clients can connect to", o.Listen)
	}
	cluster, err := kfake.NewCluster(options(o)...)
	if err != nil {
		return nil, fmt.Errorf("embedded: start broker at %q: %w", o.Listen, err)
	}
	enforce(cluster)
	return &Broker{addr: cluster.ListenAddrs()[0], cluster: cluster}, nil
}

func options(o Options) []kfake.Opt {
	all := []kfake.Opt{
		kfake.NumBrokers(1),
		kfake.DefaultNumPartitions(o.Partitions),
		kfake.ListenFn(func(network, _ string) (net.Listener, error) {
			return new(net.ListenConfig).Listen(context.Background(), network, o.Listen)
		}),
	}
	if o.Dir != "" {
		all = append(all, kfake.DataDir(o.Dir))
	}
	return all
}

// Addr returns the address to connect to, as "host:port".
func (b *Broker) Addr() string { return b.addr }

// Close stops the broker, closes the connections to it, and saves what a data
// directory is to keep. It is idempotent. The error is nil; it leaves room for a
// broker that can fail to save.
func (b *Broker) Close() error {
	b.close.Do(b.cluster.Close)
	return nil
}
