package acurl

import (
	"encoding/json"
	"fmt"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/asynccalls/asynccalls/internal/info"
	"github.com/asynccalls/asynccalls/internal/topics"
)

// ls is the command that lists services.
type ls struct {
	io         *streams
	connection *connection

	timeout time.Duration
	lines   bool
}

// listed is a service as it is listed.
type listed struct {
	Service   string `json:"service"`
	Instances int    `json:"instances"`
	Endpoints *int   `json:"endpoints,omitempty"` // nil if no instance answers
	Version   string `json:"version,omitempty"`
	Lag       int64  `json:"lag"`
	Dead      int64  `json:"dead"`
}

func newLs(io *streams, c *connection) *cobra.Command {
	l := &ls{io: io, connection: c}
	cmd := &cobra.Command{
		Use:   "ls",
		Short: "List the services of a Kafka",
		Long: `Ls lists the services that have a topic for requests, also those that do not run. INSTANCES
are the members of the group; one of them is asked for ENDPOINTS and VERSION. LAG is how many
requests and responses are not done yet, DEAD how many records lie in the dead letters.`,
		Example: `  acurl ls
  acurl ls --jsonl | jq 'select(.lag > 1000)'`,
		Args: cobra.NoArgs,
		RunE: l.run,
	}
	cmd.Flags().DurationVar(&l.timeout, "timeout", 2*time.Second, "how long to wait for the answers of services")
	cmd.Flags().BoolVar(&l.lines, "jsonl", false, "write each service as one line of JSON")
	return cmd
}

func (l *ls) run(cmd *cobra.Command, _ []string) error {
	all, err := l.look(cmd)
	if err != nil {
		return l.connection.failed(err, 0)
	}
	if l.lines {
		encoder := json.NewEncoder(l.io.out)
		for _, s := range all {
			if err := encoder.Encode(s); err != nil {
				return err
			}
		}
		return nil
	}
	return l.table(all)
}

func (l *ls) look(cmd *cobra.Command) ([]listed, error) {
	ctx := cmd.Context()
	i, err := l.connection.inspector(ctx, l.timeout)
	if err != nil {
		return nil, err
	}
	defer i.close()
	found, err := l.connection.survey(ctx, i.admin)
	if err != nil {
		return nil, err
	}
	all := make([]listed, len(found))
	var wait sync.WaitGroup
	for n, s := range found {
		requests := s.of(topics.Requests)
		all[n] = listed{
			Service: s.service, Instances: s.members,
			Lag: requests.lag + s.of(topics.Responses).lag, Dead: s.of(topics.Dead).lag,
		}
		if s.members > 0 {
			wait.Go(func() { all[n].add(i.ask(ctx, s.service, 1, requests.partitions)) })
		}
	}
	wait.Wait()
	return all, ctx.Err()
}

func (l *listed) add(answers []info.Info) {
	for _, a := range answers {
		n := len(a.Endpoints)
		l.Endpoints, l.Version = &n, a.Version
	}
}

func (l *ls) table(all []listed) error {
	if len(all) == 0 {
		fmt.Fprintf(l.io.err, "There is no service with the prefix %q at %s.\n",
			l.connection.prefix, l.connection.brokers)
		return nil
	}
	w := tabwriter.NewWriter(l.io.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SERVICE\tINSTANCES\tENDPOINTS\tLAG\tDEAD\tVERSION")
	for _, s := range all {
		endpoints := "?"
		switch {
		case s.Endpoints != nil:
			endpoints = fmt.Sprint(*s.Endpoints)
		case s.Instances == 0:
			endpoints = "-"
		}
		if _, err := fmt.Fprintf(w, "%s\t%d\t%s\t%d\t%d\t%s\n",
			s.Service, s.Instances, endpoints, s.Lag, s.Dead, s.Version); err != nil {
			return err
		}
	}
	return w.Flush()
}
