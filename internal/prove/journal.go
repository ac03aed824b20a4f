//go:build unix

package prove

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/checker"
)

// Kinds of events that only this package knows; the checker passes over them.
const (
	// joined says that the group told an instance of its partitions.
	joined checker.Kind = "joined"

	// sentAll says that a sender has sent all that it was to send.
	sentAll checker.Kind = "sent all"
)

// journal is the file in which an instance writes down what it sees. What was
// written survives the process: it is with the system at once.
type journal struct {
	instance string
	file     *os.File
}

func openJournal(p *part) (*journal, error) {
	f, err := os.OpenFile(p.Journal, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	return &journal{p.Instance, f}, nil
}

// add writes an event down. An instance that can't is of no use, and ends.
func (j *journal) add(e checker.Event) {
	e.Instance = j.instance
	if e.At.IsZero() {
		e.At = time.Now()
	}
	if err := checker.WriteJSON(j.file, e); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// identify returns what a record is, as far as its header ac tells: the request
// that it is, or the response. See PROTOCOL.md, section 3.
func identify(r *driver.Record) checker.Event {
	e := checker.Event{Key: string(r.Key)}
	for _, h := range r.Headers {
		if h.Key != "ac" {
			continue
		}
		fields := strings.Fields(string(h.Value))
		switch {
		case len(fields) >= 3 && fields[1] == "s":
			e.Request = fields[2]
		case len(fields) >= 3 && fields[1] == "d":
			id := strings.Split(fields[2], ".")
			if len(id) == 3 {
				e.Request, e.Run = id[0], id[1]
				e.Seq, _ = strconv.Atoi(id[2])
			}
		}
	}
	return e
}

// digest tells records apart that differ in anything, null and empty included.
func digest(key, value []byte, headers []driver.Header) string {
	b := appendSized(appendSized(nil, key), value)
	for _, h := range headers {
		b = appendSized(appendSized(b, []byte(h.Key)), h.Value)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}

// appendSized appends the length of v, -1 for null, and v.
func appendSized(b, v []byte) []byte {
	n := len(v)
	if v == nil {
		n = -1
	}
	return append(strconv.AppendInt(b, int64(n), 10), v...)
}
