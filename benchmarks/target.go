package main

import "fmt"

// target is what a call goes to.
type target struct{ service, endpoint, key string }

// targets returns what the workers of a work call in turn: mostly one endpoint of
// one service.
func (w *work) targets() []target {
	services, patterns := w.serviceNames(), w.patterns()
	all := make([]target, max(len(services), len(patterns), w.keys))
	for i := range all {
		all[i] = target{service: services[i%len(services)], endpoint: patterns[i%len(patterns)]}
		if w.wildcards {
			all[i].endpoint = endpointOf(i, "17")
		}
		if w.keys > 0 {
			all[i].key = fmt.Sprintf("key-%d", i)
		}
	}
	return all
}

// serviceNames returns the services that a server is.
func (w *work) serviceNames() []string {
	names := []string{"server"} // as in requestsOf
	for i := 1; i < w.services; i++ {
		names = append(names, fmt.Sprintf("server-%d", i))
	}
	return names
}

// patterns returns those of the endpoints that answer a call once.
func (w *work) patterns() []string {
	if w.endpoints == 0 {
		return []string{"/echo"}
	}
	var all []string
	for i := range w.endpoints {
		p := fmt.Sprintf("/echo/%d", i)
		if w.wildcards {
			p = endpointOf(i, "{id}")
		}
		all = append(all, p)
	}
	return all
}

// endpointOf returns the path, or the pattern, of an endpoint with a wildcard.
func endpointOf(i int, id string) string { return fmt.Sprintf("/echo/%d/%s", i, id) }
