package deadletters_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/asynccalls/asynccalls/deadletters"
	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/driver/memory"
	"github.com/asynccalls/asynccalls/internal/wire"
)

func TestReadTellsEverything(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *tap) {
		user := []driver.Header{header("x", "1"), {Key: "y"}, {Key: "x", Value: []byte{}}}
		at := write(t, d, letter{
			partition: 2, key: "k", value: "v", ac: "1 s id-7 /orders/caf%C3%A9 client 1500",
			headers: slices.Concat(user, []driver.Header{header("ac-replay", "1 2 server.dead 2 0"), header("ac-future", "?")}),
			dead: wire.Dead{
				Topic: "server.requests", Partition: 1, Offset: 42, Time: start, Service: "server", Endpoint: "/orders/café",
				Attempts: 5, First: start.Add(time.Second), Last: start.Add(time.Minute),
			},
			error: "no such café",
		})
		want := []*deadletters.Letter{{
			At:       at[0],
			Source:   deadletters.Place{Topic: "server.requests", Partition: 1, Offset: 42},
			Time:     start,
			Service:  "server",
			Endpoint: "/orders/café", RequestID: "id-7", Attempts: 5,
			First: start.Add(time.Second), Last: start.Add(time.Minute),
			Error: "no such café", Key: []byte("k"), Value: []byte("v"), Header: user, Replays: 2,
		}}
		got := readAll(t, d, deadletters.Options{})
		if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(deadletters.Letter{})); diff != "" {
			t.Errorf("letters (-want +got):\n%s", diff)
		}
		if got := got[0].At.String(); got != "server.dead/2@0" {
			t.Errorf("place is %q, want %q", got, "server.dead/2@0")
		}
	})
}

// TestReadKeepsNull tells null from empty.
func TestReadKeepsNull(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *tap) {
		dead := header("ac-dead", "1 server.requests - - 0 server - 0 0 0 stub")
		publish(t, d, driver.Record{Topic: "server.dead", Headers: []driver.Header{dead}})
		publish(t, d, driver.Record{Topic: "server.dead", Key: []byte{}, Value: []byte{}, Headers: []driver.Header{dead}})
		got := readAll(t, d, deadletters.Options{})
		if got[0].Key != nil || got[0].Value != nil || got[1].Key == nil || got[1].Value == nil {
			t.Errorf("key and value are %#v, %#v and %#v, %#v, want null twice and empty twice",
				got[0].Key, got[0].Value, got[1].Key, got[1].Value)
		}
		l := got[0]
		if l.Err != nil || !l.Stub || l.Endpoint != "" || l.RequestID != "" || l.Source.Partition != -1 || l.Source.Offset != -1 {
			t.Errorf("letter is %+v, want a stub of an unknown message that was stored nowhere", l)
		}
	})
}

// TestReadCountsTheLastPair reads a message that died twice: the second pair of
// headers counts.
func TestReadCountsTheLastPair(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *tap) {
		write(t, d, letter{
			headers: []driver.Header{
				header("ac-dead", "1 server.requests 0 1 0 server /first 1 0 0"), header("ac-error", "first"),
				header("ac-replay", "1 9 server.dead 0 0"), header("ac-replay", "1 1 server.dead 0 0"),
			},
			error: "second",
		})
		l := readAll(t, d, deadletters.Options{})[0]
		if l.Endpoint != "/e" || l.Error != "second" || l.Replays != 1 {
			t.Errorf("endpoint, error and replays are %q, %q and %d, want those of the second time", l.Endpoint, l.Error, l.Replays)
		}
	})
}

// TestReadForeign puts records among the letters that are none: they are told as
// such, and reading goes on.
func TestReadForeign(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *tap) {
		foreign := map[string][]driver.Header{
			"no headers":      nil,
			"other headers":   {header("x", "y"), header("ac", "1 n a /e client")},
			"malformed":       {header("ac-dead", "1 ?")},
			"higher version":  {header("ac-dead", "2 whatever")},
			"malformed mark":  {header("ac-replayed", "1 ?")},
			"mark and broken": {header("ac-replayed", "1 0 0 server.requests 0 0"), header("ac-dead", "?")},
		}
		want := map[string]string{
			"no headers": `no header "ac-dead"`, "other headers": `no header "ac-dead"`, "malformed": "malformed",
			"higher version": "unknown version", "malformed mark": `no header "ac-dead"`, "mark and broken": "malformed",
		}
		write(t, d, letter{value: "first"})
		for name, headers := range foreign {
			publish(t, d, driver.Record{Topic: "server.dead", Key: []byte("k"), Value: []byte(name), Headers: headers})
		}
		write(t, d, letter{value: "last"})
		letters := readAll(t, d, deadletters.Options{})
		if len(letters) != len(foreign)+2 {
			t.Fatalf("read %q, want all records", values(letters))
		}
		for _, l := range letters {
			why := want[string(l.Value)]
			if (l.Err != nil) != (why != "") || l.Err != nil && !strings.Contains(l.Err.Error(), why) {
				t.Errorf("%s: error %v, want %q in it", l.Value, l.Err, why)
			}
			if l.Err != nil && (string(l.Key) != "k" || l.Time.IsZero()) {
				t.Errorf("%s: key %q and time %v, want those of the record", l.Value, l.Key, l.Time)
			}
		}
		for _, f := range []deadletters.Filter{
			{Endpoint: "*"}, {Error: "broken"}, {From: start}, {To: start.Add(time.Second)},
		} {
			if n := len(readAll(t, d, deadletters.Options{Filter: f})); n != 2 {
				t.Errorf("%+v chooses %d records, want the two letters", f, n)
			}
		}
	})
}

// TestReadStopsAtTheEnd adds letters while it reads: those are for the next
// time, and an empty partition holds up nothing.
func TestReadStopsAtTheEnd(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *tap) {
		begin := time.Now()
		if got := readAll(t, d, deadletters.Options{}); len(got) != 0 {
			t.Errorf("read %q of an empty topic", values(got))
		}
		write(t, d, letter{partition: 1, value: "a"}, letter{partition: 2, value: "b"})
		var got []string
		all := deadletters.Read(t.Context(), d, "server", deadletters.Options{})
		for l, err := range all {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, string(l.Value))
			write(t, d, letter{partition: 1, value: "later"}, letter{partition: 2, value: "later"})
		}
		if diff := cmp.Diff([]string{"a", "b"}, got); diff != "" {
			t.Errorf("read (-want +got):\n%s", diff)
		}
		n := 0
		for range all {
			n++
		}
		if n != 6 {
			t.Errorf("the second loop read %d letters, want 6", n)
		}
		if took := time.Since(begin); took != 0 {
			t.Errorf("reading waited for %v, want no wait", took)
		}
	})
}

// TestReadManyPastGaps reads more letters than are received at once, of a
// partition whose first records are gone.
func TestReadManyPastGaps(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *tap) {
		write(t, d, make([]letter, 1500)...)
		if err := d.Driver.(*memory.Driver).DeleteRecords(driver.Partition{Topic: "server.dead"}, 200); err != nil {
			t.Fatal(err)
		}
		letters := readAll(t, d, deadletters.Options{})
		if len(letters) != 1300 || letters[0].At.Offset != 200 || letters[1299].At.Offset != 1499 {
			t.Errorf("read %d letters, want those with the offsets from 200 to 1499", len(letters))
		}
		if err := d.Driver.(*memory.Driver).DeleteRecords(driver.Partition{Topic: "server.dead"}, 1500); err != nil {
			t.Fatal(err)
		}
		if letters := readAll(t, d, deadletters.Options{}); len(letters) != 0 {
			t.Errorf("read %d letters, want none: all are gone", len(letters))
		}
	})
}

func checkReadersClosed(t *testing.T, d *tap) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.reads != 0 {
		t.Errorf("%d readers are open, want none", d.reads)
	}
}

// TestReadEnds ends in the midst: by breaking out, by its context, by an error of
// the broker. No reader stays open.
func TestReadEnds(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *tap) {
		write(t, d, make([]letter, 1200)...)
		read := func(ctx context.Context, during func()) (n int, last error) {
			for _, err := range deadletters.Read(ctx, d, "server", deadletters.Options{}) {
				if last = err; err == nil {
					n++
				}
				if during(); n == 3 && ctx == t.Context() {
					break
				}
			}
			return n, last
		}
		if n, err := read(t.Context(), func() {}); n != 3 || err != nil {
			t.Errorf("read %d letters, error %v, want 3", n, err)
		}
		checkReadersClosed(t, d)

		ctx, cancel := context.WithCancelCause(t.Context())
		why := errors.New("enough")
		if n, err := read(ctx, func() { cancel(why) }); n != 500 || !errors.Is(err, why) {
			t.Errorf("read %d letters, error %v, want those at hand and %v", n, err, why)
		}
		checkReadersClosed(t, d)

		ctx, cancel = context.WithCancelCause(t.Context())
		defer cancel(nil)
		if n, err := read(ctx, func() { d.Close() }); n != 500 || !errors.Is(err, io.EOF) {
			t.Errorf("read %d letters, error %v, want those at hand and %v", n, err, io.EOF)
		}
		checkReadersClosed(t, d)
	})
}

// TestReadTruncated reads a topic that is deleted meanwhile.
func TestReadTruncated(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *tap) {
		write(t, d, make([]letter, 1200)...)
		var last error
		for _, err := range deadletters.Read(t.Context(), d, "server", deadletters.Options{}) {
			_ = d.Driver.(*memory.Driver).DeleteTopic("server.dead")
			last = err
		}
		if _, ok := errors.AsType[*driver.LostError](last); !ok {
			t.Errorf("the last error is %v, want a LostError", last)
		}
	})
}

// TestReadPassesWhatIsNoRecord has a reader whose position goes on without a
// record, as behind the mark of a transaction.
func TestReadPassesWhatIsNoRecord(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *tap) {
		write(t, d, letter{value: "a"})
		got := values(readAll(t, ghost{d}, deadletters.Options{}))
		if !slices.Equal(got, []string{"a"}) {
			t.Errorf("read %q, want the letter", got)
		}
	})
}

// ghost adds one offset without a record to the end of each partition.
type ghost struct{ driver.Driver }

func (g ghost) Read(ctx context.Context, p driver.Partition, offset int64) (driver.Reader, error) {
	r, err := g.Driver.Read(ctx, p, offset)
	return &ghostReader{r.(positioner), offset == -1}, err
}

type ghostReader struct {
	positioner
	passed bool
}

func (g *ghostReader) Receive(ctx context.Context, buf []driver.Record) (int, error) {
	n, err := g.positioner.Receive(ctx, buf)
	g.passed = g.passed || errors.Is(err, context.DeadlineExceeded)
	return n, err
}

func (g *ghostReader) Position() int64 {
	if g.passed {
		return g.positioner.Position() + 1
	}
	return g.positioner.Position()
}
