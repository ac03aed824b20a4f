package acurl

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/asynccalls/asynccalls/deadletters"
)

// letters calls f with each letter that is to be shown.
func (d *dead) letters(cmd *cobra.Command, service string, f func(*deadletters.Letter) error) error {
	c, err := d.open(cmd)
	if err != nil {
		return err
	}
	defer c.Close()
	limit, n := d.options.Filter.Limit, 0
	d.options.Filter.Limit = 0 // what is not shown does not count
	for l, err := range deadletters.Read(cmd.Context(), c, service, d.options) {
		switch {
		case err == nil && l.Dropped && !d.dropped:
			continue
		case err == nil:
			err = f(l)
		}
		if err != nil {
			return d.connection.failed(noService(service, err), 0)
		}
		if n++; n == limit {
			break
		}
	}
	return nil
}

func (d *dead) list(cmd *cobra.Command, service string) error {
	if d.lines {
		encoder := json.NewEncoder(d.io.out)
		return d.letters(cmd, service, func(l *deadletters.Letter) error { return encoder.Encode(lineOf(l)) })
	}
	w := tabwriter.NewWriter(d.io.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "AT\tFAILED\tENDPOINT\tKEY\tATTEMPTS\tREASON")
	err := d.letters(cmd, service, func(l *deadletters.Letter) error {
		reason := l.Error
		if l.Err != nil {
			reason = l.Err.Error()
		}
		switch {
		case l.Dropped:
			reason = "(dropped) " + reason
		case l.Replayed != nil:
			reason = "(put back) " + reason
		}
		_, err := fmt.Fprintf(w, "%d/%d\t%s\t%s\t%s\t%d\t%s\n", l.At.Partition, l.At.Offset,
			l.Last.Local().Format(time.DateTime), l.Endpoint, l.Key, l.Attempts, reason)
		return err
	})
	if err != nil {
		return err
	}
	return w.Flush()
}

// line is a letter as JSON.
type line struct {
	At, From                        string
	RequestID, Endpoint, Key, Error string
	Attempts, Replays               int
	Dropped                         bool
	Failed                          time.Time
	Body                            any
}

func lineOf(l *deadletters.Letter) line {
	return line{
		At: l.At.String(), From: l.Source.String(), RequestID: l.RequestID, Endpoint: l.Endpoint, Key: string(l.Key),
		Error: l.Error, Attempts: l.Attempts, Replays: l.Replays, Dropped: l.Dropped,
		Failed: l.Last, Body: jsonOr(l.Value),
	}
}

func (d *dead) show(cmd *cobra.Command, service string) error {
	return d.letters(cmd, service, func(l *deadletters.Letter) error {
		fmt.Fprintf(d.io.out, "%v\n", l.At)
		if l.Err != nil {
			fmt.Fprintf(d.io.out, "  no dead letter: %v\n", l.Err)
		} else {
			fmt.Fprintf(d.io.out, "  request   %s to %s, key %q\n", l.RequestID, l.Endpoint, l.Key)
			fmt.Fprintf(d.io.out, "  from      %v\n", l.Source)
			fmt.Fprintf(d.io.out, "  failed    %s, after %d attempts: %s\n",
				l.Last.Local().Format(time.DateTime), l.Attempts, l.Error)
		}
		if l.Replayed != nil {
			fmt.Fprintf(d.io.out, "  put back  to %v\n", l.Replayed)
		}
		if l.Dropped {
			fmt.Fprintln(d.io.out, "  dropped")
		}
		for _, h := range l.Header {
			fmt.Fprintf(d.io.out, "  %s: %s\n", h.Key, h.Value)
		}
		if l.Stub {
			fmt.Fprintln(d.io.out, "  the message was too large to be put away; it is where it came from")
		}
		_, err := io.WriteString(d.io.out, string(l.Value)+"\n\n")
		return err
	})
}
