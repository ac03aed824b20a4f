package acurl

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/pflag"
	"github.com/tidwall/pretty"

	"github.com/asynccalls/asynccalls"
)

// output says how responses are written.
type output struct {
	include, verbose, raw, lines bool
}

func (o *output) addFlags(f *pflag.FlagSet) {
	f.BoolVarP(&o.include, "include", "i", false, "write status and headers before each body")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "write to stderr what is sent and received, where it lay, and when")
	f.BoolVar(&o.raw, "raw", false, "write bodies as they are, also on a terminal, and nothing between them")
	f.BoolVar(&o.lines, "jsonl", false, "write each response as one line of JSON")
}

// printer writes responses.
type printer struct {
	output

	io        *streams
	terminal  bool
	colored   bool
	begun     time.Time
	responses int
}

func (o *output) printer(io *streams) *printer {
	return &printer{
		output: *o, io: io, terminal: isTerminal(io.out), colored: isColored(io.out), begun: time.Now(),
	}
}

func (p *printer) note(format string, args ...any) {
	if p.verbose {
		fmt.Fprintf(p.io.err, format+"\n", args...)
	}
}

func (p *printer) sending(r *asynccalls.Request) {
	p.note("> %s%s  id %s, key %q, %d bytes", r.Service, r.Endpoint, r.ID, r.Key, len(r.Body))
	for _, h := range r.Header {
		p.note("> %s: %s", h.Key, h.Value)
	}
}

// response writes a response. An error says that it could not be written.
func (p *printer) response(r *asynccalls.Response) error {
	p.responses++
	p.note("< %d  response %d of run %s, after %v, in %s/%d at %d, %d bytes", r.Status, r.Seq, r.Run,
		time.Since(p.begun).Round(time.Millisecond), r.Source.Topic, r.Source.Partition, r.Source.Offset, len(r.Body))
	var b bytes.Buffer
	switch {
	case p.lines:
		if err := p.line(&b, r); err != nil {
			return err
		}
	default:
		if p.include {
			head(&b, r)
		}
		p.body(&b, r.Body)
	}
	_, err := p.io.out.Write(b.Bytes())
	return err
}

func head(b *bytes.Buffer, r *asynccalls.Response) {
	fmt.Fprintf(b, "%d\n", r.Status)
	for _, h := range r.Header {
		fmt.Fprintf(b, "%s: %s\n", h.Key, h.Value)
	}
	b.WriteByte('\n')
}

func (p *printer) body(b *bytes.Buffer, body []byte) {
	if p.raw {
		b.Write(body)
		return
	}
	if p.terminal && json.Valid(body) {
		body = pretty.Pretty(body)
		if p.colored {
			body = pretty.Color(body, nil)
		}
	}
	b.Write(body)
	if !bytes.HasSuffix(body, []byte("\n")) {
		b.WriteByte('\n')
	}
}

// line writes a response as JSON: its body as JSON if it is, else as text.
func (p *printer) line(b *bytes.Buffer, r *asynccalls.Response) error {
	line := struct {
		ID     string      `json:"id"`
		Seq    int         `json:"seq"`
		Status int         `json:"status"`
		Header [][2]string `json:"header,omitempty"`
		Body   any         `json:"body"`
	}{r.ID, r.Seq, r.Status, nil, jsonOr(r.Body)}
	for _, h := range r.Header {
		line.Header = append(line.Header, [2]string{h.Key, h.Value})
	}
	return json.NewEncoder(b).Encode(line)
}

// jsonOr returns a body as JSON, if it is, else as text.
func jsonOr(body []byte) any {
	if json.Valid(body) {
		return json.RawMessage(body)
	}
	return string(body)
}

// ended notes how the call ended.
func (p *printer) ended(err error) {
	how := "well"
	if e := (*asynccalls.Error)(nil); errors.As(err, &e) {
		how = fmt.Sprintf("with status %d", e.Status)
	} else if err != nil {
		how = "with an error"
	}
	p.note("* ended %s after %v, %d responses", how, time.Since(p.begun).Round(time.Millisecond), p.responses)
}
