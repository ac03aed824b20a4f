// Package drivers is what the drivers for Kafka have in common.
package drivers

import (
	"fmt"

	"github.com/asynccalls/asynccalls/driver"
)

// ErrClosed says that the driver, a group or a reader is closed.
var ErrClosed = fmt.Errorf("driver is closed: %w", driver.ErrRefused)
