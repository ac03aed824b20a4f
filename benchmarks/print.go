package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// printer prints the results of works as they come, and at the end what they
// were measured on.
type printer interface {
	work(results []result) error
	finish(m machine) error
}

// lines prints an object of JSON per line.
type lines struct {
	w       io.Writer
	results []result
}

func (l *lines) work(results []result) error {
	l.results = append(l.results, results...)
	encoder := json.NewEncoder(l.w)
	for _, r := range results {
		if err := encoder.Encode(r); err != nil {
			return err
		}
	}
	return nil
}

// finish also prints how what was measured grows.
func (l *lines) finish(m machine) error {
	encoder := json.NewEncoder(l.w)
	for _, g := range growths(l.results) {
		if err := encoder.Encode(g); err != nil {
			return err
		}
	}
	return encoder.Encode(m)
}

// table prints tables in Markdown, when all works are done.
type table struct {
	w       io.Writer
	results []result
	grown   []result // of works of growth
}

func (t *table) work(results []result) error {
	for _, r := range results {
		if r.grows() {
			t.grown = append(t.grown, r)
		} else {
			t.results = append(t.results, r)
		}
	}
	return nil
}

func (t *table) finish(m machine) error {
	var b strings.Builder
	if len(t.results) > 0 {
		t.writeWorks(&b)
	}
	if len(t.grown) > 0 {
		writeGrowth(&b, t.grown)
	}
	fmt.Fprintf(&b, "\nBroker: %s. %s %s, %d CPUs, %s.\n", m.Broker, m.Go, m.System, m.CPUs, m.Date)
	_, err := io.WriteString(t.w, b.String())
	return err
}

// writeWorks writes what became of each figure, and what the works cost.
func (t *table) writeWorks(b *strings.Builder) {
	figures := [][]string{{"work", "figure", "unit", "floor", "asynccalls", "ratio", "goal", "met"}}
	costs := [][]string{{
		"work", "floor client", "floor server", "asynccalls client", "asynccalls server", "CPU ratio",
	}}
	var notes []string
	last := ""
	for _, r := range t.results {
		figures = append(figures, []string{
			r.Work, r.Figure, r.Unit, r.Floor.String(), r.Ours.String(), r.Ratio.ratio(),
			cmp.Or(r.Goal, nothingToSay), met(&r),
		})
		if r.Work != last {
			costs = append(costs, costsOf(&r))
			notes = append(notes, notesOf(&r)...)
		}
		last = r.Work
	}
	writeTable(b, figures)
	t.writeRivals(b)
	b.WriteString("\nPer call, or per response of a stream: CPU time, allocations, and requests to the broker.\n\n")
	writeTable(b, costs)
	if len(notes) > 0 {
		b.WriteString("\n" + strings.Join(notes, "\n") + "\n")
	}
}

// nothingToSay stands in a table where there is no value.
const nothingToSay = "-"

func met(r *result) string {
	switch {
	case r.Goal == "":
		return nothingToSay
	case r.Met:
		return "yes"
	default:
		return "no"
	}
}

// writeRivals writes what the works were measured at that others do as well, and
// what that cost them.
func (t *table) writeRivals(b *strings.Builder) {
	names := []string{}
	for _, r := range t.results {
		for _, other := range r.Rivals {
			if !slices.Contains(names, other.Side) {
				names = append(names, other.Side)
			}
		}
	}
	if len(names) == 0 {
		return
	}
	figures := [][]string{append([]string{"work", "figure", "unit", "floor", "asynccalls"}, names...)}
	costs := [][]string{append([]string{"work", "floor", "asynccalls"}, names...)}
	last := ""
	for _, r := range t.results {
		if len(r.Rivals) == 0 {
			continue
		}
		figures = append(figures, rivalFigures(&r, names))
		if r.Work != last {
			costs = append(costs, rivalCosts(&r, names))
		}
		last = r.Work
	}
	b.WriteString("\nBeside what others do, with the ratio of asynccalls to each.\n\n")
	writeTable(b, figures)
	b.WriteString("\nCPU time and allocations of that per call or response, of client and of server," +
		" without a broker.\n\n")
	writeTable(b, costs)
}

// rivalFigures returns a row of what each side did, where it was measured.
func rivalFigures(r *result, names []string) []string {
	row := []string{
		r.Work, r.Figure, r.Unit,
		number(r.Floor.Median) + " " + short(r.Ratio), number(r.Ours.Median),
	}
	for _, name := range names {
		i := slices.IndexFunc(r.Rivals, func(other rival) bool { return other.Side == name })
		if i < 0 {
			row = append(row, nothingToSay)
			continue
		}
		row = append(row, number(r.Rivals[i].Value.Median)+" "+short(r.Rivals[i].Ratio))
	}
	return row
}

// rivalCosts returns a row of what that cost each side.
func rivalCosts(r *result, names []string) []string {
	row := []string{
		r.Work,
		ends(r.Costs[0], r.Costs[1]), ends(r.Costs[2], r.Costs[3]),
	}
	for _, name := range names {
		i := slices.IndexFunc(r.Rivals, func(other rival) bool { return other.Side == name })
		if i < 0 {
			row = append(row, nothingToSay)
			continue
		}
		row = append(row, ends(r.Rivals[i].Costs[0], r.Rivals[i].Costs[1]))
	}
	return row
}

// ends says what something cost a client and a server.
func ends(c, s cost) string {
	return fmt.Sprintf("%s + %s µs, %s + %s", number(c.CPU), number(s.CPU), number(c.Allocs), number(s.Allocs))
}

// short says how a ratio is spread, in the width that a table of many columns has.
func short(s spread) string { return fmt.Sprintf("(%.2f× [%.2f – %.2f])", s.Median, s.Min, s.Max) }

func notesOf(r *result) []string {
	if r.Note == "" {
		return nil
	}
	return []string{"- `" + r.Work + "`: " + r.Note + "."}
}

func costsOf(r *result) []string {
	row := []string{r.Work}
	for _, c := range r.Costs {
		if c == (cost{}) {
			row = append(row, nothingToSay)
			continue
		}
		row = append(row, number(c.CPU)+" µs, "+number(c.Allocs)+", "+number(c.Requests))
	}
	floor, ours := r.Costs[0].CPU+r.Costs[1].CPU, r.Costs[2].CPU+r.Costs[3].CPU
	if floor == 0 {
		return append(row, nothingToSay)
	}
	return append(row, fmt.Sprintf("%.2f×", ours/floor))
}

// writeTable writes rows, the first of which is the head, in columns that also
// line up without Markdown.
func writeTable(b *strings.Builder, rows [][]string) {
	w := tabwriter.NewWriter(b, 0, 0, 1, ' ', 0)
	for i, row := range rows {
		_, _ = fmt.Fprintf(w, "| %s\t|\n", strings.Join(row, "\t| "))
		if i == 0 {
			_, _ = fmt.Fprintln(w, "|"+strings.Repeat("---\t|", len(row)))
		}
	}
	_ = w.Flush() // a strings.Builder takes everything
}

func (s spread) String() string {
	return fmt.Sprintf("%s [%s – %s]", number(s.Median), number(s.Min), number(s.Max))
}

func (s spread) ratio() string {
	if s == (spread{}) {
		return nothingToSay
	}
	return fmt.Sprintf("%.2f× [%.2f – %.2f]", s.Median, s.Min, s.Max)
}

// number formats a value with three significant digits, and thousands apart.
func number(v float64) string {
	if v < 100 {
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
	digits := strconv.FormatFloat(v, 'f', 0, 64)
	if len(digits) > 3 {
		digits = digits[:3] + strings.Repeat("0", len(digits)-3)
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
