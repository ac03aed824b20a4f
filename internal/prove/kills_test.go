//go:build unix

package prove

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// TestKills kills and stops instances and the broker at random while requests
// flow. What was acknowledged is handled to its end (semantics 2.1, 2.5, 2.7,
// 3.4, 4.1), in order (2.3).
func TestKills(t *testing.T) {
	t.Parallel()
	requests, faults := setting(t, "PROVE_REQUESTS", 300), setting(t, "PROVE_FAULTS", 5)
	f := newFleet(t, 4*time.Minute)
	f.embedded()
	for i := range 3 {
		f.add(fmt.Sprint("server", i), part{Role: roleServer})
	}
	f.add("client", part{Role: roleClient})
	f.ready()
	const gap, batch = 500 * time.Millisecond, 10 // gap is that between two faults, about
	pause := time.Duration(faults) * gap * batch / time.Duration(requests)
	f.add("sender", part{Role: roleSender, To: requests, Batch: batch, Pause: pause})
	f.ready()
	for f.faulted() < faults && f.ctx.Err() == nil {
		f.wait(upTo(2*gap, f.random.Float64()))
		f.fault()
	}
	f.settle()
	f.judge()
}

// faulted returns the number of faults so far.
func (f *fleet) faulted() int {
	return f.tallied(kills) + f.tallied(stops) + f.tallied(brokerKills) + f.tallied(brokerStops)
}

// embedded starts the broker.
func (f *fleet) embedded() {
	f.t.Helper()
	f.address = freeAddress(f.t)
	f.add("broker", part{Role: roleBroker, Dir: filepath.Join(f.t.TempDir(), "data")})
	if err := allowShortSessions(f.ctx, f.address); err != nil {
		f.t.Fatal(err)
	}
}

// freeAddress returns an address to listen on. Its port is below those that the
// system gives to outgoing connections, so that it stays free while the broker
// is away.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 100 {
		address := "127.0.0.1:" + strconv.Itoa(21_000+rand.IntN(9_000))
		l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", address)
		if err != nil {
			continue
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		return address
	}
	t.Fatal("no port is free")
	return ""
}

// allowShortSessions lowers the least session timeout of a broker, which is that
// of Kafka by default: 6 s.
func allowShortSessions(ctx context.Context, address string) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(address))
	if err != nil {
		return err
	}
	defer client.Close()
	least := "500"
	change := []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "group.min.session.timeout.ms", Value: &least}}
	for {
		answers, err := kadm.NewClient(client).AlterBrokerConfigs(ctx, change)
		if err == nil {
			_, err = answers.On("", nil)
		}
		if err == nil || ctx.Err() != nil {
			return err
		}
		wait(ctx, 50*time.Millisecond)
	}
}
