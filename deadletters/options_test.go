package deadletters_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls/deadletters"
	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/wire"
)

func TestFilter(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *tap) {
		at := func(endpoint string, last time.Duration) wire.Dead {
			return wire.Dead{
				Topic: "server.requests", Service: "server", Endpoint: endpoint, Time: start, First: start, Last: start.Add(last),
			}
		}
		write(t, d,
			letter{value: "a", partition: 0, key: "1", dead: at("/orders", time.Second), error: "no database"},
			letter{value: "b", partition: 0, key: "2", dead: at("/orders/17", 2*time.Second), error: "bad input"},
			letter{value: "c", partition: 0, key: "1", dead: at("/invoices", 3*time.Second), error: "no database here"},
			letter{value: "d", partition: 2, dead: at("", 4*time.Second), error: "unknown"},
			letter{value: "e", partition: 2, key: "1", dead: at("/orders/18", 5*time.Second), error: "bad output"},
		)
		tests := map[string]struct {
			filter deadletters.Filter
			want   string
		}{
			"all":                {deadletters.Filter{}, "abcde"},
			"endpoint":           {deadletters.Filter{Endpoint: "/orders"}, "a"},
			"endpoints":          {deadletters.Filter{Endpoint: "/orders*"}, "abe"},
			"endpoints below":    {deadletters.Filter{Endpoint: "/orders/*"}, "be"},
			"any endpoint":       {deadletters.Filter{Endpoint: "*"}, "abce"},
			"no such endpoint":   {deadletters.Filter{Endpoint: "/"}, ""},
			"key":                {deadletters.Filter{Key: "1"}, "ace"},
			"error":              {deadletters.Filter{Error: "database"}, "ac"},
			"from":               {deadletters.Filter{From: start.Add(3 * time.Second)}, "cde"},
			"to":                 {deadletters.Filter{To: start.Add(3 * time.Second)}, "ab"},
			"from and to":        {deadletters.Filter{From: start.Add(2 * time.Second), To: start.Add(4 * time.Second)}, "bc"},
			"partition":          {deadletters.Filter{Partitions: []int32{2}}, "de"},
			"partitions":         {deadletters.Filter{Partitions: []int32{0, 1}}, "abc"},
			"first offset":       {deadletters.Filter{FirstOffset: 1}, "bce"},
			"end offset":         {deadletters.Filter{EndOffset: 1}, "ad"},
			"one letter":         {deadletters.Filter{Partitions: []int32{0}, FirstOffset: 1, EndOffset: 2}, "b"},
			"offsets behind all": {deadletters.Filter{FirstOffset: 3}, ""},
			"offsets far away":   {deadletters.Filter{FirstOffset: 1 << 60, EndOffset: 1 << 61}, ""},
			"limit":              {deadletters.Filter{Limit: 4}, "abcd"},
			"limit above all":    {deadletters.Filter{Limit: 6}, "abcde"},
			"limit of a choice":  {deadletters.Filter{Key: "1", Limit: 2}, "ac"},
			"several":            {deadletters.Filter{Key: "1", Endpoint: "/orders*", Error: "bad"}, "e"},
		}
		for name, tt := range tests {
			got := strings.Join(values(readAll(t, d, deadletters.Options{Filter: tt.filter})), "")
			if got != tt.want {
				t.Errorf("%s: read %q, want %q", name, got, tt.want)
			}
		}
	})
}

func TestReadPrefix(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *tap) {
		createTopics(t, d, "staging-", 1)
		publish(t, d, driver.Record{Topic: "staging-server.dead", Value: []byte("staged")})
		if got := values(readAll(t, d, deadletters.Options{Prefix: "staging-"})); !slices.Equal(got, []string{"staged"}) {
			t.Errorf("read %q, want the letter of the prefix", got)
		}
	})
}

// TestOpenFails checks what is refused, by Read and by Replay.
func TestOpenFails(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *tap) {
		broken := errors.New("broken network")
		tests := map[string]struct {
			driver  driver.Driver
			service string
			options deadletters.Options
			want    string
			is      error
		}{
			"service":        {d, "Server", deadletters.Options{}, `service "Server" is not`, nil},
			"no topic":       {d, "nobody", deadletters.Options{}, `dead letters of nobody: topic "nobody.dead"`, driver.ErrNoTopic},
			"wrong prefix":   {d, "server", deadletters.Options{Prefix: "x-"}, `topic "x-server.dead"`, driver.ErrNoTopic},
			"partition":      {d, "server", deadletters.Options{Filter: deadletters.Filter{Partitions: []int32{1, 3}}}, "has 3 partitions, not 3", driver.ErrNoTopic},
			"negative":       {d, "server", deadletters.Options{Filter: deadletters.Filter{Partitions: []int32{-1}}}, "not -1", driver.ErrNoTopic},
			"limit":          {d, "server", deadletters.Options{Filter: deadletters.Filter{Limit: -1}}, "Filter.Limit is -1", nil},
			"first offset":   {d, "server", deadletters.Options{Filter: deadletters.Filter{FirstOffset: -1}}, "Filter.FirstOffset is -1", nil},
			"end offset":     {d, "server", deadletters.Options{Filter: deadletters.Filter{EndOffset: -1}}, "Filter.EndOffset is -1", nil},
			"replays":        {d, "server", deadletters.Options{MaxReplays: -1}, "MaxReplays is -1", nil},
			"rate":           {d, "server", deadletters.Options{Rate: -1}, "Rate is -1", nil},
			"times":          {d, "server", deadletters.Options{Filter: deadletters.Filter{From: start, To: start.Add(-1)}}, "before Filter.From", nil},
			"no topics":      {noTopics{d, broken}, "server", deadletters.Options{}, "dead letters of server: broken network", broken},
			"no positions":   {mute{d}, "server", deadletters.Options{}, "driver deadletters_test.mute does not say where a partition ends", nil},
			"cannot be read": {unreadable{d, broken}, "server", deadletters.Options{}, "dead letters of server: broken network", broken},
		}
		for name, tt := range tests {
			check := func(what string, err error, n int) {
				if err == nil || n != 1 || !strings.Contains(err.Error(), tt.want) || tt.is != nil && !errors.Is(err, tt.is) {
					t.Errorf("%s: %s has %d elements, the last with error %v; want only the error %q", name, what, n, err, tt.want)
				}
			}
			var last error
			n := 0
			for _, err := range deadletters.Read(t.Context(), tt.driver, tt.service, tt.options) {
				last = err
				n++
			}
			check("Read", last, n)
			n = 0
			for _, err := range deadletters.Replay(t.Context(), tt.driver, tt.service, tt.options) {
				last = err
				n++
			}
			check("Replay", last, n)
		}
		checkReadersClosed(t, d)
	})
}

type noTopics struct {
	driver.Driver
	err error
}

func (n noTopics) Topics(context.Context, ...string) ([]driver.Topic, error) { return nil, n.err }

type unreadable struct {
	driver.Driver
	err error
}

func (u unreadable) Read(context.Context, driver.Partition, int64) (driver.Reader, error) {
	return nil, u.err
}

// mute is a driver whose readers do not tell their position.
type mute struct{ driver.Driver }

func (m mute) Read(ctx context.Context, p driver.Partition, offset int64) (driver.Reader, error) {
	r, err := m.Driver.Read(ctx, p, offset)
	return struct{ driver.Reader }{r}, err
}
