package acurl

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/asynccalls/asynccalls/internal/topics"
	"github.com/asynccalls/asynccalls/internal/wire"
)

// topicsCommand is the commands about the topics of a service.
type topicsCommand struct {
	io         *streams
	connection *connection

	settings      topics.Settings
	only          []string
	mayGrow       bool
	check, yes    bool
	lines, dryRun bool
}

const topicsHelp = `A service has up to four topics: requests if it has endpoints, responses if it sends durably,
replies if it awaits calls, and dead for messages that cannot be handled. It creates those
that are missing, unless it is built with WithoutTopicCreation; the flags are those of its
option Topics. The number of partitions and replicas of a topic that is there is only
compared if its flag is given.`

func newTopics(io *streams, c *connection) *cobra.Command {
	cmd := &cobra.Command{Use: "topics", Short: "Compare the topics of a service with what it needs", Long: topicsHelp}
	plan := &topicsCommand{io: io, connection: c}
	planning := &cobra.Command{
		Use:   "plan SERVICE",
		Short: "Say what topics a service needs, and what differs",
		Long: `Plan writes a line for each difference: "+" for a topic to create, "~" for a setting to
change, "!" for what apply cannot change, "=" for a topic that is as it should be.

` + topicsHelp,
		Example: `  acurl topics plan orders
  acurl topics plan orders --only requests,dead --partitions 12 --check`,
		Args: cobra.ExactArgs(1),
		RunE: plan.plan,
	}
	plan.addFlags(planning)
	planning.Flags().BoolVar(&plan.check, "check", false, fmt.Sprintf("exit with %d if anything differs", exitDiffers))
	apply := &topicsCommand{io: io, connection: c}
	applying := &cobra.Command{
		Use:   "apply SERVICE",
		Short: "Create the topics that a service needs, and change their settings",
		Long:  "Apply makes the topics of a service what it needs.\n\n" + topicsHelp,
		Example: `  acurl topics apply orders --partitions 12 --replicas 3
  acurl topics apply orders --partitions 24 --more-partitions --yes`,
		Args: cobra.ExactArgs(1),
		RunE: apply.apply,
	}
	apply.addFlags(applying)
	applying.Flags().BoolVarP(&apply.yes, "yes", "y", false, "do not ask")
	applying.Flags().BoolVarP(&apply.dryRun, "dry-run", "n", false, "do what plan does")
	cmd.AddCommand(planning, applying)
	return cmd
}

func (t *topicsCommand) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.SortFlags = false
	f.StringSliceVar(&t.only, "only", nil, "these `TOPICS` of requests, responses, replies and dead; default: all")
	f.Int32Var(&t.settings.Partitions, "partitions", topics.DefaultPartitions, "of all topics but that for replies")
	f.Int32Var(&t.settings.ReplyPartitions, "reply-partitions", topics.DefaultReplyPartitions,
		"of the topic for replies")
	f.Int16Var(&t.settings.Replicas, "replicas", 0, "of each partition; default: the broker's")
	f.DurationVar(&t.settings.Retention, "retention", 0, "of all topics but that for replies; default: the broker's")
	f.DurationVar(&t.settings.ReplyRetention, "reply-retention", topics.DefaultReplyRetention,
		"of the topic for replies")
	f.BoolVar(&t.mayGrow, "more-partitions", false, "add partitions to topics, though keys move")
	f.BoolVar(&t.lines, "jsonl", false, "write each difference as one line of JSON")
}

// demands returns the topics that the flags ask for.
func (t *topicsCommand) demands(cmd *cobra.Command, service string) ([]demand, error) {
	if err := wire.ValidService(service); err != nil {
		return nil, err
	}
	s := &t.settings
	if s.Partitions < 1 || s.ReplyPartitions < 1 || s.Replicas < 0 ||
		s.Retention < 0 || s.ReplyRetention < time.Second {
		return nil, errors.New("a number of partitions, replicas, or a retention is too small")
	}
	s.Prefix = t.connection.prefix
	kinds := []string{topics.Requests, topics.Responses, topics.Replies, topics.Dead}
	for _, name := range t.only {
		if !slices.Contains(kinds, "."+name) {
			return nil, fmt.Errorf("--only %q is not one of requests, responses, replies and dead", name)
		}
	}
	var all []demand
	for _, kind := range kinds {
		if len(t.only) > 0 && !slices.Contains(t.only, kind[1:]) {
			continue
		}
		partitions := "partitions"
		if kind == topics.Replies {
			partitions = "reply-partitions"
		}
		all = append(all, demand{
			Topic:           s.Topic(service, kind),
			exactPartitions: cmd.Flags().Changed(partitions),
			exactReplicas:   s.Replicas > 0,
			mayGrow:         t.mayGrow,
		})
	}
	return all, nil
}

// compare returns all differences.
func compare(ctx context.Context, admin *kadm.Client, demands []demand) ([]change, error) {
	names := make([]string, len(demands))
	for i := range demands {
		names[i] = demands[i].Name
	}
	there, err := admin.ListTopics(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("list topics: %w", err)
	}
	names = slices.DeleteFunc(names, func(name string) bool { return !there.Has(name) })
	found := make(map[string]*present)
	for _, name := range names {
		found[name] = &present{
			partitions: int32(len(there[name].Partitions)), replicas: there[name].Partitions.NumReplicas(),
			config: make(map[string]string),
		}
	}
	if len(names) > 0 {
		configs, err := admin.DescribeTopicConfigs(ctx, names...)
		if err != nil {
			return nil, fmt.Errorf("describe topics: %w", err)
		}
		for _, resource := range configs {
			for _, c := range resource.Configs {
				found[resource.Name].config[c.Key] = c.MaybeValue()
			}
		}
	}
	var all []change
	for i := range demands {
		all = append(all, demands[i].plan(found[demands[i].Name])...)
	}
	return all, nil
}

func (t *topicsCommand) plan(cmd *cobra.Command, args []string) error {
	return t.with(cmd, args[0], func(_ *inspector, all []change) error {
		if t.check && slices.ContainsFunc(all, func(c change) bool { return c.Mark != markSame }) {
			return &failure{
				err: fmt.Errorf("the topics of %q differ from what it needs", args[0]), code: exitDiffers,
				hint: "acurl topics apply " + args[0] + " changes what is marked with + and ~.",
			}
		}
		return nil
	})
}

func (t *topicsCommand) apply(cmd *cobra.Command, args []string) error {
	return t.with(cmd, args[0], func(i *inspector, all []change) error {
		all = slices.DeleteFunc(all, func(c change) bool { return c.Mark == markSame || c.Mark == markNever })
		if t.dryRun || len(all) == 0 {
			return nil
		}
		if ok, err := t.confirmed(len(all)); err != nil || !ok {
			return err
		}
		failed := 0
		for _, c := range all {
			if err := i.make(cmd.Context(), c); err != nil {
				failed++
				fmt.Fprintf(t.io.err, "%s %s: %v\n", c.Topic, c.What, err)
			}
		}
		fmt.Fprintf(t.io.err, "%d of %d changes made\n", len(all)-failed, len(all))
		if failed > 0 {
			return &failure{err: fmt.Errorf("%d changes were not made", failed), code: exitPartial}
		}
		return nil
	})
}

// with writes the differences, and passes them on.
func (t *topicsCommand) with(cmd *cobra.Command, service string, f func(*inspector, []change) error) error {
	demands, err := t.demands(cmd, service)
	if err != nil {
		return err
	}
	i, err := t.connection.inspector(cmd.Context(), 0)
	if err != nil {
		return err
	}
	defer i.close()
	all, err := compare(cmd.Context(), i.admin, demands)
	if err != nil {
		return t.connection.failed(err, 0)
	}
	if err := t.write(all); err != nil {
		return err
	}
	return f(i, all)
}

func (t *topicsCommand) write(all []change) error {
	if t.lines {
		encoder := json.NewEncoder(t.io.out)
		for _, c := range all {
			if err := encoder.Encode(c); err != nil {
				return err
			}
		}
		return nil
	}
	w := tabwriter.NewWriter(t.io.out, 0, 0, 2, ' ', 0)
	for _, c := range all {
		line := fmt.Sprintf("%s %s\t%s", c.Mark, c.Topic, c.What)
		if _, err := fmt.Fprintln(w, strings.TrimSuffix(line, "\t")); err != nil {
			return err
		}
	}
	return w.Flush()
}

// confirmed asks whoever sits at the terminal.
func (t *topicsCommand) confirmed(changes int) (bool, error) {
	if t.yes {
		return true, nil
	}
	if !isTerminal(t.io.in) {
		return false, errors.New("nobody is there to ask: --yes makes the changes, --dry-run does not")
	}
	fmt.Fprintf(t.io.err, "Make %d changes? [y/N] ", changes)
	answer, err := bufio.NewReader(t.io.in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	return strings.EqualFold(strings.TrimSpace(answer), "y"), nil
}

// make makes one change.
func (i *inspector) make(ctx context.Context, c change) error {
	switch {
	case c.create != nil:
		return i.driver.Create(ctx, *c.create)
	case c.partitions > 0:
		made, err := i.admin.UpdatePartitions(ctx, int(c.partitions), c.Topic)
		if err != nil {
			return err
		}
		return made.Error()
	default:
		made, err := i.admin.AlterTopicConfigs(ctx,
			[]kadm.AlterConfig{{Op: kadm.SetConfig, Name: c.config, Value: &c.value}}, c.Topic)
		if err != nil {
			return err
		}
		_, err = made.On(c.Topic, func(r *kadm.AlterConfigsResponse) error { return r.Err })
		return err
	}
}
