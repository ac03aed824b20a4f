package confluent_test

import (
	"testing"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/drivers/kafkatest"
	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
)

func TestExpelledAndReplaced(t *testing.T) {
	t.Parallel()
	kafkatest.ExpelledAndReplaced(t, with(), commitFails)
}

// commitFails checks that a commit of what was lost fails at once.
func commitFails(tb testing.TB, g driver.Group, lost driver.Position) {
	tb.Helper()
	if err := g.Commit(tb.Context(), lost); err == nil {
		tb.Error("the member may commit what was lost, and it was not told of")
	}
}

func TestExpelledAndBack(t *testing.T) {
	t.Parallel()
	kafkatest.ExpelledAndBack(t, with())
}

func TestExpelledAlone(t *testing.T) {
	t.Parallel()
	kafkatest.ExpelledAlone(t, with(), 1)
}

func TestExpelledFromNobody(t *testing.T) {
	t.Parallel()
	kafkatest.ExpelledFromNobody(t, with(kafka.ConfigMap{"heartbeat.interval.ms": 50}), 2)
}

func TestExpelledMeanwhile(t *testing.T) {
	t.Parallel()
	kafkatest.ExpelledMeanwhile(t, with(kafka.ConfigMap{"heartbeat.interval.ms": 50}))
}

func TestCommitOutlivesAssignment(t *testing.T) {
	t.Parallel()
	// The broker waits that long for the member that it only seems to have forgotten.
	kafkatest.CommitOutlivesAssignment(t, with(kafka.ConfigMap{"session.timeout.ms": 6000}))
}
