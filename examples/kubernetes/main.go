// Kubernetes is a service as one runs it in a cluster: it tells the probes of the
// orchestrator how it is, and ends in time when a pod is to go.
//
//	go run ./examples/kubernetes
//
// serves orders/price, with a Kafka broker inside the process, and
// http://localhost:8080/readyz, /livez and /startupz. The file orders.yaml, beside
// this one, has what the cluster needs: a Deployment with its probes, a
// PodDisruptionBudget, and scaling by how far the service is behind.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/examples/internal/program"
	"github.com/asynccalls/asynccalls/health"
)

// grace is how long handlers have to end. A pod needs a little longer, see
// terminationGracePeriodSeconds in orders.yaml.
const grace = 30 * time.Second

// partitions of the topic for requests: more pods than that have nothing to do.
const partitions = 12

func main() { program.Main("kubernetes", run) }

func run(ctx context.Context, out io.Writer, args []string) error {
	flags := program.NewFlags("kubernetes")
	address := flags.String("http", "localhost:8080", "where probes are answered")
	if err := flags.Parse(args); err != nil {
		return err
	}
	d, end, err := flags.Open(out)
	if err != nil {
		return err
	}
	defer end()
	svc, err := newOrders(d)
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", *address)
	if err != nil {
		return err
	}
	probes := &http.Server{Handler: health.Handler(svc), ReadHeaderTimeout: time.Second}
	answering := make(chan error, 1)
	go func() { answering <- probes.Serve(listener) }()
	fmt.Fprintf(out, "http://%s/readyz says how it is; Ctrl-C ends it\n", listener.Addr())

	err = svc.Listen(ctx)
	// Until here the probes were answered: a pod that drains is alive, and not ready.
	if closeErr := probes.Close(); err == nil {
		err = closeErr
	}
	if probeErr := <-answering; !errors.Is(probeErr, http.ErrServerClosed) {
		err = errors.Join(err, probeErr)
	}
	return err
}

func newOrders(d driver.Driver) (*asynccalls.Service, error) {
	s, err := asynccalls.New("orders", d, asynccalls.Limits{Grace: grace}, asynccalls.Topics{Partitions: partitions})
	if err != nil {
		return nil, err
	}
	asynccalls.HandleJSON(s, "/price", func(_ context.Context, order struct{ Pieces int }) (int, error) {
		const each = 3
		return each * order.Pieces, nil
	})
	return s, nil
}
