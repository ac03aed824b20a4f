package wire_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls/internal/wire"
)

var update = flag.Bool("update", false, "write the test vectors instead of checking them")

// The vectors are files, so that other languages can use them.
type (
	requestVector struct {
		Name   string        `json:"name"`
		Header string        `json:"header"`
		Fields requestFields `json:"fields"`
	}
	requestFields struct {
		Kind      string `json:"kind"`
		ID        string `json:"id"`
		Endpoint  string `json:"endpoint"`
		From      string `json:"from"`
		TTL       int64  `json:"ttl,omitempty"`
		Token     string `json:"token,omitempty"`
		Partition *int32 `json:"partition,omitempty"`
	}
	responseVector struct {
		Name   string         `json:"name"`
		Header string         `json:"header"`
		Fields responseFields `json:"fields"`
	}
	responseFields struct {
		Kind      string `json:"kind"`
		Token     string `json:"token,omitempty"`
		ID        string `json:"id"`
		RequestID string `json:"request_id"`
		Run       string `json:"run"`
		Seq       int32  `json:"seq"`
		Service   string `json:"service,omitempty"`
		Endpoint  string `json:"endpoint,omitempty"`
		Status    int    `json:"status"`
		End       bool   `json:"end"`
		Bare      bool   `json:"bare"`
	}
	deadVector struct {
		Name   string     `json:"name"`
		Header string     `json:"header"`
		Fields deadFields `json:"fields"`
	}
	deadFields struct {
		Topic     string `json:"topic"`
		Partition *int32 `json:"partition,omitempty"`
		Offset    *int64 `json:"offset,omitempty"`
		Time      int64  `json:"time"`
		Service   string `json:"service"`
		Endpoint  string `json:"endpoint,omitempty"`
		Attempts  int    `json:"attempts"`
		First     int64  `json:"first"`
		Last      int64  `json:"last"`
		Stub      bool   `json:"stub,omitempty"`
	}
	invalidVector struct {
		Name   string `json:"name"`
		Header string `json:"header"`
		Value  string `json:"value"`
		Error  string `json:"error"`
		Why    string `json:"why"`
	}
)

const (
	longToken   = "2147483647.ABCDEFGHabcdefgh.4294967295.4294967295"
	longID      = "0123456789-ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
	longRun     = "0123456789ABCDEFGHIJKLabcdefghij"
	longTTL     = 365 * 24 * time.Hour
	longService = "a-0123456789-0123456789-0123456789-0123456789-0123456789-0123456789-0123456789-0123456789-abcdefghij"
)

var (
	longEndpoint = "/" + strings.Repeat("0123456789", 102) + "abc"
	longEscaped  = "/" + strings.Repeat("é", 170) + "abc"
)

func requests() []requestVector {
	list := []struct {
		name string
		wire.Request
	}{
		{"awaited", wire.Request{
			Kind: wire.KindCall, ID: "0Zx4mQ9bT2Lk3h", Endpoint: "/show-me-the-money", From: "a-client",
			TTL: 30 * time.Second, Token: "3.Jk2m9QpA.117.4",
		}},
		{"awaited, everything as short as possible", wire.Request{
			Kind: wire.KindCall, ID: "a", Endpoint: "/", From: "c", TTL: time.Millisecond, Token: "0.a.0.0",
		}},
		{"awaited, everything as long as possible", wire.Request{
			Kind: wire.KindCall, ID: longID, Endpoint: longEndpoint, From: longService, TTL: longTTL, Token: longToken,
		}},
		{"durable", wire.Request{
			Kind: wire.KindSend, ID: "0Zx4mQ9bT2Lk3h", Endpoint: "/show-me-the-money", From: "a-client",
		}},
		{"durable, with a ttl", wire.Request{
			Kind: wire.KindSend, ID: "0Zx4mQ9bT2Lk3h", Endpoint: "/show-me-the-money", From: "a-client", TTL: time.Hour,
		}},
		{"one-way", wire.Request{
			Kind: wire.KindNotify, ID: "0Zx4mQ9bT2Lk3h", Endpoint: "/show-me-the-money", From: "a-client",
		}},
		{"one-way, with a ttl", wire.Request{
			Kind: wire.KindNotify, ID: "0Zx4mQ9bT2Lk3h", Endpoint: "/show-me-the-money", From: "a-client",
			TTL: 1500 * time.Millisecond,
		}},
		{"id of a UUID", wire.Request{
			Kind: wire.KindNotify, ID: "urn:uuid:6ba7b810-9dad-11d1-80b4-00c04fd430c8", Endpoint: "/a", From: "c",
		}},
		{"endpoint with a space", notify("/show me")},
		{"endpoint with a percent sign", notify("/100%/a%20b")},
		{"endpoint with two, three and four bytes in a character", notify("/café/€/😀")},
		{"endpoint with all that is not escaped", notify(
			"/!\"#$&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~")},
		{"endpoint with characters from U+0080, which are no control characters here", notify("/\u0080\u009f\u2028")},
		{"endpoint as long as possible when escaped", notify(longEscaped)},
		{"endpoint with empty and relative segments", notify("//a/../b/")},
	}
	vectors := make([]requestVector, len(list))
	for i, r := range list {
		value, err := wire.AppendRequest(nil, &r.Request)
		if err != nil {
			panic(err) //nolint:forbidigo // the table is wrong
		}
		vectors[i] = requestVector{r.name, string(value), fieldsOfRequest(r.Request)}
	}
	return vectors
}

func notify(endpoint string) wire.Request {
	return wire.Request{Kind: wire.KindNotify, ID: "a", Endpoint: endpoint, From: "c"}
}

func responses() []responseVector {
	reply := wire.Response{Kind: wire.KindReply, Token: "3.Jk2m9QpA.117.4", RequestID: "0Zx4mQ9bT2Lk3h", Run: "7fK2"}
	response := wire.Response{
		Kind: wire.KindResponse, RequestID: "0Zx4mQ9bT2Lk3h", Run: "7fK2", Service: "a-money-broker",
		Endpoint: "/show-me-the-money",
	}
	with := func(r wire.Response, seq int32, status int, end, bare bool) wire.Response {
		r.Seq, r.Status, r.End, r.Bare = seq, status, end, bare
		return r
	}
	escaped := response
	escaped.Endpoint = "/café au lait"
	list := []struct {
		name string
		wire.Response
	}{
		{"awaited, the first response", with(reply, 0, 200, false, false)},
		{"awaited, a later response", with(reply, 12, 200, false, false)},
		{"awaited, the only response", with(reply, 0, 200, true, false)},
		{"awaited, a response with a status", with(reply, 1, 206, false, false)},
		{"awaited, a response with the highest status that is no error", with(reply, 1, 399, false, false)},
		{"awaited, the last response with a status", with(reply, 2, 201, true, false)},
		{"awaited, the end of a call without responses", with(reply, 0, 200, true, true)},
		{"awaited, the end behind three responses", with(reply, 3, 200, true, true)},
		{"awaited, an error at once", with(reply, 0, 404, true, false)},
		{"awaited, an error behind three responses", with(reply, 3, 500, true, false)},
		{"awaited, the lowest status of an error", with(reply, 0, 400, true, false)},
		{"awaited, the highest status", with(reply, 0, 599, true, false)},
		{"awaited, everything as long as possible", wire.Response{
			Kind: wire.KindReply, Token: longToken, RequestID: longID, Run: longRun, Seq: 2147483647, Status: 599, End: true,
		}},
		{"durable, a response", with(response, 0, 200, false, false)},
		{"durable, the only response", with(response, 0, 200, true, false)},
		{"durable, a response with a status", with(response, 4, 202, false, false)},
		{"durable, the end of a call without responses", with(response, 0, 200, true, true)},
		{"durable, an error", with(response, 1, 503, true, false)},
		{"durable, an escaped endpoint", with(escaped, 0, 200, true, false)},
		{"durable, everything as long as possible", wire.Response{
			Kind: wire.KindResponse, RequestID: longID, Run: longRun, Seq: 2147483647, Service: longService,
			Endpoint: longEndpoint, Status: 599, End: true,
		}},
	}
	vectors := make([]responseVector, len(list))
	for i, r := range list {
		value, err := wire.AppendResponse(nil, &r.Response)
		if err != nil {
			panic(err) //nolint:forbidigo // the table is wrong
		}
		r.ID = strings.Join([]string{r.RequestID, r.Run, strconv.Itoa(int(r.Seq))}, ".")
		vectors[i] = responseVector{r.name, string(value), fieldsOfResponse(r.Response)}
	}
	return vectors
}

func deads() []deadVector {
	start := time.UnixMilli(1767225600000).UTC()
	list := []struct {
		name string
		wire.Dead
	}{
		{"a request that failed five times", wire.Dead{
			Topic: "a-money-broker.requests", Partition: 3, Offset: 1234567, Time: start, Service: "a-money-broker",
			Endpoint: "/show-me-the-money", Attempts: 5, First: start.Add(time.Second), Last: start.Add(time.Minute),
		}},
		{"a record that is not ours, so it never ran", wire.Dead{
			Topic: "staging_A.requests", Partition: 0, Offset: 0, Time: start, Service: "a", First: start, Last: start,
		}},
		{"a response that the broker refused, so it is stored nowhere", wire.Dead{
			Topic: "a-client.responses", Partition: -1, Offset: -1, Time: start, Service: "a-money-broker",
			Endpoint: "/café", Attempts: 1, First: start, Last: start,
		}},
		{"the smallest numbers", wire.Dead{
			Topic: "t", Time: time.UnixMilli(0), Service: "a", Endpoint: "/", First: time.UnixMilli(0), Last: time.UnixMilli(0),
		}},
		{"the largest numbers, of 64 bits, and the longest texts", wire.Dead{
			Topic: strings.Repeat("t", 249), Partition: 2147483647, Offset: 9223372036854775807,
			Time: time.UnixMilli(253402300799999), Service: longService, Endpoint: longEndpoint, Attempts: 2147483647,
			First: time.UnixMilli(253402300799999), Last: time.UnixMilli(253402300799999),
		}},
		{"a stub of a request that was too large", wire.Dead{
			Topic: "a-money-broker.requests", Partition: 3, Offset: 1234568, Time: start, Service: "a-money-broker",
			Endpoint: "/show-me-the-money", Attempts: 1, First: start.Add(time.Second), Last: start.Add(time.Second), Stub: true,
		}},
	}
	vectors := make([]deadVector, len(list))
	for i, d := range list {
		vectors[i] = deadVector{d.name, string(wire.AppendDead(nil, &d.Dead)), fieldsOfDead(d.Dead)}
	}
	return vectors
}

func fieldsOfRequest(r wire.Request) requestFields {
	f := requestFields{string(rune(r.Kind)), r.ID, r.Endpoint, r.From, r.TTL.Milliseconds(), r.Token, nil}
	if r.Kind == wire.KindCall {
		t, _ := wire.ParseToken(r.Token)
		f.Partition = &t.Partition
	}
	return f
}

func fieldsOfResponse(r wire.Response) responseFields {
	return responseFields{
		string(rune(r.Kind)), r.Token, r.ID, r.RequestID, r.Run, r.Seq, r.Service, r.Endpoint, r.Status, r.End, r.Bare,
	}
}

func fieldsOfDead(d wire.Dead) deadFields {
	f := deadFields{
		d.Topic, &d.Partition, &d.Offset, d.Time.UnixMilli(), d.Service, d.Endpoint, d.Attempts,
		d.First.UnixMilli(), d.Last.UnixMilli(), d.Stub,
	}
	if d.Partition < 0 {
		f.Partition, f.Offset = nil, nil
	}
	return f
}

// golden checks or writes a file of vectors.
func golden[T any](t *testing.T, name string, vectors []T) {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(vectors); err != nil {
		t.Fatal(err)
	}
	path := vectorPath(name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, b.Bytes()) {
		t.Errorf("%s differs from what the encoder writes; run this test with -update and look at the difference", path)
	}
}

// vectors reads a file of vectors.
func vectors[T any](tb testing.TB, name string) []T {
	tb.Helper()
	data, err := os.ReadFile(vectorPath(name))
	if err != nil {
		tb.Fatal(err)
	}
	var list []T
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&list); err != nil {
		tb.Fatalf("read %s: %v", name, err)
	}
	return list
}

func vectorPath(name string) string { return filepath.Join("..", "..", "testdata", "wire", name) }

func TestRequestVectors(t *testing.T) {
	t.Parallel()
	golden(t, "requests.json", requests())
	for _, v := range vectors[requestVector](t, "requests.json") {
		r, err := wire.DecodeRequest([]byte(v.Header))
		if err != nil {
			t.Errorf("%s: %v", v.Name, err)
			continue
		}
		if got, want := asJSON(t, fieldsOfRequest(r)), asJSON(t, v.Fields); got != want {
			t.Errorf("%s: decoded to %s, want %s", v.Name, got, want)
		}
		if again, err := wire.AppendRequest(nil, &r); err != nil || string(again) != v.Header {
			t.Errorf("%s: encoded to %q, %v, want %q", v.Name, again, err, v.Header)
		}
	}
}

func TestResponseVectors(t *testing.T) {
	t.Parallel()
	golden(t, "responses.json", responses())
	for _, v := range vectors[responseVector](t, "responses.json") {
		r, err := wire.DecodeResponse([]byte(v.Header))
		if err != nil {
			t.Errorf("%s: %v", v.Name, err)
			continue
		}
		if got, want := asJSON(t, fieldsOfResponse(r)), asJSON(t, v.Fields); got != want {
			t.Errorf("%s: decoded to %s, want %s", v.Name, got, want)
		}
		if again, err := wire.AppendResponse(nil, &r); err != nil || string(again) != v.Header {
			t.Errorf("%s: encoded to %q, %v, want %q", v.Name, again, err, v.Header)
		}
	}
}

func TestDeadVectors(t *testing.T) {
	t.Parallel()
	golden(t, "dead.json", deads())
	for _, v := range vectors[deadVector](t, "dead.json") {
		d, err := wire.DecodeDead([]byte(v.Header))
		if err != nil {
			t.Errorf("%s: %v", v.Name, err)
			continue
		}
		if got, want := asJSON(t, fieldsOfDead(d)), asJSON(t, v.Fields); got != want {
			t.Errorf("%s: decoded to %s, want %s", v.Name, got, want)
		}
		if again := wire.AppendDead(nil, &d); string(again) != v.Header {
			t.Errorf("%s: encoded to %q, want %q", v.Name, again, v.Header)
		}
	}
}

func asJSON(tb testing.TB, v any) string {
	tb.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		tb.Fatal(err)
	}
	return string(b)
}
