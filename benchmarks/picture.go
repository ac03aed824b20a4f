package main

import (
	"bytes"
	"errors"
	"image/color"
	"math"
	"os"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// The size of pictures and of what is in them.
const (
	pictureWidth  = 10 * vg.Inch
	pictureHeight = 4.2 * vg.Inch // of two panels
	pictureEdge   = 12
	titleHeight   = 26
	footHeight    = 18
	barWidth      = 24
)

// Colors that those tell apart as well who see few of them.
func floorColor() color.Color { return color.RGBA{0x7a, 0x7a, 0x7a, 0xff} }
func oursColor() color.Color  { return color.RGBA{0x00, 0x72, 0xb2, 0xff} }
func rivalColor() color.Color { return color.RGBA{0xe6, 0x9f, 0x00, 0xff} }
func gridColor() color.Color  { return color.RGBA{0xe2, 0xe2, 0xe2, 0xff} }

// picture is panels, two side by side, between a title and a line at the foot.
type picture struct{ title, foot string }

// panel is a plot, or why there is none.
type panel struct {
	plot *plot.Plot
	err  error
}

// write draws the panels and writes them to a file.
func (p *picture) write(file string, panels ...panel) error {
	var grid [][]*plot.Plot
	var errs []error
	for i, panel := range panels {
		if i%2 == 0 {
			grid = append(grid, make([]*plot.Plot, 2))
		}
		grid[i/2][i%2] = panel.plot
		errs = append(errs, panel.err)
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	svg := vgsvg.New(pictureWidth, pictureHeight*vg.Length(len(grid)))
	c := draw.New(svg)
	c.SetColor(color.White)
	c.Fill(c.Path())
	c = draw.Crop(c, pictureEdge, -pictureEdge, pictureEdge, -pictureEdge)
	first := grid[0][0]
	style := first.Title.TextStyle
	style.XAlign, style.YAlign = text.XLeft, text.YTop
	c.FillText(style, vg.Point{X: c.Min.X, Y: c.Max.Y}, p.title)
	style = first.X.Tick.Label
	style.XAlign, style.YAlign = text.XLeft, text.YBottom
	c.FillText(style, c.Min, p.foot)
	tiles := draw.Tiles{Rows: len(grid), Cols: 2, PadX: 2 * pictureEdge, PadY: pictureEdge}
	for row, canvases := range plot.Align(grid, tiles, draw.Crop(c, 0, 0, footHeight, -titleHeight)) {
		for column, canvas := range canvases {
			if drawn := grid[row][column]; drawn != nil {
				drawn.Draw(canvas)
			}
		}
	}
	var out bytes.Buffer
	if _, err := svg.WriteTo(&out); err != nil {
		return err
	}
	return os.WriteFile(file, anyFont(out.Bytes()), 0o644)
}

// anyFont names fonts that are as wide as the one that the picture was drawn for,
// which few machines have.
func anyFont(svg []byte) []byte {
	const wanted = "font-family:Liberation Sans"
	return bytes.ReplaceAll(svg, []byte(wanted), []byte(wanted+",Arial,Helvetica,sans-serif"))
}

// newPlot returns a plot without serifs.
func newPlot() *plot.Plot {
	p := plot.New()
	for _, s := range []*text.Style{
		&p.Title.TextStyle, &p.X.Label.TextStyle, &p.Y.Label.TextStyle,
		&p.X.Tick.Label, &p.Y.Tick.Label, &p.Legend.TextStyle,
	} {
		s.Font.Variant = "Sans"
		s.Font.Size = 11
	}
	p.Title.TextStyle.Font.Size = 14
	p.X.Label.Padding, p.Y.Label.Padding = 4, 4
	p.Legend.Padding = 4
	return p
}

// curves draws the floor and asynccalls, with the smallest and the largest value of
// the rounds, on scales that are logarithmic.
func curves(a *axis, places []place, unit string) panel {
	p := newPlot()
	p.X.Label.Text, p.Y.Label.Text = a.name, unit
	p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
	var ticks []plot.Tick
	for _, m := range a.marks {
		ticks = append(ticks, plot.Tick{Value: m.at, Label: m.name})
	}
	p.X.Tick.Marker = plot.ConstantTicks(ticks)
	p.Y.Tick.Marker = plot.TickerFunc(logTicks)
	grid := plotter.NewGrid()
	grid.Horizontal.Color, grid.Vertical.Color = gridColor(), gridColor()
	p.Add(grid)
	floor := func(p place) spread { return p.floor }
	ours := func(p place) spread { return p.ours }
	err := errors.Join(
		addCurve(p, "floor: franz-go", floorColor(), places, floor),
		addCurve(p, "asynccalls", oursColor(), places, ours),
	)
	const margin = 1.5 // a factor
	p.X.Min, p.X.Max = a.marks[0].at/margin, a.marks[len(a.marks)-1].at*margin
	p.Y.Min, p.Y.Max = p.Y.Min/margin, p.Y.Max*margin
	p.Legend.Top, p.Legend.Left = true, true
	first, last := places[0].ours.Median, places[len(places)-1].ours.Median
	p.Legend.Left = first <= last // where the curves are not
	return panel{p, err}
}

// curve is values with their spreads, at the places of an axis.
type curve struct {
	plotter.XYs
	plotter.YErrors
}

func addCurve(p *plot.Plot, name string, c color.Color, places []place, of func(place) spread) error {
	var points curve
	for _, at := range places {
		s := of(at)
		points.XYs = append(points.XYs, plotter.XY{X: at.at, Y: s.Median})
		points.YErrors = append(points.YErrors, struct{ Low, High float64 }{s.Median - s.Min, s.Max - s.Median})
	}
	line, dots, err := plotter.NewLinePoints(points.XYs)
	if err != nil {
		return err
	}
	spreads, err := plotter.NewYErrorBars(points)
	if err != nil {
		return err
	}
	line.Color, line.Width = c, 2
	dots.Color, dots.Shape, dots.Radius = c, draw.CircleGlyph{}, 3
	spreads.Color = c
	p.Add(line, dots, spreads)
	p.Legend.Add(name, line, dots)
	return nil
}

// logTicks labels 1, 2 and 5 of each power of ten, or only 1 if there are many.
func logTicks(low, high float64) []plot.Tick {
	labeled := []int{1, 2, 5}
	if high/low > 1000 {
		labeled = labeled[:1]
	}
	var ticks []plot.Tick
	for power := math.Pow(10, math.Floor(math.Log10(low))); power <= high; power *= 10 {
		for i := 1; i <= 9; i++ {
			tick := plot.Tick{Value: float64(i) * power}
			if slices.Contains(labeled, i) {
				tick.Label = number(tick.Value)
			}
			if tick.Value >= low && tick.Value <= high {
				ticks = append(ticks, tick)
			}
		}
	}
	return ticks
}

// bars draws all sides of one figure, from the top to the bottom.
func bars(r *result, unit string) panel {
	p := newPlot()
	p.X.Label.Text = unit
	all := slices.Concat(
		[]rival{{Side: "floor: franz-go", Value: r.Floor}, {Side: "asynccalls", Value: r.Ours}}, r.Rivals,
	)
	colors := []color.Color{floorColor(), oursColor()}
	slices.Reverse(all)
	var names []string
	var labels plotter.XYLabels
	var errs []error
	for i, side := range all {
		bar, err := plotter.NewBarChart(plotter.Values{side.Value.Median}, barWidth)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		bar.Horizontal, bar.XMin, bar.LineStyle.Width = true, float64(i), 0
		bar.Color = rivalColor()
		if last := len(all) - 1 - i; last < len(colors) {
			bar.Color = colors[last]
		}
		p.Add(bar)
		names = append(names, side.Side)
		labels.XYs = append(labels.XYs, plotter.XY{X: side.Value.Median, Y: float64(i)})
		labels.Labels = append(labels.Labels, number(side.Value.Median))
	}
	values, err := plotter.NewLabels(labels)
	if err := errors.Join(append(errs, err)...); err != nil {
		return panel{err: err}
	}
	for i := range values.TextStyle {
		values.TextStyle[i] = p.X.Tick.Label
		values.TextStyle[i].XAlign, values.TextStyle[i].YAlign = text.XLeft, text.YCenter
	}
	values.Offset = vg.Point{X: 4}
	p.Add(values)
	p.NominalY(names...)
	p.X.Min, p.X.Max = 0, p.X.Max*1.2 // the labels need room
	p.X.Tick.Marker = plot.TickerFunc(roundTicks)
	return panel{plot: p}
}

// roundTicks labels up to five round numbers.
func roundTicks(low, high float64) []plot.Tick {
	step := math.Pow(10, math.Floor(math.Log10(high-low))-1)
	for i := 0; (high-low)/step > 4; i++ {
		step *= []float64{2, 2.5, 2}[i%3] // 2, 5, 10, 20 and so on
	}
	var ticks []plot.Tick
	for at := low; at <= high; at += step {
		ticks = append(ticks, plot.Tick{Value: at, Label: number(at)})
	}
	return ticks
}
