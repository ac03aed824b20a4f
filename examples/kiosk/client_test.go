package kiosk_test

import (
	"context"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/asynccallstest"
	"github.com/asynccalls/asynccalls/examples/kiosk"
)

func TestCheapest(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		catalog asynccalls.Handler
		want    int
		fails   bool
	}{
		"many":     {asynccallstest.Script(300, 250, 270), 250, false},
		"none":     {asynccallstest.Script(), 0, false},
		"one late": {asynccallstest.Script(300, time.Minute, 250), 300, false},
		"all late": {asynccallstest.Script(time.Minute, 250), 0, true},
		"no end":   {asynccallstest.Script(300, asynccallstest.NoEnd), 300, false},
		"unknown":  {asynccallstest.Script(&asynccalls.Error{Status: 404, Message: "no tea"}), 0, true},
		"no JSON":  {asynccallstest.Script("cheap"), 0, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asynccallstest.Run(t, func(t testing.TB, b *asynccallstest.Broker) {
				catalog := b.Fake("catalog", func(s *asynccalls.Service) { s.Handle("/prices/{article}", tt.catalog) })
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				got, err := kiosk.Cheapest(ctx, b.Client(), "tea")
				if got != tt.want || (err != nil) != tt.fails {
					t.Errorf("got %d cents and %v, want %d and failure %v", got, err, tt.want, tt.fails)
				}
				if n := len(catalog.Received()); n != 1 {
					t.Errorf("the catalog was asked %d times, want once", n)
				}
			})
		})
	}
}
