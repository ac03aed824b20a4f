package main

import (
	"fmt"
	"strings"
)

// writeGrowth writes what the works of growth were measured at, a row for each, and
// how that grows.
func writeGrowth(b *strings.Builder, results []result) {
	points := [][]string{{
		"work", "calls/s: floor", "asynccalls", "ratio",
		"CPU of a call, µs: floor", "asynccalls", "ratio", "memory, MB: floor", "asynccalls",
	}}
	for _, calls := range results {
		cpu, memory := find(results, calls.Work, perCall), find(results, calls.Work, peak)
		if calls.Figure != perSecond || cpu == nil || memory == nil {
			continue
		}
		points = append(points, []string{
			calls.Work, number(calls.Floor.Median), number(calls.Ours.Median), calls.Ratio.ratio(),
			cpu.Floor.String(), cpu.Ours.String(), cpu.Ratio.ratio(),
			number(memory.Floor.Median), number(memory.Ours.Median),
		})
	}
	b.WriteString("\nGrowth: what a call costs all clients and servers, and what memory they have at most.\n\n")
	writeTable(b, points)
	all := growths(results)
	if len(all) == 0 {
		return
	}
	slopes := [][]string{{
		"series", "side", "n calls in all", "steepest", "a call costs", "n log n allows", "within",
	}}
	for _, g := range all {
		slopes = append(slopes, g.row())
	}
	b.WriteString("\nHow that grows. The steepest two points are those between which the cost of a call grows most" +
		" against what n log n in all allows.\n\n")
	writeTable(b, slopes)
}

func (g *growth) row() []string {
	return []string{
		g.Series, g.Side, fmt.Sprintf("n^%.2f", g.Exponent), number(g.From) + " to " + number(g.To),
		fmt.Sprintf("%.2f×", g.Grew), fmt.Sprintf("%.2f×", g.Allowed), g.within(),
	}
}
