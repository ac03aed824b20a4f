//go:build cgo

package confluent

import "github.com/asynccalls/asynccalls/driver"

// InFlight returns how many requests to publish may be on their way to a broker.
func InFlight(d *Driver) any { return (*d.settings.producer(defaultLimit))["max.in.flight"] }

// Ended is closed when the client of a closed group has ended.
func Ended(g driver.Group) <-chan struct{} { return g.(*group).ended }
