package main

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		args []string
		want string
	}{
		"some": {nil, `^Kafka runs .*
after .*: corner shop has them for 89
after .*: outlet has them for 45
after .*: online has them for 52
that is enough
the search has sent 7 offers in all
$`},
		"all": {[]string{"-enough", "5", "-below", "50"}, `^Kafka runs .*
after .*: outlet has them for 45
after .*: second hand has them for 30
after .*: there are no more than 2
the search has sent 7 offers in all
$`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			if err := run(t.Context(), &out, append(tt.args, "-pause", "1ms")); err != nil {
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
	for arg, want := range map[string]string{"-enough=0": "at least 1", "-enough=many": "many", "x": `"x"`} {
		err := run(t.Context(), new(bytes.Buffer), []string{arg})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q in it", arg, err, want)
		}
	}
}
