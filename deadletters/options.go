package deadletters

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

const defaultReplays = 3

// Options says which dead letters are meant and what is done with them. The zero
// value means all letters of a service without a prefix.
type Options struct {
	Prefix string // of all topics, as asynccalls.Topics.Prefix
	Filter Filter

	// For Replay and Drop only.
	DryRun     bool // writes nothing, and tells what would be done
	Again      bool // also letters that were replayed before, or dropped
	MaxReplays int  // of one message; default 3
	Rate       int  // messages per second; default no limit
}

// Filter chooses dead letters: those for which all fields say yes. A field that
// is zero says yes to all.
//
// What lies in the topic without being a dead letter has no endpoint, no error
// and no time, see [Letter].Err.
type Filter struct {
	Endpoint   string    // as a whole, or its beginning followed by a "*"
	Key        string    // as a whole
	Error      string    // a part of the text
	From, To   time.Time // when the message failed last: not before From, and before To
	Partitions []int32   // of the dead letters

	// FirstOffset and EndOffset choose the letters of each partition whose offsets
	// are not lower than the one, and lower than the other.
	FirstOffset, EndOffset int64

	// Limit is how many letters are read, or put back. Letters that Replay skips
	// do not count.
	Limit int
}

// validate checks what can be checked without a broker, and fills in defaults.
func (o *Options) validate() error {
	f := &o.Filter
	for name, v := range map[string]int64{
		"MaxReplays":         int64(o.MaxReplays),
		"Rate":               int64(o.Rate),
		"Filter.Limit":       int64(f.Limit),
		"Filter.FirstOffset": f.FirstOffset,
		"Filter.EndOffset":   f.EndOffset,
	} {
		if v < 0 {
			return fmt.Errorf("deadletters: %s is %d, want 0 or more", name, v)
		}
	}
	if !f.To.IsZero() && f.To.Before(f.From) {
		return fmt.Errorf("deadletters: Filter.To is %v, before Filter.From, %v", f.To, f.From)
	}
	if o.MaxReplays == 0 {
		o.MaxReplays = defaultReplays
	}
	return nil
}

// matches reports whether a letter is chosen; its place has been looked at.
func (f *Filter) matches(l *Letter) bool {
	switch {
	case !matchesEndpoint(f.Endpoint, l.Endpoint):
		return false
	case f.Key != "" && f.Key != string(l.Key):
		return false
	case f.Error != "" && !strings.Contains(l.Error, f.Error):
		return false
	case !f.From.IsZero() && l.Last.Before(f.From):
		return false
	default:
		return f.To.IsZero() || l.Err == nil && l.Last.Before(f.To)
	}
}

func matchesEndpoint(pattern, endpoint string) bool {
	if pattern == "" {
		return true
	}
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return endpoint != "" && strings.HasPrefix(endpoint, prefix)
	}
	return endpoint == pattern
}

// has reports whether a partition is chosen.
func (f *Filter) has(partition int32) bool {
	return len(f.Partitions) == 0 || slices.Contains(f.Partitions, partition)
}
