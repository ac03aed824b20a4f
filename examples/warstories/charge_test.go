package warstories_test

import (
	"context"
	"slices"
	"strconv"
	"testing"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/asynccallstest"
	"github.com/asynccalls/asynccalls/examples/warstories"
)

func TestCharge(t *testing.T) {
	t.Parallel()
	s := story{
		bug:        pay(warstories.ChargeAgain),
		fix:        pay(warstories.ChargeOnce),
		failure:    "the customer paid 8000 cents, want 4000",
		deviations: 1,
		steps: []string{
			"but first all that was not committed is delivered again",
			"the provider charges 4000 cents",
			"the provider charges 4000 cents",
		},
	}
	s.tell(t)
}

// pay has one order paid.
func pay(setup func(*asynccalls.Service, warstories.Cards)) body {
	return func(t testing.TB, b *asynccallstest.Broker) {
		c := &cards{b: b}
		b.Start(serve("billing", func(s *asynccalls.Service) { setup(s, c) }))
		notify(t, b, "17", "billing/orders/17/pay", "")
		b.Wait()
		if c.paid != 4000 {
			t.Errorf("the customer paid %d cents, want 4000", c.paid)
		}
	}
}

// cards is a provider that outlives the processes of the service.
type cards struct {
	b    *asynccallstest.Broker
	keys []string
	paid int
}

func (c *cards) Charge(ctx context.Context, key string, cents int) error {
	c.b.Step(ctx, "the provider charges "+strconv.Itoa(cents)+" cents")
	if key != "" && slices.Contains(c.keys, key) {
		return nil
	}
	c.keys = append(c.keys, key)
	c.paid += cents
	return nil
}
