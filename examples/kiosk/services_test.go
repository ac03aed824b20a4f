package kiosk_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/asynccallstest"
	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/examples/kiosk"
)

// TestServices connects the shop with the real payments, and compares all that the
// services send to each other with a file.
func TestServices(t *testing.T) {
	t.Parallel()
	asynccallstest.Run(t, func(t testing.TB, b *asynccallstest.Broker) {
		bank := &bank{}
		b.Start(func(d driver.Driver) (*asynccalls.Service, error) { return newPayments(d, bank) })
		b.Start(func(d driver.Driver) (*asynccalls.Service, error) { return kiosk.New(d, &orders{b: b}) })
		b.Fake("warehouse", func(s *asynccalls.Service) { s.Handle("/pack/{id}", asynccallstest.Script()) })

		for i, article := range []string{"tea", "milk"} {
			body := fmt.Sprintf(`{"Article": %q, "Cents": %d}`, article, 100+i)
			r := asynccalls.NewRequest("shop", fmt.Sprint("/orders/", i+1), []byte(body))
			if err := b.Client().Notify(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		}
		b.Wait() // until all is handled, also what follows from it

		var out bytes.Buffer
		for _, r := range b.Sent() {
			fmt.Fprintf(&out, "%s: %s to %s%s: %s\n", r.ID, r.From, r.Service, r.Endpoint, r.Body)
		}
		golden(t, "services", out.Bytes())
	})
}

var update = flag.Bool("update", false, "write the golden files instead of comparing")

// golden compares bytes with those of a file: IDs and the order are the same each time.
func golden(t testing.TB, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is\n%s\nwant\n%s\nif that is right: go test -update", file, got, want)
	}
}

// newPayments returns the service that charges for orders, once for each.
func newPayments(d driver.Driver, b *bank) (*asynccalls.Service, error) {
	s, err := asynccalls.New("payments", d)
	if err != nil {
		return nil, err
	}
	charge := func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
		b.charge(r.PathValue("id"))
		return w.Send(ctx, asynccalls.NewResponse([]byte("ok")))
	}
	s.Handle("/charge/{id}", charge)
	return s, nil
}

// bank is what payments works with.
type bank struct{ charged []string }

func (b *bank) charge(order string) {
	if !slices.Contains(b.charged, order) {
		b.charged = append(b.charged, order)
	}
}
