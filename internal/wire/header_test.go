package wire_test

import (
	"errors"
	"testing"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/wire"
)

func TestFind(t *testing.T) {
	t.Parallel()
	ac := func(value string) driver.Header { return driver.Header{Key: "ac", Value: []byte(value)} }
	other := driver.Header{Key: "ac-dead", Value: []byte("x")}
	upper := driver.Header{Key: "AC", Value: []byte("x")}
	tests := map[string]struct {
		headers []driver.Header
		want    string
		err     error
	}{
		"none":            {nil, "", wire.ErrMissing},
		"only others":     {[]driver.Header{other, upper, {}}, "", wire.ErrMissing},
		"alone":           {[]driver.Header{ac("a")}, "a", nil},
		"behind others":   {[]driver.Header{other, upper, ac("a")}, "a", nil},
		"before others":   {[]driver.Header{ac("a"), other}, "a", nil},
		"without a value": {[]driver.Header{{Key: "ac"}}, "", nil},
		"two equal ones":  {[]driver.Header{ac("a"), ac("a")}, "", wire.ErrDuplicate},
		"two apart":       {[]driver.Header{ac("a"), other, ac("b")}, "", wire.ErrDuplicate},
	}
	for name, tt := range tests {
		got, err := wire.Find(tt.headers)
		if string(got) != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("%s: found %q, %v, want %q, %v", name, got, err, tt.want, tt.err)
		}
	}
	if !errors.Is(wire.ErrDuplicate, wire.ErrMalformed) {
		t.Error("a duplicate is not malformed, want it to be")
	}
}

func TestKindOf(t *testing.T) {
	t.Parallel()
	tests := map[string]wire.Kind{
		"1 c ":            wire.KindCall,
		"1 s a /a c":      wire.KindSend,
		"1 n malformed  ": wire.KindNotify,
		"1 r 0.a.0.0 ":    wire.KindReply,
		"1 d \x00":        wire.KindResponse,
	}
	for value, want := range tests {
		if got, err := wire.KindOf([]byte(value)); got != want || err != nil {
			t.Errorf("kind of %q is %q, %v, want %q", value, rune(got), err, rune(want))
		}
	}
}

func TestWrongKind(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{"awaited": benchCall, "durable": "1 s a /a c", "one-way": "1 n a /a c"} {
		if _, err := wire.DecodeResponse([]byte(value)); !errors.Is(err, wire.ErrMalformed) {
			t.Errorf("%s request decoded as a response: error %v, want %q", name, err, wire.ErrMalformed)
		}
		if _, err := wire.CutReply([]byte(value)); !errors.Is(err, wire.ErrMalformed) {
			t.Errorf("token of a response read from a request, %s: error %v, want %q", name, err, wire.ErrMalformed)
		}
	}
	for name, value := range map[string]string{"awaited": benchReply, "durable": benchResponse} {
		if _, err := wire.DecodeRequest([]byte(value)); !errors.Is(err, wire.ErrMalformed) {
			t.Errorf("%s response decoded as a request: error %v, want %q", name, err, wire.ErrMalformed)
		}
	}
	if _, err := wire.CutReply([]byte(benchResponse)); !errors.Is(err, wire.ErrMalformed) {
		t.Errorf("token of a durable response: error %v, want %q", err, wire.ErrMalformed)
	}
}

func TestToken(t *testing.T) {
	t.Parallel()
	tests := map[string]wire.Token{
		"0.a.0.0":          {Instance: "a"},
		"3.Jk2m9QpA.117.4": {Partition: 3, Instance: "Jk2m9QpA", Slot: 117, Generation: 4},
		longToken: {
			Partition: 2147483647, Instance: "ABCDEFGHabcdefgh", Slot: 4294967295, Generation: 4294967295,
		},
	}
	for text, want := range tests {
		if got, err := wire.ParseToken(text); got != want || err != nil {
			t.Errorf("%q parsed to %+v, %v, want %+v", text, got, err, want)
		}
		if got := wire.AppendToken([]byte("x"), want); string(got) != "x"+text {
			t.Errorf("%+v appended as %q, want %q", want, got, "x"+text)
		}
		to, err := wire.CutReply([]byte("1 r " + text + " anything"))
		got := wire.Token{Partition: want.Partition, Instance: string(to.Instance), Slot: to.Slot, Generation: to.Generation}
		if got != want || string(to.Rest) != "anything" || err != nil {
			t.Errorf("token %q read as %+v and %q, %v, want %+v", text, got, to.Rest, err, want)
		}
		for _, bad := range []string{text + " ", text + ".0", " " + text, "x" + text} {
			if _, err := wire.ParseToken(bad); !errors.Is(err, wire.ErrMalformed) {
				t.Errorf("%q parsed: error %v, want %q", bad, err, wire.ErrMalformed)
			}
		}
	}
	for _, bad := range []string{"1 r ", "1 r 0.a.0.0", "1 r 0.a.0 a.b.0", "1 r 0.a.0.0. a.b.0", "1 r 0.a..0 a.b.0", ""} {
		if _, err := wire.CutReply([]byte(bad)); !errors.Is(err, wire.ErrMalformed) {
			t.Errorf("token of %q: error %v, want %q", bad, err, wire.ErrMalformed)
		}
	}
}

// TestBytes checks each byte in each place where a class of bytes is allowed.
func TestBytes(t *testing.T) {
	t.Parallel()
	for i := range 256 {
		c := byte(i)
		digit, upper, lower := '0' <= c && c <= '9', 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z'
		word := digit || upper || lower
		s := "a" + string([]byte{c}) + "a"
		tests := map[string]struct {
			err  error
			want bool
		}{
			"id":       {wire.ValidID(s), word || c == '-' || c == '_' || c == ':'},
			"service":  {wire.ValidService(s), digit || lower || c == '-'},
			"endpoint": {wire.ValidEndpoint("/" + s), c >= 0x20 && c < 0x7f},
			"instance": {tokenError("0." + s + ".0.0"), word},
			"run":      {decode([]byte("1 r 0.a.0.0 a." + s + ".0")), word},
			"header":   {decode([]byte("1 n a /" + s + " c")), c > 0x20 && c < 0x7f && c != '%'},
			"topic":    {decoders[wire.HeaderDead]([]byte("1 " + s + " 0 0 0 a - 0 0 0")), word || c == '.' || c == '_' || c == '-'},
		}
		for name, tt := range tests {
			if got := tt.err == nil; got != tt.want {
				t.Errorf("%s with byte %#x is accepted: %t, want %t (error %v)", name, c, got, tt.want, tt.err)
			}
		}
	}
}

func tokenError(s string) error {
	_, err := wire.ParseToken(s)
	return err
}
