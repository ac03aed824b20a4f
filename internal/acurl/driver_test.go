package acurl

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/driver/franz"
)

// TestDrivers chooses a driver by flag and context. It is not parallel, as it sets environment variables.
func TestDrivers(t *testing.T) {
	address := loaded(t, func(*asynccalls.Request) {})
	file := filepath.Join(t.TempDir(), "config.toml")
	t.Setenv(configVariable, file)
	t.Setenv(brokersVariable, "")
	t.Setenv(contextVariable, "")
	var opened []Access
	other := Driver{
		Name: "other",
		Open: func(brokers string, a Access) (driver.Driver, error) {
			opened = append(opened, a)
			if strings.HasSuffix(brokers, ":1") {
				return nil, errors.New("no good")
			}
			return franz.Open(brokers)
		},
		Code: func(error) int16 { return 0 },
	}
	contexts := "[contexts.o]\nbrokers = '" + address + "'\ndriver = 'other'\n" +
		"[contexts.x]\nbrokers = '" + address + "'\ndriver = 'x'\n"
	if err := os.WriteFile(file, []byte(contexts), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		line   string
		others []Driver
		code   int
		opened int
		says   string
	}{
		{"shop/price -b " + address, []Driver{other}, exitOK, 0, ""},
		{"shop/price --driver franz -b " + address, []Driver{other}, exitOK, 0, ""},
		{"shop/price --driver other -b " + address, []Driver{other}, exitOK, 1, ""},
		{"bench shop/price --requests 1 --warmup 0s --driver other -b " + address, []Driver{other}, exitOK, 1, ""},
		{"ls --driver other -b " + address, []Driver{other}, exitOK, 1, ""},
		{"shop/price --driver other -b 127.0.0.1:1", []Driver{other}, exitUsage, 1, "no good"},
		{"shop/price --driver x -b " + address, []Driver{other}, exitUsage, 0, `there is no driver "x", only: franz, other`},
		{"shop/price --driver other -b " + address, nil, exitUsage, 0, "unknown flag: --driver"},
		{"shop/price --context o", []Driver{other}, exitOK, 1, ""},
		{"shop/price --context o --driver franz", []Driver{other}, exitOK, 0, ""},
		{"shop/price --context o", nil, exitUsage, 0, `there is no driver "other", only: franz`},
		{"shop/price --context x", []Driver{other}, exitUsage, 0, `there is no driver "x", only: franz, other`},
		{"context add y -b a --driver x", []Driver{other}, exitUsage, 0, `there is no driver "x"`},
		{"context add y -b a --driver other --tls", []Driver{other}, exitOK, 0, ""},
		{"context add y -b " + address, []Driver{other}, exitOK, 0, ""}, // replaced as a whole
		{"shop/price --context y", []Driver{other}, exitOK, 0, ""},
		{"__complete ls --driver o", []Driver{other}, exitOK, 0, ""},
	} {
		opened = nil
		var out, said bytes.Buffer
		code := run(t.Context(), strings.Fields(tt.line), &streams{strings.NewReader(""), &out, &said}, tt.others...)
		if code != tt.code || len(opened) != tt.opened || !strings.Contains(said.String(), tt.says) {
			t.Errorf("acurl %s: code %d, want %d; opened %d times, want %d; said %q, want %q",
				tt.line, code, tt.code, len(opened), tt.opened, said.String(), tt.says)
		}
	}
}

// TestDriverAccess passes a context on.
func TestDriverAccess(t *testing.T) {
	t.Parallel()
	p := profile{
		TLS:  &TLS{CA: "ca.pem", ServerName: "kafka"},
		SASL: &saslProfile{Mechanism: "plain", User: alice, Secret: secret},
	}
	a := p.access()
	if *a.TLS != *p.TLS || a.SASL.Mechanism != "plain" || a.SASL.User != alice {
		t.Errorf("access is %+v, %+v, want %+v", a.TLS, a.SASL, p)
	}
	if got, err := a.SASL.Secret(); got != secret || err != nil {
		t.Errorf("secret is %q, %v, want %q", got, err, secret)
	}
	if a := (&profile{}).access(); a != (Access{}) {
		t.Errorf("access is %+v, want none", a)
	}
}

// TestDriverCodes tells by the codes of another driver that the broker does not allow it.
func TestDriverCodes(t *testing.T) {
	t.Parallel()
	unlike := errors.New("not allowed")
	for name, tt := range map[string]struct{ number, want int }{
		"topic":     {int(kerr.TopicAuthorizationFailed.Code), exitDenied},
		"login":     {int(kerr.SaslAuthenticationFailed.Code), exitLogin},
		"other":     {int(kerr.NotLeaderForPartition.Code), exitOther},
		"none":      {0, exitOther},
		"undefined": {-195, exitOther},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &connection{others: []Driver{{Code: func(error) int16 { return int16(tt.number) }}}}
			f, ok := errors.AsType[*failure](c.failed(unlike, 0))
			if !ok || f.code != tt.want || f.Error() != unlike.Error() {
				t.Errorf("failed with %v, want %q and code %d", f, unlike, tt.want)
			}
		})
	}
}
