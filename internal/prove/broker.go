//go:build unix

package prove

import (
	"context"

	"github.com/asynccalls/asynccalls/embedded"
)

// serveKafka is a broker on an address that others know before it starts.
func (p *part) serveKafka(ctx context.Context) error {
	b, err := embedded.Start(embedded.Options{Listen: p.Address, Dir: p.Dir})
	if err != nil {
		return err
	}
	<-ctx.Done()
	return b.Close()
}
