package telemetry

import (
	"context"
	"errors"
	"strconv"

	"github.com/asynccalls/asynccalls"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// observed is a figure of [asynccalls.Stats].
type observed struct {
	name, unit, text string
	counts           bool // it only grows
	get              func(s *asynccalls.Stats) int64
}

func figures() []observed {
	gauge := func(name, unit, text string, get func(s *asynccalls.Stats) int64) observed {
		return observed{name, unit, text, false, get}
	}
	counter := func(name, unit, text string, get func(s *asynccalls.Stats) int64) observed {
		return observed{name, unit, text, true, get}
	}
	return []observed{
		gauge("asynccalls.calls.pending", "{call}", "Awaited calls that have not ended.",
			func(s *asynccalls.Stats) int64 { return int64(s.Pending) }),
		gauge("asynccalls.calls.unread", "By", "Responses to pending calls that were not read.",
			func(s *asynccalls.Stats) int64 { return s.Unread }),
		counter("asynccalls.replies.received", "{response}", "Responses to awaited calls of this instance.",
			func(s *asynccalls.Stats) int64 { return s.Replies }),
		counter("asynccalls.replies.foreign", "{response}", "Responses that came along though they are for others.",
			func(s *asynccalls.Stats) int64 { return s.ForeignReplies }),
		gauge("asynccalls.handlers.running", "{handler}", "Handlers that run, also those that wait in a call.",
			func(s *asynccalls.Stats) int64 { return int64(s.Running) }),
		gauge("asynccalls.messages.ready", "{message}", "Messages that wait for a handler to be free.",
			func(s *asynccalls.Stats) int64 { return int64(s.Ready) }),
		gauge("asynccalls.messages.parked", "{message}", "Messages that wait for their next attempt.",
			func(s *asynccalls.Stats) int64 { return int64(s.Parked) }),
		gauge("asynccalls.partitions.assigned", "{partition}", "Partitions of this member of the group.",
			func(s *asynccalls.Stats) int64 { return int64(s.Assigned) }),
		gauge("asynccalls.partitions.paused", "{partition}", "Partitions with a full window, until it is half empty.",
			func(s *asynccalls.Stats) int64 { return int64(s.Paused) }),
		counter("asynccalls.commits", "{commit}", "Commits that the broker has stored.",
			func(s *asynccalls.Stats) int64 { return s.Commits }),
		counter("asynccalls.commits.failed", "{commit}", "Commits that are tried again.",
			func(s *asynccalls.Stats) int64 { return s.CommitFailures }),
	}
}

// observe reports the figures of the service whenever metrics are collected.
func (m *metrics) observe(meter metric.Meter) (metric.Registration, error) {
	all := figures()
	instruments := make([]metric.Observable, 0, len(all)+2)
	outlets := make([]metric.Int64Observable, len(all))
	var errs []error
	for i, f := range all {
		var err error
		unit, text := metric.WithUnit(f.unit), metric.WithDescription(f.text)
		if f.counts {
			outlets[i], err = meter.Int64ObservableCounter(f.name, unit, text)
		} else {
			outlets[i], err = meter.Int64ObservableGauge(f.name, unit, text)
		}
		instruments = append(instruments, outlets[i])
		errs = append(errs, err)
	}
	window, err := meter.Float64ObservableGauge("asynccalls.window.use", metric.WithUnit("1"),
		metric.WithDescription("How full the fullest window is."))
	errs = append(errs, err)
	lag, err := meter.Int64ObservableGauge("asynccalls.lag", metric.WithUnit("{message}"),
		metric.WithDescription("Offsets from the committed position to the end."))
	if err := errors.Join(append(errs, err)...); err != nil {
		return nil, err
	}
	return meter.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		stats, err := m.service.Stats(ctx)
		for i, f := range all {
			o.ObserveInt64(outlets[i], f.get(&stats), m.all)
		}
		o.ObserveFloat64(window, stats.Window, m.all)
		for p, n := range stats.Lag {
			o.ObserveInt64(lag, n, m.all, metric.WithAttributes(semconv.MessagingDestinationName(p.Topic),
				semconv.MessagingDestinationPartitionID(strconv.Itoa(int(p.ID)))))
		}
		return err
	}, append(instruments, window, lag)...)
}
