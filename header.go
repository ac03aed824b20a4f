package asynccalls

// Field is one header of a message.
type Field struct{ Key, Value string }

// Header holds the headers of a message in their order. Keys are compared
// exactly and may occur more than once. Keys that are "ac" or begin with "ac-"
// belong to the protocol and are refused when sending.
type Header []Field //nolint:recvcheck // Add and Set change the slice itself

// The headers of W3C Trace Context (https://www.w3.org/TR/trace-context/).
const (
	traceParent = "traceparent"
	traceState  = "tracestate"
)

// isTrace reports whether a header says to which trace a message belongs.
func isTrace(key string) bool { return key == traceParent || key == traceState }

// Add appends a field.
func (h *Header) Add(key, value string) { *h = append(*h, Field{key, value}) }

// Set replaces the first field of that key and removes the others; without one
// it appends.
func (h *Header) Set(key, value string) {
	kept := (*h)[:0:0]
	found := false
	for _, f := range *h {
		switch {
		case f.Key != key:
			kept = append(kept, f)
		case !found:
			kept = append(kept, Field{key, value})
			found = true
		}
	}
	if !found {
		kept = append(kept, Field{key, value})
	}
	*h = kept
}

// Get returns the first value of key, or "".
func (h Header) Get(key string) string {
	for _, f := range h {
		if f.Key == key {
			return f.Value
		}
	}
	return ""
}

// Values returns all values of key in their order.
func (h Header) Values(key string) []string {
	var values []string
	for _, f := range h {
		if f.Key == key {
			values = append(values, f.Value)
		}
	}
	return values
}
