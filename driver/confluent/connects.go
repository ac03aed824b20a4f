//go:build cgo

package confluent

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
)

// impatience is how long a broker that can't be reached may hold up a call that
// does not have to wait for it.
const impatience = 3 * time.Second

var errNoAnswer = errors.New("no broker has answered yet")

// connects knows why no broker can be reached: the client only tries again, and
// tells in events.
type connects struct {
	mu     sync.Mutex // guards err and denied
	err    error      // why the last attempt failed; nil if a broker has answered since
	denied bool       // the broker does not let this client in
}

func newConnects() *connects { return &connects{err: errNoAnswer} }

// failed takes an error that a client tells of.
func (c *connects) failed(err kafka.Error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch err.Code() {
	case kafka.ErrTransport, kafka.ErrResolve, kafka.ErrSsl:
		c.err = err
	case kafka.ErrAuthentication:
		c.err, c.denied = err, true
	default: // says nothing about reaching a broker
	}
}

// succeeded says that a broker has answered.
func (c *connects) succeeded() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err, c.denied = nil, false
}

// problem returns why no broker can be reached, or nil if the last one that was
// asked has answered.
func (c *connects) problem() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// isDenied says that waiting for the broker does not help.
func (c *connects) isDenied() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.denied
}

// impatient returns a context that ends soon if no broker can be reached, with
// the reason as its cause.
func (c *connects) impatient(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(impatience, func() {
		if err := c.problem(); err != nil {
			cancel(err)
		}
	})
	return ctx, func() {
		timer.Stop()
		cancel(nil)
	}
}
