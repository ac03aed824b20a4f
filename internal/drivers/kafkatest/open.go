package kafkatest

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/asynccalls/asynccalls/embedded"
)

// OpenSeeds opens drivers on addresses of all kinds.
func OpenSeeds(t *testing.T, open func(seeds string) (io.Closer, error)) {
	tests := map[string]struct {
		seeds string
		want  string // part of the error, empty if there is none
	}{
		"one":              {"localhost:9092", ""},
		"two":              {"host1:9092,host2:9093", ""},
		"with spaces":      {" host1:9092 , host2:9093 ", ""},
		"without port":     {"host1,host2:9093", ""},
		"IPv4":             {"127.0.0.1", ""},
		"IPv6":             {"[::1]:9092", ""},
		"bare IPv6":        {"::1", ""},
		"bracketed IPv6":   {"[::1]", ""},
		"nothing":          {"", "no broker address"},
		"blank":            {"  ", "no broker address"},
		"empty piece":      {"host1:9092,,host2:9092", `broker address ""`},
		"trailing comma":   {"host1:9092,", `broker address ""`},
		"scheme":           {"kafka://host1:9092", `broker address "kafka://host1:9092"`},
		"port not number":  {"host1:9092,host2:kafka", `port is "kafka"`},
		"port too large":   {"host1:99999", `port is "99999"`},
		"port zero":        {"host1:0", `port is "0"`},
		"no port, a colon": {"host1:", `port is ""`},
		"no host":          {":9092", `host is ""`},
		"two ports":        {"host1:9092:9093", `broker address "host1:9092:9093"`},
		"space inside":     {"host 1:9092", `host is "host 1"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := open(tt.seeds)
			if err == nil {
				_ = d.Close()
			}
			if got := fmt.Sprint(err); (err != nil) != (tt.want != "") || !strings.Contains(got, tt.want) {
				t.Errorf("open %q: error %q, want one with %q", tt.seeds, got, tt.want)
			}
		})
	}
}

// SettingsReachGroups looks at a group from outside. The driver is opened with the
// client ID "told".
func SettingsReachGroups(t *testing.T, open Open) {
	addr := Start(t, embedded.Options{}).Addr()
	d := open(t, addr)
	topic := Create(t, d, 1)
	m := join(t, d, "group", topic)
	m.receiveUntil(t, func() bool { return m.assigned > 0 })
	groups, err := kadm.NewClient(Raw(t, addr)).DescribeGroups(t.Context(), "group")
	if err != nil {
		t.Fatalf("describe group: %v", err)
	}
	for _, member := range groups["group"].Members {
		if member.ClientID != "told" {
			t.Errorf("client ID of the member is %q, want %q", member.ClientID, "told")
		}
	}
	if protocol := groups["group"].Protocol; protocol != "cooperative-sticky" {
		t.Errorf("protocol of the group is %q, want %q", protocol, "cooperative-sticky")
	}
}
