package telemetry

import (
	"context"
	"errors"
	"strconv"

	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/asynccalls/asynccalls"
)

// observed is a figure of [asynccalls.Stats].
type observed struct {
	name, unit, text string
	counts           bool // it only grows
	get              func(s *asynccalls.Stats) int64
}

func figures() []observed {
	return []observed{
		{"asynccalls.calls.pending", "{call}", "Awaited calls that have not ended.", false,
			func(s *asynccalls.Stats) int64 { return int64(s.Pending) }},
		{"asynccalls.calls.unread", "By", "Responses that were received and not read.", false,
			func(s *asynccalls.Stats) int64 { return s.Unread }},
		{"asynccalls.replies.received", "{response}", "Responses to awaited calls that were received for this instance.", true,
			func(s *asynccalls.Stats) int64 { return s.Replies }},
		{"asynccalls.replies.foreign", "{response}", "Responses that came along though they are for others.", true,
			func(s *asynccalls.Stats) int64 { return s.ForeignReplies }},
		{"asynccalls.handlers.running", "{handler}", "Handlers that run, also those that wait in a call.", false,
			func(s *asynccalls.Stats) int64 { return int64(s.Running) }},
		{"asynccalls.messages.ready", "{message}", "Messages that wait for a handler to be free.", false,
			func(s *asynccalls.Stats) int64 { return int64(s.Ready) }},
		{"asynccalls.messages.parked", "{message}", "Messages that wait for their next attempt.", false,
			func(s *asynccalls.Stats) int64 { return int64(s.Parked) }},
		{"asynccalls.partitions.assigned", "{partition}", "Partitions of this member of the group.", false,
			func(s *asynccalls.Stats) int64 { return int64(s.Assigned) }},
		{"asynccalls.partitions.paused", "{partition}", "Partitions whose window was full and is not half empty yet.", false,
			func(s *asynccalls.Stats) int64 { return int64(s.Paused) }},
		{"asynccalls.commits", "{commit}", "Commits that the broker has stored.", true,
			func(s *asynccalls.Stats) int64 { return s.Commits }},
		{"asynccalls.commits.failed", "{commit}", "Commits that are tried again.", true,
			func(s *asynccalls.Stats) int64 { return s.CommitFailures }},
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
