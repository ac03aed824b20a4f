//go:build cgo

package confluent

import (
	"context"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynccalls/asynccalls/internal/drivers"
)

// refreshTimeout bounds how long a client asks for a topic.
const refreshTimeout = time.Second

// A route is how records get to a topic.
type route struct {
	outlet  *outlet
	limit   int          // the largest batch that the topic accepts
	pending atomic.Int64 // records handed to the client that have no outcome yet
}

// routes knows the routes of the topics that were published to.
type routes struct {
	known atomic.Pointer[map[string]*route] // never changed, but replaced
	mu    sync.Mutex                        // held to replace known
}

func newRoutes() *routes {
	r := &routes{}
	r.known.Store(&map[string]*route{})
	return r
}

// of returns the route to a topic, or nil if it was not learned.
func (r *routes) of(topic string) *route { return (*r.known.Load())[topic] }

// limit returns the limit of a topic as far as it is known.
func (r *routes) limit(topic string) int {
	if route := r.of(topic); route != nil {
		return route.limit
	}
	return defaultLimit
}

func (r *routes) set(topic string, to *route) {
	r.replace(func(known map[string]*route) { known[topic] = to })
}

// forget makes the next call of learn ask again.
func (r *routes) forget(topic string) {
	r.replace(func(known map[string]*route) { delete(known, topic) })
}

// forgetOutlet forgets all topics that are published to by an outlet.
func (r *routes) forgetOutlet(o *outlet) {
	r.replace(func(known map[string]*route) {
		maps.DeleteFunc(known, func(_ string, to *route) bool { return to.outlet == o })
	})
}

func (r *routes) replace(change func(known map[string]*route)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	known := maps.Clone(*r.known.Load())
	change(known)
	r.known.Store(&known)
}

// learn asks for the route to a topic, unless it is known, until there is an
// answer or ctx ends. If the broker does not tell the limit, it is the default.
// The error says that the topic is missing, or refused.
func (d *Driver) learn(ctx context.Context, topic string) error {
	for tries := 1; d.routes.of(topic) == nil; tries++ {
		err := d.learnOnce(ctx, topic)
		if ctx.Err() != nil {
			return drivers.ErrClosed
		}
		switch {
		case err == nil:
		case isMissing(err) && tries >= maxTries, isRefusal(err) && !isMissing(err):
			return err
		default:
			pause(ctx, retryPause)
		}
	}
	return nil
}

func (d *Driver) learnOnce(ctx context.Context, topic string) error {
	limit, err := d.askLimit(ctx, topic)
	if err != nil {
		return err
	}
	o, err := d.outlets.of(limit)
	if err != nil {
		return err
	}
	if err := o.refresh(ctx, topic); err != nil {
		return err
	}
	d.routes.set(topic, &route{outlet: o, limit: limit})
	return nil
}
