package acurl

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/spf13/cobra"

	"github.com/asynccalls/asynccalls/deadletters"
	"github.com/asynccalls/asynccalls/driver"
)

// mending is what is done with dead letters: putting them back, or dropping them.
type mending struct {
	do   func(context.Context, driver.Driver, string, deadletters.Options) iter.Seq2[deadletters.Result, error]
	done string
	to   bool // it is of interest where to

	skipped, failed, mended int
	dry                     bool
}

func (d *dead) replay(cmd *cobra.Command, service string) error {
	return d.mend(cmd, service, &mending{do: deadletters.Replay, done: "put back", to: true})
}

func (d *dead) drop(cmd *cobra.Command, service string) error {
	if filter := d.options.Filter; !d.all && d.since == 0 && filter.Endpoint == "" && filter.Key == "" &&
		filter.Error == "" && filter.Limit == 0 {
		return errors.New("nothing says which dead letters to drop; --all drops all of them")
	}
	return d.mend(cmd, service, &mending{do: deadletters.Drop, done: "dropped"})
}

// mend works on letters, and writes a line for each.
func (d *dead) mend(cmd *cobra.Command, service string, m *mending) error {
	c, err := d.open(cmd)
	if err != nil {
		return err
	}
	defer c.Close()
	m.dry = d.options.DryRun
	total, err := d.count(cmd.Context(), c, service)
	if err != nil {
		return d.connection.failed(noService(service, err), 0)
	}
	bar := d.io.progress(service+".dead", total)
	defer bar.close()
	out := bar.above(d.io.out)
	for r, err := range m.do(cmd.Context(), c, service, d.options) {
		if err != nil {
			return d.connection.failed(noService(service, err), m.mended)
		}
		what := m.take(&r)
		if _, err := fmt.Fprintf(out, "%d/%d  %s %s  %s\n", r.Letter.At.Partition, r.Letter.At.Offset,
			r.Letter.Endpoint, r.Letter.RequestID, what); err != nil {
			return err
		}
		bar.step()
	}
	bar.close()
	fmt.Fprintf(d.io.err, "%d %s, %d skipped, %d failed\n", m.mended, m.done, m.skipped, m.failed)
	if m.failed > 0 {
		return &failure{err: fmt.Errorf("%d messages were not %s", m.failed, m.done), code: exitPartial}
	}
	return nil
}

// count returns how many letters there are, if somebody sees it.
func (d *dead) count(ctx context.Context, c driver.Driver, service string) (int, error) {
	n := 0
	if !isTerminal(d.io.err) {
		return n, nil
	}
	for _, err := range deadletters.Read(ctx, c, service, d.options) {
		if err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}

// take counts a result, and says what it is.
func (m *mending) take(r *deadletters.Result) string {
	switch {
	case r.Err != nil:
		m.failed++
		return "NOT " + m.done + ": " + r.Err.Error()
	case r.Skipped != "":
		m.skipped++
		return "skipped: " + r.Skipped
	}
	m.mended++
	what := m.done
	switch {
	case m.dry && m.to:
		what = "would be " + m.done + " to " + r.To.Topic
	case m.dry:
		what = "would be " + m.done
	case m.to:
		what += " to " + r.To.String()
	}
	if r.Unmarked != nil {
		what += ", but not marked so: " + r.Unmarked.Error()
	}
	return what
}
