//go:build unix

package prove_test

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/driver/franz"
	"github.com/asynccalls/asynccalls/internal/prove"
)

func TestMain(m *testing.M) { prove.Main(m, open) }

func open(address string, p prove.Patience) (driver.Driver, error) {
	options := []kgo.Opt{
		kgo.SessionTimeout(p.Session),
		kgo.HeartbeatInterval(p.Session / 5),
		kgo.RebalanceTimeout(p.Rebalance),
	}
	if p.Request > 0 {
		options = append(options, kgo.ProduceRequestTimeout(p.Request), kgo.RequestTimeoutOverhead(p.Request),
			kgo.DialTimeout(p.Request))
	}
	return franz.Open(address, options...)
}

func TestExit(t *testing.T) {
	t.Parallel()
	prove.Exit(t)
}

func TestKills(t *testing.T) {
	t.Parallel()
	prove.Kills(t)
}

func TestRebalances(t *testing.T) {
	t.Parallel()
	prove.Rebalances(t)
}

func TestSoak(t *testing.T) {
	t.Parallel()
	prove.Soak(t)
}

func TestNodes(t *testing.T) {
	t.Parallel()
	prove.Nodes(t)
}
