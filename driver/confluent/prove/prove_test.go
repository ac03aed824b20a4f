//go:build unix

package prove_test

import (
	"testing"
	"time"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/prove"
	"github.com/confluentinc/confluent-kafka-go/v2/kafka"

	"github.com/asynccalls/asynccalls/driver/confluent"
)

func TestMain(m *testing.M) { prove.Main(m, open) }

func open(address string, p prove.Patience) (driver.Driver, error) {
	settings := kafka.ConfigMap{
		"session.timeout.ms":    milliseconds(p.Session),
		"heartbeat.interval.ms": milliseconds(p.Session / 5),
		"max.poll.interval.ms":  milliseconds(max(p.Rebalance, p.Session)),
	}
	if p.Request > 0 {
		settings["request.timeout.ms"] = milliseconds(p.Request)
		settings["socket.timeout.ms"] = milliseconds(p.Request)
		settings["socket.connection.setup.timeout.ms"] = milliseconds(p.Request)
	}
	return confluent.Open(address, &settings)
}

func milliseconds(d time.Duration) int { return int(d.Milliseconds()) }

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
