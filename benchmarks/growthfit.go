package main

import (
	"math"
	"slices"
)

// growth is how what a call costs one side grows along a series.
type growth struct {
	Series string
	Side   string

	// Exponent is e in n^e, which fits best what n calls cost in all.
	Exponent float64

	// From and To are two points. A call costs Grew times as much at the second, and
	// Least times from the dearest round of the first to the cheapest of the second.
	// If all calls together cost n log n it is Allowed times as much. Of all two points
	// they are those between which Grew is largest against Allowed.
	From, To             float64
	Grew, Least, Allowed float64
}

// within says whether all calls together cost no more than n log n: yes, no, or
// unclear if the rounds differ by more than decides it.
func (g *growth) within() string {
	switch {
	case g.Grew <= g.Allowed:
		return "yes"
	case g.Least > g.Allowed:
		return "no"
	default:
		return "unclear"
	}
}

// growths returns how each side grows along each series of which two points were
// measured.
func growths(all []result) []growth {
	var found []growth
	for _, s := range grown() {
		points := s.costs(all)
		if len(points) < 2 {
			continue
		}
		found = append(
			found,
			growthOf(s.full(), "floor", points, func(p place) spread { return p.floor }),
			growthOf(s.full(), "asynccalls", points, func(p place) spread { return p.ours }),
		)
	}
	return found
}

// costs returns what a call costs at the points that were measured. It leaves out those
// where the system could not tell that it costs anything.
func (s *series) costs(all []result) []place {
	a := s.axis()
	free := func(p place) bool { return p.floor.Min <= 0 || p.ours.Min <= 0 }
	return slices.DeleteFunc(places(all, &a, perCall), free)
}

// growthOf looks at the medians of at least two places.
func growthOf(series, side string, places []place, of func(place) spread) growth {
	g := growth{Series: series, Side: side, Exponent: exponent(places, of)}
	for i, from := range places {
		for _, to := range places[i+1:] {
			grew := of(to).Median / of(from).Median
			allowed := logarithm(to.at) / logarithm(from.at)
			if g.Allowed == 0 || grew/allowed > g.Grew/g.Allowed {
				g.From, g.To, g.Grew, g.Allowed = from.at, to.at, grew, allowed
				g.Least = of(to).Min / of(from).Max
			}
		}
	}
	return g
}

// logarithm is what each of n may cost if all cost n log n: 1 for the first, and as
// much more each time that they have doubled.
func logarithm(n float64) float64 { return 1 + math.Log2(n) }

// exponent returns the slope of the line through the logarithms of what all calls
// cost, which is the least squares' one.
func exponent(places []place, of func(place) spread) float64 {
	var x, y []float64
	for _, p := range places {
		x = append(x, math.Log(p.at))
		y = append(y, math.Log(p.at*of(p).Median))
	}
	meanX, meanY := mean(x), mean(y)
	over, under := 0.0, 0.0
	for i := range x {
		over += (x[i] - meanX) * (y[i] - meanY)
		under += (x[i] - meanX) * (x[i] - meanX)
	}
	return over / under
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}
