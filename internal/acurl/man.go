package acurl

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// newMan returns the command that writes the manual.
func newMan(io *streams) *cobra.Command {
	return &cobra.Command{
		Use:   "man DIR",
		Short: "Write the manual pages into a directory",
		Long:  "Man writes the manual pages of all commands into a directory, which it makes if need be.",
		Example: `  acurl man ~/.local/share/man/man1
  man acurl-call`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return err
			}
			header := &doc.GenManHeader{Title: "ACURL", Section: "1", Source: "acurl " + version()}
			if err := doc.GenManTree(cmd.Root(), header, args[0]); err != nil {
				return err
			}
			pages, err := os.ReadDir(args[0])
			if err != nil {
				return err
			}
			fmt.Fprintf(io.err, "%d files are in %s.\n", len(pages), args[0])
			return nil
		},
	}
}
