package franz_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/drivers/kafkatest"
)

func TestExpelledAndReplaced(t *testing.T) {
	t.Parallel()
	kafkatest.ExpelledAndReplaced(t, with(), commitWaits)
}

// commitWaits checks that a commit of what was lost waits until the member can be told.
func commitWaits(tb testing.TB, g driver.Group, lost driver.Position) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), 300*time.Millisecond)
	defer cancel()
	if err := g.Commit(ctx, lost); !errors.Is(err, context.DeadlineExceeded) {
		tb.Errorf("commit of what was lost: error %v, want %v", err, context.DeadlineExceeded)
	}
}

func TestExpelledAndBack(t *testing.T) {
	t.Parallel()
	kafkatest.ExpelledAndBack(t, with())
}

func TestExpelledAlone(t *testing.T) {
	t.Parallel()
	kafkatest.ExpelledAlone(t, with(), 2) // franz-go joins first without what it had
}

func TestExpelledFromNobody(t *testing.T) {
	t.Parallel()
	kafkatest.ExpelledFromNobody(t, with(), 1)
}

func TestExpelledMeanwhile(t *testing.T) {
	t.Parallel()
	kafkatest.ExpelledMeanwhile(t, with())
}

func TestCommitOutlivesAssignment(t *testing.T) {
	t.Parallel()
	kafkatest.CommitOutlivesAssignment(t, with())
}
