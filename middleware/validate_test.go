package middleware_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/middleware"
)

// orderSchema is of an order with an amount and a card.
const orderSchema = `{
	"type": "object",
	"required": ["amount", "card"],
	"additionalProperties": false,
	"properties": {
		"amount": {"type": "integer", "minimum": 1},
		"card": {"type": "string", "pattern": "^[0-9]{4}$"}
	}
}`

// TestValidate refuses bodies before they are sent, and before they are received, and
// tells no value of them (5.1, 5.3).
func TestValidate(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ endpoint, body, want string }{
		"valid":            {"/orders/17", `{"amount": 3, "card": "1234"}`, ""},
		"another endpoint": {"/other", `hunter2`, ""},
		"not JSON":         {"/orders/17", `hunter2`, "the body is not JSON"},
		"more than JSON":   {"/orders/17", `{"amount": 3, "card": "1234"} hunter2`, "the body is not JSON"},
		"empty":            {"/orders/17", ``, "the body is not JSON"},
		"of another type":  {"/orders/17", `"hunter2"`, "the body is not valid: / (type)"},
		"missing":          {"/orders/17", `{}`, "the body is not valid: / (required amount and card)"},
		"out of range":     {"/orders/17", `{"amount": 0, "card": "1234"}`, "the body is not valid: /amount (minimum)"},
		"two":              {"/orders/17", `{"amount": "hunter2", "card": "hunter2"}`, "the body is not valid: /amount (type), /card (pattern)"},
		"too much":         {"/orders/17", `{"amount": 3, "card": "1234", "hunter2": 1}`, "the body is not valid: / (additionalProperties)"},
	}
	schemas := map[string]string{"/orders/{id}": orderSchema}
	received, err := middleware.ValidateReceived(schemas)
	if err != nil {
		t.Fatal(err)
	}
	sent, err := middleware.ValidateSent("server", schemas)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range tests {
		for what, hook := range map[string]func(context.Context, *asynccalls.Request) error{
			"received": received.BeforeReceive, "sent": sent.BeforeSend,
		} {
			t.Run(name+"/"+what, func(t *testing.T) {
				t.Parallel()
				err := hook(t.Context(), asynccalls.NewRequest("server", tt.endpoint, []byte(tt.body)))
				if tt.want == "" {
					if err != nil {
						t.Error(err)
					}
					return
				}
				if err == nil {
					t.Fatal("it passes")
				}
				complaints, all := strings.CutPrefix(err.Error(), "the body is not valid: ")
				want, _ := strings.CutPrefix(tt.want, "the body is not valid: ")
				for part := range strings.SplitSeq(want, ", ") {
					if !strings.Contains(complaints, part) || len(complaints) != len(want) || all != strings.HasPrefix(tt.want, "the body is not valid") {
						t.Errorf("refused with %q, want %q in any order", err, tt.want)
					}
				}
			})
		}
	}
	if err := sent.BeforeSend(t.Context(), asynccalls.NewRequest("other", "/orders/17", nil)); err != nil {
		t.Errorf("a request to another service is refused: %v", err)
	}
}

func TestValidateRefusesSchemas(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "schema.json")
	if err := os.WriteFile(file, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct{ pattern, schema, want string }{
		"not JSON":       {"/e", `{`, `schema of "/e": it is not JSON`},
		"not a schema":   {"/e", `{"type": 17}`, `schema of "/e": `},
		"not a pattern":  {"e", `{}`, `schema of "e": `},
		"refers outside": {"/e", `{"$ref": "file://` + filepath.ToSlash(file) + `"}`, `schema of "/e": `},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			schemas := map[string]string{tt.pattern: tt.schema}
			_, received := middleware.ValidateReceived(schemas)
			_, sent := middleware.ValidateSent("server", schemas)
			for _, err := range []error{received, sent} {
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("error %v, want %q", err, tt.want)
				}
			}
		})
	}
}

// TestRecover turns a panic into an error, or lets it go on.
func TestRecover(t *testing.T) {
	t.Parallel()
	world(t, func(server, _ *asynccalls.Service) {
		server.Use(middleware.Recover(func(_ context.Context, r *asynccalls.Request, value any, stack []byte) error {
			if !strings.Contains(string(stack), "validate_test.go") || r.Endpoint != "/e" {
				t.Errorf("panic at %s, the stack is %s", r.Endpoint, stack)
			}
			if err, _ := value.(error); !strings.Contains(err.Error(), "[17]") {
				return nil
			}
			return &asynccalls.Error{Status: 418, Message: "a teapot"}
		}))
		server.Handle("/e", func(_ context.Context, _ asynccalls.ResponseWriter, r *asynccalls.Request) error {
			var none []int
			if string(r.Body) == "panic" {
				_ = none[17]
			} else if string(r.Body) == "other" {
				_ = none[18]
			}
			return nil
		})
	}, func(t *testing.T, client *asynccalls.Service) {
		for body, want := range map[string]int{"panic": 418, "other": 500, "": 0} {
			var got *asynccalls.Error
			for _, err := range client.Call(t.Context(), asynccalls.NewRequest("server", "/e", []byte(body))).Responses() {
				got, _ = errors.AsType[*asynccalls.Error](err)
			}
			if (got == nil) != (want == 0) || got != nil && got.Status != want {
				t.Errorf("%s: ended with %v, want status %d", body, got, want)
			}
		}
	})
}
