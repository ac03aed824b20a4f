package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/deadletters"
	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/driver/franz"
)

// dead is the commands about dead letters.
type dead struct {
	io         *streams
	connection *connection

	options deadletters.Options
	since   time.Duration
	lines   bool
}

const deadHelp = `A message that a service could not handle lies in its dead letters, with the reason.`

func newDead(io *streams, c *connection) *cobra.Command {
	cmd := &cobra.Command{Use: "dead", Short: "Look at dead letters, and put them back", Long: deadHelp}
	for _, sub := range []struct {
		use, short, long, example string
		run                       func(*dead, *cobra.Command, string) error
		flags                     func(*dead, *pflag.FlagSet)
	}{
		{
			"ls SERVICE", "List dead letters, a line each", "Ls lists dead letters, a line each.",
			"  acurl dead ls orders --endpoint '/place/*' --since 1h", (*dead).list, (*dead).lineFlags,
		},
		{
			"show SERVICE", "Write dead letters, with headers and bodies", "Show writes dead letters as a whole.",
			"  acurl dead show orders --key customer-7 --limit 1", (*dead).show, func(*dead, *pflag.FlagSet) {},
		},
		{
			"replay SERVICE", "Put messages back that became dead letters",
			`Replay puts messages back into the topics that they came from, to be handled again. What
was put back before is skipped.`,
			"  acurl dead replay orders --error 'no route' --dry-run", (*dead).replay, (*dead).replayFlags,
		},
	} {
		d := &dead{io: io, connection: c}
		command := &cobra.Command{
			Use: sub.use, Short: sub.short, Long: sub.long + " " + deadHelp, Example: sub.example,
			Args: cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error { return sub.run(d, cmd, args[0]) },
		}
		d.filterFlags(command.Flags())
		sub.flags(d, command.Flags())
		cmd.AddCommand(command)
	}
	return cmd
}

func (d *dead) filterFlags(f *pflag.FlagSet) {
	filter := &d.options.Filter
	f.SortFlags = false
	f.StringVar(&filter.Endpoint, "endpoint", "", "of this `ENDPOINT`, or of those that begin so, with a * at the end")
	f.StringVarP(&filter.Key, "key", "k", "", "with this `KEY`")
	f.StringVar(&filter.Error, "error", "", "with this `TEXT` in the reason")
	f.DurationVar(&d.since, "since", 0, "that failed within the last `TIME`, such as 24h")
	f.IntVar(&filter.Limit, "limit", 0, "`N` at most")
}

func (d *dead) lineFlags(f *pflag.FlagSet) {
	f.BoolVar(&d.lines, "jsonl", false, "write each letter as one line of JSON")
}

func (d *dead) replayFlags(f *pflag.FlagSet) {
	f.BoolVarP(&d.options.DryRun, "dry-run", "n", false, "write nothing, and tell what would be done")
	f.BoolVar(&d.options.Again, "again", false, "also what was put back before")
	f.IntVar(&d.options.Rate, "rate", 0, "`N` messages per second at most")
	f.IntVar(&d.options.MaxReplays, "max-replays", 3, "leave a message alone that was put back `N` times")
}

// open connects, and completes the options.
func (d *dead) open(cmd *cobra.Command) (*franz.Driver, error) {
	if d.options.Filter.Limit < 0 || d.options.Rate < 0 {
		return nil, fmt.Errorf("--limit %d and --rate %d must not be negative", d.options.Filter.Limit, d.options.Rate)
	}
	d.options.Prefix = d.connection.prefix
	if d.since > 0 {
		d.options.Filter.From = time.Now().Add(-d.since)
	}
	return d.connection.open(cmd.Context())
}

// noService says of a topic that is missing what that means.
func noService(service string, err error) error {
	if errors.Is(err, driver.ErrNoTopic) {
		return fmt.Errorf("%w: %q: %w", asynccalls.ErrNoService, service, err)
	}
	return err
}

// letters calls f with each letter.
func (d *dead) letters(cmd *cobra.Command, service string, f func(*deadletters.Letter) error) error {
	c, err := d.open(cmd)
	if err != nil {
		return err
	}
	defer c.Close()
	for l, err := range deadletters.Read(cmd.Context(), c, service, d.options) {
		if err == nil {
			err = f(l)
		}
		if err != nil {
			return d.connection.failed(noService(service, err), 0)
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
		if l.Replayed != nil {
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
	Failed                          time.Time
	Body                            any
}

func lineOf(l *deadletters.Letter) line {
	return line{
		At: l.At.String(), From: l.Source.String(), RequestID: l.RequestID, Endpoint: l.Endpoint, Key: string(l.Key),
		Error: l.Error, Attempts: l.Attempts, Replays: l.Replays, Failed: l.Last, Body: jsonOr(l.Value),
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

func (d *dead) replay(cmd *cobra.Command, service string) error {
	c, err := d.open(cmd)
	if err != nil {
		return err
	}
	defer c.Close()
	var back, skipped, failed int
	for r, err := range deadletters.Replay(cmd.Context(), c, service, d.options) {
		if err != nil {
			return d.connection.failed(noService(service, err), back)
		}
		what := "put back to " + r.To.String()
		switch {
		case r.Err != nil:
			failed++
			what = "NOT put back: " + r.Err.Error()
		case r.Skipped != "":
			skipped++
			what = "skipped: " + r.Skipped
		default:
			back++
			if d.options.DryRun {
				what = "would be put back to " + r.To.Topic
			}
		}
		if _, err := fmt.Fprintf(d.io.out, "%d/%d  %s %s  %s\n", r.Letter.At.Partition, r.Letter.At.Offset,
			r.Letter.Endpoint, r.Letter.RequestID, what); err != nil {
			return err
		}
	}
	fmt.Fprintf(d.io.err, "%d put back, %d skipped, %d failed\n", back, skipped, failed)
	if failed > 0 {
		return &failure{err: fmt.Errorf("%d messages were not put back", failed), code: exitPartial}
	}
	return nil
}
