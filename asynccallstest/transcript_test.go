package asynccallstest_test

import (
	"errors"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/asynccallstest"
)

// TestTranscript has one of each kind of record sent, also by a process that has taken
// the place of another.
func TestTranscript(t *testing.T) {
	t.Parallel()
	const want = `0s test -> server/well: call req-1 key k hello
0s server -> test: answer 0 to req-1 one
1s server -> test: answer 1 to req-1, the end, status 201 "two\n"
1s test-server -> server/none: send req-2
1s server -> test-server: end of req-2
1s test -> server/refused: notify req-3 hello
1s server -> dead letters: req-3 hello
1.25s test -> server/refused: call req-4
1.25s server#2 -> test: answer 0 to req-4, the end, status 409 no
`
	asynccallstest.Run(t, func(t testing.TB, b *asynccallstest.Broker) {
		refusal := &asynccalls.Error{Status: 409, Message: "no"}
		s := b.Start(service("server", map[string]asynccalls.Handler{
			"/well": asynccallstest.Script("one", time.Second, &asynccalls.Response{
				Status: 201, End: true, Body: []byte("two\n"),
			}),
			"/none":    asynccallstest.Script(),
			"/refused": asynccallstest.Script(refusal),
		}))
		r := asynccalls.NewRequest("server", "/well", []byte("hello"))
		r.Key = "k"
		s.Call(r)
		s.Send(asynccalls.NewRequest("server", "/none", nil))
		s.Notify(asynccalls.NewRequest("server", "/refused", []byte("hello")))
		b.Wait()
		s.Crash()
		if got := s.Call(asynccalls.NewRequest("server", "/refused", nil)); !errors.As(got.Err, &refusal) {
			t.Errorf("the call ended with %v", got.Err)
		}
		if got := b.Transcript(); got != want {
			t.Errorf("the transcript is\n%swant\n%s", got, want)
		}
	})
}
