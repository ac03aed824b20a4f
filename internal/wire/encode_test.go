package wire_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls/internal/wire"
)

func TestAppendRequestRefuses(t *testing.T) {
	t.Parallel()
	call := wire.Request{Kind: wire.KindCall, ID: "a", Endpoint: "/a", From: "c", TTL: time.Second, Token: "0.a.0.0"}
	with := func(edit func(*wire.Request)) wire.Request {
		r := call
		edit(&r)
		return r
	}
	tests := map[string]struct {
		request wire.Request
		want    string
	}{
		"zero":                   {wire.Request{}, `kind "\x00" is not a request`},
		"kind of a response":     {with(func(r *wire.Request) { r.Kind = wire.KindReply }), `kind "r" is not a request`},
		"no id":                  {with(func(r *wire.Request) { r.ID = "" }), `id "" is not 1 to 64`},
		"id with a space":        {with(func(r *wire.Request) { r.ID = "a b" }), `id "a b" is not 1 to 64`},
		"id with a dot":          {with(func(r *wire.Request) { r.ID = "a.b" }), `id "a.b" is not 1 to 64`},
		"id too long":            {with(func(r *wire.Request) { r.ID = longID + "a" }), `is not 1 to 64`},
		"no endpoint":            {with(func(r *wire.Request) { r.Endpoint = "" }), `endpoint "" does not begin`},
		"endpoint without slash": {with(func(r *wire.Request) { r.Endpoint = "a" }), `endpoint "a" does not begin`},
		"endpoint, line feed":    {with(func(r *wire.Request) { r.Endpoint = "/\n" }), `endpoint "/\n" has a control`},
		"endpoint, delete":       {with(func(r *wire.Request) { r.Endpoint = "/\x7f" }), `has a control`},
		"endpoint, not UTF-8":    {with(func(r *wire.Request) { r.Endpoint = "/\xff" }), `is not valid UTF-8`},
		"endpoint too long":      {with(func(r *wire.Request) { r.Endpoint = longEndpoint + "d" }), `is longer than 1024`},
		"endpoint escaped, long": {with(func(r *wire.Request) { r.Endpoint = longEscaped + "éd" }), `is longer than 1024`},
		"no sender":              {with(func(r *wire.Request) { r.From = "" }), `from "" is not 1 to 100`},
		"sender in upper case":   {with(func(r *wire.Request) { r.From = "C" }), `from "C" is not 1 to 100`},
		"no ttl":                 {with(func(r *wire.Request) { r.TTL = 0 }), `ttl "" is missing`},
		"negative ttl":           {with(func(r *wire.Request) { r.TTL = -1 }), `ttl "-1ns" is not a time of up to`},
		"ttl too long":           {with(func(r *wire.Request) { r.TTL = longTTL + 1 }), `is not a time of up to`},
		"no token":               {with(func(r *wire.Request) { r.Token = "" }), `token "" is no token`},
		"token too long":         {with(func(r *wire.Request) { r.Token += " " }), `token "0.a.0.0 " is no token`},
		"durable with a token":   {with(func(r *wire.Request) { r.Kind = wire.KindSend }), `token "0.a.0.0" is for awaited`},
		"one-way with a token":   {with(func(r *wire.Request) { r.Kind = wire.KindNotify }), `token "0.a.0.0" is for awaited`},
		"a value of a megabyte":  {with(func(r *wire.Request) { r.ID = strings.Repeat("!", 1e6) }), `id "` + strings.Repeat("!", 60) + `" is`},
	}
	for name, tt := range tests {
		dst := []byte("kept")
		got, err := wire.AppendRequest(dst, &tt.request)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q", name, err, tt.want)
		}
		if string(got) != "kept" {
			t.Errorf("%s: returned %q, want dst as it was", name, got)
		}
	}
}

func TestAppendResponseRefuses(t *testing.T) {
	t.Parallel()
	with := func(edit func(*wire.Response)) wire.Response {
		r := wire.Response{Kind: wire.KindReply, Token: "0.a.0.0", RequestID: "a", Run: "b"}
		edit(&r)
		return r
	}
	durable := func(edit func(*wire.Response)) wire.Response {
		r := wire.Response{Kind: wire.KindResponse, RequestID: "a", Run: "b", Service: "s", Endpoint: "/a"}
		edit(&r)
		return r
	}
	tests := map[string]struct {
		response wire.Response
		want     string
	}{
		"zero":                     {wire.Response{}, `request id "" is not`},
		"no kind":                  {with(func(r *wire.Response) { r.Kind = 0 }), `kind "\x00" is not a response`},
		"kind of a request":        {with(func(r *wire.Response) { r.Kind = wire.KindCall }), `kind "c" is not a response`},
		"id with a dot":            {with(func(r *wire.Response) { r.RequestID = "a.b" }), `request id "a.b" is not`},
		"no run":                   {with(func(r *wire.Response) { r.Run = "" }), `run "" is not`},
		"run with a hyphen":        {with(func(r *wire.Response) { r.Run = "a-b" }), `run "a-b" is not`},
		"run too long":             {with(func(r *wire.Response) { r.Run = longRun + "a" }), `is not 1 to 32`},
		"negative number":          {with(func(r *wire.Response) { r.Seq = -1 }), `seq "-1" is not`},
		"no token":                 {with(func(r *wire.Response) { r.Token = "" }), `token "" is no token`},
		"status below 200":         {with(func(r *wire.Response) { r.Status = 199 }), `status "199" is not 200 to 399`},
		"negative status":          {with(func(r *wire.Response) { r.Status = -1 }), `status "-1" is not`},
		"status of an error":       {with(func(r *wire.Response) { r.Status = 400 }), `status "400" is not`},
		"status above 599":         {with(func(r *wire.Response) { r.Status, r.End = 600, true }), `status "600" is not`},
		"bare end with a status":   {with(func(r *wire.Response) { r.Status, r.Bare = 204, true }), `status "204" does not fit`},
		"durable with a token":     {durable(func(r *wire.Response) { r.Token = "0.a.0.0" }), `token "0.a.0.0" is for awaited`},
		"durable without service":  {durable(func(r *wire.Response) { r.Service = "" }), `service "" is not`},
		"durable without endpoint": {durable(func(r *wire.Response) { r.Endpoint = "" }), `endpoint "" does not begin`},
	}
	for name, tt := range tests {
		got, err := wire.AppendResponse([]byte("kept"), &tt.response)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q", name, err, tt.want)
		}
		if string(got) != "kept" {
			t.Errorf("%s: returned %q, want dst as it was", name, got)
		}
	}
}

func TestAppendResponseDefaults(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		status    int
		end, bare bool
		want      string
	}{
		"status 0":              {0, false, false, "1 r 0.a.0.0 a.b.0"},
		"status 200":            {200, false, false, "1 r 0.a.0.0 a.b.0"},
		"status 0 at the end":   {0, true, false, "1 r 0.a.0.0 a.b.0 e"},
		"bare implies end":      {0, false, true, "1 r 0.a.0.0 a.b.0 b"},
		"bare with status 200":  {200, true, true, "1 r 0.a.0.0 a.b.0 b"},
		"status 599 at the end": {599, true, false, "1 r 0.a.0.0 a.b.0 e599"},
	}
	for name, tt := range tests {
		r := wire.Response{
			Kind: wire.KindReply, Token: "0.a.0.0", ID: "ignored", RequestID: "a", Run: "b",
			Status: tt.status, End: tt.end, Bare: tt.bare, Service: "ignored", Endpoint: "ignored",
		}
		if got, err := wire.AppendResponse(nil, &r); err != nil || string(got) != tt.want {
			t.Errorf("%s: encoded to %q, %v, want %q", name, got, err, tt.want)
		}
	}
}

func TestTTLIsRoundedUp(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		ttl  time.Duration
		want string
	}{
		"a nanosecond":               {1, "1"},
		"a millisecond":              {time.Millisecond, "1"},
		"a millisecond and a bit":    {time.Millisecond + 1, "2"},
		"a second but a nanosecond":  {time.Second - 1, "1000"},
		"365 days":                   {longTTL, "31536000000"},
		"365 days but a nanosecond":  {longTTL - 1, "31536000000"},
		"365 days but a millisecond": {longTTL - time.Millisecond, "31535999999"},
	}
	for name, tt := range tests {
		r := wire.Request{Kind: wire.KindSend, ID: "a", Endpoint: "/", From: "c", TTL: tt.ttl}
		if got, err := wire.AppendRequest(nil, &r); err != nil || string(got) != "1 s a / c "+tt.want {
			t.Errorf("%s: encoded to %q, %v, want the ttl %q", name, got, err, tt.want)
		}
	}
}

func TestAllocations(t *testing.T) { //nolint:paralleltest // AllocsPerRun counts those of the whole process
	call, err := wire.DecodeRequest([]byte(benchEscaped))
	if err != nil {
		t.Fatal(err)
	}
	response, err := wire.DecodeResponse([]byte(benchResponse))
	if err != nil {
		t.Fatal(err)
	}
	dead, err := wire.DecodeDead([]byte(benchDead))
	if err != nil {
		t.Fatal(err)
	}
	token := wire.Token{Partition: 3, Instance: "Jk2m9QpA", Slot: 117, Generation: 4}
	buf := make([]byte, 0, 256)
	request, reply, escaped := []byte(benchCall), []byte(benchReply), []byte(benchEscaped)
	tests := map[string]struct {
		f    func()
		want float64
	}{
		"AppendRequest":              {func() { _, _ = wire.AppendRequest(buf, &call) }, 0},
		"AppendResponse":             {func() { _, _ = wire.AppendResponse(buf, &response) }, 0},
		"AppendDead":                 {func() { _ = wire.AppendDead(buf, &dead) }, 0},
		"AppendToken":                {func() { _ = wire.AppendToken(buf, token) }, 0},
		"KindOf":                     {func() { _, _ = wire.KindOf(request) }, 0},
		"CutReply":                   {func() { _, _ = wire.CutReply(reply) }, 0},
		"ParseToken":                 {func() { _, _ = wire.ParseToken("3.Jk2m9QpA.117.4") }, 0},
		"ErrorText":                  {func() { _ = wire.ErrorText("nothing to replace") }, 0},
		"DecodeRequest":              {func() { _, _ = wire.DecodeRequest(request) }, 1},
		"DecodeRequest with escapes": {func() { _, _ = wire.DecodeRequest(escaped) }, 2},
		"DecodeResponse":             {func() { _, _ = wire.DecodeResponse(reply) }, 1},
		"DecodeResponse, durable":    {func() { _, _ = wire.DecodeResponse([]byte(benchResponse)) }, 1},
		"DecodeDead":                 {func() { _, _ = wire.DecodeDead([]byte(benchDead)) }, 1},
	}
	for name, tt := range tests {
		if got := testing.AllocsPerRun(100, tt.f); got > tt.want {
			t.Errorf("%s: %v allocations, want at most %v", name, got, tt.want)
		}
	}
}

// TestRequestCaller writes the token of a caller without a text for it: it is the same,
// and what can't be written is refused.
func TestRequestCaller(t *testing.T) {
	t.Parallel()
	r := wire.Request{Kind: wire.KindCall, ID: "id", Endpoint: "/e", From: "client", TTL: time.Second}
	byText, byCaller := r, r
	byText.Token = "3.abc.17.4294967295"
	byCaller.Caller = wire.Token{Partition: 3, Instance: "abc", Slot: 17, Generation: math.MaxUint32}
	want, err := wire.AppendRequest(nil, &byText)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := wire.AppendRequest(nil, &byCaller); err != nil || string(got) != string(want) {
		t.Errorf("wrote %q, %v, want %q", got, err, want)
	}
	for name, caller := range map[string]wire.Token{
		"none":               {},
		"negative partition": {Partition: -1, Instance: "abc"},
		"not a word":         {Instance: "a.c"},
		"too long":           {Instance: strings.Repeat("a", 1000)},
	} {
		r.Caller = caller
		if got, err := wire.AppendRequest(nil, &r); err == nil {
			t.Errorf("%s: wrote %q", name, got)
		}
	}
}
