//go:build unix

package prove

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/driver/franz"
	"github.com/asynccalls/asynccalls/internal/checker"
)

// patience is how long nothing may happen before what is missing is given up.
const patience = 30 * time.Second

// settle waits until all requests are sent and have come to their end, and all
// is committed.
func (f *fleet) settle() {
	f.t.Helper()
	f.wg.Wait()
	f.t.Logf("faults end after %v", time.Since(f.start).Round(time.Second))
	if !f.until(patience, func(w *watch) (bool, int) { return w.counts[sentAll] > 0, len(w.events) }) {
		f.t.Error("the sender did not send all requests")
	}
	quiet := func(w *watch) (bool, int) { return w.open == 0, len(w.events) }
	for range 3 {
		if !f.lenient || f.until(patience/6, quiet) {
			break
		}
		// See package embedded: a member that died while it joined is not
		// noticed before the next one joins.
		f.count("nudges")
		for _, r := range []role{roleServer, roleClient} {
			if s := f.pick(r); s != nil {
				f.crash(s, kills, 0, 0)
			}
		}
		f.wg.Wait()
	}
	if !f.until(patience, quiet) {
		f.t.Errorf("%d requests have not come to an end", f.watch.figure(func(w *watch) int { return w.open }))
	}
	var left []string
	over := f.until(patience, func(w *watch) (bool, int) {
		var err error
		if left, err = f.uncommitted(); err != nil {
			f.t.Error(err)
		}
		return len(left) == 0 || err != nil, len(w.events)
	})
	if !over {
		f.t.Errorf("seed %d: not committed: %s", f.seed, strings.Join(left, "; "))
	}
}

// judge ends all processes but the broker, in good order, looks at what they left
// behind, and has the checker say what is wrong.
func (f *fleet) judge(o checker.Options) {
	f.t.Helper()
	f.stopAll(roleServer, roleSender, roleClient)
	if err := f.watch.look(); err != nil {
		f.t.Fatal(err)
	}
	for _, service := range []string{serverID, clientID} {
		if err := f.exhume(f.topics.Prefix + service + ".dead"); err != nil {
			f.t.Errorf("read the dead letters of %s: %v", service, err)
		}
	}
	events := slices.Concat(f.history.Events(), f.watch.events)
	found := checker.Check(events, o)
	if !slices.Contains(o.Skip, ruleSent) {
		found = append(found, disorder(events)...)
	}
	f.report(events, found)
	f.complain(found)
}

// stopAll has all instances with these roles end in good order.
func (f *fleet) stopAll(roles ...role) {
	var ending sync.WaitGroup
	for _, s := range f.slots {
		if slices.Contains(roles, s.part.Role) {
			ending.Go(func() { f.stop(s) })
		}
	}
	ending.Wait()
}

// complain fails the test if anything was found, and shows the first of it.
func (f *fleet) complain(found []checker.Violation) {
	f.t.Helper()
	for i, v := range found {
		f.t.Errorf("seed %d: %s", f.seed, v)
		if i == 4 && len(found) > 5 {
			f.t.Errorf("and %d more", len(found)-5)
			break
		}
	}
}

// uncommitted returns what the groups have not committed of their topics.
func (f *fleet) uncommitted() (left []string, err error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(f.address, ",")...))
	if err != nil {
		return nil, err
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	for service, topic := range map[string]string{serverID: ".requests", clientID: ".responses"} {
		group := f.topics.Prefix + service
		positions, err := admin.FetchOffsets(f.ctx, group)
		if err != nil {
			return nil, fmt.Errorf("ask for what group %s has committed: %w", group, err)
		}
		ends, err := admin.ListEndOffsets(f.ctx, group+topic)
		if err != nil {
			return nil, fmt.Errorf("ask for the ends of %s: %w", group+topic, err)
		}
		ends.Each(func(end kadm.ListedOffset) {
			at, _ := positions.Lookup(end.Topic, end.Partition)
			if end.Offset > 0 && at.At != end.Offset {
				left = append(left, fmt.Sprintf("partition %d of %s ends at %d, and %d is committed",
					end.Partition, end.Topic, end.Offset, at.At))
			}
		})
	}
	return left, nil
}

// exhume writes down all dead letters of a topic.
func (f *fleet) exhume(topic string) error {
	d, err := franz.Open(f.address)
	if err != nil {
		return err
	}
	defer d.Close()
	topics, err := d.Topics(f.ctx, topic)
	if err != nil || len(topics) == 0 {
		return err
	}
	for id := range topics[0].Partitions {
		if err := f.exhumePartition(f.ctx, d, driver.Partition{Topic: topic, ID: id}); err != nil {
			return err
		}
	}
	return nil
}

func (f *fleet) exhumePartition(ctx context.Context, d driver.Driver, p driver.Partition) error {
	position := func(r driver.Reader) int64 { return r.(interface{ Position() int64 }).Position() }
	tail, err := d.Read(ctx, p, -1)
	if err != nil {
		return err
	}
	defer tail.Close()
	reader, err := d.Read(ctx, p, 0)
	if err != nil {
		return err
	}
	defer reader.Close()
	buf := make([]driver.Record, 100)
	for position(reader) < position(tail) {
		n, err := reader.Receive(ctx, buf)
		if err != nil {
			return err
		}
		for i := range buf[:n] {
			e, err := letter(&buf[i])
			if err != nil {
				return err
			}
			f.history.Add(e)
		}
	}
	return nil
}

// letter returns what a dead letter was made of: all but the last two headers.
func letter(r *driver.Record) (checker.Event, error) {
	e := identify(r)
	e.Kind, e.Instance = checker.Dead, "reader"
	n := len(r.Headers) - 2
	if n < 0 || r.Headers[n].Key != "ac-dead" || r.Headers[n+1].Key != "ac-error" {
		return e, fmt.Errorf("the dead letter of %q has headers %v", e.Request, r.Headers)
	}
	e.Digest = digest(r.Key, r.Value, r.Headers[:n])
	_, err := fmt.Sscanf(string(r.Headers[n].Value), "1 %s %d %d ", &e.Topic, &e.Partition, &e.Offset)
	if err != nil {
		return e, fmt.Errorf("header ac-dead of %q is %q: %w", e.Request, r.Headers[n].Value, err)
	}
	return e, nil
}

// ruleSent is that of disorder, beside those of package checker.
const ruleSent = "sent"

// disorder looks for acknowledged requests of a key that are in the log in
// another order than that in which one process sent them.
func disorder(events []checker.Event) []checker.Violation {
	type sent struct {
		invoke *checker.Event
		acked  bool
		first  *checker.Event // where it is in the log for the first time
	}
	requests := make(map[string]*sent)
	var order []*sent
	for i := range events {
		e := &events[i]
		r := requests[e.Request]
		switch {
		case e.Kind == checker.Invoke:
			r = &sent{invoke: e}
			requests[e.Request] = r
			order = append(order, r)
		case r == nil:
		case e.Kind == checker.Acked:
			r.acked = true
		case e.Kind == checker.Delivered:
			if r.first == nil || e.Offset < r.first.Offset {
				r.first = e
			}
		}
	}
	var found []checker.Violation
	last := make(map[string]*sent)
	for _, r := range order {
		if !r.acked || r.first == nil || r.invoke.Key == "" {
			continue
		}
		lane := r.invoke.Instance + " " + r.invoke.Key
		if before := last[lane]; before != nil && before.first.Offset > r.first.Offset {
			found = append(found, checker.Violation{
				Rule: ruleSent, Text: fmt.Sprintf("requests of %q are not in the order in which they were sent", r.invoke.Key),
				Events: []checker.Event{*before.invoke, *before.first, *r.invoke, *r.first},
			})
		}
		last[lane] = r
	}
	return found
}
