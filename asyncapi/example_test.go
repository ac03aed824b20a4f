package asyncapi_test

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"os"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/asyncapi"
	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/driver/memory"
)

// Ask is what a customer wants to know.
type Ask struct {
	Article string `json:"article"`
}

// Price is what an article costs.
type Price struct {
	Cents int `json:"cents" jsonschema:"without taxes"`
}

// newPrices returns a service that tells prices: the function that its program calls as
// well.
func newPrices(d driver.Driver) (*asynccalls.Service, error) {
	s, err := asynccalls.New("prices", d)
	if err != nil {
		return nil, err
	}
	asynccalls.HandleJSON(s, "/price", func(context.Context, Ask) (Price, error) { return Price{Cents: 120}, nil })
	asyncapi.Handle(s, asyncapi.Info{Title: "Prices", Version: "1.0.0"})
	return s, nil
}

// The document is compared with the file that is checked in.
func ExampleHandle() {
	ctx := context.Background()
	broker := memory.New()
	defer broker.Close()
	s, err := newPrices(broker)
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	go s.Listen(ctx)
	if err := s.Ready(ctx); err != nil {
		log.Fatal(err)
	}

	resp, err := s.CallOne(ctx, asynccalls.NewRequest("prices", "/$asyncapi", nil))
	if err != nil {
		log.Fatal(err)
	}
	file, err := os.ReadFile("testdata/prices.json")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("testdata/prices.json is up to date:", bytes.Equal(resp.Body, file))
	// Output: testdata/prices.json is up to date: true
}

// In the testing mode, a test of the service does the same:
//
//	func TestDocument(t *testing.T) {
//		asynccallstest.Run(t, func(t testing.TB, b *asynccallstest.Broker) {
//			got := b.Start(newPrices).Call(asynccalls.NewRequest("prices", "/$asyncapi", nil))
//			… // compare got.Responses[0].Body with the file
//		})
//	}
func ExampleInfo() {
	ctx := context.Background()
	broker := memory.New()
	defer broker.Close()
	s, err := newPrices(broker)
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	go s.Listen(ctx)
	if err := s.Ready(ctx); err != nil {
		log.Fatal(err)
	}

	type document struct {
		AsyncAPI string
		Info     asyncapi.Info
	}
	d, err := asynccalls.CallOneJSON[document](ctx, s, "prices", "/$asyncapi", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("AsyncAPI", d.AsyncAPI, "of", d.Info.Title, d.Info.Version)
	// Output: AsyncAPI 3.0.0 of Prices 1.0.0
}
