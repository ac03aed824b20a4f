package wire_test

import (
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/asynccalls/asynccalls/internal/wire"
)

func TestAppendDeadTakesTheNearest(t *testing.T) {
	t.Parallel()
	day := time.UnixMilli(1767225600000)
	tests := map[string]struct {
		dead wire.Dead
		want string
	}{
		"zero times are 1970": {
			wire.Dead{Topic: "t", Service: "a", Endpoint: "/a"},
			"1 t 0 0 0 a /a 0 0 0",
		},
		"times far away": {
			wire.Dead{
				Topic: "t", Time: time.UnixMilli(math.MaxInt64), Service: "a", Endpoint: "/a",
				First: time.UnixMilli(math.MinInt64), Last: time.UnixMilli(-1),
			},
			"1 t 0 0 253402300799999 a /a 0 0 0",
		},
		"parts of a millisecond": {
			wire.Dead{Topic: "t", Time: day.Add(999999), Service: "a", Endpoint: "/a", First: day, Last: day},
			"1 t 0 0 1767225600000 a /a 0 1767225600000 1767225600000",
		},
		"negative attempts": {
			wire.Dead{Topic: "t", Service: "a", Endpoint: "/a", Attempts: -1},
			"1 t 0 0 0 a /a 0 0 0",
		},
		"too many attempts": {
			wire.Dead{Topic: "t", Service: "a", Endpoint: "/a", Attempts: math.MaxInt32 + 1},
			"1 t 0 0 0 a /a 2147483647 0 0",
		},
		"no partition": {
			wire.Dead{Topic: "t", Partition: -1, Offset: 5, Service: "a", Endpoint: "/a"},
			"1 t - - 0 a /a 0 0 0",
		},
		"no offset": {
			wire.Dead{Topic: "t", Partition: 5, Offset: -1, Service: "a", Endpoint: "/a"},
			"1 t - - 0 a /a 0 0 0",
		},
		"endpoint that is none": {
			wire.Dead{Topic: "t", Service: "a", Endpoint: "a\n"},
			"1 t 0 0 0 a - 0 0 0",
		},
		"stub": {
			wire.Dead{Topic: "t", Service: "a", Endpoint: "/a", Stub: true},
			"1 t 0 0 0 a /a 0 0 0 stub",
		},
		"endpoint with a space": {
			wire.Dead{Topic: "t", Service: "a", Endpoint: "/a b"},
			"1 t 0 0 0 a /a%20b 0 0 0",
		},
	}
	for name, tt := range tests {
		got := wire.AppendDead([]byte("x"), &tt.dead)
		if string(got) != "x"+tt.want {
			t.Errorf("%s: appended %q, want %q", name, got, "x"+tt.want)
		}
		if _, err := wire.DecodeDead(got[1:]); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestErrorText(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 1023)
	tests := map[string]struct{ text, want string }{
		"empty":                       {"", ""},
		"as it is":                    {"no such file: café", "no such file: café"},
		"controls":                    {"a\nb\tc\x00d\x7fe\u0085f\u009fg", "a b c d e f g"},
		"not UTF-8":                   {"a\xffb\xc3", "a\uFFFDb\uFFFD"},
		"1024 bytes":                  {long + "b", long + "b"},
		"1025 bytes":                  {long + "bc", long + "b"},
		"cut between characters":      {long + "é", long},
		"nothing behind the cut":      {long + "éb", long},
		"made longer by replacements": {strings.Repeat("\xff", 1024), strings.Repeat("\uFFFD", 341)},
		"a long one with a control":   {"\n" + long + "b", " " + long},
	}
	for name, tt := range tests {
		got := wire.ErrorText(tt.text)
		if got != tt.want {
			t.Errorf("%s: text is %q, want %q", name, got, tt.want)
		}
		if len(got) > 1024 || !utf8.ValidString(got) || wire.ErrorText(got) != got {
			t.Errorf("%s: text %q is not what it should be: %d bytes", name, got, len(got))
		}
	}
}
