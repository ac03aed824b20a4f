package replies_test

import (
	"testing"

	"github.com/asynccalls/asynccalls/internal/replies"
)

// TestShare has a lane receive records of others in different numbers (3.3).
func TestShare(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		own, others int // of each of 1,000 batches
		advice      int // 0 for none
	}{
		"alone":        {1000, 0, 0},
		"eight others": {100, 800, 0},
		"nine others":  {100, 900, 4},
		"a hundred":    {10, 1000, 34},
		"few records":  {1, 98, 0},
		"nothing own":  {0, 1000, 33_334},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s replies.Share
			advice := 0
			for range 1000 {
				if factor, tooMany := s.Count(tt.own, tt.others); tooMany {
					advice = factor
				}
			}
			if advice != tt.advice {
				t.Errorf("the advice is %d times as many partitions, want %d", advice, tt.advice)
			}
		})
	}
}
