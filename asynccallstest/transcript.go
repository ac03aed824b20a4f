package asynccallstest

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/internal/wire"
)

// Transcript returns all that was sent, answered and put into the dead letters, a line for
// each, in the order in which the broker stored it: since when the test runs, who sent it,
// to whom, what it is, its key and its body, but no headers. In [Run] it is the same each
// time, to the byte, so that a test can compare it with a file.
func (b *Broker) Transcript() string {
	b.w.mu.Lock()
	defer b.w.mu.Unlock()
	return strings.Join(b.w.transcript, "")
}

// transcribe takes in that a record was stored. The lock is held.
func (c *conn) transcribe(s *sighting) {
	at := time.Since(c.w.begun).Round(time.Millisecond)
	c.w.transcript = append(c.w.transcript, fmt.Sprintf("%v %s -> %s\n", at, c.label, s.line))
}

// requestLine is what the transcript says of a request.
func requestLine(r *asynccalls.Request, w *wire.Request) string {
	how := map[wire.Kind]string{wire.KindCall: "call", wire.KindSend: "send", wire.KindNotify: "notify"}[w.Kind]
	line := fmt.Sprintf("%s%s: %s %s", r.Service, r.Endpoint, how, r.ID)
	if r.Key != "" {
		line += " key " + printable([]byte(r.Key))
	}
	return strings.TrimRight(line+" "+printable(r.Body), " ")
}

// responseLine is what the transcript says of a response.
func responseLine(to string, w *wire.Response, body []byte) string {
	line := fmt.Sprintf("%s: answer %d to %s", to, w.Seq, w.RequestID)
	if w.Bare {
		return fmt.Sprintf("%s: end of %s", to, w.RequestID)
	}
	if w.End {
		line += ", the end"
	}
	if w.Status != 200 {
		line += fmt.Sprintf(", status %d", w.Status)
	}
	return strings.TrimRight(line+" "+printable(body), " ")
}

// printable returns text that fits into a line.
func printable(body []byte) string {
	if utf8.Valid(body) && strings.IndexFunc(string(body), unicode.IsControl) < 0 {
		return string(body)
	}
	return fmt.Sprintf("%q", body)
}
