package confluent_test

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls"
	"github.com/confluentinc/confluent-kafka-go/v2/kafka"

	"github.com/asynccalls/asynccalls/driver/confluent"
)

// victimVariable makes the test binary a server that is killed; see serveVictim.
const victimVariable = "ASYNCCALLS_VICTIM"

// mortal has the group notice soon that a member is dead.
func mortal() kafka.ConfigMap { return kafka.ConfigMap{"session.timeout.ms": 6000} }

// serveVictim serves until the process is killed, or its standard input ends. Its
// responses come in two: the first before the request is done.
func serveVictim(addr, prefix string) error {
	settings := mortal()
	d, err := confluent.Open(addr, &settings)
	if err != nil {
		return err
	}
	s, err := asynccalls.New("server", d, asynccalls.Topics{Prefix: prefix})
	if err != nil {
		return err
	}
	s.Handle("/e", func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
		for i := range 2 {
			if err := w.Send(ctx, asynccalls.NewResponse(fmt.Appendf(nil, "%s %s %d", r.Key, r.Body, i))); err != nil {
				return err
			}
		}
		return nil
	})
	ended := make(chan error, 1)
	go func() { ended <- s.Listen(context.Background()) }()
	if err := s.Ready(context.Background()); err != nil {
		return err
	}
	_, _ = fmt.Fprintln(os.Stdout, "ready")
	_, err = io.Copy(io.Discard, os.Stdin)
	return errors.Join(err, s.Close(), <-ended, d.Close())
}

// victim starts a server in a process of its own, and returns when it serves.
func victim(tb testing.TB, addr, prefix string) (kill func()) {
	tb.Helper()
	program, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	c := exec.Command(program, addr, prefix)
	c.Env = append(os.Environ(), victimVariable+"=1")
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := c.Start(); err != nil {
		tb.Fatal(err)
	}
	kill = func() {
		_ = c.Process.Kill()
		_ = c.Wait()
		_ = in.Close()
	}
	tb.Cleanup(kill)
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "ready\n" {
		tb.Fatalf("the server says %q, %v, want that it is ready", line, err)
	}
	return kill
}

// TestKill kills the only server again and again while requests are on their way: all
// responses to each arrive, also of those that it was just handling, some more than once.
func TestKill(t *testing.T) {
	t.Parallel()
	for cluster, addr := range clusters(t) {
		t.Run(cluster, func(t *testing.T) {
			t.Parallel()
			const kills, perRound = 3, 150
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			t.Cleanup(cancel)
			prefix := "test-" + rand.Text() + "."
			l := &ledger{tb: t, next: map[string]int{}, answered: map[string]bool{}, changed: make(chan struct{})}
			client := newService(t, "client", open(t, addr, mortal()), asynccalls.Topics{Prefix: prefix})
			responses := make(chan struct{}, 1) // gets an element when one has come
			client.HandleResponses("server", "/e", func(_ context.Context, r *asynccalls.Response) error {
				l.take(string(r.Body))
				select {
				case responses <- struct{}{}:
				default: // it is known already
				}
				return nil
			})
			listen(t, client)
			kill := victim(t, addr, prefix)
			for round := range kills + 1 {
				var batch []*asynccalls.Request
				for i := range perRound {
					r := asynccalls.NewRequest("server", "/e", []byte(strconv.Itoa(round*perRound+i)))
					r.Key = strconv.Itoa(i % 7)
					batch = append(batch, r)
				}
				sent := make(chan error, 1)
				go func() { sent <- client.Send(ctx, batch...) }()
				if round < kills {
					select { // it handles some of these
					case <-responses:
					case <-ctx.Done():
						t.Fatal("no response")
					}
					kill()
				}
				if err := <-sent; err != nil {
					t.Fatal(err)
				}
				if round < kills {
					kill = victim(t, addr, prefix)
				}
			}
			const want = 2 * (kills + 1) * perRound
			if got := l.await(ctx, want); got != want {
				t.Errorf("%d of %d responses have come", got, want)
			}
		})
	}
}
