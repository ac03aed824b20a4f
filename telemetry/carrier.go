package telemetry

import (
	"github.com/asynccalls/asynccalls"
	"go.opentelemetry.io/otel/propagation"
)

// carrier carries the context of a trace in the headers of a message.
type carrier struct{ header *asynccalls.Header }

var _ propagation.TextMapCarrier = carrier{}

// Get implements [propagation.TextMapCarrier].
func (c carrier) Get(key string) string { return c.header.Get(key) }

// Set implements [propagation.TextMapCarrier].
func (c carrier) Set(key, value string) { c.header.Set(key, value) }

// Keys implements [propagation.TextMapCarrier].
func (c carrier) Keys() []string {
	keys := make([]string, len(*c.header))
	for i, f := range *c.header {
		keys[i] = f.Key
	}
	return keys
}
