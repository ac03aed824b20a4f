package main

import (
	"bytes"
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls/embedded"
)

// printed is what a day in the shop prints.
var printed = regexp.MustCompile(`^(\w+)-1: ann orders 2 of mugs for 30
\w+-1: reserved
\w+-1: paid
\w+-1: shipped, parcel 1
\w+-1: ann orders 2 of mugs for 30
\w+-1: reserved
\w+-1: paid
\w+-1: shipped, parcel 1
\w+-2: bob orders 3 of mugs for 45
\w+-2: reserved
\w+-2: call orders/place/\w+-2: status 402: order \w+-2: payment refused
\w+-2: is canceled
\w+-3: ann orders 2 of posters for 40
\w+-3: call orders/place/\w+-3: status 409: not enough of posters for order \w+-3
\w+: 4 of posters are delivered
\w+-4: ann orders 2 of posters for 40
\w+-4: reserved
\w+-4: paid
\w+-4: shipped, parcel 2
mugs: 3 on the shelf
posters: 3 on the shelf
$`)

// patience is how long the program may take.
const patience = 20 * time.Second

func TestRun(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var out bytes.Buffer
	if err := run(ctx, &out, nil); err != nil {
		t.Fatal(err)
	}
	if !printed.Match(out.Bytes()) {
		t.Errorf("output is\n%s", out.String())
	}
}

func TestRunOnKafka(t *testing.T) {
	t.Parallel()
	kafka, err := embedded.Start(embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kafka.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var out bytes.Buffer
	if err := run(ctx, &out, []string{"-brokers", kafka.Addr()}); err != nil || !printed.Match(out.Bytes()) {
		t.Errorf("%v, output is\n%s", err, out.String())
	}
}

func TestRunRefuses(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{"x": `"x"`, "-brokers 127.0.0.1:x": `"127.0.0.1:x"`} {
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
