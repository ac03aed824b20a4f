package asynccalls_test

import (
	"context"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
)

// TestCommitsNeverGoBack lets commits fail, and take long, while requests come in
// and partitions come and go: one commit at a time, never an older position after
// a newer one, and in the end all (2.2; pitfall 4).
func TestCommitsNeverGoBack(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		serve(t, d, "server", "/e", reply(nil))
		client := newService(t, "client", d)
		var now, tries atomic.Int32
		d.onCommit(func() error {
			if now.Add(1) != 1 {
				t.Error("two commits of one group member at a time")
			}
			pass(700 * time.Millisecond) // longer than until the next one is due
			now.Add(-1)
			if tries.Add(1)%3 != 0 {
				return driver.ErrUnknownOutcome
			}
			return nil
		})
		for i := range 200 {
			r := asynccalls.NewRequest("server", "/e", nil)
			r.Key = strconv.Itoa(i)
			sendAs(t, client, "one-way", r)
			pass(100 * time.Millisecond)
		}
		pass(time.Minute)
		last := map[driver.Partition]int64{}
		sum := int64(0)
		for _, p := range d.committed() {
			if p.Offset <= last[p.Partition] {
				t.Errorf("committed %d of %v after %d", p.Offset, p.Partition, last[p.Partition])
			}
			sum += p.Offset - last[p.Partition]
			last[p.Partition] = p.Offset
		}
		if sum != 200 {
			t.Errorf("%d of 200 requests are committed in the end", sum)
		}
	})
}

// TestGroupBeginsAtTheBeginning sends requests before the service has ever
// listened: they are handled (2.11).
func TestGroupBeginsAtTheBeginning(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		if err := d.Create(t.Context(), driver.Topic{Name: "server.requests", Partitions: 3}); err != nil {
			t.Fatal(err)
		}
		client := newService(t, "client", d)
		var want []string
		for i := range 9 {
			want = append(want, strconv.Itoa(i))
			r := asynccalls.NewRequest("server", "/e", []byte(want[i]))
			sendAs(t, client, "one-way", r)
		}
		pass(time.Hour)
		var handled list
		serve(t, d, "server", "/e", func(_ context.Context, _ asynccalls.ResponseWriter, r *asynccalls.Request) error {
			handled.add(string(r.Body))
			return nil
		})
		pass(time.Second)
		if diff := cmp.Diff(want, handled.sorted()); diff != "" {
			t.Errorf("handled (-want +got):\n%s", diff)
		}
	})
}
