package main

import (
	"fmt"
	"slices"
	"strings"
)

// rivals returns what users would pick instead of asynccalls. Each is tuned as its
// documentation says and as far as measuring has shown that it helps; the files of
// the sides say how. Their calls have no deadlines, which costs them nothing.
func rivals() []side {
	return append([]side{
		{name: "http", serve: serveHTTP, open: openHTTP},
		{name: "grpc", serve: serveGRPC, open: openGRPC},
		{name: "nats", broker: startNATS, serve: serveNATS, open: openNATS},
		{
			name: "watermill", serve: serveWatermill, open: openWatermill,
			lacksStreams: "answers each request once",
		},
	}, otherDrivers()...)
}

func rivalNames() []string {
	var names []string
	for _, s := range rivals() {
		names = append(names, s.name)
	}
	return names
}

// noRivals is what stands for an empty list of names.
const noRivals = "none"

func selectRivals(names string) ([]string, error) {
	if names == noRivals {
		return nil, nil
	}
	all := rivalNames()
	selected := strings.Split(names, ",")
	for _, name := range selected {
		if !slices.Contains(all, name) {
			return nil, fmt.Errorf("there is no rival %q; there are %s, or %s", name, strings.Join(all, ", "), noRivals)
		}
	}
	return selected, nil
}

// chosen returns those of the rivals that the plan has.
func (p *plan) chosen(all []side) []side {
	return slices.DeleteFunc(all, func(s side) bool { return !slices.Contains(p.rivals, s.name) })
}

// compared returns the sides of a work that the plan has.
func (p *plan) compared(w *work) []side {
	all := w.compared()
	if !w.rivals {
		return all
	}
	return append(all[:2:2], p.chosen(all[2:])...)
}
