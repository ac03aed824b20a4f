package wire_test

import (
	"errors"
	"testing"

	"github.com/asynccalls/asynccalls/internal/wire"
)

// seed adds all vectors of a header, valid and invalid, to the corpus.
func seed(f *testing.F, header string) {
	f.Helper()
	for _, v := range vectors[invalidVector](f, "invalid.json") {
		if v.Header == header {
			f.Add([]byte(v.Value))
		}
	}
	switch header {
	case wire.HeaderDead:
		for _, v := range vectors[deadVector](f, "dead.json") {
			f.Add([]byte(v.Header))
		}
		return
	case wire.HeaderReplay, wire.HeaderReplayed, wire.HeaderDropped:
		for _, v := range vectors[replayVector](f, "replay.json") {
			f.Add([]byte(v.Header))
		}
		for _, v := range vectors[replayedVector](f, "replayed.json") {
			f.Add([]byte(v.Header))
		}
		for _, v := range vectors[droppedVector](f, "dropped.json") {
			f.Add([]byte(v.Header))
		}
		return
	}
	for _, v := range vectors[requestVector](f, "requests.json") {
		f.Add([]byte(v.Header))
	}
	for _, v := range vectors[responseVector](f, "responses.json") {
		f.Add([]byte(v.Header))
	}
}

func FuzzDecodeRequest(f *testing.F) {
	seed(f, wire.Header)
	f.Fuzz(func(t *testing.T, value []byte) { checkRequest(t, value) })
}

func FuzzDecodeResponse(f *testing.F) {
	seed(f, wire.Header)
	f.Fuzz(func(t *testing.T, value []byte) { checkResponse(t, value) })
}

func FuzzDecodeDead(f *testing.F) {
	seed(f, wire.HeaderDead)
	f.Fuzz(func(t *testing.T, value []byte) { checkDead(t, value) })
}

// checkRequest decodes value. What is accepted is what the grammar allows and
// what encoding writes, byte for byte.
func checkRequest(t *testing.T, value []byte) {
	t.Helper()
	r, err := wire.DecodeRequest(value)
	checkAccepted(t, value, err, grammar(requestGrammar, value))
	if err != nil {
		return
	}
	again, err := wire.AppendRequest(nil, &r)
	if err != nil || string(again) != string(value) {
		t.Errorf("%q was decoded to %+v and encoded to %q, %v", value, r, again, err)
	}
	if kind, err := wire.KindOf(value); err != nil || kind != r.Kind {
		t.Errorf("kind of %q is %q, %v, want %q", value, rune(kind), err, rune(r.Kind))
	}
}

func checkResponse(t *testing.T, value []byte) {
	t.Helper()
	to, tokenErr := wire.CutReply(value)
	r, err := wire.DecodeResponse(value)
	checkAccepted(t, value, err, grammar(responseGrammar, value))
	if err != nil {
		return
	}
	again, err := wire.AppendResponse(nil, &r)
	if err != nil || string(again) != string(value) {
		t.Errorf("%q was decoded to %+v and encoded to %q, %v", value, r, again, err)
	}
	if r.Kind != wire.KindReply {
		return
	}
	rest, restErr := wire.DecodeReply(string(to.Rest))
	rest.Token = r.Token
	if rest != r || restErr != nil {
		t.Errorf("%q was decoded to %+v, and without its token to %+v, %v", value, r, rest, restErr)
	}
	got := wire.Token{Instance: string(to.Instance), Slot: to.Slot, Generation: to.Generation}
	want, err := wire.ParseToken(r.Token)
	got.Partition = want.Partition
	if err != nil || tokenErr != nil || got != want {
		t.Errorf("token of %q is %+v, %v, want %+v, %v", value, got, tokenErr, want, err)
	}
}

func checkDead(t *testing.T, value []byte) {
	t.Helper()
	d, err := wire.DecodeDead(value)
	checkAccepted(t, value, err, grammar(deadGrammar, value))
	if err != nil {
		return
	}
	if again := wire.AppendDead(nil, &d); string(again) != string(value) {
		t.Errorf("%q was decoded to %+v and encoded to %q", value, d, again)
	}
}

func checkAccepted(t *testing.T, value []byte, err error, valid bool) {
	t.Helper()
	if (err == nil) != valid {
		t.Errorf("%q is valid: %t, want %t (error %v)", value, err == nil, valid, err)
	}
	if err != nil && errors.Is(err, wire.ErrMalformed) == errors.Is(err, wire.ErrVersion) {
		t.Errorf("%q: error %q is not one of %q and %q", value, err, wire.ErrMalformed, wire.ErrVersion)
	}
}
