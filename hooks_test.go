package asynccalls_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
)

// noteAll returns hooks that note what they are told.
func noteAll(l *list) asynccalls.Hooks {
	handled := func(what string) func(context.Context, *asynccalls.Handled) {
		return func(_ context.Context, h *asynccalls.Handled) {
			name := "?"
			switch {
			case h.Request != nil:
				name = h.Request.Endpoint
			case h.Response != nil:
				name = fmt.Sprintf("response %d", h.Response.Seq)
			}
			retry := ""
			if !h.Retry.IsZero() {
				retry = " again"
			}
			if h.Pattern != "" {
				name += " by " + h.Pattern
			}
			l.add(fmt.Sprintf("%s %s, attempt %d: %d, queued %v, took %v, dead %t%s",
				what, name, h.Attempt, h.Status, h.Queued, h.Took, h.Dead, retry))
		}
	}
	return asynccalls.Hooks{
		BeforeSend: func(_ context.Context, r *asynccalls.Request) error {
			l.add("before send " + r.Endpoint)
			return nil
		},
		AfterSend: func(_ context.Context, r *asynccalls.Request, at asynccalls.Source, err error) {
			where := ""
			if at != (asynccalls.Source{}) {
				where = fmt.Sprintf(" to %s at %d", at.Topic, at.Offset)
			}
			l.add(fmt.Sprintf("after send %s%s: %v", r.Endpoint, where, err))
		},
		BeforeReceive: func(_ context.Context, r *asynccalls.Request) error {
			l.add("before receive " + r.Endpoint)
			return nil
		},
		AfterHandle:         handled("after"),
		OnRetry:             handled("retry"),
		OnDeadLetter:        handled("dead"),
		OnLateResponse:      func(r *asynccalls.Response) { l.add("late " + string(r.Body)) },
		OnDuplicateResponse: func(r *asynccalls.Response) { l.add("duplicate " + string(r.Body)) },
		OnAssign:            func(p []driver.Partition) { l.add(fmt.Sprintf("assign %d", len(p))) },
		OnRevoke:            func(p []driver.Partition) { l.add(fmt.Sprintf("revoke %d", len(p))) },
		OnGap:               func(lost *driver.LostError) { l.add(fmt.Sprintf("gap %d to %d", lost.From, lost.To)) },
	}
}

// TestHooksOfServer follows messages through a service that handles them (5.1).
func TestHooksOfServer(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		var l list
		s := newService(t, "server", d, noteAll(&l), asynccalls.Retry{Attempts: 2}, asynccalls.Topics{Partitions: 3})
		s.Handle("/{e}", func(_ context.Context, _ asynccalls.ResponseWriter, r *asynccalls.Request) error {
			pass(time.Second)
			if r.Attempt == 1 {
				return errors.New("broken")
			}
			return nil
		})
		s.Handle("/panics", func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error {
			pass(time.Second)
			var none []int
			_ = none[17]
			return nil
		})
		listen(t, s)
		client := newService(t, "client", d)
		for _, endpoint := range []string{"/e", "/un/known", "/panics"} {
			sendAs(t, client, "one-way", asynccalls.NewRequest("server", endpoint, nil))
			elapse(time.Minute)
		}
		publish(t, d, driver.Record{Topic: "server.requests", Partition: -1})
		elapse(time.Minute)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		want := []string{
			"assign 3",
			"before receive /e",
			"after /e by /{e}, attempt 1: 500, queued 0s, took 1s, dead false again",
			"retry /e by /{e}, attempt 1: 500, queued 0s, took 1s, dead false again",
			"after /e by /{e}, attempt 2: 200, queued 1.2s, took 1s, dead false",
			"dead /un/known, attempt 1: 404, queued 0s, took 0s, dead true",
			"after /un/known, attempt 1: 404, queued 0s, took 0s, dead true",
			"before receive /panics",
			"after /panics by /panics, attempt 1: 500, queued 0s, took 1s, dead false again",
			"retry /panics by /panics, attempt 1: 500, queued 0s, took 1s, dead false again",
			"dead /panics by /panics, attempt 2: 500, queued 0s, took 0s, dead true",
			"after /panics by /panics, attempt 2: 500, queued 1.2s, took 1s, dead true",
			"dead ?, attempt 1: 400, queued 0s, took 0s, dead true",
			"after ?, attempt 1: 400, queued 0s, took 0s, dead true",
			"revoke 3",
		}
		got := l.all()
		for i, item := range got { // the time until the next attempt is random
			if before, after, ok := strings.Cut(item, ", queued 1."); ok {
				_, after, _ = strings.Cut(after, ",")
				got[i] = before + ", queued 1.2s," + after
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("what hooks were told (-want +got):\n%s", diff)
		}
	})
}

// TestHooksOfResponses follows responses through the service that handles them (5.1).
func TestHooksOfResponses(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		var l list
		serve(t, d, "server", "/e", reply(nil, "a"))
		client := newService(t, "client", d, noteAll(&l))
		client.HandleResponses("server", "/{e}", func(context.Context, *asynccalls.Response) error {
			pass(time.Second)
			return asynccalls.Drop(errors.New("not wanted"))
		})
		listen(t, client)
		if err := client.Send(t.Context(), asynccalls.NewRequest("server", "/e", nil)); err != nil {
			t.Error(err)
		}
		elapse(time.Minute)
		want := []string{
			"assign 4",
			"before send /e",
			"after send /e to server.requests at 0: <nil>",
			"after response 0 by /{e}, attempt 1: 200, queued 0s, took 1s, dead false",
		}
		got := l.all()
		if len(got) > 4 { // the end without a response
			got = got[:4]
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("what hooks were told (-want +got):\n%s", diff)
		}
	})
}

// TestHooksOfClient follows requests and responses through a service that sends them.
func TestHooksOfClient(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		serve(t, d, "server", "/e", reply(nil, "a", "b"))
		var responses []*driver.Record
		d.onPublish(func(r *driver.Record) error {
			if strings.HasPrefix(r.Topic, "client.replies") {
				again := *r
				again.Headers = slices.Clone(r.Headers) // the library uses the record again
				responses = append(responses, &again)
				if len(responses) == 2 {
					d.broker.Publish(t.Context(), responses[0], func(*driver.Record, error) {})
				}
			}
			return nil
		})
		var l list
		client := newService(t, "client", d, noteAll(&l))
		client.HandleResponses("server", "/e", func(context.Context, *asynccalls.Response) error { return nil })
		sendAs(t, client, "awaited", asynccalls.NewRequest("server", "/e", nil))
		for _, r := range responses[1:3] { // the end as well, which is no response
			d.broker.Publish(t.Context(), r, func(*driver.Record, error) {})
		}
		elapse(time.Second)
		sendAs(t, client, "one-way", asynccalls.NewRequest("server", "/e", nil))
		d.onPublish(func(*driver.Record) error { return driver.ErrRefused })
		for _, send := range []func(context.Context, ...*asynccalls.Request) error{client.Send, client.Notify} {
			if err := send(t.Context(), asynccalls.NewRequest("server", "/e", nil)); !errors.Is(err, driver.ErrRefused) {
				t.Errorf("send: %v", err)
			}
		}
		if _, err := client.CallOne(t.Context(), asynccalls.NewRequest("server", "/e", nil)); !errors.Is(err, driver.ErrRefused) {
			t.Errorf("call: %v", err)
		}
		if err := client.Send(t.Context(), asynccalls.NewRequest("server", "/other", nil)); err == nil {
			t.Error("no error without a handler of responses")
		}
		if _, err := client.CallOne(t.Context(), asynccalls.NewRequest("server", "no path", nil)); err == nil {
			t.Error("no error for an endpoint that is no path")
		}
		refused, sent := driver.ErrRefused.Error(), []string{"before send /e", "after send /e to server.requests at 0: <nil>"}
		want := append([]string{}, sent...)
		want = append(want, "duplicate a", "late b")
		want = append(want, sent...)
		for range 3 {
			want = append(want, "before send /e", "after send /e: "+refused)
		}
		want = append(want, "before send /other",
			`after send /other: no handler of responses of server matches "/other": register one, or use Notify`,
			"before send no path", `after send no path: `)
		got := l.all()
		if last := len(got) - 1; last >= 0 && strings.HasPrefix(got[last], "after send no path: ") {
			got[last] = "after send no path: " // the text is another test's
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("what hooks were told (-want +got):\n%s", diff)
		}
	})
}

// TestHooksLateByEnd counts what arrives for a call that has ended but keeps its place.
func TestHooksLateByEnd(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		serve(t, d, "server", "/e", reply(nil, "a", "b", "c"))
		var l list
		client := newService(t, "client", d, asynccalls.Limits{CallBytes: 300}, noteAll(&l))
		call := client.Call(t.Context(), asynccalls.NewRequest("server", "/e", nil))
		elapse(time.Second)
		if _, err := collect(call); !errors.Is(err, asynccalls.ErrSlowReader) {
			t.Errorf("the call ended with %v", err)
		}
		want := []string{"before send /e", "after send /e to server.requests at 0: <nil>", "late c"} // and not the end, which is no response
		if diff := cmp.Diff(want, l.all()); diff != "" {
			t.Errorf("what hooks were told (-want +got):\n%s", diff)
		}
	})
}

// TestHooksRebalance has another member join and leave.
func TestHooksRebalance(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		var l list
		s := newService(t, "server", d, noteAll(&l))
		s.Handle("/e", reply(nil))
		listen(t, s)
		other := serve(t, d, "server", "/e", reply(nil))
		elapse(time.Minute)
		if err := other.Close(); err != nil {
			t.Error(err)
		}
		elapse(time.Minute)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff([]string{"assign 4", "revoke 2", "assign 2", "revoke 4"}, l.all()); diff != "" {
			t.Errorf("what hooks were told (-want +got):\n%s", diff)
		}
	})
}

// TestHooksGapOfRequests has the broker delete requests that were not received.
func TestHooksGapOfRequests(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		client := newService(t, "client", d)
		var l list
		for first := range 2 {
			s := newService(t, "server", d, asynccalls.Topics{Partitions: 1}, asynccalls.Hooks{OnGap: noteAll(&l).OnGap})
			s.Handle("/e", reply(nil))
			listen(t, s)
			sendAs(t, client, "one-way", asynccalls.NewRequest("server", "/e", nil))
			elapse(time.Second)
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			if first > 0 {
				break
			}
			for range 3 {
				sendAs(t, client, "one-way", asynccalls.NewRequest("server", "/e", nil))
			}
			if err := d.broker.DeleteRecords(driver.Partition{Topic: "server.requests"}, 3); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff([]string{"gap 1 to 3"}, l.all()); diff != "" {
			t.Errorf("what hooks were told (-want +got):\n%s", diff)
		}
	})
}

// TestHooksGap has the broker lose responses.
func TestHooksGap(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		var l list
		lane := &lossy{faulty: d}
		client := newService(t, "client", lane, asynccalls.Hooks{OnGap: noteAll(&l).OnGap})
		if err := client.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		lane.readers[0].lose(2, 7)
		synctest.Wait()
		if diff := cmp.Diff([]string{"gap 2 to 7"}, l.all()); diff != "" {
			t.Errorf("what hooks were told (-want +got):\n%s", diff)
		}
	})
}

// TestHooksPanic has hooks panic: it is logged, and nothing else happens.
func TestHooksPanic(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		var j journal
		var none []int
		broken := asynccalls.Hooks{
			AfterHandle: func(context.Context, *asynccalls.Handled) { _ = none[17] },
			OnAssign:    func([]driver.Partition) { _ = none[18] },
		}
		s := newService(t, "server", d, broken, asynccalls.WithLogger(slog.New(slog.NewTextHandler(&j, nil))))
		s.Handle("/e", reply(nil, "a"))
		listen(t, s)
		client := newService(t, "client", d)
		if got := sendAs(t, client, "awaited", asynccalls.NewRequest("server", "/e", nil)); got != "[a] <nil>" {
			t.Errorf("got %s", got)
		}
		synctest.Wait()
		if j.count("hook panicked", "AfterHandle", "[17]") != 1 || j.count("hook panicked", "OnAssign", "[18]") == 0 {
			t.Error("the panics were not logged")
		}
	})
}

// TestUseHooksLate adds hooks to a service that has begun to listen.
func TestUseHooksLate(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		s := serve(t, d, "server", "/e", reply(nil))
		defer func() {
			if p := fmt.Sprint(recover()); !strings.Contains(p, "use hooks: the service has begun to listen") {
				t.Errorf("panic %s", p)
			}
		}()
		s.UseHooks(asynccalls.Hooks{})
	})
}
