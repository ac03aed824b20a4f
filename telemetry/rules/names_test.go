package rules_test

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/prometheus/prometheus/promql"
)

// exposition is what a process exposes: the labels of its metrics by their names,
// which for histograms have no suffix.
type exposition map[string]map[string]bool

// ofPrometheus are labels that Prometheus or who configures it adds.
var ofPrometheus = []string{"job", "instance", "namespace"}

// parseScrape reads the text of a scrape, and tells each series.
func parseScrape(text []byte, tell func(metric labels.Labels, value float64)) error {
	p := textparse.NewPromParser(text, labels.NewSymbolTable(), false)
	for {
		entry, err := p.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("scrape: %w", err)
		case entry != textparse.EntrySeries:
			continue
		}
		var metric labels.Labels
		p.Labels(&metric)
		_, _, value := p.Series()
		tell(metric, value)
	}
}

// expose returns what the text of a scrape exposes of our metrics.
func expose(text []byte) (exposition, error) {
	found := exposition{}
	err := parseScrape(text, func(metric labels.Labels, _ float64) {
		name := family(metric.Get(model.MetricNameLabel))
		if !strings.HasPrefix(name, "asynccalls_") {
			return
		}
		if found[name] == nil {
			found[name] = map[string]bool{}
		}
		metric.Range(func(l labels.Label) { found[name][l.Name] = true })
	})
	return found, err
}

// family returns the name of a metric without what a histogram appends.
func family(name string) string {
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		if cut, ok := strings.CutSuffix(name, suffix); ok && strings.HasSuffix(cut, "_seconds") {
			return cut
		}
	}
	return name
}

// use is an expression, what it is from, and labels that are named beside it.
type use struct {
	where, expression string
	labels            []string
}

var inTemplate = regexp.MustCompile(`\{\{-? ?(?:\$labels\.)?(\w+) ?\}\}`)

// uses returns the expressions of rules and of a dashboard.
func uses(alerts, board string) (rules, shown []use, err error) {
	all, err := parseRules(alerts)
	if err != nil {
		return nil, nil, err
	}
	for _, r := range all {
		texts := strings.Join(slices.Collect(maps.Values(r.Annotations)), " ")
		rules = append(rules, use{r.Alert + r.Record, r.Expr, inBraces(texts)})
	}
	d, err := parseDashboard(board)
	if err != nil {
		return nil, nil, err
	}
	for _, p := range d.Panels {
		for _, t := range p.Targets {
			shown = append(shown, use{p.Title, fill(t.Expr), inBraces(t.Legend)})
		}
	}
	query := regexp.MustCompile(`"label_values\((.*), (\w+)\)"`)
	for _, v := range d.Templating.List {
		if m := query.FindStringSubmatch(string(v.Query)); m != nil {
			shown = append(shown, use{"variable " + v.Name, fill(strings.ReplaceAll(m[1], `\"`, `"`)), []string{m[2]}})
		}
	}
	return rules, shown, nil
}

func inBraces(text string) (names []string) {
	for _, m := range inTemplate.FindAllStringSubmatch(text, -1) {
		names = append(names, m[1])
	}
	return names
}

// checkNames says which metrics and labels of rules and dashboard there are not, and
// which metrics the dashboard does not show.
func checkNames(alerts, board string, exposed exposition) error {
	rules, shown, err := uses(alerts, board)
	if err != nil {
		return err
	}
	recorded := map[string]bool{}
	for _, r := range rules {
		recorded[r.where] = true
	}
	var errs []error
	unseen := maps.Clone(exposed)
	for i, u := range slices.Concat(shown, rules) {
		metrics, names, err := metricNames(u.expression)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", u.where, err))
			continue
		}
		has := map[string]bool{"le": true}
		for _, l := range ofPrometheus {
			has[l] = true
		}
		for _, metric := range metrics {
			if labels, ok := exposed[family(metric)]; ok {
				maps.Copy(has, labels)
			} else if !recorded[metric] {
				errs = append(errs, fmt.Errorf("%s: nothing exposes %s", u.where, metric))
			}
			if i < len(shown) {
				delete(unseen, family(metric))
			}
		}
		for _, l := range slices.Concat(names, u.labels) {
			if !has[l] && !slices.ContainsFunc(metrics, func(m string) bool { return recorded[m] }) {
				errs = append(errs, fmt.Errorf("%s: its metrics have no label %s", u.where, l))
			}
		}
	}
	for name := range unseen {
		errs = append(errs, fmt.Errorf("no panel shows %s", name))
	}
	return errors.Join(errs...)
}

// documented returns the metrics that package telemetry documents, as the exporter
// for Prometheus is to call them.
func documented(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../doc.go")
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^//\t(asynccalls\.\S+)\s+(s|By|1|\{\w+\})\s+(histogram|counter|gauge)\b`)
	units := map[string]string{"s": "_seconds", "By": "_bytes", "1": "_ratio"}
	var names []string
	for _, m := range line.FindAllStringSubmatch(string(text), -1) {
		name := strings.ReplaceAll(m[1], ".", "_") + units[m[2]]
		if m[3] == "counter" {
			name += "_total"
		}
		names = append(names, name)
	}
	return names
}

// await scrapes a shop until it exposes all these metrics.
func (s *shop) await(t *testing.T, names []string) (text []byte, found exposition) {
	t.Helper()
	const patience = 20 * time.Second
	end := time.After(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		text = s.scrape(t)
		found, err := expose(text)
		if err != nil {
			t.Fatal(err)
		}
		missing := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return found[n] != nil })
		if len(missing) == 0 {
			return text, found
		}
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("not exposed: %v", missing)
		}
	}
}

// TestNames compares the names in rules and dashboard with what a service exposes
// that is scraped, and that with the documentation.
func TestNames(t *testing.T) {
	t.Parallel()
	names := documented(t)
	slices.Sort(names)
	_, exposed := openShop(t).await(t, names)
	if diff := cmp.Diff(names, slices.Sorted(maps.Keys(exposed))); diff != "" {
		t.Errorf("metrics (-documented +exposed):\n%s", diff)
	}
	alerts, board := readFile(t, alertsFile), readFile(t, dashboardFile)
	if err := checkNames(alerts, board, exposed); err != nil {
		t.Error(err)
	}
	mistakes := map[string]struct{ file, before, after, want string }{
		"metric of a rule":       {alerts, "asynccalls_gaps_total", "asynccalls_gaps", "nothing exposes asynccalls_gaps"},
		"label of a rule":        {alerts, `error_type=~"5.."`, `error=~"5.."`, "no label error"},
		"label of another":       {alerts, "(asynccalls_messages_ready", `(asynccalls_messages_ready{error_type=""}`, "no label error_type"},
		"grouping of a rule":     {alerts, "asynccalls_service, instance)", "service, instance)", "no label service"},
		"label of a summary":     {alerts, "$labels.asynccalls_endpoint }} of", "$labels.endpoint }} of", "no label endpoint"},
		"metric of a panel":      {board, "sum(asynccalls_lag{", "sum(asynccalls_lag_messages{", "nothing exposes asynccalls_lag_messages"},
		"label of a panel":       {board, `messaging_destination_partition_id}}`, `partition}}`, "no label partition"},
		"metric of a variable":   {board, "label_values(asynccalls_partitions_assigned,", "label_values(asynccalls_partitions,", "nothing exposes asynccalls_partitions"},
		"metric without a panel": {board, "asynccalls_window_use_ratio", "asynccalls_lag", "no panel shows asynccalls_window_use_ratio"},
	}
	for name, tt := range mistakes {
		wrong := strings.ReplaceAll(tt.file, tt.before, tt.after)
		if wrong == tt.file {
			t.Errorf("%s: nothing to change", name)
		}
		a, b := alerts, board
		if tt.file == alerts {
			a = wrong
		} else {
			b = wrong
		}
		if err := checkNames(a, b, exposed); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got error %v, want %q in it", name, err, tt.want)
		}
	}
}

// TestPanels evaluates the dashboard over two scrapes of a service. Those panels are
// empty that show what did not happen.
func TestPanels(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	var d database
	for i, at := range []time.Duration{time.Minute, 2 * time.Minute} {
		if i > 0 {
			if err := call(t.Context(), s.Service, "/price"); err != nil {
				t.Fatal(err)
			}
		}
		text, _ := s.await(t, documented(t))
		err := parseScrape(text, func(metric labels.Labels, value float64) {
			b := labels.NewBuilder(metric)
			b.Set("job", "shop").Set("instance", "a")
			d.add(b.Labels(), promql.FPoint{T: at.Milliseconds(), F: value})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	_, shown, err := uses(readFile(t, alertsFile), readFile(t, dashboardFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range shown {
		found, err := d.query(t.Context(), u.expression, 2*time.Minute)
		if err != nil {
			t.Errorf("%s: %v", u.where, err)
		}
		if len(found) == 0 && !strings.Contains(u.expression, `error_type!=""`) {
			t.Errorf("%s: nothing to show: %s", u.where, u.expression)
		}
	}
}
