package acurl

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/asynccalls/asynccalls/internal/info"
	"github.com/asynccalls/asynccalls/internal/topics"
)

// completionTimeout bounds what a completion asks the broker and a service for.
const completionTimeout = 2 * time.Second

// completions are those for an argument of a command line. They are empty if the
// broker does not answer.
type completions func(ctx context.Context, typed string) ([]string, cobra.ShellCompDirective)

// completeAll has the arguments completed of a command, and of all below it, that
// begin with SERVICE or SERVICE/ENDPOINT.
func completeAll(cmd *cobra.Command, c *connection) {
	for _, word := range strings.Fields(cmd.Use) {
		switch word {
		case "SERVICE":
			complete(cmd, c, c.services)
		case "SERVICE/ENDPOINT":
			complete(cmd, c, c.targets)
		}
	}
	for _, sub := range cmd.Commands() {
		completeAll(sub, c)
	}
}

// complete has the first argument of a command completed.
func complete(cmd *cobra.Command, c *connection, f completions) {
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), completionTimeout)
		defer cancel()
		c.resolve(cmd)
		return f(ctx, typed)
	}
}

// services completes the name of a service.
func (c *connection) services(ctx context.Context, typed string) ([]string, cobra.ShellCompDirective) {
	return c.names(ctx, typed, ""), cobra.ShellCompDirectiveNoFileComp
}

// targets completes SERVICE/ENDPOINT: first the service, then the endpoint.
func (c *connection) targets(ctx context.Context, typed string) ([]string, cobra.ShellCompDirective) {
	service, _, named := strings.Cut(typed, "/")
	if !named {
		return c.names(ctx, typed, "/"), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
	return c.endpoints(ctx, service, typed), cobra.ShellCompDirectiveNoFileComp
}

// names returns the names of services that begin as typed, each with an end.
func (c *connection) names(ctx context.Context, typed, end string) []string {
	i, err := c.inspector(ctx, completionTimeout)
	if err != nil {
		return nil
	}
	defer i.close()
	found, err := c.survey(ctx, i.admin)
	if err != nil {
		return nil
	}
	var all []string
	for _, s := range found {
		if strings.HasPrefix(s.service, typed) {
			all = append(all, s.service+end)
		}
	}
	return all
}

// endpoints returns the endpoints of a service, behind its name, that begin as
// typed. Of one with wildcards that is what stands before the first.
func (c *connection) endpoints(ctx context.Context, service, typed string) []string {
	i, err := c.inspector(ctx, completionTimeout)
	if err != nil {
		return nil
	}
	defer i.close()
	found, err := c.survey(ctx, i.admin, service)
	if err != nil || found[0].members == 0 {
		return nil
	}
	var routes []info.Route
	all := found[0].of(topics.Requests).partitions
	for _, answer := range i.ask(ctx, service, all, all) {
		routes = union(routes, answer.Endpoints)
	}
	var paths []string
	for _, r := range routes {
		path, _, _ := strings.Cut(r.Pattern, "{")
		if strings.HasPrefix(service+path, typed) {
			paths = append(paths, service+path)
		}
	}
	return slices.Compact(paths)
}
