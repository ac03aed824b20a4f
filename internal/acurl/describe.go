package acurl

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/asynccalls/asynccalls/internal/info"
	"github.com/asynccalls/asynccalls/internal/topics"
)

// describe is the command that describes a service.
type describe struct {
	io         *streams
	connection *connection

	timeout  time.Duration
	json     bool
	asyncapi bool
}

// description is all that is known of a service.
type description struct {
	Service   string             `json:"service"`
	Members   int                `json:"members"`   // of its group
	Instances []info.Info        `json:"instances"` // those that have answered
	Endpoints []info.Route       `json:"endpoints"` // that any of them serves
	Responses []info.Route       `json:"responses,omitempty"`
	Topics    []topicDescription `json:"topics"`
}

type topicDescription struct {
	Name       string `json:"name"`
	Partitions int32  `json:"partitions"`
	Replicas   int    `json:"replicas"`
	Lag        *int64 `json:"lag,omitempty"`  // records that are not done
	Dead       *int64 `json:"dead,omitempty"` // records, of dead letters
}

func newDescribe(io *streams, c *connection) *cobra.Command {
	d := &describe{io: io, connection: c}
	cmd := &cobra.Command{
		Use:   "describe SERVICE",
		Short: "Describe a service: its instances, endpoints and topics",
		Long: `Describe asks the broker for the topics of a service and how far it is, and each instance
that has a partition of the requests what it says of itself. A service that has a handler of
its own for "/$info", or that is too busy, does not answer.

With --asyncapi it writes an AsyncAPI 3.0.0 document: that of the service, if it has one (see
package asyncapi), or else one of what its instances say, which has no schemas.`,
		Example: `  acurl describe a-money-broker
  acurl describe orders --asyncapi > asyncapi.json
  acurl describe orders --json | jq '.instances[].version'`,
		Args: cobra.ExactArgs(1),
		RunE: d.run,
	}
	cmd.Flags().DurationVar(&d.timeout, "timeout", 3*time.Second, "how long to wait for the answers of instances")
	cmd.Flags().BoolVar(&d.json, "json", false, "write all as JSON")
	cmd.Flags().BoolVar(&d.asyncapi, "asyncapi", false, "write an AsyncAPI document")
	cmd.MarkFlagsMutuallyExclusive("json", "asyncapi")
	return cmd
}

func (d *describe) run(cmd *cobra.Command, args []string) error {
	if d.asyncapi {
		return d.connection.failed(d.document(cmd.Context(), args[0]), 0)
	}
	found, err := d.look(cmd, args[0])
	if err != nil {
		return d.connection.failed(err, 0)
	}
	if d.json {
		encoder := json.NewEncoder(d.io.out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(found)
	}
	w := tabwriter.NewWriter(d.io.out, 0, 0, 2, ' ', 0)
	found.write(w)
	return w.Flush()
}

func (d *describe) look(cmd *cobra.Command, service string) (*description, error) {
	ctx := cmd.Context()
	i, err := d.connection.inspector(ctx, d.timeout)
	if err != nil {
		return nil, err
	}
	defer i.close()
	all, err := d.connection.survey(ctx, i.admin, service)
	if err != nil {
		return nil, err
	}
	s := all[0]
	found := &description{Service: s.service, Members: s.members}
	for _, t := range s.topics {
		topic := topicDescription{Name: t.name, Partitions: t.partitions, Replicas: t.replicas, Lag: &t.lag}
		if t.kind == topics.Dead {
			topic.Lag, topic.Dead = nil, &t.lag
		}
		found.Topics = append(found.Topics, topic)
	}
	if s.members > 0 {
		found.ask(ctx, i, s)
	}
	return found, ctx.Err()
}

// ask asks the instances of a service what they say of themselves.
func (d *description) ask(ctx context.Context, i *inspector, s *standing) {
	partitions := s.of(topics.Requests).partitions
	d.Instances = i.ask(ctx, s.service, partitions, partitions)
	for _, instance := range d.Instances {
		d.Endpoints = union(d.Endpoints, instance.Endpoints)
		d.Responses = union(d.Responses, instance.Responses)
	}
}

// union adds routes to those that others have. Instances of two versions differ.
func union(all, more []info.Route) []info.Route {
	for _, r := range more {
		if !slices.Contains(all, r) {
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(a, b info.Route) int {
		return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.Pattern, b.Pattern))
	})
	return all
}

// write writes a description as tables.
func (d *description) write(w io.Writer) {
	fmt.Fprintf(w, "%s: %d instances, of which %d answered\n", d.Service, d.Members, len(d.Instances))
	if len(d.Instances) > 0 {
		fmt.Fprintln(w, "\nINSTANCE\tSTARTED\tVERSION\tRUNNING\tPARTITIONS")
	}
	for _, i := range d.Instances {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\n", instance(&i), i.Started.Local().Format(time.DateTime), i.Version,
			i.Running, partitions(i.Partitions))
	}
	if len(d.Endpoints) > 0 {
		fmt.Fprintln(w, "\nENDPOINT\tTIMEOUT\tATTEMPTS")
	}
	for _, r := range d.Endpoints {
		fmt.Fprintf(w, "%s\t%s\t%d\n", r.Pattern, r.Timeout, r.Attempts)
	}
	if len(d.Responses) > 0 {
		fmt.Fprintln(w, "\nRESPONSES OF\tTIMEOUT\tATTEMPTS")
	}
	for _, r := range d.Responses {
		fmt.Fprintf(w, "%s%s\t%s\t%d\n", r.Service, r.Pattern, r.Timeout, r.Attempts)
	}
	fmt.Fprintln(w, "\nTOPIC\tPARTITIONS\tREPLICAS\tRECORDS")
	for _, t := range d.Topics {
		fmt.Fprintf(w, "%s\t%d\t%d\t", t.Name, t.Partitions, t.Replicas)
		if t.Dead != nil {
			fmt.Fprintf(w, "%d dead\n", *t.Dead)
		} else {
			fmt.Fprintf(w, "%d to do\n", *t.Lag)
		}
	}
}

// partitions lists partitions by topic.
func partitions(all []info.Partition) string {
	var topics []string
	ids := make(map[string][]string)
	for _, p := range all {
		if ids[p.Topic] == nil {
			topics = append(topics, p.Topic)
		}
		ids[p.Topic] = append(ids[p.Topic], strconv.Itoa(int(p.ID)))
	}
	for i, t := range topics {
		topics[i] = t + " " + strings.Join(ids[t], ",")
	}
	return strings.Join(topics, "; ")
}
