package wire_test

import (
	"math"
	"strings"
	"testing"

	"github.com/asynccalls/asynccalls/internal/wire"
)

// The vectors of what tells of replays.
type (
	replayVector struct {
		Name   string       `json:"name"`
		Header string       `json:"header"`
		Fields replayFields `json:"fields"`
	}
	replayFields struct {
		Count     int    `json:"count"`
		Topic     string `json:"topic"`
		Partition int32  `json:"partition"`
		Offset    int64  `json:"offset"`
	}
	replayedVector struct {
		Name   string         `json:"name"`
		Header string         `json:"header"`
		Fields replayedFields `json:"fields"`
	}
	replayedFields struct {
		Partition   int32  `json:"partition"`
		Offset      int64  `json:"offset"`
		ToTopic     string `json:"to-topic"`
		ToPartition int32  `json:"to-partition"`
		ToOffset    int64  `json:"to-offset"`
	}
	droppedVector struct {
		Name   string        `json:"name"`
		Header string        `json:"header"`
		Fields droppedFields `json:"fields"`
	}
	droppedFields struct {
		Partition int32 `json:"partition"`
		Offset    int64 `json:"offset"`
	}
)

func replays() []replayVector {
	list := []struct {
		name string
		wire.Replay
	}{
		{"put back for the first time", wire.Replay{Count: 1, Topic: "a-money-broker.dead", Partition: 3, Offset: 17}},
		{"put back for the third time", wire.Replay{Count: 3, Topic: "staging_A.dead"}},
		{"the largest numbers and the longest topic", wire.Replay{
			Count: math.MaxInt32, Topic: strings.Repeat("t", 249), Partition: math.MaxInt32, Offset: math.MaxInt64,
		}},
	}
	vectors := make([]replayVector, len(list))
	for i, r := range list {
		vectors[i] = replayVector{r.name, string(wire.AppendReplay(nil, &r.Replay)), replayFields(r.Replay)}
	}
	return vectors
}

func replayeds() []replayedVector {
	list := []struct {
		name string
		wire.Replayed
	}{
		{"a request", wire.Replayed{
			Partition: 3, Offset: 17, ToTopic: "a-money-broker.requests", ToPartition: 5, ToOffset: 1234570,
		}},
		{"the smallest numbers", wire.Replayed{ToTopic: "t"}},
		{"the largest numbers and the longest topic", wire.Replayed{
			Partition: math.MaxInt32, Offset: math.MaxInt64,
			ToTopic: strings.Repeat("t", 249), ToPartition: math.MaxInt32, ToOffset: math.MaxInt64,
		}},
	}
	vectors := make([]replayedVector, len(list))
	for i, r := range list {
		vectors[i] = replayedVector{r.name, string(wire.AppendReplayed(nil, &r.Replayed)), replayedFields(r.Replayed)}
	}
	return vectors
}

func droppeds() []droppedVector {
	list := []struct {
		name string
		wire.Dropped
	}{
		{"a letter", wire.Dropped{Partition: 3, Offset: 17}},
		{"the smallest numbers", wire.Dropped{}},
		{"the largest numbers", wire.Dropped{Partition: math.MaxInt32, Offset: math.MaxInt64}},
	}
	vectors := make([]droppedVector, len(list))
	for i, d := range list {
		vectors[i] = droppedVector{d.name, string(wire.AppendDropped(nil, &d.Dropped)), droppedFields(d.Dropped)}
	}
	return vectors
}

func TestReplayVectors(t *testing.T) {
	t.Parallel()
	golden(t, "replay.json", replays())
	for _, v := range vectors[replayVector](t, "replay.json") {
		r, err := wire.DecodeReplay([]byte(v.Header))
		if err != nil || replayFields(r) != v.Fields {
			t.Errorf("%s: decoded to %+v, %v, want %+v", v.Name, r, err, v.Fields)
		}
		if again := wire.AppendReplay(nil, &r); string(again) != v.Header {
			t.Errorf("%s: encoded to %q, want %q", v.Name, again, v.Header)
		}
	}
}

func TestReplayedVectors(t *testing.T) {
	t.Parallel()
	golden(t, "replayed.json", replayeds())
	for _, v := range vectors[replayedVector](t, "replayed.json") {
		r, err := wire.DecodeReplayed([]byte(v.Header))
		if err != nil || replayedFields(r) != v.Fields {
			t.Errorf("%s: decoded to %+v, %v, want %+v", v.Name, r, err, v.Fields)
		}
		if again := wire.AppendReplayed(nil, &r); string(again) != v.Header {
			t.Errorf("%s: encoded to %q, want %q", v.Name, again, v.Header)
		}
	}
}

func TestDroppedVectors(t *testing.T) {
	t.Parallel()
	golden(t, "dropped.json", droppeds())
	for _, v := range vectors[droppedVector](t, "dropped.json") {
		d, err := wire.DecodeDropped([]byte(v.Header))
		if err != nil || droppedFields(d) != v.Fields {
			t.Errorf("%s: decoded to %+v, %v, want %+v", v.Name, d, err, v.Fields)
		}
		if again := wire.AppendDropped(nil, &d); string(again) != v.Header {
			t.Errorf("%s: encoded to %q, want %q", v.Name, again, v.Header)
		}
	}
}

func TestAppendReplayTakesTheNearest(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		replay wire.Replay
		want   string
	}{
		"zero":             {wire.Replay{Topic: "t"}, "1 1 t 0 0"},
		"negative numbers": {wire.Replay{Count: -1, Topic: "t", Partition: -1, Offset: -1}, "1 1 t 0 0"},
		"too many":         {wire.Replay{Count: math.MaxInt32 + 1, Topic: "t"}, "1 2147483647 t 0 0"},
	}
	for name, tt := range tests {
		got := wire.AppendReplay([]byte("x"), &tt.replay)
		if string(got) != "x"+tt.want {
			t.Errorf("%s: appended %q, want %q", name, got, "x"+tt.want)
		}
		if _, err := wire.DecodeReplay(got[1:]); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func invalidReplays() map[string]broken {
	const (
		good    = "1 1 t 0 0"
		count   = "is not 1 to 2147483647"
		int32s  = "is not 0 to 2147483647"
		offset  = "is not 0 to 9223372036854775807"
		topic   = "is not 1 to 249"
		missing = "has too few fields"
	)
	return map[string]broken{
		"replay: empty":                  {"", "does not begin with a version"},
		"replay: only the version":       {"1", missing},
		"replay: count is 0":             {"1 0 t 0 0", count},
		"replay: count has a leading 0":  {"1 01 t 0 0", count},
		"replay: count is too large":     {"1 2147483648 t 0 0", count},
		"replay: count is negative":      {"1 -1 t 0 0", count},
		"replay: topic has a slash":      {"1 1 a/b 0 0", topic},
		"replay: topic is too long":      {"1 1 " + strings.Repeat("t", 250) + " 0 0", topic},
		"replay: partition is not known": {"1 1 t - -", int32s},
		"replay: offset is too large":    {"1 1 t 0 9223372036854775808", offset},
		"replay: no offset":              {"1 1 t 0", missing},
		"replay: one field more":         {good + " 0", "has more fields"},
		"replay: space at the end":       {good + " ", "has more fields"},
		"replay: longer than any":        {good + strings.Repeat("0", 500), "is longer than any valid"},
	}
}

func invalidReplayeds() map[string]broken {
	const (
		good    = "1 0 0 t 0 0"
		int32s  = "is not 0 to 2147483647"
		offset  = "is not 0 to 9223372036854775807"
		topic   = "is not 1 to 249"
		missing = "has too few fields"
	)
	return map[string]broken{
		"replayed: empty":                   {"", "does not begin with a version"},
		"replayed: only the version":        {"1", missing},
		"replayed: partition is too large":  {"1 2147483648 0 t 0 0", int32s},
		"replayed: offset is negative":      {"1 0 -1 t 0 0", offset},
		"replayed: topic is empty":          {"1 0 0  0 0", topic},
		"replayed: no topic":                {"1 0 0", missing},
		"replayed: partition of the target": {"1 0 0 t - 0", int32s},
		"replayed: offset of the target":    {"1 0 0 t 0 00", offset},
		"replayed: no offset of the target": {"1 0 0 t 0", missing},
		"replayed: one field more":          {good + " 0", "has more fields"},
		"replayed: longer than any":         {good + strings.Repeat("0", 500), "is longer than any valid"},
	}
}

func invalidDroppeds() map[string]broken {
	const missing = "has too few fields"
	return map[string]broken{
		"dropped: empty":                  {"", "does not begin with a version"},
		"dropped: only the version":       {"1", missing},
		"dropped: no offset":              {"1 0", missing},
		"dropped: partition is not known": {"1 - 0", "is not 0 to 2147483647"},
		"dropped: partition is too large": {"1 2147483648 0", "is not 0 to 2147483647"},
		"dropped: offset has a leading 0": {"1 0 00", "is not 0 to 9223372036854775807"},
		"dropped: one field more":         {"1 0 0 t", "has more fields"},
		"dropped: longer than any":        {"1 0 " + strings.Repeat("0", 500), "is longer than any valid"},
	}
}

func (m maker) replay() wire.Replay {
	return wire.Replay{
		Count: 1 + int(m.number(math.MaxInt32-1)), Topic: m.text(word+"._-", 249),
		Partition: int32(m.number(math.MaxInt32)), Offset: m.number(math.MaxInt64),
	}
}

func (m maker) replayed() wire.Replayed {
	return wire.Replayed{
		Partition: int32(m.number(math.MaxInt32)), Offset: m.number(math.MaxInt64),
		ToTopic:     m.text(word+"._-", 249),
		ToPartition: int32(m.number(math.MaxInt32)), ToOffset: m.number(math.MaxInt64),
	}
}

func (m maker) dropped() wire.Dropped {
	return wire.Dropped{Partition: int32(m.number(math.MaxInt32)), Offset: m.number(math.MaxInt64)}
}

func checkReplay(t *testing.T, value []byte) {
	t.Helper()
	r, err := wire.DecodeReplay(value)
	checkAccepted(t, value, err, grammar(replayGrammar, value))
	if err != nil {
		return
	}
	if again := wire.AppendReplay(nil, &r); string(again) != string(value) {
		t.Errorf("%q was decoded to %+v and encoded to %q", value, r, again)
	}
}

func checkReplayed(t *testing.T, value []byte) {
	t.Helper()
	r, err := wire.DecodeReplayed(value)
	checkAccepted(t, value, err, grammar(replayedGrammar, value))
	if err != nil {
		return
	}
	if again := wire.AppendReplayed(nil, &r); string(again) != string(value) {
		t.Errorf("%q was decoded to %+v and encoded to %q", value, r, again)
	}
}

func checkDropped(t *testing.T, value []byte) {
	t.Helper()
	d, err := wire.DecodeDropped(value)
	checkAccepted(t, value, err, grammar(droppedGrammar, value))
	if err != nil {
		return
	}
	if again := wire.AppendDropped(nil, &d); string(again) != string(value) {
		t.Errorf("%q was decoded to %+v and encoded to %q", value, d, again)
	}
}

func FuzzDecodeReplay(f *testing.F) {
	seed(f, wire.HeaderReplay)
	f.Fuzz(func(t *testing.T, value []byte) {
		checkReplay(t, value)
		checkReplayed(t, value)
		checkDropped(t, value)
	})
}
