package franz

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// impatience is how long a broker that can't be reached may hold up a call that
// does not have to wait for it.
const impatience = 3 * time.Second

var (
	_ kgo.Hook              = (*connects)(nil)
	_ kgo.HookBrokerConnect = (*connects)(nil)
)

var errNoAnswer = errors.New("no broker has answered yet")

// connects knows why no broker can be reached: the client only tries again, in
// silence.
type connects struct {
	mu  sync.Mutex // guards err
	err error      // of the last attempt to connect; nil if that succeeded
}

func newConnects() *connects { return &connects{err: errNoAnswer} }

// OnBrokerConnect is called by the client.
func (c *connects) OnBrokerConnect(_ kgo.BrokerMetadata, _ time.Duration, _ net.Conn, err error) {
	if errors.Is(err, context.Canceled) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = err
}

// problem returns the error of the last attempt to connect, or nil if that
// succeeded.
func (c *connects) problem() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
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
