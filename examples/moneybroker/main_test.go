package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"regexp"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := run(t.Context(), &out, []string{"-pause", "1ms"}); err != nil {
		t.Fatal(err)
	}
	want := regexp.MustCompile(`^Kafka runs .*
sent (\w+)
after .*: Response 1 for call: \w+
after .*: Response 2 for call: \w+
after .*: Response 3 for call: \w+
after .*: Response 4 for call: \w+
after .*: that was all
$`)
	if !want.Match(out.Bytes()) {
		t.Errorf("output is\n%s", out.String())
	}
}

func TestRunRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		args []string
		want string
	}{
		"serve alone": {[]string{"-serve"}, "need -brokers"},
		"both":        {[]string{"-serve", "-call", "-brokers", "127.0.0.1:1"}, "exclude each other"},
		"argument":    {[]string{"x"}, `"x"`},
		"brokers":     {[]string{"-brokers", "127.0.0.1:x"}, `"127.0.0.1:x"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := run(t.Context(), new(bytes.Buffer), tt.args)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q in it", err, tt.want)
			}
		})
	}
}

func TestCtrlCDrains(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	out := &cancelAt{text: "Response 2", cancel: cancel}
	err := run(ctx, out, []string{"-pause", "10ms"})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	if errors.Is(err, flag.ErrHelp) || strings.Contains(out.String(), "that was all") {
		t.Errorf("output is\n%s", out.String())
	}
}

// cancelAt cancels when it has seen a text.
type cancelAt struct {
	bytes.Buffer
	text   string
	cancel func()
}

func (c *cancelAt) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte(c.text)) {
		c.cancel()
	}
	return c.Buffer.Write(p)
}
