package acurl

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/asynccalls/asynccalls/embedded"
)

// newBroker returns the command that runs a Kafka.
func newBroker(io *streams) *cobra.Command {
	var o embedded.Options
	cmd := &cobra.Command{
		Use:   "broker",
		Short: "Run a Kafka in this process, for development",
		Long: `Broker runs a Kafka in this process until it is interrupted: one node, without
replication and authentication, for development. Without --data it forgets everything
at its end.`,
		Example: `  acurl broker
  acurl broker --listen 127.0.0.1:19092 --data ~/.cache/kafka`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			b, err := embedded.Start(o)
			if err != nil {
				return &failure{err: err, code: exitOther, hint: "Is the address free? --listen names another."}
			}
			fmt.Fprintf(io.err, "Kafka runs at %s. Ctrl-C ends it.\n", b.Addr())
			<-cmd.Context().Done()
			return b.Close()
		},
	}
	cmd.Flags().StringVar(&o.Listen, "listen", presetBrokers(), "`HOST:PORT` to listen on; port 0 is a free one")
	cmd.Flags().StringVar(&o.Dir, "data", "", "`DIR` that keeps topics, records and offsets")
	return cmd
}
