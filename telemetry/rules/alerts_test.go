package rules_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/template"
)

const (
	alertsFile = "alerts.yaml"
	guideFile  = "../../docs/operations.md"
	guideURL   = "https://github.com/asynccalls/asynccalls/blob/main/docs/operations.md#"
)

// readFile returns a file as text.
func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// parseRules reads rules as Prometheus does.
func parseRules(text string) ([]rulefmt.Rule, error) {
	groups, errs := rulefmt.Parse([]byte(text), false, model.UTF8Validation, language, slog.New(slog.DiscardHandler))
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	var all []rulefmt.Rule
	for _, g := range groups.Groups {
		all = append(all, g.Rules...)
	}
	return all, nil
}

func readRules(t *testing.T) []rulefmt.Rule {
	t.Helper()
	all, err := parseRules(readFile(t, alertsFile))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// checkAlerts says what is wrong with rules, given the guide that explains them and the
// dashboard that names them.
func checkAlerts(text, guide, board string) error {
	all, err := parseRules(text)
	if err != nil {
		return err
	}
	var errs []error
	names := map[string]bool{}
	for _, r := range all {
		if name := r.Alert + r.Record; names[name] {
			errs = append(errs, fmt.Errorf("%s is there twice", name))
		} else {
			names[name] = true
		}
		if r.Alert != "" {
			errs = append(errs, checkAlert(&r, guide))
		}
	}
	for _, name := range regexp.MustCompile(`\bAsynccalls\w+`).FindAllString(guide+board, -1) {
		if !names[name] {
			errs = append(errs, fmt.Errorf("guide or dashboard name %s, which is no alert", name))
		}
	}
	return errors.Join(errs...)
}

// checkAlert says what an alert lacks.
func checkAlert(r *rulefmt.Rule, guide string) error {
	var errs []error
	complain := func(format string, a ...any) {
		errs = append(errs, fmt.Errorf(r.Alert+": "+format, a...))
	}
	if s := r.Labels["severity"]; s != "critical" && s != "warning" {
		complain("severity %q", s)
	}
	if r.Annotations["summary"] == "" {
		complain("no summary")
	}
	if !strings.Contains(r.Annotations["description"], "$value") {
		complain("the description does not tell the value")
	}
	if url := r.Annotations["runbook_url"]; url != guideURL+strings.ToLower(r.Alert) {
		complain("runbook_url %q", url)
	}
	if !strings.Contains(guide, "\n### "+r.Alert+"\n") {
		complain("the guide has no heading for it")
	}
	return errors.Join(errs...)
}

func TestAlerts(t *testing.T) {
	t.Parallel()
	if err := checkAlerts(readFile(t, alertsFile), readFile(t, guideFile), readFile(t, dashboardFile)); err != nil {
		t.Error(err)
	}
}

// TestCheckAlerts shows that each mistake is found.
func TestCheckAlerts(t *testing.T) {
	t.Parallel()
	const rule = `groups:
- name: g
  rules:
  - alert: AsynccallsX
    expr: x > 1
    labels: {severity: warning}
    annotations: {summary: s, description: "{{ $value }}", runbook_url: "` + guideURL + `asynccallsx"}
`
	const guide = "# Guide\n\n### AsynccallsX\n\nText.\n"
	if err := checkAlerts(rule, guide, "See AsynccallsX."); err != nil {
		t.Fatalf("without a mistake: %v", err)
	}
	tests := map[string]struct {
		before, after string // in the rule
		guide         string
		want          string
	}{
		"no rules":        {"groups:", "group:", guide, "field group not found"},
		"no PromQL":       {"x > 1", "x >> 1", guide, "could not parse expression"},
		"no template":     {"{{ $value }}", "{{ $value", guide, "unclosed action"},
		"unknown field":   {"    expr", "    fro: 5m\n    expr", guide, "field fro not found"},
		"twice":           {"  - alert", "  - {record: AsynccallsX, expr: y}\n  - alert", guide, "AsynccallsX is there twice"},
		"other severity":  {"warning", "page", guide, `severity "page"`},
		"no summary":      {"summary: s, ", "", guide, "no summary"},
		"no value":        {"$value", "$labels.job", guide, "does not tell the value"},
		"other anchor":    {"#asynccallsx", "#asynccallsy", guide, "runbook_url"},
		"no heading":      {"", "", "# Guide\n", "no heading"},
		"heading of none": {"", "", guide + "\n### AsynccallsY\n", "AsynccallsY, which is no alert"},
		"renamed":         {"AsynccallsX", "AsynccallsZ", guide, "AsynccallsX, which is no alert"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := checkAlerts(strings.Replace(rule, tt.before, tt.after, 1), tt.guide, "See AsynccallsX.")
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got error %v, want %q in it", err, tt.want)
			}
		})
	}
}

// firing is an alert that has been true for long enough at a time.
type firing struct {
	at      time.Duration
	alert   string
	summary string
	text    string
}

// evaluate looks at rules as Prometheus does, at each step up to a time, and returns
// the alerts that fire at each.
func (d *database) evaluate(ctx context.Context, rules []rulefmt.Rule, until time.Duration) ([]firing, error) {
	since := map[string]time.Duration{} // when an alert became true
	var fire []firing
	for at := time.Duration(0); at <= until; at += step {
		active := map[string]time.Duration{}
		for _, r := range rules {
			if !d.concerns(&r) {
				continue
			}
			found, err := d.query(ctx, r.Expr, at)
			if err != nil {
				return nil, err
			}
			for _, sample := range found {
				if r.Record != "" {
					d.record(r.Record, sample)
					continue
				}
				key := r.Alert + sample.Metric.String()
				began, pending := since[key]
				if !pending {
					began = at
				}
				if active[key] = began; at-began < time.Duration(r.For) {
					continue
				}
				f, err := expand(ctx, &r, sample)
				if err != nil {
					return nil, err
				}
				f.at = at
				fire = append(fire, f)
			}
		}
		since = active
	}
	return fire, nil
}

// concerns reports whether a rule looks at any of the series. If not, it comes to
// nothing, as no rule asks for what is absent.
func (d *database) concerns(r *rulefmt.Rule) bool {
	metrics, _, err := metricNames(r.Expr)
	return err != nil || slices.ContainsFunc(metrics, func(m string) bool {
		return slices.ContainsFunc(*d, func(s promql.Series) bool { return s.Metric.Get(model.MetricNameLabel) == m })
	})
}

// expand fills in the annotations of an alert.
func expand(ctx context.Context, r *rulefmt.Rule, sample promql.Sample) (firing, error) {
	const variables = "{{$labels := .Labels}}{{$value := .Value}}"
	f := firing{alert: r.Alert}
	for name, to := range map[string]*string{"summary": &f.summary, "description": &f.text} {
		data := template.AlertTemplateData(sample.Metric.Map(), nil, "", sample)
		e := template.NewTemplateExpander(ctx, variables+r.Annotations[name], r.Alert, data, 0, nil, nil, nil)
		var err error
		if *to, err = e.Expand(); err != nil {
			return f, err
		}
	}
	return f, nil
}

// metricNames returns the names of the metrics in an expression, and those of labels.
func metricNames(expression string) (metrics, names []string, err error) {
	e, err := language.ParseExpr(expression)
	if err != nil {
		return nil, nil, err
	}
	parser.Inspect(e, func(n parser.Node, _ []parser.Node) error {
		switch n := n.(type) {
		case *parser.VectorSelector:
			for _, m := range n.LabelMatchers {
				if m.Name == model.MetricNameLabel {
					metrics = append(metrics, m.Value)
				} else {
					names = append(names, m.Name)
				}
			}
		case *parser.AggregateExpr:
			names = append(names, n.Grouping...)
		case *parser.BinaryExpr:
			if n.VectorMatching != nil {
				names = slices.Concat(names, n.VectorMatching.MatchingLabels, n.VectorMatching.Include)
			}
		}
		return nil
	})
	return metrics, names, nil
}
