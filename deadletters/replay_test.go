package deadletters_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/asynccalls/asynccalls/deadletters"
	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/wire"
)

func checkTold(t *testing.T, results []deadletters.Result, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, told(results)); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
}

// checkCount checks how many records a topic has.
func checkCount(t *testing.T, d driver.Driver, topic string, want int) {
	t.Helper()
	if got := len(records(t, d, topic)); got != want {
		t.Errorf("%s has %d records, want %d", topic, got, want)
	}
}

// TestReplayMarks replays, and replays again: what is marked is skipped, by
// another process, too, and replayed nevertheless if that is asked for.
func TestReplayMarks(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *tap) {
		at := write(t, d, letter{partition: 2, value: "a"}, letter{partition: 2, value: "b"})
		first := replayAll(t, d, deadletters.Options{Filter: deadletters.Filter{Limit: 1}})
		checkTold(t, first, "a put back")
		back := records(t, d, "server.requests")
		if len(back) != 1 || first[0].To != (deadletters.Place{Topic: "server.requests", Partition: back[0].Partition, Offset: 0}) {
			t.Errorf("result says %v, and the topic has %v", first[0].To, back)
		}

		letters := readAll(t, d, deadletters.Options{})
		if len(letters) != 2 || letters[0].Replayed == nil || *letters[0].Replayed != first[0].To || letters[1].Replayed != nil {
			t.Errorf("letters are %+v, want two, the first of which was replayed to %v", letters, first[0].To)
		}
		if letters[0].Replays != 1 || letters[1].Replays != 0 {
			t.Errorf("letters were replayed %d and %d times, want 1 and 0", letters[0].Replays, letters[1].Replays)
		}
		mark := records(t, d, "server.dead")[2]
		replayed, err := wire.DecodeReplayed(mark.Headers[0].Value)
		want := wire.Replayed{
			Partition: 2, Offset: at[0].Offset,
			ToTopic: "server.requests", ToPartition: first[0].To.Partition, ToOffset: first[0].To.Offset,
		}
		if err != nil || replayed != want || mark.Partition != 2 || mark.Key != nil || mark.Value != nil || len(mark.Headers) != 1 {
			t.Errorf("mark is %+v, %v, want %+v", mark, err, want)
		}

		second := replayAll(t, d, deadletters.Options{Filter: deadletters.Filter{Limit: 1}})
		checkTold(t, second, "a skipped: it was replayed before, to "+first[0].To.String(), "b put back")
		again := replayAll(t, d, deadletters.Options{Again: true})
		checkTold(t, again, "a put back", "b put back")
		checkCount(t, d, "server.requests", 4)
		if l := readAll(t, d, deadletters.Options{})[0]; l.Replays != 2 || *l.Replayed != again[0].To {
			t.Errorf("letter was replayed %d times, the last time to %v, want 2 and %v", l.Replays, l.Replayed, again[0].To)
		}
	})
}

// TestReplayIgnoresFalseMarks has marks that do not count: of another partition,
// of a letter behind them, and on a message that died with such a header.
func TestReplayIgnoresFalseMarks(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *tap) {
		mark := func(partition int32, offset int64) driver.Header {
			m := wire.Replayed{Partition: partition, Offset: offset, ToTopic: "server.requests"}
			return header("ac-replayed", string(wire.AppendReplayed(nil, &m)))
		}
		for _, h := range []driver.Header{mark(0, 3), mark(0, 1), mark(1, 2)} {
			publish(t, d, driver.Record{Topic: "server.dead", Headers: []driver.Header{h}})
		}
		write(t, d, letter{value: "a"}, letter{value: "b", headers: []driver.Header{mark(0, 3)}})
		publish(t, d, driver.Record{Topic: "server.dead", Headers: []driver.Header{mark(1, 3)}})
		foreign := publish(t, d, driver.Record{Topic: "server.dead", Value: []byte("c")})
		publish(t, d, driver.Record{Topic: "server.dead", Headers: []driver.Header{mark(0, foreign.Offset)}})
		results := replayAll(t, d, deadletters.Options{})
		checkTold(t, results, "a put back", "b put back", `c skipped: not a dead letter: no header "ac-dead"`)
		if l := results[2].Letter; l.Replayed != nil || l.Replays != 0 {
			t.Errorf("what is no letter was replayed %d times, to %v, want never", l.Replays, l.Replayed)
		}
	})
}

// TestReplayGuards counts the replays of a message, over its letters and within
// one.
func TestReplayGuards(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *tap) {
		count := func(n string) []driver.Header { return []driver.Header{header("ac-replay", "1 "+n+" server.dead 0 0")} }
		write(
			t, d, letter{value: "a", headers: count("2")}, letter{value: "b", headers: count("3")},
			letter{value: "c", headers: count("2147483647")}, letter{value: "d", headers: []driver.Header{header("ac-replay", "1 ?")}},
		)
		dry := deadletters.Options{DryRun: true, Again: true}
		limit := func(n, most int) string {
			return fmt.Sprintf("skipped: its message was replayed %d times, and the limit is %d", n, most)
		}
		checkTold(t, replayAll(t, d, dry), "a put back", "b "+limit(3, 3), "c "+limit(2147483647, 3), "d put back")
		dry.MaxReplays = 2
		checkTold(t, replayAll(t, d, dry), "a "+limit(2, 2), "b "+limit(3, 2), "c "+limit(2147483647, 2), "d put back")
		dry.MaxReplays = 4
		checkTold(t, replayAll(t, d, dry), "a put back", "b put back", "c "+limit(2147483647, 4), "d put back")

		for range 2 {
			replayAll(t, d, deadletters.Options{Again: true, MaxReplays: 4, Filter: deadletters.Filter{Limit: 1}})
		}
		dry.MaxReplays = 0
		checkTold(t, replayAll(t, d, dry)[:1], "a "+limit(4, 3))
		var counts []string
		for _, r := range records(t, d, "server.requests") {
			counts = append(counts, string(r.Headers[len(r.Headers)-1].Value))
		}
		slices.Sort(counts)
		if diff := cmp.Diff([]string{"1 3 server.dead 0 0", "1 4 server.dead 0 0"}, counts); diff != "" {
			t.Errorf("headers ac-replay (-want +got):\n%s", diff)
		}
	})
}

func TestDryRunWritesNothing(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *tap) {
		write(t, d, letter{value: "a"}, letter{value: "b", ac: "?"}, letter{value: "c"})
		results := replayAll(t, d, deadletters.Options{DryRun: true, Filter: deadletters.Filter{Limit: 2}})
		want := `b skipped: it would come back, as nobody can handle it: malformed header`
		if len(results) != 3 || !strings.HasPrefix(told(results)[1], want) {
			t.Fatalf("results are %q, want three, the second %q", told(results), want)
		}
		if want := (deadletters.Place{Topic: "server.requests", Partition: -1, Offset: -1}); results[0].To != want {
			t.Errorf("result says %v, want %v", results[0].To, want)
		}
		if len(d.handed) != 0 {
			t.Errorf("%d records were written, want none", len(d.handed))
		}
		checkReadersClosed(t, d)
	})
}

// TestReplayAcknowledgedBeforeMarked keeps the outcome of a message back: its
// mark is not written before.
func TestReplayAcknowledgedBeforeMarked(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *tap) {
		write(t, d, make([]letter, 2500)...)
		d.onPublish = func() {
			d.mu.Lock()
			defer d.mu.Unlock()
			r := d.handed[len(d.handed)-1]
			if r.Topic == "server.dead" && !d.acknowledged[letterOf(t, &r)] {
				t.Errorf("mark of %s was written before its message was acknowledged", r.Headers[0].Value)
			}
		}
		if results := replayAll(t, d, deadletters.Options{}); len(results) != 2500 {
			t.Errorf("%d results, want 2500", len(results))
		}
		checkCount(t, d, "server.requests", 2500)
		checkCount(t, d, "server.dead", 5000)
	})
}

// letterOf returns the header "ac-replay" of the message whose mark this is.
func letterOf(t *testing.T, mark *driver.Record) string {
	t.Helper()
	m, err := wire.DecodeReplayed(mark.Headers[0].Value)
	if err != nil {
		t.Error(err)
	}
	r := wire.Replay{Count: 1, Topic: "server.dead", Partition: m.Partition, Offset: m.Offset}
	return string(wire.AppendReplay(nil, &r))
}

// TestReplayOrder replays letters of a few keys: those of a key go back in their
// order, one after the other.
func TestReplayOrder(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *tap) {
		for i := range 300 {
			write(t, d, letter{partition: 1, key: fmt.Sprint(i * i % 7), value: fmt.Sprint(i)})
		}
		open := map[string]int{}
		waves, marking := 0, false
		d.onPublish = func() {
			d.mu.Lock()
			defer d.mu.Unlock()
			r := d.handed[len(d.handed)-1]
			if r.Topic == "server.dead" && !marking {
				waves++
			}
			marking = r.Topic == "server.dead"
			if marking {
				clear(open)
			} else if open[string(r.Key)]++; open[string(r.Key)] > 1 {
				t.Errorf("two messages of key %s are on their way", r.Key)
			}
		}
		results := replayAll(t, d, deadletters.Options{})
		for i, r := range results {
			if string(r.Letter.Value) != fmt.Sprint(i) {
				t.Fatalf("result %d is that of letter %s", i, r.Letter.Value)
			}
		}
		if waves < 75 || waves > 100 { // three or four different keys stand together
			t.Errorf("300 letters went in %d waves, want 75 to 100", waves)
		}
		last := map[string]int64{}
		for _, r := range results {
			if before, ok := last[string(r.Letter.Key)]; ok && r.To.Offset <= before {
				t.Errorf("letter %s of key %s is at offset %d, behind %d", r.Letter.Value, r.Letter.Key, r.To.Offset, before)
			}
			last[string(r.Letter.Key)] = r.To.Offset
		}
	})
}

// TestReplayFails has the broker refuse a message: the result says so, its letter
// is not marked, later letters of its key are held up, and all others go back.
func TestReplayFails(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *tap) {
		write(t, d, letter{key: "1", value: "a"}, letter{key: "1", value: "b"}, letter{key: "2", value: "c"},
			letter{value: "d"}, letter{key: "1", value: "e"}, letter{value: "f"})
		broken := fmt.Errorf("broken: %w", driver.ErrRefused)
		d.fail = func(r *driver.Record) error {
			if v := string(r.Value); v == "b" || v == "d" {
				return broken
			}
			return nil
		}
		checkTold(t, replayAll(t, d, deadletters.Options{}),
			"a put back", "b failed: broken: refused", "c put back", "d failed: broken: refused",
			"e skipped: an earlier message of its key was not put back", "f put back")
		d.fail = nil
		results := replayAll(t, d, deadletters.Options{})
		results = slices.DeleteFunc(results, func(r deadletters.Result) bool { return r.Skipped != "" })
		checkTold(t, results, "b put back", "d put back", "e put back")
		if r := results[0]; !errors.Is(r.Unmarked, r.Err) || r.Letter.Replays != 0 {
			t.Errorf("result is %+v, want no error", r)
		}
	})
}

// TestReplayUnmarked has the broker refuse a mark: the result says so, and the
// letter goes back a second time.
func TestReplayUnmarked(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *tap) {
		write(t, d, letter{key: "1", value: "a"}, letter{key: "1", value: "b"})
		n := 0
		d.fail = func(r *driver.Record) error {
			if r.Topic == "server.dead" {
				if n++; n == 1 {
					return driver.ErrRefused
				}
			}
			return nil
		}
		results := replayAll(t, d, deadletters.Options{})
		checkTold(t, results, "a unmarked: refused", "b put back")
		if results[0].To.Offset < 0 || results[0].Err != nil {
			t.Errorf("result is %+v, want where the message is, and no error", results[0])
		}
		results = replayAll(t, d, deadletters.Options{})
		checkTold(t, results, "a put back", "b skipped: it was replayed before, to "+results[1].Letter.Replayed.String())
	})
}
