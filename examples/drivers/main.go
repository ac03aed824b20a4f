// Drivers is one service on two client libraries for Kafka. Nothing but the line that
// opens the driver differs. It runs on an embedded broker, or on the one that -brokers
// names, where both can serve side by side.
//
// It is a module of its own, as package confluent needs cgo and a C compiler.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/driver/confluent"
	"github.com/asynccalls/asynccalls/driver/franz"
	"github.com/asynccalls/asynccalls/embedded"
)

// open opens a driver. A program that uses one of them has one of these lines.
func open(name, brokers string) (driver.Driver, error) {
	switch name {
	case "franz":
		return franz.Open(brokers)
	case "confluent":
		return confluent.Open(brokers, nil)
	default:
		return nil, fmt.Errorf("there is no driver %q; there are franz and confluent", name)
	}
}

func main() {
	brokers := flag.String("brokers", "", "`addresses` of the broker, separated by commas; default: an embedded one")
	flag.Parse()
	names := flag.Args()
	if len(names) == 0 {
		names = []string{"franz", "confluent"}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *brokers, names); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, brokers string, names []string) (err error) {
	if brokers == "" {
		b, err := embedded.Start(embedded.Options{})
		if err != nil {
			return err
		}
		defer b.Close()
		brokers = b.Addr()
	}
	for _, name := range names {
		if err := greet(ctx, name, brokers); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// greet serves and calls a greeter with a driver.
func greet(ctx context.Context, name, brokers string) (err error) {
	d, err := open(name, brokers)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	greeter, err := asynccalls.New("greeter", d)
	if err != nil {
		return err
	}
	greeter.Handle("/hi/{name}", func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
		return w.Send(ctx, asynccalls.NewResponse([]byte("Hello, "+r.PathValue("name"))))
	})
	listening := make(chan error, 1)
	go func() { listening <- greeter.Listen(ctx) }()
	defer func() { err = errors.Join(err, greeter.Close(), <-listening) }()
	if err := greeter.Ready(ctx); err != nil {
		return err
	}
	resp, err := greeter.CallOne(ctx, asynccalls.NewRequest("greeter", "/hi/"+name, nil))
	if err != nil {
		return err
	}
	fmt.Println(string(resp.Body))
	return nil
}
