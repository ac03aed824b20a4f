package acurl

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/tidwall/pretty"

	"github.com/asynccalls/asynccalls/internal/wire"
)

// tail is the command that shows what goes on.
type tail struct {
	io         *streams
	connection *connection

	endpoint, key, from, id string
	status                  string
	slower                  time.Duration
	since                   time.Duration
	calls, lines, bodies    bool
	most                    int

	colors bool
	ended  int
}

func newTail(io *streams, c *connection) *cobra.Command {
	t := &tail{io: io, connection: c}
	cmd := &cobra.Command{
		Use:   "tail SERVICE",
		Short: "Watch the requests to a service, their responses and ends",
		Long: `Tail writes a line for each request to a service (>), each of its responses (<), its end (=)
and its dead letter (x), joined by the ID of the request, until it is interrupted. It reads
without a group, so nobody notices. Times are those of the broker.

Of what tail was not there to see the beginning, it shows nothing; --since begins earlier. It
remembers the last 100000 calls. A one-way request has no end that could be seen.`,
		Example: `  acurl tail orders
  acurl tail orders --endpoint '/place/*' --status 5xx -d
  acurl tail orders --calls --slower 500ms
  acurl tail orders --since 10m --id 0Zx4mQ9bT2Lk3h`,
		Args: cobra.ExactArgs(1),
		RunE: t.run,
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&t.endpoint, "endpoint", "", "calls of this `ENDPOINT`, or of those that begin so, with a * at the end")
	f.StringVarP(&t.key, "key", "k", "", "calls with this `KEY`")
	f.StringVar(&t.from, "from", "", "calls of this `SERVICE`")
	f.StringVar(&t.id, "id", "", "the call with this `ID`")
	f.StringVar(&t.status, "status", "", "only ends with this `STATUS`, such as 404 or 5xx")
	f.DurationVar(&t.slower, "slower", 0, "only ends that came later than this `TIME` after the request")
	f.DurationVar(&t.since, "since", 0, "begin this `TIME` ago")
	f.BoolVar(&t.calls, "calls", false, "write one line for each call, when it has ended")
	f.BoolVarP(&t.bodies, "bodies", "d", false, "write bodies too, in one line")
	f.BoolVar(&t.lines, "jsonl", false, "write each line as JSON")
	f.IntVarP(&t.most, "calls-to-see", "n", 0, "stop after the end of `N` calls")
	return cmd
}

func (t *tail) run(cmd *cobra.Command, args []string) error {
	if t.status != "" && !validStatus(t.status) {
		return fmt.Errorf("--status %q is not a number such as 404, or a class such as 4xx", t.status)
	}
	if t.slower < 0 || t.since < 0 || t.most < 0 {
		return errors.New("--slower, --since and -n must not be negative")
	}
	t.colors = isColored(t.io.out)
	ctx := cmd.Context()
	i, err := t.connection.inspector(ctx, 0)
	if err != nil {
		return err
	}
	defer i.close()
	var since time.Time
	if t.since > 0 {
		since = time.Now().Add(-t.since)
	}
	w, err := t.connection.watch(ctx, i.admin, args[0], since)
	if err != nil {
		return t.connection.failed(err, 0)
	}
	defer w.close()
	if !t.lines {
		fmt.Fprintf(t.io.err, "Watching %s at %s. Ctrl-C ends it.\n", args[0], t.connection.brokers)
	}
	for {
		happened, err := w.next(ctx)
		if err != nil {
			return t.connection.failed(err, 0)
		}
		for _, h := range happened {
			if over, err := t.show(h); over || err != nil {
				return err
			}
		}
	}
}

func validStatus(text string) bool {
	if len(text) == 3 && text[1:] == "xx" {
		return text[0] >= '1' && text[0] <= '5'
	}
	n, err := strconv.Atoi(text)
	return err == nil && n >= 100 && n <= 599
}

// show writes a happening, if it is wanted, and reports whether that was enough.
func (t *tail) show(h *happening) (over bool, err error) {
	if !t.wants(h) {
		return false, nil
	}
	var line string
	switch {
	case t.lines:
		line, err = t.asJSON(h)
	case t.calls:
		line = t.summary(h)
	default:
		line = t.line(h)
	}
	if err != nil {
		return false, err
	}
	if _, err := fmt.Fprintln(t.io.out, line); err != nil {
		return false, err
	}
	if h.What == whatEnd || h.What == whatDead || h.call.kind == wire.KindNotify {
		t.ended++
	}
	return t.most > 0 && t.ended >= t.most, nil
}

// wants reports whether the filters let a happening through.
func (t *tail) wants(h *happening) bool {
	c := h.call
	if !t.wantsCall(c) {
		return false
	}
	if (t.status != "" || t.slower > 0) && h.What != whatEnd {
		return false
	}
	if t.status != "" && !strings.HasPrefix(strconv.Itoa(h.Status), strings.TrimSuffix(t.status, "xx")) {
		return false
	}
	if h.Time.Sub(c.begun) < t.slower {
		return false
	}
	return !t.calls || h.What == whatEnd || h.What == whatDead ||
		h.What == whatRequest && c.kind == wire.KindNotify
}

func (t *tail) wantsCall(c *tracedCall) bool {
	prefix, open := strings.CutSuffix(t.endpoint, "*")
	return (t.endpoint == "" || c.endpoint == t.endpoint || open && strings.HasPrefix(c.endpoint, prefix)) &&
		(t.key == "" || c.key == t.key) && (t.from == "" || c.from == t.from) && (t.id == "" || c.id == t.id)
}

// line is what a happening looks like in a line of its own.
func (t *tail) line(h *happening) string {
	c := h.call
	after := h.Time.Sub(c.begun)
	var text string
	switch h.What {
	case whatRequest:
		text = t.color(cyan, ">") + fmt.Sprintf(" %s from %s, %s%d bytes", c.endpoint, c.from, ofKey(c.key), h.Size) +
			map[wire.Kind]string{wire.KindNotify: ", one-way", wire.KindSend: ", durable"}[c.kind]
	case whatResponse:
		text = t.color(green, "<") + fmt.Sprintf(" %d response %d after %v, %d bytes", h.Status, h.Seq, after, h.Size)
	case whatEnd:
		text = t.color(t.colorOf(h), "=") +
			fmt.Sprintf(" %d after %v, %d responses", h.Status, after, c.responses[h.Run])
	case whatDead:
		text = t.color(red, "x") + fmt.Sprintf(" dead letter after %v, %d attempts", after, h.Tries)
	}
	if h.Error != "" {
		text += ": " + wire.ErrorText(h.Error)
	} else if t.bodies && len(h.body) > 0 && h.What != whatEnd {
		text += "  " + t.body(h.body)
	}
	return fmt.Sprintf("%s  %s  %s", h.Time.Local().Format("15:04:05.000"), h.ID, text)
}

// summary is what a call looks like that has ended.
func (t *tail) summary(h *happening) string {
	c := h.call
	text := "one-way"
	switch h.What {
	case whatEnd:
		text = fmt.Sprintf("%d, %d responses", h.Status, c.responses[h.Run])
		if c.responses[h.Run] > 0 {
			text += fmt.Sprintf(", the first after %v", c.first.Sub(c.begun))
		}
		text += fmt.Sprintf(", ended after %v", h.Time.Sub(c.begun))
	case whatDead:
		text = fmt.Sprintf("dead letter after %v, %d attempts", h.Time.Sub(c.begun), h.Tries)
	case whatRequest, whatResponse:
	}
	if h.Error != "" {
		text += ": " + wire.ErrorText(h.Error)
	}
	return fmt.Sprintf("%s  %s  %s from %s, %s%s", h.Time.Local().Format("15:04:05.000"), h.ID, c.endpoint, c.from,
		ofKey(c.key), t.color(t.colorOf(h), text))
}

func ofKey(key string) string {
	if key == "" {
		return ""
	}
	return fmt.Sprintf("key %q, ", key)
}

// body is a body in one line.
func (t *tail) body(body []byte) string {
	const most = 200
	if json.Valid(body) {
		body = pretty.Ugly(body)
	}
	text := strconv.Quote(string(body[:min(len(body), most)]))
	text = strings.ReplaceAll(text[1:len(text)-1], `\"`, `"`)
	if len(body) > most {
		text += " …"
	}
	return text
}

// asJSON is a happening as JSON, with what is known of its call.
func (t *tail) asJSON(h *happening) (string, error) {
	line := struct {
		*happening

		From      string  `json:"from"`
		Endpoint  string  `json:"endpoint"`
		Key       string  `json:"key,omitempty"`
		After     float64 `json:"after"` // seconds since the request
		Responses int     `json:"responses,omitempty"`
		Body      any     `json:"body,omitempty"`
	}{
		happening: h, From: h.call.from, Endpoint: h.call.endpoint, Key: h.call.key,
		After: h.Time.Sub(h.call.begun).Seconds(),
	}
	if h.What == whatEnd {
		line.Responses = h.call.responses[h.Run]
	}
	if t.bodies && len(h.body) > 0 {
		line.Body = jsonOr(h.body)
	}
	text, err := json.Marshal(line)
	return string(text), err
}

// The colors of a terminal, as ECMA-48 numbers them.
const (
	red   = 31
	green = 32
	cyan  = 36
)

func (t *tail) colorOf(h *happening) int {
	if h.Status >= 400 || h.What == whatDead {
		return red
	}
	return green
}

func (t *tail) color(color int, text string) string {
	if !t.colors {
		return text
	}
	return fmt.Sprintf("\x1b[%dm%s\x1b[0m", color, text)
}
