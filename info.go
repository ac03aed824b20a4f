package asynccalls

import (
	"cmp"
	"context"
	"os"
	"slices"
	"time"

	"github.com/asynccalls/asynccalls/internal/info"
	"github.com/asynccalls/asynccalls/internal/route"
)

// serveInfo has requests to [info.Endpoint] answered, unless the service has no
// endpoints, or its own handler for that. Nothing has been received yet.
func (s *Service) serveInfo(g *group) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.endpoints.Len() == 0 || s.endpoints.Has(info.Endpoint) {
		return nil
	}
	i := &info.Info{
		Service:   s.id,
		Process:   os.Getpid(),
		Started:   time.Now(),
		Endpoints: routes("", &s.endpoints),
	}
	for service, mux := range s.responses {
		i.Responses = append(i.Responses, routes(service, mux)...)
	}
	slices.SortStableFunc(i.Responses, func(a, b info.Route) int { return cmp.Compare(a.Service, b.Service) })
	e, err := s.newEndpoint(nil)
	if err != nil {
		return err
	}
	e.handle = func(ctx context.Context, w ResponseWriter, _ *Request) error {
		return sendJSON(ctx, w, g.describe(*i), true)
	}
	return s.endpoints.Add(info.Endpoint, e)
}

// routes describes handlers, of responses of a service if it is named.
func routes(service string, mux *route.Mux[*endpoint]) []info.Route {
	var all []info.Route
	for r := range mux.All() {
		all = append(all, info.Route{
			Service:  service,
			Pattern:  r.Pattern.String(),
			Timeout:  r.Handler.limit.String(),
			Attempts: r.Handler.retry.Attempts,
		})
	}
	slices.SortFunc(all, func(a, b info.Route) int { return cmp.Compare(a.Pattern, b.Pattern) })
	return all
}

// describe adds to i what changes while the service runs, and what takes a moment
// to find out.
func (g *group) describe(i info.Info) *info.Info {
	i.Host, _ = os.Hostname() // empty if it has none
	i.Build()
	g.mu.Lock()
	defer g.mu.Unlock()
	for p := range g.engine.Assigned() {
		i.Partitions = append(i.Partitions, info.Partition{Topic: p.Topic, ID: p.ID})
	}
	slices.SortFunc(i.Partitions, func(a, b info.Partition) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.ID, b.ID))
	})
	for w := range g.crew {
		if w.message != nil {
			i.Running++
		}
	}
	return &i
}
