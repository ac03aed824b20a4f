package deadletters_test

import (
	"context"
	"errors"
	"testing"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/deadletters"
	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/wire"
)

// dropAll drops all letters, which must succeed as a whole.
func dropAll(tb testing.TB, d driver.Driver, o deadletters.Options) []deadletters.Result {
	tb.Helper()
	var all []deadletters.Result
	for r, err := range deadletters.Drop(tb.Context(), d, "server", o) {
		if err != nil {
			tb.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

// checkDropped checks which of all letters are dropped.
func checkDropped(tb testing.TB, d driver.Driver, want ...string) {
	tb.Helper()
	var got []*deadletters.Letter
	for _, l := range readAll(tb, d, deadletters.Options{}) {
		if l.Dropped {
			got = append(got, l)
		}
	}
	if values := values(got); len(values) != len(want) {
		tb.Errorf("dropped are %q, want %q", values, want)
		return
	}
	for i, l := range got {
		if string(l.Value) != want[i] {
			tb.Errorf("letter %d that is dropped is %q, want %q", i, l.Value, want[i])
		}
	}
}

// TestDrop drops a letter: it is skipped from then on, unless it is asked for.
// What was replayed nevertheless is no longer dropped.
func TestDrop(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *tap) {
		at := write(t, d, letter{partition: 2, key: "k", value: "a"}, letter{partition: 2, key: "k", value: "b"})
		dropped := dropAll(t, d, deadletters.Options{Filter: deadletters.Filter{Limit: 1}})
		checkTold(t, dropped, "a dropped")
		if want := (deadletters.Place{Topic: "server.dead", Partition: 2, Offset: 2}); dropped[0].To != want {
			t.Errorf("result says %v, want %v", dropped[0].To, want)
		}
		mark := records(t, d, "server.dead")[2]
		got, err := wire.DecodeDropped(mark.Headers[0].Value)
		want := wire.Dropped{Partition: 2, Offset: at[0].Offset}
		if err != nil || got != want || mark.Partition != 2 || mark.Key != nil || mark.Value != nil || len(mark.Headers) != 1 {
			t.Errorf("mark is %+v, %v, want %+v", mark, err, want)
		}
		checkDropped(t, d, "a")

		checkTold(t, replayAll(t, d, deadletters.Options{}), "a skipped: it was dropped", "b put back")
		checkTold(t, dropAll(t, d, deadletters.Options{}), "a skipped: it was dropped before", "b dropped")
		checkDropped(t, d, "a", "b")
		checkTold(t, replayAll(t, d, deadletters.Options{}), "a skipped: it was dropped", "b skipped: it was dropped")
		checkTold(t, replayAll(t, d, deadletters.Options{Again: true}), "a put back", "b put back")
		checkDropped(t, d)
		letters := readAll(t, d, deadletters.Options{})
		if letters[0].Replays != 1 || letters[1].Replays != 2 {
			t.Errorf("letters were replayed %d and %d times, want 1 and 2", letters[0].Replays, letters[1].Replays)
		}
		checkTold(t, dropAll(t, d, deadletters.Options{Filter: deadletters.Filter{Limit: 1}}), "a dropped")
		checkDropped(t, d, "a")
		checkCount(t, d, "server.requests", 3)
	})
}

// TestDropForeign drops what is no letter, and has marks that do not count.
func TestDropForeign(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *tap) {
		mark := func(partition int32, offset int64) driver.Header {
			return header("ac-dropped", string(wire.AppendDropped(nil, &wire.Dropped{Partition: partition, Offset: offset})))
		}
		publish(t, d, driver.Record{Topic: "server.dead", Headers: []driver.Header{mark(0, 1)}}) // of what comes later
		write(t, d, letter{value: "a"}, letter{value: "b", headers: []driver.Header{mark(0, 1)}})
		publish(t, d, driver.Record{Topic: "server.dead", Headers: []driver.Header{mark(1, 1)}})
		publish(t, d, driver.Record{Topic: "server.dead", Headers: []driver.Header{header("ac-dropped", "1 ?")}, Value: []byte("c")})
		checkDropped(t, d)
		checkTold(t, dropAll(t, d, deadletters.Options{}), "a dropped", "b dropped", "c dropped")
		checkDropped(t, d, "a", "b", "c")
		checkTold(t, dropAll(t, d, deadletters.Options{}),
			"a skipped: it was dropped before", "b skipped: it was dropped before", "c skipped: it was dropped before")
	})
}

func TestDropDryRun(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *tap) {
		write(t, d, letter{value: "a"}, letter{value: "b"})
		dropAll(t, d, deadletters.Options{Filter: deadletters.Filter{Limit: 1}})
		written := len(d.handed)
		checkTold(t, dropAll(t, d, deadletters.Options{DryRun: true}), "a skipped: it was dropped before", "b dropped")
		if len(d.handed) != written {
			t.Errorf("%d records were written, want none", len(d.handed)-written)
		}
		checkDropped(t, d, "a")
	})
}

// TestDropFails has the broker refuse a mark: the result says so, and others of
// its key are dropped.
func TestDropFails(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *tap) {
		write(t, d, letter{key: "k", value: "a"}, letter{key: "k", value: "b"})
		n := 0
		d.fail = func(*driver.Record) error {
			if n++; n == 1 {
				return driver.ErrRefused
			}
			return nil
		}
		results := dropAll(t, d, deadletters.Options{})
		checkTold(t, results, "a failed: refused", "b dropped")
		if results[0].Unmarked != nil {
			t.Errorf("result is %+v, want one error", results[0])
		}
		checkDropped(t, d, "b")
	})
}

// TestDropErrors has errors that end the loop.
func TestDropErrors(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *tap) {
		for _, err := range deadletters.Drop(t.Context(), d, "nobody", deadletters.Options{}) {
			if !errors.Is(err, driver.ErrNoTopic) {
				t.Errorf("error %v, want %v", err, driver.ErrNoTopic)
			}
		}
		write(t, d, letter{value: "a"}, letter{value: "b"})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var got error
		for _, err := range deadletters.Drop(ctx, d, "server", deadletters.Options{Rate: 1}) {
			cancel()
			got = err
		}
		if !errors.Is(got, context.Canceled) {
			t.Errorf("error %v, want %v", got, context.Canceled)
		}
		checkDropped(t, d, "a")
	})
}

// TestKafkaDrop drops what a service could not handle.
func TestKafkaDrop(t *testing.T) {
	t.Parallel()
	tiers(t, func(ctx context.Context, t *testing.T, d driver.Driver, topics asynccalls.Topics) {
		s := serve(t, d, "server", topics, func(s *asynccalls.Service) {
			s.Handle("/e", func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error {
				return asynccalls.Permanent(errors.New("broken for ever"))
			})
		})
		died := follow(ctx, t, d, topics.Prefix+"server.dead")
		if err := s.Notify(ctx, asynccalls.NewRequest("server", "/e", []byte("poison"))); err != nil {
			t.Fatal(err)
		}
		died()
		o := deadletters.Options{Prefix: topics.Prefix}
		checkTold(t, dropAll(t, d, o), "poison dropped")
		checkTold(t, replayAll(t, d, o), "poison skipped: it was dropped")
		if letters := readAll(t, d, o); len(letters) != 1 || !letters[0].Dropped {
			t.Errorf("letters are %+v, want one that is dropped", letters)
		}
	})
}
