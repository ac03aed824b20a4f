//go:build unix

package prove

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/asynccalls/asynccalls/internal/checker"
)

// Kills kills and stops instances at random while requests flow, and the
// broker too. What was acknowledged is handled to its end (semantics 2.1, 2.5,
// 2.7, 3.4, 4.1), in order (2.3).
func Kills(t *testing.T) {
	t.Helper()
	requests, faults := setting(t, "PROVE_REQUESTS", 400), setting(t, "PROVE_FAULTS", 8)
	tests := map[string]struct {
		share   int // of requests and faults, of 10
		broker  int // each so many faults one is that of the broker
		restart func(*fleet, *slot, time.Duration)
		options checker.Options
	}{
		"broker restarted": {7, 12, (*fleet).restartBroker, checker.Options{}},

		// The embedded broker keeps what it has acknowledged when it is killed,
		// but forgets the sequence numbers of producers: what was on its way to
		// it can be written twice, and in another order. See package embedded.
		"broker killed": {
			3, 3, (*fleet).killBroker,
			checker.Options{Skip: []string{checker.RuleResponses, ruleSent}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t, 4*time.Minute)
			f.embedded()
			f.populate(requests*tt.share/10, time.Duration(faults*tt.share/10)*500*time.Millisecond)
			turn := 0
			for f.faulted() < faults*tt.share/10 && f.ctx.Err() == nil {
				f.salvo(
					func() bool { turn++; return turn%tt.broker == 0 },
					func(s *slot, down time.Duration) { tt.restart(f, s, down) })
			}
			f.settle()
			f.judge(tt.options)
		})
	}
}

// populate starts three instances of the service and two of the client, of which
// one sends requests, for about as long as told; or without an end, if no number
// is given.
func (f *fleet) populate(requests int, d time.Duration) {
	f.t.Helper()
	for i := range 3 {
		f.add(fmt.Sprint("server", i), part{Role: roleServer})
	}
	f.add("client", part{Role: roleClient})
	f.mustBeReady()
	p := part{Role: roleSender, To: requests, Batch: 10, Pause: 50 * time.Millisecond, Enough: f.dir + "/enough"}
	if requests > 0 {
		p.Pause = d * time.Duration(p.Batch) / time.Duration(requests)
	}
	f.add("sender", p)
	f.mustBeReady()
}

// enough has the sender send no more.
func (f *fleet) enough() {
	if err := os.WriteFile(f.dir+"/enough", nil, 0o600); err != nil {
		f.t.Error(err)
	}
}

// embedded starts the broker.
func (f *fleet) embedded() {
	f.t.Helper()
	f.address, f.lenient = freeAddress(f.t), true
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
