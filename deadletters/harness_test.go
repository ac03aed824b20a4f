package deadletters_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/asynccalls/asynccalls/deadletters"
	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/driver/memory"
	"github.com/asynccalls/asynccalls/internal/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world runs a test with virtual time and a broker that has the topics of the
// service "server", with three partitions each.
func world(t *testing.T, f func(t *testing.T, d *tap)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		d := &tap{Driver: memory.New(), acknowledged: map[string]bool{}}
		t.Cleanup(func() {
			if err := d.Close(); err != nil {
				t.Errorf("close driver: %v", err)
			}
		})
		createTopics(t, d, "", 3)
		f(t, d)
	})
}

func createTopics(tb testing.TB, d driver.Driver, prefix string, partitions int32) {
	tb.Helper()
	for _, kind := range []string{"requests", "responses", "dead"} {
		if err := d.Create(tb.Context(), driver.Topic{Name: prefix + "server." + kind, Partitions: partitions}); err != nil {
			tb.Fatal(err)
		}
	}
}

// tap is a driver that a test can look into and make fail.
type tap struct {
	driver.Driver

	mu           sync.Mutex // guards what follows
	fail         func(r *driver.Record) error
	hold         bool // outcomes are kept back for ever
	handed       []driver.Record
	acknowledged map[string]bool // messages, by their last header
	onPublish    func()
	reads        int // that were not closed
	onRead       func(p driver.Partition) error
}

func (d *tap) Publish(ctx context.Context, r *driver.Record, done func(*driver.Record, error)) {
	d.mu.Lock()
	d.handed = append(d.handed, *r)
	fail, hold, hook := d.fail, d.hold, d.onPublish
	d.mu.Unlock()
	if hook != nil {
		hook()
	}
	if fail != nil {
		if err := fail(r); err != nil {
			done(r, err)
			return
		}
	}
	if hold {
		return
	}
	d.Driver.Publish(ctx, r, func(r *driver.Record, err error) {
		d.mu.Lock()
		if n := len(r.Headers); n > 0 && err == nil {
			d.acknowledged[string(r.Headers[n-1].Value)] = true
		}
		d.mu.Unlock()
		done(r, err)
	})
}

func (d *tap) Read(ctx context.Context, p driver.Partition, offset int64) (driver.Reader, error) {
	d.mu.Lock()
	hook := d.onRead
	d.mu.Unlock()
	if hook != nil {
		if err := hook(p); err != nil {
			return nil, err
		}
	}
	r, err := d.Driver.Read(ctx, p, offset)
	if err != nil {
		return nil, err
	}
	d.count(1)
	return &tapReader{r.(positioner), d, sync.Once{}}, nil
}

func (d *tap) count(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reads += n
}

type positioner interface {
	driver.Reader
	Position() int64
}

type tapReader struct {
	positioner
	d    *tap
	once sync.Once
}

func (r *tapReader) Close() error {
	r.once.Do(func() { r.d.count(-1) })
	return r.positioner.Close()
}

// letter is a dead letter that a test writes.
type letter struct {
	partition int32
	key       string
	value     string
	ac        string // "" is that of a one-way request
	headers   []driver.Header
	dead      wire.Dead // what is zero gets a default
	error     string
}

// start is before the time at which virtual time begins.
var start = time.Date(1999, 12, 31, 0, 0, 0, 0, time.UTC)

// write writes dead letters, and returns where.
func write(tb testing.TB, d driver.Driver, letters ...letter) []deadletters.Place {
	tb.Helper()
	var places []deadletters.Place
	for i, l := range letters {
		if l.ac == "" {
			l.ac = fmt.Sprintf("1 n id-%d /e client", i)
		}
		if l.dead.Topic == "" {
			l.dead.Topic, l.dead.Partition, l.dead.Offset = "server.requests", 1, int64(100+i)
		}
		if l.dead.Service == "" {
			l.dead.Service, l.dead.Endpoint, l.dead.Attempts = "server", "/e", 1
		}
		if l.dead.Last.IsZero() {
			l.dead.Time, l.dead.First, l.dead.Last = start, start, start
		}
		if l.error == "" {
			l.error = "broken"
		}
		headers := append([]driver.Header{header("ac", l.ac)}, l.headers...)
		headers = append(headers, header("ac-dead", string(wire.AppendDead(nil, &l.dead))), header("ac-error", l.error))
		places = append(places, publish(tb, d, driver.Record{
			Topic: "server.dead", Partition: l.partition, Key: bytesOf(l.key), Value: bytesOf(l.value), Headers: headers,
		}))
	}
	return places
}

func header(key, value string) driver.Header { return driver.Header{Key: key, Value: []byte(value)} }

func bytesOf(s string) []byte {
	if s == "" {
		return nil
	}
	return []byte(s)
}

// publish writes a record and waits for it.
func publish(tb testing.TB, d driver.Driver, r driver.Record) deadletters.Place {
	tb.Helper()
	if t, ok := d.(*tap); ok {
		d = t.Driver
	}
	outcome := make(chan error, 1)
	d.Publish(tb.Context(), &r, func(_ *driver.Record, err error) { outcome <- err })
	if err := <-outcome; err != nil {
		tb.Fatal(err)
	}
	return deadletters.Place{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset}
}

// records returns all records of a topic.
func records(tb testing.TB, d driver.Driver, topic string) []driver.Record {
	tb.Helper()
	topics, err := d.Topics(tb.Context(), topic)
	if err != nil || len(topics) != 1 {
		tb.Fatalf("topic %q: got %v, error %v", topic, topics, err)
	}
	var all []driver.Record
	for id := range topics[0].Partitions {
		all = append(all, partitionRecords(tb, d, driver.Partition{Topic: topic, ID: id})...)
	}
	return all
}

func partitionRecords(tb testing.TB, d driver.Driver, p driver.Partition) []driver.Record {
	tb.Helper()
	end, err := d.Read(tb.Context(), p, -1)
	if err != nil {
		tb.Fatal(err)
	}
	defer end.Close()
	r, err := d.Read(tb.Context(), p, 0)
	if err != nil {
		tb.Fatal(err)
	}
	defer r.Close()
	buf := make([]driver.Record, 1000)
	var all []driver.Record
	for r.(positioner).Position() < end.(positioner).Position() {
		n, err := r.Receive(tb.Context(), buf)
		if _, lost := errors.AsType[*driver.LostError](err); err != nil && !lost {
			tb.Fatal(err)
		}
		all = append(all, buf[:n]...)
	}
	return all
}

// readAll reads all letters, which must succeed.
func readAll(tb testing.TB, d driver.Driver, o deadletters.Options) []*deadletters.Letter {
	tb.Helper()
	var all []*deadletters.Letter
	for l, err := range deadletters.Read(tb.Context(), d, "server", o) {
		if err != nil {
			tb.Fatal(err)
		}
		all = append(all, l)
	}
	return all
}

// replayAll replays all letters, which must succeed as a whole.
func replayAll(tb testing.TB, d driver.Driver, o deadletters.Options) []deadletters.Result {
	tb.Helper()
	var all []deadletters.Result
	for r, err := range deadletters.Replay(tb.Context(), d, "server", o) {
		if err != nil {
			tb.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

// values returns the values of letters.
func values(letters []*deadletters.Letter) []string {
	var all []string
	for _, l := range letters {
		all = append(all, string(l.Value))
	}
	return all
}

// told returns results as text: the value of the letter and what became of it.
func told(results []deadletters.Result) []string {
	var all []string
	for _, r := range results {
		what := "put back"
		switch {
		case r.Skipped != "":
			what = "skipped: " + r.Skipped
		case r.Err != nil:
			what = "failed: " + r.Err.Error()
		case r.Unmarked != nil:
			what = "unmarked: " + r.Unmarked.Error()
		case strings.HasSuffix(r.To.Topic, ".dead"):
			what = "dropped"
		}
		all = append(all, string(r.Letter.Value)+" "+what)
	}
	return all
}
