package memory_test

import (
	"context"
	"fmt"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/driver/memory"
)

func Example() {
	ctx := context.Background()
	broker := memory.New()
	defer broker.Close()

	if err := broker.Create(ctx, driver.Topic{Name: "greetings", Partitions: 1}); err != nil {
		fmt.Println(err)
		return
	}
	for _, text := range []string{"hello", "world"} {
		r := &driver.Record{Topic: "greetings", Partition: -1, Value: []byte(text)}
		broker.Publish(ctx, r, func(r *driver.Record, err error) {
			fmt.Println("published", r.Offset, err)
		})
	}

	reader, err := broker.Read(ctx, driver.Partition{Topic: "greetings"}, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	records := make([]driver.Record, 10)
	n, err := reader.Receive(ctx, records)
	for _, r := range records[:n] {
		fmt.Println("received", r.Offset, string(r.Value))
	}
	fmt.Println(err)
	// Output:
	// published 0 <nil>
	// published 1 <nil>
	// received 0 hello
	// received 1 world
	// <nil>
}
