package main

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ within, want string }{
		"all in time": {"1m", `^Kafka runs .*
after .*: 4 of 5 have answered
flights  3 flights from 99
hotels   12 rooms from 70
weather  sun, 24 degrees
events   jazz in the park
missing: cars: all cars are out
$`},
		"none in time": {"1ns", `^Kafka runs .*
after .*: 0 of 5 have answered
(missing: \w+: no answer in time
){5}$`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			if err := run(t.Context(), &out, []string{"-within", tt.within}); err != nil {
				t.Fatal(err)
			}
			if !regexp.MustCompile(tt.want).Match(out.Bytes()) {
				t.Errorf("output is\n%s", out.String())
			}
		})
	}
}

func TestRunRefuses(t *testing.T) {
	t.Parallel()
	for arg, want := range map[string]string{"-within=0s": "more than 0", "-within=soon": "soon", "x": `"x"`} {
		err := run(t.Context(), new(bytes.Buffer), []string{arg})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q in it", arg, err, want)
		}
	}
}
