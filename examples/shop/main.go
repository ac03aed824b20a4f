// Shop is three services: orders, which asks stock to reserve and to ship, and payments
// to charge. A customer sees an order go on step by step, or stop; then what was done is
// undone.
//
//	go run ./examples/shop
//	go run ./examples/shop -brokers localhost:9092
//
// runs them in one process, in memory or on a Kafka. Each service is what it would be in a
// program of its own: a function that makes it from a driver and a database. The tests
// use the same functions: see stock, payments, orders, and shop_test.go for all of them
// together.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/driver/memory"
	"github.com/asynccalls/asynccalls/examples/internal/program"
	"github.com/asynccalls/asynccalls/examples/shop/orders"
	"github.com/asynccalls/asynccalls/examples/shop/payments"
	"github.com/asynccalls/asynccalls/examples/shop/stock"
)

func main() { program.Main("shop", run) }

func run(ctx context.Context, out io.Writer, args []string) error {
	flags := program.NewFlags("shop")
	flags.Lookup("brokers").Usage = "the Kafka to use, as `HOST:PORT,…`; default: memory"
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.Brokers == "" {
		return serve(ctx, out, memory.New())
	}
	d, end, err := flags.Open(out)
	if err != nil {
		return err
	}
	defer end()
	return serve(ctx, out, d)
}

// serve opens the shop for the customers of one day.
func serve(ctx context.Context, out io.Writer, d driver.Driver) error {
	placed := orders.NewDB()
	o, err1 := orders.New(d, placed)
	p, err2 := payments.New(d, payments.NewAccounts(map[string]int{"ann": 100, "bob": 10}))
	s, err3 := stock.New(d, stock.NewDB(map[string]int{"mugs": 5, "posters": 1}))
	c, err4 := asynccalls.New("customer", d)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return err
	}
	stop, err := program.Serve(ctx, o, p, s)
	if err != nil {
		return err
	}
	err = day(ctx, &customer{c, out}, placed)
	return errors.Join(err, c.Close(), stop())
}

// day is what customers do. IDs of orders begin with the time, as a Kafka remembers
// nothing of them, but the services of another run may still be asked about them.
func day(ctx context.Context, c *customer, placed *orders.DB) error {
	today := strconv.FormatInt(time.Now().Unix(), 36)
	id := func(n int) string { return fmt.Sprint(today, "-", n) }
	mugs := orders.Order{Customer: "ann", Article: "mugs", Quantity: 2, Price: 30}
	if err := c.buy(ctx, id(1), mugs); err != nil {
		return err
	}
	if err := c.buy(ctx, id(1), mugs); err != nil { // the same order, not another
		return err
	}
	dear := orders.Order{Customer: "bob", Article: "mugs", Quantity: 3, Price: 45}
	if err := c.refused(ctx, id(2), dear); err != nil {
		return err
	}
	if err := c.follow(ctx, placed, id(2)); err != nil {
		return err
	}
	posters := orders.Order{Customer: "ann", Article: "posters", Quantity: 2, Price: 40}
	if err := c.refused(ctx, id(3), posters); err != nil {
		return err
	}
	err := errors.Join(
		c.deliver(ctx, today, stock.Items{Article: "posters", Quantity: 4}),
		c.buy(ctx, id(4), posters),
	)
	return errors.Join(err, c.level(ctx, "mugs"), c.level(ctx, "posters"))
}

// refused places an order of which it is known that it will not be shipped.
func (c *customer) refused(ctx context.Context, id string, o orders.Order) error {
	err := c.buy(ctx, id, o)
	switch refusal, ok := errors.AsType[*asynccalls.Error](err); {
	case err == nil:
		return fmt.Errorf("order %s was shipped, want a refusal", id)
	case ok && refusal.Status < 500:
		return nil
	default:
		return err
	}
}

// follow waits until an order has come to its end.
func (c *customer) follow(ctx context.Context, placed *orders.DB, id string) error {
	over, err := placed.Over(id)
	if err != nil {
		return err
	}
	select {
	case <-over:
		return c.track(ctx, id)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
