package main

import (
	"context"
	"fmt"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// floorHolder is a client of the floor that awaits many calls, with a table that
// has a channel for each. Nobody answers, so what polls need not know the table.
type floorHolder struct {
	*floorCaller
	topic  string
	bodies [][]byte
	made   int           // calls, with the first of bodies
	tables []heldCalls   // of those not known to have ended, one for each hold
	once   sync.Once     // closes closed
	closed chan struct{} // by close
}

// heldCalls is calls with one context.
type heldCalls struct {
	slots []chan *kgo.Record
	done  <-chan struct{} // of the context
}

var _ holder = (*floorHolder)(nil)

func openFloorHolder(ctx context.Context, s *setup) (holder, error) {
	c, err := newFloorCaller(ctx, s)
	if err != nil {
		return nil, err
	}
	return &floorHolder{floorCaller: c, topic: silentTopic(s), closed: make(chan struct{})}, nil
}

func (h *floorHolder) prepare(count int, body func() []byte) {
	h.bodies = make([][]byte, count)
	for i := range h.bodies {
		h.bodies[i] = body()
	}
}

func (h *floorHolder) hold(ctx context.Context, n int) error {
	held := heldCalls{make([]chan *kgo.Record, n), ctx.Done()}
	for i := range held.slots {
		held.slots[i] = make(chan *kgo.Record, 1)
		m := mark{h.partition, uint32(len(h.slots) + h.made + i), 1} //nolint:gosec // the works are small
		h.producer.Produce(ctx, newMessage(m, requestHeader, h.topic, h.bodies[h.made+i]), h.promise)
	}
	h.made += n
	h.tables = append(h.tables, held)
	if err := h.producer.Flush(ctx); err != nil {
		return fmt.Errorf("flush: %w", err)
	}
	if h.failure.Load() != nil {
		return h.failed()
	}
	return nil
}

func (h *floorHolder) ended(n int) error {
	held := h.tables[0]
	h.tables = h.tables[1:]
	if len(held.slots) != n {
		return fmt.Errorf("%d calls were made, want %d", len(held.slots), n)
	}
	for i, slot := range held.slots {
		select {
		case <-h.closed:
		case <-held.done:
		case <-slot:
			return fmt.Errorf("call %d of %d was answered", i+1, n)
		}
	}
	return nil
}

func (h *floorHolder) close() error {
	h.once.Do(func() { close(h.closed) })
	return h.floorCaller.close()
}
