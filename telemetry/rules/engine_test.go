package rules_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/annotations"
)

// step is the time between two samples of a series, and between two looks at a rule.
const step = time.Minute

// language reads PromQL.
var language = parser.NewParser(parser.Options{})

// engine evaluates it as Prometheus does by default.
var engine = promql.NewEngine(promql.EngineOpts{
	MaxSamples: 1_000_000, Timeout: time.Minute, LookbackDelta: 5 * time.Minute, Parser: language,
	NoStepSubqueryIntervalFn: func(int64) int64 { return step.Milliseconds() },
})

// database holds series in memory, in place of the storage of Prometheus.
type database []promql.Series

// load adds series in the notation of promtool: a first sample for the time 0, and
// one for each step from there, such as `lag{job="a"} 0+10x20`.
func (d *database) load(t *testing.T, descriptions ...string) {
	t.Helper()
	for _, description := range descriptions {
		metric, values, err := language.ParseSeriesDesc(description)
		if err != nil {
			t.Fatalf("series %q: %v", description, err)
		}
		s := promql.Series{Metric: metric}
		for i, v := range values {
			if !v.Omitted {
				s.Floats = append(s.Floats, promql.FPoint{T: time.Duration(i * int(step)).Milliseconds(), F: v.Value})
			}
		}
		*d = append(*d, s)
	}
}

// record adds the result of a recording rule.
func (d *database) record(name string, s promql.Sample) {
	b := labels.NewBuilder(s.Metric)
	b.Set(model.MetricNameLabel, name)
	d.add(b.Labels(), promql.FPoint{T: s.T, F: s.F})
}

// add adds a sample to the series of a metric.
func (d *database) add(metric labels.Labels, p promql.FPoint) {
	for i := range *d {
		if s := &(*d)[i]; labels.Equal(s.Metric, metric) {
			s.Floats = append(s.Floats, p)
			return
		}
	}
	*d = append(*d, promql.Series{Metric: metric, Floats: []promql.FPoint{p}})
}

// Querier implements [storage.Queryable].
func (d *database) Querier(int64, int64) (storage.Querier, error) {
	return &storage.MockQuerier{
		SelectMockFunction: func(_ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
			var found []promql.Series
			for _, s := range *d {
				if !slices.ContainsFunc(matchers, func(m *labels.Matcher) bool { return !m.Matches(s.Metric.Get(m.Name)) }) {
					found = append(found, s)
				}
			}
			return &seriesSet{found, -1}
		},
	}, nil
}

// seriesSet implements [storage.SeriesSet].
type seriesSet struct {
	series []promql.Series
	at     int
}

func (s *seriesSet) Next() bool {
	s.at++
	return s.at < len(s.series)
}

func (s *seriesSet) At() storage.Series { return promql.NewStorageSeries(s.series[s.at]) }

func (s *seriesSet) Err() error { return nil }

func (s *seriesSet) Warnings() annotations.Annotations { return nil }

// query returns what an expression comes to at a time.
func (d *database) query(ctx context.Context, expression string, at time.Duration) (promql.Vector, error) {
	q, err := engine.NewInstantQuery(ctx, d, nil, expression, time.UnixMilli(at.Milliseconds()))
	if err != nil {
		return nil, fmt.Errorf("query %q: %w", expression, err)
	}
	defer q.Close()
	result := q.Exec(ctx)
	if result.Err != nil {
		return nil, fmt.Errorf("query %q: %w", expression, result.Err)
	}
	if scalar, err := result.Scalar(); err == nil {
		return promql.Vector{{T: scalar.T, F: scalar.V}}, nil
	}
	return result.Vector()
}
