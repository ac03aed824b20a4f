package main

import (
	"context"
	"fmt"
	"log"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver/memory"
)

func main() {
	ctx := context.Background()
	greeter, err := asynccalls.New("greeter", memory.New()) // or franz.Open("localhost:9092")
	if err != nil {
		log.Fatal(err)
	}
	greeter.Handle("/hi/{name}", func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
		return w.Send(ctx, asynccalls.NewResponse([]byte("Hello, "+r.PathValue("name"))))
	})
	go greeter.Listen(ctx)
	if err = greeter.Ready(ctx); err != nil {
		log.Fatal(err)
	}
	resp, err := greeter.CallOne(ctx, asynccalls.NewRequest("greeter", "/hi/you", nil))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(resp.Body))
}
