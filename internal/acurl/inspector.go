package acurl

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/info"
)

// inspector looks at services, and asks what they say of themselves.
type inspector struct {
	admin   *kadm.Client
	driver  driver.Driver
	service *asynccalls.Service // that asks
	timeout time.Duration       // for the answers to an ask
}

func (c *connection) inspector(ctx context.Context, timeout time.Duration) (*inspector, error) {
	d, err := c.open(ctx)
	if err != nil {
		return nil, err
	}
	s, err := c.service(clientID, d)
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	client, err := c.client()
	if err != nil {
		return nil, errors.Join(err, s.Close(), d.Close())
	}
	return &inspector{kadm.NewClient(client), d, s, timeout}, nil
}

func (i *inspector) close() {
	i.admin.Close()
	i.service.Close()
	i.driver.Close()
}

// ask asks those who have partitions 0 to n-1 of the requests to a service, of all in its topic, and returns the
// answers that come in time: one of each instance, by host and process.
func (i *inspector) ask(ctx context.Context, service string, n, all int32) []info.Info {
	ctx, cancel := context.WithTimeout(ctx, i.timeout)
	defer cancel()
	var wait sync.WaitGroup
	answers := make([]*info.Info, n)
	for id := range n {
		wait.Go(func() { answers[id] = i.askOne(ctx, service, keyOf(id, all)) })
	}
	wait.Wait()
	var found []info.Info
	for _, a := range answers {
		if a != nil && !slices.ContainsFunc(found, func(b info.Info) bool { return same(a, &b) }) {
			found = append(found, *a)
		}
	}
	slices.SortFunc(found, func(a, b info.Info) int {
		return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.Process, b.Process), a.Started.Compare(b.Started))
	})
	return found
}

// askOne asks the instance that a key leads to. It returns nil if that does not answer.
func (i *inspector) askOne(ctx context.Context, service, key string) *info.Info {
	r := asynccalls.NewRequest(service, info.Endpoint, nil)
	r.Key = key
	resp, err := i.service.CallOne(ctx, r)
	if err != nil {
		return nil
	}
	var answer info.Info
	if err := json.Unmarshal(resp.Body, &answer); err != nil {
		return nil
	}
	return &answer
}

// keyOf returns a key whose records lie in partition id, of n.
func keyOf(id, n int32) string {
	partitioner := kgo.StickyKeyPartitioner(nil).ForTopic("")
	for i := 0; ; i++ {
		key := strconv.Itoa(i)
		if partitioner.Partition(&kgo.Record{Key: []byte(key)}, int(n)) == int(id) {
			return key
		}
	}
}

// instance names an instance.
func instance(i *info.Info) string { return fmt.Sprintf("%s/%d", i.Host, i.Process) }

// same reports whether two answers are of the same instance.
func same(a, b *info.Info) bool {
	return a.Host == b.Host && a.Process == b.Process && a.Started.Equal(b.Started)
}
