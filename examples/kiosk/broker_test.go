package kiosk_test

import (
	"os"
	"testing"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/asynccallstest"
	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/driver/franz"
	"github.com/asynccalls/asynccalls/embedded"
	"github.com/asynccalls/asynccalls/examples/kiosk"
)

// TestOnKafka takes the same test on a broker: the one inside the process, or Apache
// Kafka at the address in ASYNCCALLS_KAFKA.
func TestOnKafka(t *testing.T) {
	t.Parallel()
	asynccallstest.Run(t, func(t testing.TB, b *asynccallstest.Broker) {
		b.Start(func(d driver.Driver) (*asynccalls.Service, error) { return newPayments(d, &bank{}) })
		b.Start(func(d driver.Driver) (*asynccalls.Service, error) { return kiosk.New(d, &orders{b: b}) })
		warehouse := b.Fake("warehouse", func(s *asynccalls.Service) { s.Handle("/pack/{id}", asynccallstest.Script()) })

		r := asynccalls.NewRequest("shop", "/orders/17", []byte(`{"Article": "tea", "Cents": 250}`))
		if err := b.Client().Notify(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		b.Wait()
		asynccallstest.Equal(t, warehouse.Received(),
			asynccalls.NewRequest("warehouse", "/pack/17", []byte("tea")))
	}, asynccallstest.On(kafka))
}

// kafka connects to a broker.
func kafka(t testing.TB) driver.Driver {
	addr := os.Getenv("ASYNCCALLS_KAFKA")
	if addr == "" {
		k, err := embedded.Start(embedded.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { k.Close() })
		addr = k.Addr()
	}
	d, err := franz.Open(addr)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
