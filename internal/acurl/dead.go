package acurl

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/deadletters"
	"github.com/asynccalls/asynccalls/driver"
)

// dead is the commands about dead letters.
type dead struct {
	io         *streams
	connection *connection

	options deadletters.Options
	since   time.Duration
	lines   bool
	dropped bool
	all     bool
}

const deadHelp = `A message that a service could not handle lies in its dead letters, with the reason.`

func newDead(io *streams, c *connection) *cobra.Command {
	cmd := &cobra.Command{Use: "dead", Short: "Look at dead letters, and put them back or drop them", Long: deadHelp}
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
			"  acurl dead show orders --key customer-7 --limit 1", (*dead).show, (*dead).droppedFlag,
		},
		{
			"replay SERVICE", "Put messages back that became dead letters",
			`Replay puts messages back into the topics that they came from, to be handled again. What
was put back before, or dropped, is skipped.`,
			"  acurl dead replay orders --error 'no route' --dry-run", (*dead).replay, (*dead).replayFlags,
		},
		{
			"drop SERVICE", "Drop dead letters that are of no use any more",
			`Drop marks dead letters, so that ls, show and replay skip them. They stay in Kafka until the
retention of the topic removes them: ls --dropped lists them still.`,
			"  acurl dead drop orders --endpoint /unknown --dry-run\n  acurl dead drop orders --all",
			(*dead).drop, (*dead).dropFlags,
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
	d.droppedFlag(f)
}

func (d *dead) droppedFlag(f *pflag.FlagSet) {
	f.BoolVar(&d.dropped, "dropped", false, "also what was dropped")
}

func (d *dead) replayFlags(f *pflag.FlagSet) {
	d.writeFlags(f)
	f.BoolVar(&d.options.Again, "again", false, "also what was put back before, or dropped")
	f.IntVar(&d.options.MaxReplays, "max-replays", 3, "leave a message alone that was put back `N` times")
}

func (d *dead) dropFlags(f *pflag.FlagSet) {
	d.writeFlags(f)
	f.BoolVar(&d.all, "all", false, "drop all dead letters of the service")
}

func (d *dead) writeFlags(f *pflag.FlagSet) {
	f.BoolVarP(&d.options.DryRun, "dry-run", "n", false, "write nothing, and tell what would be done")
	f.IntVar(&d.options.Rate, "rate", 0, "`N` messages per second at most")
}

// open connects, and completes the options.
func (d *dead) open(cmd *cobra.Command) (driver.Driver, error) {
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
