package acurl

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// report is the result of a bench. All times are in milliseconds but Seconds.
type report struct {
	Target             string         `json:"target"`
	InFlight           int            `json:"inFlight"`
	Rate               float64        `json:"rate,omitempty"`
	Interrupted        bool           `json:"interrupted,omitempty"`
	Seconds            float64        `json:"seconds"`
	Calls              int            `json:"calls"`
	CallsPerSecond     float64        `json:"callsPerSecond"` // that did not fail
	Failed             int            `json:"failed"`
	Failures           map[string]int `json:"failures,omitempty"`
	Responses          int            `json:"responses"`
	ResponsesPerSecond float64        `json:"responsesPerSecond"`
	First              *latency       `json:"first,omitempty"` // until the first response
	End                *latency       `json:"end,omitempty"`
	Histogram          []bucket       `json:"histogram,omitempty"` // of End
}

// latency is how long calls took that did not fail.
type latency struct {
	Min  float64 `json:"min"`
	Mean float64 `json:"mean"`
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p999"`
	Max  float64 `json:"max"`
}

// bucket is how many calls took at least From and less than To.
type bucket struct {
	From  float64 `json:"from"`
	To    float64 `json:"to"`
	Calls int64   `json:"calls"`
}

func milliseconds(nanoseconds int64) float64 { return float64(nanoseconds) / float64(time.Millisecond) }

// latencyOf returns nil if nothing was measured.
func latencyOf(h *hdrhistogram.Histogram) *latency {
	if h.TotalCount() == 0 {
		return nil
	}
	at := func(percent float64) float64 { return milliseconds(h.ValueAtQuantile(percent)) }
	return &latency{
		Min: milliseconds(h.Min()), Mean: h.Mean() / float64(time.Millisecond), P50: at(50), P90: at(90), P99: at(99),
		P999: at(99.9), Max: milliseconds(h.Max()),
	}
}

// bucketsOf sums calls up by times of which each is twice the one before.
func bucketsOf(h *hdrhistogram.Histogram) []bucket {
	var buckets []bucket
	from, to := int64(0), int64(62_500) // doubled four times that is a millisecond
	for _, bar := range h.Distribution() {
		if bar.Count == 0 {
			continue
		}
		for bar.To >= to { // its bounds are a thousandth apart
			if len(buckets) > 0 {
				buckets = append(buckets, bucket{From: milliseconds(to), To: milliseconds(2 * to)})
			}
			from, to = to, 2*to
		}
		if len(buckets) == 0 {
			buckets = append(buckets, bucket{From: milliseconds(from), To: milliseconds(to)})
		}
		buckets[len(buckets)-1].Calls += bar.Count
	}
	return buckets
}

// text returns the report for people, no wider than the terminal.
func (r *report) text(width int) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "target\t%s\n", r.Target)
	load := fmt.Sprintf("%d in flight", r.InFlight)
	if r.Rate > 0 {
		load = fmt.Sprintf("%v calls/s, %d in flight at most", r.Rate, r.InFlight)
	}
	fmt.Fprintf(w, "load\t%s, for %.1fs\n", load, r.Seconds)
	fmt.Fprintf(w, "calls\t%d\t%.0f/s\n", r.Calls-r.Failed, r.CallsPerSecond)
	for _, why := range slices.Sorted(maps.Keys(r.Failures)) {
		fmt.Fprintf(w, "failed\t%d\t%s\n", r.Failures[why], why)
	}
	fmt.Fprintf(w, "responses\t%d\t%.0f/s\n", r.Responses, r.ResponsesPerSecond)
	w.Flush()
	if r.End == nil {
		return b.String()
	}
	b.WriteByte('\n')
	r.latencies(&b)
	b.WriteByte('\n')
	r.bars(&b, width)
	return b.String()
}

func (r *report) latencies(b *strings.Builder) {
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight)
	first := r.First
	if first == nil {
		first = &latency{}
	}
	fmt.Fprintln(w, "latency\tfirst response\tend\t")
	for _, row := range []struct {
		name       string
		first, end float64
	}{
		{"min", first.Min, r.End.Min},
		{"mean", first.Mean, r.End.Mean},
		{"p50", first.P50, r.End.P50},
		{"p90", first.P90, r.End.P90},
		{"p99", first.P99, r.End.P99},
		{"p99.9", first.P999, r.End.P999},
		{"max", first.Max, r.End.Max},
	} {
		if r.First == nil {
			fmt.Fprintf(w, "%s\t-\t%s\t\n", row.name, inWords(row.end))
			continue
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t\n", row.name, inWords(row.first), inWords(row.end))
	}
	w.Flush()
}

// bars draws the histogram.
func (r *report) bars(b *strings.Builder, width int) {
	const beside, longest = 36, 40 // columns beside a bar, and of a bar
	most := int64(1)
	for _, bucket := range r.Histogram {
		most = max(most, bucket.Calls)
	}
	room := min(max(width-beside, 1), longest)
	for _, bucket := range r.Histogram {
		bar := strings.Repeat("#", int((bucket.Calls*int64(room)+most-1)/most))
		line := fmt.Sprintf("%9s to %9s %11d  %s", inWords(bucket.From), inWords(bucket.To), bucket.Calls, bar)
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
}

// inWords returns a time with three digits, which is what was measured.
func inWords(milliseconds float64) string {
	d := time.Duration(milliseconds * float64(time.Millisecond))
	unit := time.Duration(1)
	for d/unit >= 1000 {
		unit *= 10
	}
	return d.Round(unit).String()
}
