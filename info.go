package asynccalls

import (
	"cmp"
	"context"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/info"
	"github.com/asynccalls/asynccalls/internal/route"
	"github.com/asynccalls/asynccalls/internal/topics"
)

// serveInfo has requests to [info.Endpoint] answered, unless the service has no
// endpoints, or its own handler for that. Nothing has been received yet.
func (s *Service) serveInfo(g *group) error {
	if s.endpoints.Len() == 0 || s.endpoints.Has(info.Endpoint) {
		return nil
	}
	d := s.description()
	i := &info.Info{
		Service:   s.id,
		Process:   os.Getpid(),
		Started:   time.Now(),
		Endpoints: routes(d.Endpoints),
		Responses: routes(d.Responses),
	}
	e, err := s.newEndpoint(nil)
	if err != nil {
		return err
	}
	e.handle = func(ctx context.Context, w ResponseWriter, _ *Request) error {
		return sendJSON(ctx, w, g.describe(*i), true)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.endpoints.Add(info.Endpoint, e)
}

// routes leaves out what is not for other processes, and endpoints that are for tools.
func routes(handlers []info.Handler) []info.Route {
	all := []info.Route{}
	for _, h := range handlers {
		if !info.Reserved(h.Pattern) {
			all = append(all, h.Route)
		}
	}
	return all
}

// description returns what the service is. Its handlers are fixed.
func (s *Service) description() *info.Description {
	layout := s.config.layout()
	d := &info.Description{Service: s.id, Prefix: layout.Prefix, Topics: make(map[string]driver.Topic)}
	for _, kind := range []string{topics.Requests, topics.Responses, topics.Replies, topics.Dead} {
		d.Topics[kind] = layout.Topic(s.id, kind)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	d.Endpoints = handlers("", &s.endpoints)
	for _, service := range slices.Sorted(maps.Keys(s.responses)) {
		d.Responses = append(d.Responses, handlers(service, s.responses[service])...)
	}
	return d
}

// handlers describes handlers by pattern, of responses of a service if it is named.
func handlers(service string, mux *route.Mux[*endpoint]) []info.Handler {
	var all []info.Handler
	for r := range mux.All() {
		all = append(all, info.Handler{
			Route: info.Route{
				Service:  service,
				Pattern:  r.Pattern.String(),
				Timeout:  r.Handler.limit.String(),
				Attempts: r.Handler.retry.Attempts,
			},
			Types: r.Handler.types,
		})
	}
	slices.SortFunc(all, func(a, b info.Handler) int { return cmp.Compare(a.Pattern, b.Pattern) })
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
