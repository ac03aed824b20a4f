package rules_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
)

const dashboardFile = "dashboard.json"

// dashboard is what is read of a dashboard of Grafana.
type dashboard struct {
	Title         string
	UID           string
	SchemaVersion int
	Templating    struct{ List []variable }
	Panels        []panel
}

type variable struct {
	Name, Type string
	Query      json.RawMessage
	Datasource datasource
}

type panel struct {
	ID                       int
	Type, Title, Description string
	GridPos                  struct{ X, Y, W, H int }
	Datasource               datasource
	FieldConfig              struct{ Defaults struct{ Unit string } }
	Targets                  []target
}

type target struct {
	RefID      string
	Expr       string
	Legend     string `json:"legendFormat"`
	Datasource datasource
}

type datasource struct{ Type, UID string }

// chosen is the one that the variable names.
var chosen = datasource{"prometheus", "${datasource}"}

// parseDashboard reads a dashboard.
func parseDashboard(text string) (*dashboard, error) {
	var d dashboard
	if err := json.NewDecoder(bytes.NewBufferString(text)).Decode(&d); err != nil {
		return nil, fmt.Errorf("dashboard: %w", err)
	}
	return &d, nil
}

// checkDashboard says what is wrong with a dashboard.
func checkDashboard(text string) error {
	d, err := parseDashboard(text)
	if err != nil {
		return err
	}
	var errs []error
	if d.Title == "" || d.UID == "" || d.SchemaVersion == 0 || len(d.Panels) == 0 {
		errs = append(errs, errors.New("no title, uid, schemaVersion or panels"))
	}
	known := map[string]bool{"__rate_interval": true, "__range": true}
	for _, v := range d.Templating.List {
		known[v.Name] = true
		if v.Type == "query" && v.Datasource != chosen {
			errs = append(errs, fmt.Errorf("variable %s: another datasource than the one chosen", v.Name))
		}
	}
	for _, name := range []string{"datasource", "service", "instance", "endpoint"} {
		if !known[name] {
			errs = append(errs, fmt.Errorf("no variable %s", name))
		}
	}
	for i := range d.Panels {
		p := &d.Panels[i]
		if err := errors.Join(checkPanel(p, known), checkPlace(p, d.Panels[:i])); err != nil {
			errs = append(errs, fmt.Errorf("panel %d %q: %w", p.ID, p.Title, err))
		}
	}
	return errors.Join(errs...)
}

// checkPanel says what a panel lacks.
func checkPanel(p *panel, variables map[string]bool) error {
	var errs []error
	if p.Title == "" {
		errs = append(errs, errors.New("no title"))
	}
	if p.Type == "row" {
		return errors.Join(errs...)
	}
	if p.Description == "" || p.FieldConfig.Defaults.Unit == "" || len(p.Targets) == 0 {
		errs = append(errs, errors.New("no description, unit or target"))
	}
	if p.Datasource != chosen {
		errs = append(errs, errors.New("another datasource than the one chosen"))
	}
	refs := map[string]bool{}
	for _, t := range p.Targets {
		if t.RefID == "" || refs[t.RefID] {
			errs = append(errs, fmt.Errorf("refId %q is empty or there twice", t.RefID))
		}
		refs[t.RefID] = true
		if t.Datasource != chosen {
			errs = append(errs, errors.New("another datasource than the one chosen"))
		}
		for _, v := range inText.FindAllStringSubmatch(t.Expr, -1) {
			if !variables[v[1]] {
				errs = append(errs, fmt.Errorf("unknown variable %s", v[1]))
			}
		}
		if _, _, err := metricNames(fill(t.Expr)); err != nil {
			errs = append(errs, fmt.Errorf("expression %q: %w", t.Expr, err))
		}
	}
	return errors.Join(errs...)
}

// checkPlace says whether a panel is in the way of those before it.
func checkPlace(p *panel, before []panel) error {
	var errs []error
	g := p.GridPos
	if g.W < 1 || g.H < 1 || g.X < 0 || g.Y < 0 || g.X+g.W > 24 {
		errs = append(errs, errors.New("it is not within the grid"))
	}
	for i := range before {
		o := before[i].GridPos
		if before[i].ID == p.ID {
			errs = append(errs, errors.New("its ID is there twice"))
		}
		if g.X < o.X+o.W && o.X < g.X+g.W && g.Y < o.Y+o.H && o.Y < g.Y+g.H {
			errs = append(errs, fmt.Errorf("it overlaps with panel %d", before[i].ID))
		}
	}
	return errors.Join(errs...)
}

var inText = regexp.MustCompile(`\$\{?(\w+)\}?`)

// fill replaces the variables of Grafana in an expression.
func fill(expression string) string {
	return strings.NewReplacer("$__rate_interval", "5m", "$__range", "1h",
		"$service", ".*", "$instance", ".*", "$endpoint", ".*").Replace(expression)
}

func TestDashboard(t *testing.T) {
	t.Parallel()
	if err := checkDashboard(readFile(t, dashboardFile)); err != nil {
		t.Error(err)
	}
}

// TestCheckDashboard shows that each mistake is found.
func TestCheckDashboard(t *testing.T) {
	t.Parallel()
	text := readFile(t, dashboardFile)
	tests := map[string]struct{ before, after, want string }{
		"no JSON":           {`{`, `{,`, "invalid character"},
		"no UID":            {`"uid": "asynccalls"`, `"uid": ""`, "no title, uid"},
		"no variable":       {`"name": "instance"`, `"name": "pod"`, "no variable instance"},
		"unknown variable":  {`=~\"$instance\"`, `=~\"$pod\"`, "unknown variable pod"},
		"ID there twice":    {`"id": 2,`, `"id": 1,`, "its ID is there twice"},
		"no title":          {`"title": "Lag"`, `"title": ""`, "no title"},
		"no description":    {`"description": "How many each instance has."`, `"description": ""`, "no description"},
		"no unit":           {`"unit": "s"`, `"unit": ""`, "no description, unit"},
		"other datasource":  {`"uid": "${datasource}"`, `"uid": "prometheus"`, "another datasource"},
		"no PromQL":         {`sum(asynccalls_lag`, `sum((asynccalls_lag`, "unclosed left parenthesis"},
		"no range":          {`[$__rate_interval]`, ``, "expected type range vector"},
		"overlapping":       {`"x": 5,`, `"x": 4,`, "it overlaps with panel"},
		"outside":           {`"w": 24,`, `"w": 25,`, "not within the grid"},
		"refId there twice": {`"refId": "B"`, `"refId": "A"`, "there twice"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wrong := strings.Replace(text, tt.before, tt.after, 1)
			if wrong == text {
				t.Fatalf("the dashboard has no %q", tt.before)
			}
			if err := checkDashboard(wrong); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got error %v, want %q in it", err, tt.want)
			}
		})
	}
}
