package asynccallstest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/asynccallstest"
)

// failures takes the failures of a test in.
type failures struct {
	testing.TB

	text string
}

func (f *failures) Helper() {}

func (f *failures) Errorf(format string, args ...any) { f.text += fmt.Sprintf(format, args...) }

func TestEqualOfRequests(t *testing.T) {
	t.Parallel()
	request := func(service, endpoint, body string, edit ...func(*asynccalls.Request)) *asynccalls.Request {
		r := asynccalls.NewRequest(service, endpoint, []byte(body))
		for _, e := range edit {
			e(r)
		}
		return r
	}
	key := func(r *asynccalls.Request) { r.Key = "k" }
	header := func(r *asynccalls.Request) { r.Header.Add("a", "1") }
	tests := map[string]struct {
		got, want []*asynccalls.Request
		diff      string // in the difference; empty for none
	}{
		"none":         {nil, []*asynccalls.Request{}, ""},
		"same":         {[]*asynccalls.Request{request("s", "/e", "b", key)}, []*asynccalls.Request{request("s", "/e", "b", key)}, ""},
		"same as JSON": {[]*asynccalls.Request{request("s", "/e", `{"a":1, "b":2}`)}, []*asynccalls.Request{request("s", "/e", ` {"b":2,"a":1}`)}, ""},
		"other body":   {[]*asynccalls.Request{request("s", "/e", "one")}, []*asynccalls.Request{request("s", "/e", "two")}, `"two"`},
		"other JSON":   {[]*asynccalls.Request{request("s", "/e", `{"a":1}`)}, []*asynccalls.Request{request("s", "/e", `{"a":2}`)}, `"a"`},
		"text as JSON": {[]*asynccalls.Request{request("s", "/e", `1`)}, []*asynccalls.Request{request("s", "/e", `"1"`)}, "Body"},
		"large number": {
			[]*asynccalls.Request{request("s", "/e", `9007199254740993`)},
			[]*asynccalls.Request{request("s", "/e", `9007199254740992`)},
			"9007199254740993",
		},
		"other service":  {[]*asynccalls.Request{request("s", "/e", "")}, []*asynccalls.Request{request("r", "/e", "")}, "r/e"},
		"other endpoint": {[]*asynccalls.Request{request("s", "/e", "")}, []*asynccalls.Request{request("s", "/f", "")}, "s/f"},
		"other key":      {[]*asynccalls.Request{request("s", "/e", "", key)}, []*asynccalls.Request{request("s", "/e", "")}, "Key"},
		"other header":   {[]*asynccalls.Request{request("s", "/e", "", header)}, []*asynccalls.Request{request("s", "/e", "")}, "Header"},
		"one too few":    {nil, []*asynccalls.Request{request("s", "/e", "")}, "s/e"},
		"other order": {
			[]*asynccalls.Request{request("s", "/e", "1"), request("s", "/e", "2")},
			[]*asynccalls.Request{request("s", "/e", "2"), request("s", "/e", "1")},
			"not as wanted",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &failures{}
			asynccallstest.Equal(f, tt.got, tt.want...)
			if (f.text == "") != (tt.diff == "") || !strings.Contains(f.text, tt.diff) {
				t.Errorf("the difference is %q, want %q in it", f.text, tt.diff)
			}
		})
	}
}

func TestEqualOfResponses(t *testing.T) {
	t.Parallel()
	ok := asynccalls.NewResponse([]byte(`{"a": 1}`))
	tests := map[string]struct {
		got, want *asynccalls.Response
		diff      string
	}{
		"same":         {&asynccalls.Response{Status: 200, ID: "x", Body: []byte(`{"a":1}`)}, ok, ""},
		"other status": {&asynccalls.Response{Status: 201, Body: []byte(`{"a":1}`)}, ok, "201"},
		"other body":   {&asynccalls.Response{Body: []byte(`{"a":2}`)}, ok, `"2"`},
		"other header": {&asynccalls.Response{Body: ok.Body, Header: asynccalls.Header{{Key: "k", Value: "v"}}}, ok, `"k"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &failures{}
			asynccallstest.Equal(f, []*asynccalls.Response{tt.got}, tt.want)
			if (f.text == "") != (tt.diff == "") || !strings.Contains(f.text, tt.diff) {
				t.Errorf("the difference is %q, want %q in it", f.text, tt.diff)
			}
		})
	}
}
