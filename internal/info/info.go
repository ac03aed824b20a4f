// Package info is what an instance of a service says of itself, for tools.
package info

import (
	"runtime/debug"
	"time"
)

// Endpoint is where a service answers requests with an [Info], as JSON.
const Endpoint = "/$info"

// Info is what an instance says of itself. Fields may be added to it; what reads
// it ignores those that it does not know.
type Info struct {
	Service   string    `json:"service"`
	Host      string    `json:"host"`
	Process   int       `json:"process"`
	Started   time.Time `json:"started"`           // when it began to listen
	Program   string    `json:"program,omitempty"` // the module of the program,
	Version   string    `json:"version,omitempty"` // and its version
	Library   string    `json:"library,omitempty"` // the version of asynccalls
	Go        string    `json:"go"`
	Endpoints []Route   `json:"endpoints"`
	Responses []Route   `json:"responses,omitempty"` // to durable requests that it handles

	Partitions []Partition `json:"partitions"` // that the instance has
	Running    int         `json:"running"`    // handlers at this moment, that of the request for this among them
}

// Route is an endpoint, or a handler of responses.
type Route struct {
	Service  string `json:"service,omitempty"` // that responds
	Pattern  string `json:"pattern"`
	Timeout  string `json:"timeout"` // of a handler, as time.Duration
	Attempts int    `json:"attempts"`
}

// Partition is one of a topic.
type Partition struct {
	Topic string `json:"topic"`
	ID    int32  `json:"id"`
}

const library = "github.com/asynccalls/asynccalls"

// Build fills in what is known of how the program was built.
func (i *Info) Build() {
	b, ok := debug.ReadBuildInfo()
	if !ok {
		return
	}
	i.Program, i.Version, i.Go = b.Main.Path, b.Main.Version, b.GoVersion
	for _, s := range b.Settings {
		if s.Key == "vcs.revision" && i.Version == "(devel)" {
			i.Version = s.Value
		}
	}
	if b.Main.Path == library {
		i.Library = b.Main.Version
	}
	for _, m := range b.Deps {
		if m.Path == library {
			i.Library = m.Version
		}
	}
}
