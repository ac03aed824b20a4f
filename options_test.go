package asynccalls_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver/memory"
)

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	d := memory.New()
	limits := func(l asynccalls.Limits) []asynccalls.Option { return []asynccalls.Option{l} }
	topics := func(t asynccalls.Topics) []asynccalls.Option { return []asynccalls.Option{t} }
	tests := map[string]struct {
		id      string
		options []asynccalls.Option
		want    string
	}{
		"empty ID":         {"", nil, `""`},
		"upper case":       {"Server", nil, `"Server"`},
		"dash at the end":  {"server-", nil, `"server-"`},
		"dot":              {"a.b", nil, `"a.b"`},
		"too long":         {strings.Repeat("a", 101), nil, "100"},
		"nil option":       {"server", []asynccalls.Option{nil}, "option 0 is nil"},
		"nil logger":       {"server", []asynccalls.Option{asynccalls.WithLogger(nil)}, "WithLogger"},
		"ordinal":          {"server", []asynccalls.Option{asynccalls.WithReplyOrdinal(-3)}, "WithReplyOrdinal: -3"},
		"concurrency":      {"server", limits(asynccalls.Limits{Concurrency: -1}), "Limits.Concurrency: -1"},
		"handler":          {"server", limits(asynccalls.Limits{Handler: -time.Second}), "Limits.Handler: -1s"},
		"call":             {"server", limits(asynccalls.Limits{Call: time.Hour, MaxCall: time.Minute}), "Limits.Call: 1h0m0s"},
		"retention":        {"server", limits(asynccalls.Limits{MaxCall: time.Hour}), "Topics.ReplyRetention: 1h0m0s"},
		"partitions":       {"server", topics(asynccalls.Topics{Partitions: -1}), "Topics.Partitions: -1"},
		"too many":         {"server", topics(asynccalls.Topics{ReplyPartitions: 1 << 30}), "Topics.ReplyPartitions"},
		"prefix":           {"server", topics(asynccalls.Topics{Prefix: "a/b"}), `Topics.Prefix: "a/b"`},
		"prefix too long":  {"server", topics(asynccalls.Topics{Prefix: strings.Repeat("a", 101)}), "Topics.Prefix"},
		"two at once (1)":  {"server", []asynccalls.Option{asynccalls.Limits{Window: -1}, asynccalls.Topics{Replicas: -1}}, "Limits.Window"},
		"two at once (2)":  {"server", []asynccalls.Option{asynccalls.Limits{Window: -1}, asynccalls.Topics{Replicas: -1}}, "Topics.Replicas"},
		"unread responses": {"server", limits(asynccalls.Limits{ReplyBytes: -1}), "Limits.ReplyBytes"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := asynccalls.New(tt.id, d, tt.options...)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
		})
	}
	if _, err := asynccalls.New("server", nil); err == nil || !strings.Contains(err.Error(), "driver is nil") {
		t.Errorf("a nil driver gave %v", err)
	}
}

// TestHandlePanics goes through misuse while setting up.
func TestHandlePanics(t *testing.T) {
	t.Parallel()
	responses := func(context.Context, *asynccalls.Response) error { return nil }
	tests := map[string]struct {
		do   func(s *asynccalls.Service)
		want string
	}{
		"no slash": {func(s *asynccalls.Service) { s.Handle("e", reply(nil)) }, `asynccalls: handle "e": `},
		"twice": {func(s *asynccalls.Service) {
			s.Handle("/e", reply(nil))
			s.Handle("/e", reply(nil))
		}, "already has a handler"},
		"conflict": {func(s *asynccalls.Service) {
			s.Handle("/{x}/a", reply(nil))
			s.Handle("/a/{x}", reply(nil))
		}, "conflicts with"},
		"nil":            {func(s *asynccalls.Service) { s.Handle("/e", nil) }, "the handler is nil"},
		"nil option":     {func(s *asynccalls.Service) { s.Handle("/e", reply(nil), nil) }, "option 0 is nil"},
		"service limits": {func(s *asynccalls.Service) { s.Handle("/e", reply(nil), asynccalls.Limits{Grace: 1}) }, "only Concurrency and Handler"},
		"too much": {func(s *asynccalls.Service) {
			s.Handle("/e", reply(nil), asynccalls.Limits{Concurrency: 257})
		}, "257 is not between 1 and 256"},
		"responses nil":     {func(s *asynccalls.Service) { s.HandleResponses("a", "/e", nil) }, "the handler is nil"},
		"responses service": {func(s *asynccalls.Service) { s.HandleResponses("A", "/e", responses) }, `"A"`},
		"responses pattern": {func(s *asynccalls.Service) { s.HandleResponses("a", "/{", responses) }, `handle responses of a "/{": `},
		"after Close": {func(s *asynccalls.Service) {
			s.Close()
			s.Handle("/e", reply(nil))
		}, "the service has begun to listen or was closed"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newService(t, "server", memory.New())
			defer func() {
				if p := fmt.Sprint(recover()); !strings.Contains(p, tt.want) {
					t.Errorf("panic is %q, want %q in it", p, tt.want)
				}
			}()
			tt.do(s)
		})
	}
}

func TestHeader(t *testing.T) {
	t.Parallel()
	var h asynccalls.Header
	h.Add("a", "1")
	h.Add("A", "2")
	h.Add("a", "3")
	before := h
	if h.Get("a") != "1" || h.Get("b") != "" || cmp.Diff([]string{"1", "3"}, h.Values("a")) != "" || h.Values("b") != nil {
		t.Errorf("header is %v", h)
	}
	h.Set("a", "4")
	h.Set("c", "5")
	want := asynccalls.Header{{Key: "a", Value: "4"}, {Key: "A", Value: "2"}, {Key: "c", Value: "5"}}
	if diff := cmp.Diff(want, h); diff != "" {
		t.Errorf("header after Set (-want +got):\n%s", diff)
	}
	if before[0].Value != "1" {
		t.Error("Set changed a copy of the header")
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	cause := errors.New("cause")
	err := &asynccalls.SendError{Request: asynccalls.NewRequest("server", "/e", nil), Err: cause}
	if !errors.Is(err, cause) || !strings.HasSuffix(err.Error(), "to server/e: cause") {
		t.Errorf("error is %v", err)
	}
	if got := (&asynccalls.Error{Status: 409, Message: "taken"}).Error(); got != "status 409: taken" {
		t.Errorf("error is %q", got)
	}
	a, b := asynccalls.NewRequest("a", "/e", nil).ID, asynccalls.NewRequest("a", "/e", nil).ID
	if a == b || len(a) < 13 || len(a) > 24 || a[:12] != b[:12] {
		t.Errorf("IDs are %q and %q", a, b)
	}
}
