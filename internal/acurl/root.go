package acurl

import (
	"runtime/debug"

	"github.com/spf13/cobra"
)

// newRoot returns the whole command. Without a subcommand it calls.
func newRoot(io *streams, others []Driver) *cobra.Command {
	c := &connection{others: others}
	direct := &call{message: message{io: io}, connection: c}
	root := &cobra.Command{
		Use:   "acurl [flags] SERVICE/ENDPOINT [ITEM …]",
		Short: "curl for services on Kafka",
		Long: `Acurl calls services that talk over Kafka by asynccalls, as curl calls those that
talk over HTTP. Each response is written when it arrives.

` + callHelp + "\n\n" + connectHelp + "\n\n" + exitHelp,
		Example: `  acurl broker &                                      # a Kafka to play with
  acurl serve echo/hello &
  acurl echo/hello name=you n:=4
  acurl a-money-broker/show-me-the-money -d '{"n":4}' -v`,
		Args:          targeted,
		RunE:          direct.run,
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       version(),
	}
	root.SetIn(io.in)
	root.SetOut(io.out)
	root.SetErr(io.err)
	c.addFlags(root)
	direct.addFlags(root)
	root.AddCommand(newCall(io, c), newServe(io, c), newBroker(io), newLs(io, c), newDescribe(io, c), newTail(io, c),
		newDead(io, c), newBench(io, c), newTopics(io, c), newContext(io, c), newHealth(io), newMan(io))
	completeAll(root, c)
	return root
}

// version is that of the module, and of the commit.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	version := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			version += " " + s.Value
		}
	}
	return version + " " + info.GoVersion
}
