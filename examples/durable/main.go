// Durable is a client that sends orders and ends before they are answered. When it
// starts again, it gets the responses that have come meanwhile.
//
//	go run ./examples/durable
//
// runs it twice in one process, with a Kafka broker inside it. With a real one, the
// client is what one would have: a program that is started, ended and started again.
//
//	go run ./examples/durable -brokers localhost:9092 -print    # the service
//	go run ./examples/durable -brokers localhost:9092 -order    # sends, and ends
//	go run ./examples/durable -brokers localhost:9092 -collect  # handles responses, until Ctrl-C
//
// A response is handled at least once. Its RequestID, Run and Seq tell repeats apart
// from what is new: here the first handler of all fails after it has done its work,
// as a process does that dies at the wrong time, and is run again.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/examples/internal/program"
)

const (
	printShop = "print-shop"
	posters   = "/posters/{size}"
)

func main() { program.Main("durable", run) }

// settings is what the command line says.
type settings struct{ serve, order, collect bool }

func run(ctx context.Context, out io.Writer, args []string) error {
	var s settings
	flags := program.NewFlags("durable")
	flags.BoolVar(&s.serve, "print", false, "be the service that prints, until Ctrl-C")
	flags.BoolVar(&s.order, "order", false, "send the orders, and end")
	flags.BoolVar(&s.collect, "collect", false, "handle responses to orders, until Ctrl-C")
	if err := flags.Parse(args); err != nil {
		return err
	}
	parts := 0
	for _, chosen := range []bool{s.serve, s.order, s.collect} {
		if chosen {
			parts++
		}
	}
	switch {
	case parts > 1:
		return errors.New("-print, -order and -collect exclude each other; leave all out to do one after the other")
	case parts == 1 && flags.Brokers == "":
		return errors.New("-print, -order and -collect need -brokers: processes cannot share the one inside a process")
	}
	d, end, err := flags.Open(out)
	if err != nil {
		return err
	}
	defer end()
	return s.do(ctx, out, d)
}

// do plays one part, or all.
func (s settings) do(ctx context.Context, out io.Writer, d driver.Driver) error {
	switch {
	case s.serve:
		shop, err := newShop(d)
		if err != nil {
			return err
		}
		return shop.Listen(ctx)
	case s.order:
		return order(ctx, out, d)
	case s.collect:
		client, err := newClient(d, newBook(out))
		if err != nil {
			return err
		}
		return client.Listen(ctx)
	}
	return everything(ctx, out, d)
}

// everything sends the orders before the service has ever run, and collects the
// responses with another client.
func everything(ctx context.Context, out io.Writer, d driver.Driver) error {
	shop, err := newShop(d)
	if err != nil {
		return err
	}
	stop, err := program.Serve(ctx, shop) // creates its topics
	if err != nil {
		return err
	}
	if err := stop(); err != nil {
		return err
	}
	if err := order(ctx, out, d); err != nil {
		return err
	}
	if shop, err = newShop(d); err != nil {
		return err
	}
	collected := newBook(out)
	client, err := newClient(d, collected)
	if err != nil {
		return err
	}
	if stop, err = program.Serve(ctx, shop, client); err != nil {
		return err
	}
	select {
	case <-collected.complete:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	return errors.Join(err, stop())
}

// newShop returns the service: a proof first, then the poster.
func newShop(d driver.Driver) (*asynccalls.Service, error) {
	s, err := asynccalls.New(printShop, d)
	if err != nil {
		return nil, err
	}
	s.Handle(posters, func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
		size := r.PathValue("size")
		if err := w.Send(ctx, asynccalls.NewResponse([]byte("proof of "+string(r.Body)+", "+size))); err != nil {
			return err
		}
		poster := asynccalls.NewResponse([]byte("poster of " + string(r.Body) + ", " + size))
		poster.End = true
		return w.Send(ctx, poster)
	})
	return s, nil
}

// newClient returns the client. Each instance of it, now or later, handles the
// responses to requests of any.
func newClient(d driver.Driver, b *book) (*asynccalls.Service, error) {
	s, err := asynccalls.New("gallery", d)
	if err != nil {
		return nil, err
	}
	s.HandleResponses(printShop, posters, func(_ context.Context, r *asynccalls.Response) error { return b.enter(r) })
	return s, nil
}

func motifs() []string { return []string{"the sea", "a cat", "mountains"} }

// order sends the orders with a client that ends then. What Send has returned for is
// in the log, and will be answered.
func order(ctx context.Context, out io.Writer, d driver.Driver) error {
	client, err := newClient(d, newBook(out))
	if err != nil {
		return err
	}
	var orders []*asynccalls.Request
	for _, motif := range motifs() {
		r := asynccalls.NewRequest(printShop, "/posters/a2", []byte(motif))
		r.Key = "gallery-7" // one after the other
		orders = append(orders, r)
	}
	err = client.Send(ctx, orders...)
	if err == nil {
		fmt.Fprintln(out, "ordered", len(orders), "posters; the client ends before any is printed")
	}
	return errors.Join(err, client.Close())
}

// book is where the client enters what it got. A real one would be a table, written
// in the transaction of the work itself.
type book struct {
	out      io.Writer
	complete chan struct{} // closed when all posters are there

	mu      sync.Mutex // guards what follows
	entered map[string]bool
	posters int
	failed  bool
}

func newBook(out io.Writer) *book {
	return &book{out: out, complete: make(chan struct{}), entered: make(map[string]bool)}
}

// enter handles a response, once. ID is RequestID, Run and Seq in one.
func (b *book) enter(r *asynccalls.Response) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.entered[r.ID] {
		fmt.Fprintf(b.out, "number %d to %s is known: nothing to do\n", r.Seq, r.RequestID)
		return nil
	}
	b.entered[r.ID] = true
	fmt.Fprintf(b.out, "number %d to %s: %s\n", r.Seq, r.RequestID, r.Body)
	if r.End {
		if b.posters++; b.posters == len(motifs()) {
			close(b.complete)
		}
	}
	if !b.failed {
		b.failed = true
		return errors.New("the lights went out")
	}
	return nil
}
