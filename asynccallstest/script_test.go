package asynccallstest_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/asynccallstest"
)

// TestScript calls an endpoint with a step of each kind, twice.
func TestScript(t *testing.T) {
	t.Parallel()
	header := asynccalls.Header{{Key: "k", Value: "v"}}
	steps := []any{
		"text", []byte("bytes"), nil, 2 * time.Second,
		&asynccalls.Response{Status: 201, Header: header, Body: []byte("made")},
		map[string]int{"n": 1},
		7,
	}
	tests := map[string]struct {
		last []any
		want string
	}{
		"well":           {nil, "<nil> after 2s"},
		"an error":       {[]any{&asynccalls.Error{Status: 404, Message: "gone"}}, "status 404: gone after 2s"},
		"no end":         {[]any{asynccallstest.NoEnd, "never"}, "deadline exceeded after 30s"},
		"a last one":     {[]any{&asynccalls.Response{End: true}, "never"}, "<nil> after 2s"},
		"not JSON":       {[]any{make(chan int)}, "status 500: internal error after 2s"},
		"over its time":  {[]any{time.Hour}, "deadline exceeded after 30s"},
		"something else": {[]any{errors.ErrUnsupported}, "status 500: internal error after 2s"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asynccallstest.Run(t, func(t testing.TB, b *asynccallstest.Broker) {
				b.Fake("server", func(s *asynccalls.Service) { s.Handle("/e", asynccallstest.Script(append(steps, tt.last...)...)) })
				for range 2 {
					begun := time.Now()
					var err error
					var got []*asynccalls.Response
					for resp, failure := range b.Client().Call(t.Context(), asynccalls.NewRequest("server", "/e", nil)).Responses() {
						if failure != nil {
							err = failure
							break
						}
						if len(resp.Body) > 0 {
							got = append(got, resp)
						}
					}
					asynccallstest.Equal(t, got,
						asynccalls.NewResponse([]byte("text")), asynccalls.NewResponse([]byte("bytes")),
						&asynccalls.Response{Status: 201, Header: header, Body: []byte("made")},
						asynccalls.NewResponse([]byte(`{"n":1}`)), asynccalls.NewResponse([]byte("7")))
					if end := fmt.Sprint(err, " after ", time.Since(begun).Round(time.Second)); !strings.HasSuffix(end, tt.want) {
						t.Errorf("the call ended with %q, want %q", end, tt.want)
					}
				}
			})
		})
	}
}
