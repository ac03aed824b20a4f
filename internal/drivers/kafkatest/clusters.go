package kafkatest

import (
	"os"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/asynccalls/asynccalls/embedded"
)

// nobody is an address where no broker is.
const nobody = "127.0.0.1:1"

// Clusters returns the address of a broker in the process, and that of Apache
// Kafka if there is one.
func Clusters(tb testing.TB) map[string]string {
	tb.Helper()
	all := map[string]string{"embedded": Start(tb, embedded.Options{}).Addr()}
	if addr := os.Getenv("ASYNCCALLS_KAFKA"); addr != "" {
		all["kafka"] = addr
	}
	return all
}

// onClusters runs a test on each of the [Clusters].
func onClusters(t *testing.T, test func(t *testing.T, addr string)) {
	t.Helper()
	for name, addr := range Clusters(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, addr)
		})
	}
}

// Start starts a broker in the process.
func Start(tb testing.TB, o embedded.Options) *embedded.Broker {
	tb.Helper()
	broker, err := embedded.Start(o)
	if err != nil {
		tb.Fatalf("start broker: %v", err)
	}
	tb.Cleanup(func() { _ = broker.Close() })
	return broker
}

// Fake starts a broker that a test can tamper with.
func Fake(tb testing.TB) (cluster *kfake.Cluster, addr string) {
	tb.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		tb.Fatalf("start broker: %v", err)
	}
	tb.Cleanup(cluster.Close)
	return cluster, cluster.ListenAddrs()[0]
}

// Raw returns a client without a driver.
func Raw(tb testing.TB, addr string, opts ...kgo.Opt) *kgo.Client {
	tb.Helper()
	client, err := kgo.NewClient(append(opts, kgo.SeedBrokers(addr))...)
	if err != nil {
		tb.Fatalf("connect: %v", err)
	}
	tb.Cleanup(client.Close)
	return client
}
