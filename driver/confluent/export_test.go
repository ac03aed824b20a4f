//go:build cgo

package confluent

import "github.com/asynccalls/asynccalls/driver"

// Ended is closed when the client of a closed group has ended.
func Ended(g driver.Group) <-chan struct{} { return g.(*group).ended }
