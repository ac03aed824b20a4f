// Package route finds the handler for a path.
//
// Patterns are paths as in net/http: "{name}" stands for one segment, "{name...}"
// at the end for all that remain, "/" at the end likewise without a name, and
// "{$}" at the end for nothing, so that "/{$}" is only "/". Where two patterns
// match a path, the more specific wins; two patterns that both match some path
// and of which neither is more specific cannot be registered together.
package route
