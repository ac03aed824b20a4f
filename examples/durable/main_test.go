package main

import (
	"bytes"
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/asynccalls/asynccalls/embedded"
)

func TestRun(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := run(t.Context(), &out, nil); err != nil {
		t.Fatal(err)
	}
	want := regexp.MustCompile(`^Kafka runs .*
ordered 3 posters; the client ends before any is printed
number 0 to (\w+): proof of the sea, a2
number 0 to \w+ is known: nothing to do
number 1 to \w+: poster of the sea, a2
number 0 to \w+: proof of a cat, a2
number 1 to \w+: poster of a cat, a2
number 0 to \w+: proof of mountains, a2
number 1 to \w+: poster of mountains, a2
$`)
	if !want.Match(out.Bytes()) {
		t.Errorf("output is\n%s", out.String())
	}
}

// TestParts plays the parts one after the other, on one broker, as processes do.
func TestParts(t *testing.T) {
	t.Parallel()
	kafka, err := embedded.Start(embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kafka.Close() })
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- run(ctx, new(bytes.Buffer), []string{"-brokers", kafka.Addr(), "-print"}) }()
	ordered := new(bytes.Buffer)
	for { // until the service has its topics
		err := run(t.Context(), ordered, []string{"-brokers", kafka.Addr(), "-order"})
		if err == nil {
			break
		}
		if t.Context().Err() != nil {
			t.Fatal(err)
		}
	}
	collecting, enough := context.WithCancel(t.Context())
	var out bytes.Buffer
	watched := writerFunc(func(p []byte) (int, error) {
		if bytes.Contains(p, []byte("poster of mountains")) {
			enough()
		}
		return out.Write(p)
	})
	if err := run(collecting, watched, []string{"-brokers", kafka.Addr(), "-collect"}); err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
	if !strings.Contains(out.String(), "proof of the sea, a2") || !strings.HasPrefix(ordered.String(), "ordered 3") {
		t.Errorf("output is\n%s\n%s", ordered, &out)
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestRunRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"-order": "need -brokers", "-print -order": "exclude each other", "x": `"x"`,
		"-order -brokers 127.0.0.1:x": `"127.0.0.1:x"`,
	}
	for args, want := range tests {
		err := run(t.Context(), new(bytes.Buffer), strings.Fields(args))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q in it", args, err, want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := run(ctx, new(bytes.Buffer), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("after Ctrl-C: got %v, want context.Canceled", err)
	}
}
