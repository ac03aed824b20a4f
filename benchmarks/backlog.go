package main

import (
	"bytes"
	"context"
	"fmt"

	"github.com/asynccalls/asynccalls"
	"github.com/twmb/franz-go/pkg/kgo"
)

const backlogName = "backlog"

// backlog starts a service for which many requests wait. Its handler does
// nothing; neither side answers. Both sides read the same records.
func backlog() work {
	return work{
		name: backlogName,
		size: 100,
		figures: []figure{
			{"drained", "1/s", goal{least: 0.9}},
			{"memory, at most", "MB", goal{}},
		},
		drain: &drain{
			requests:   1_000_000,
			partitions: requestPartitions,
			services:   []string{"server"},
			publish:    publishBacklog,
			variants:   []variant{{"floor", drainFloor}, {"asynccalls", drainService}},
			note: func(_ uint64, count int) string {
				return fmt.Sprintf("%d requests waited; memory is the largest resident size of the process", count)
			},
		},
	}
}

func publishBacklog(ctx context.Context, s *setup, count int) error {
	w, err := s.work()
	if err != nil {
		return err
	}
	body := bytes.Repeat([]byte("x"), w.size)
	return notify(ctx, s, count, func(int) *asynccalls.Request {
		return asynccalls.NewRequest("server", "/nothing", body)
	})
}

// drainService takes the time from the assignment of partitions, when records
// begin to be fetched: whoever fetches much at once must not get it for free.
func drainService(ctx context.Context, s *setup, count int) ([]float64, error) {
	m := newMeter(count)
	nothing := func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error {
		m.end()
		return nil
	}
	svc := service{id: "server", ready: m.begin, handlers: map[string]asynccalls.Handler{"/nothing": nothing}}
	if err := svc.serveUntil(ctx, s, m); err != nil {
		return nil, err
	}
	return []float64{m.perSecond(), peakMemory()}, nil
}

// drainFloor reads the records, decodes the mark that their headers begin with,
// and commits as often as asynccalls does.
func drainFloor(ctx context.Context, s *setup, count int) ([]float64, error) {
	m := newMeter(count)
	cl, err := kgo.NewClient(floorOptions(
		s,
		kgo.ConsumerGroup(s.Prefix+"floor"),
		kgo.ConsumeTopics(requestsOf(s)),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.AutoCommitInterval(commitInterval),
		kgo.OnPartitionsAssigned(func(context.Context, *kgo.Client, map[string][]int32) { m.begin() }),
	)...)
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	for !m.over() {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return nil, fmt.Errorf("poll: %d of %d requests were read: %w", m.ended.Load(), count, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if _, failed := readMark(r); failed != nil {
				err = failed
			}
			r.Recycle()
			m.end()
		})
		if err != nil {
			return nil, err
		}
	}
	return []float64{m.perSecond(), peakMemory()}, nil
}
