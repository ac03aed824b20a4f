package asynccallstest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// schedule is one way in which things happen: the ordinary one but for some deviations.
// It is used under the lock of the world.
type schedule struct {
	deviations []deviation
	next       int        // of them
	choices    [][]option // that there were
	steps      []string
	states     map[uint64]bool // that were seen; of all schedules of an exploration
	astray     string          // how the test did something else than the time before
}

// deviation is a choice that is not the ordinary one.
type deviation struct {
	at     int    // the choice, from 0; or anywhere
	option int    // from 1
	name   string // of the option, if it is known
}

// anywhere is a choice that has an option of the name of the deviation.
const anywhere = -1

// choose chooses one of several things that may happen, of which the first is the
// ordinary one.
func (c *schedule) choose(options []option, state uint64) option {
	c.states[state] = true
	at := len(c.choices)
	c.choices = append(c.choices, options)
	chosen, mark := options[0], "  "
	if c.next < len(c.deviations) {
		d := &c.deviations[c.next]
		switch i := d.find(at, options); {
		case i > 0:
			d.at, d.option = at, i
			chosen, mark = options[i], "! "
			c.next++
		case d.at == at:
			c.astray = fmt.Sprintf("step %d had %q for a choice the last time, and now has not", at+1, d.name)
			c.next++
		}
	}
	if mark != "  " || !chosen.event.minor() {
		c.steps = append(c.steps, fmt.Sprintf("%4d %s%s", at+1, mark, chosen))
	}
	return chosen
}

// find returns which of the options of a choice the deviation is, 0 for none.
func (d deviation) find(at int, options []option) int {
	switch {
	case d.at == anywhere:
		return max(slices.IndexFunc(options, func(o option) bool { return o.String() == d.name }), 0)
	case d.at != at || d.option >= len(options), d.name != "" && d.name != options[d.option].String():
		return 0
	default:
		return d.option
	}
}

// further returns the deviations of the schedules that deviate once more than this one,
// later than before.
func (c *schedule) further() [][]deviation {
	from := 0
	if n := len(c.deviations); n > 0 {
		from = c.deviations[n-1].at + 1
	}
	var all [][]deviation
	for at := from; at < len(c.choices); at++ {
		for i := 1; i < len(c.choices[at]); i++ {
			d := append(c.deviations[:len(c.deviations):len(c.deviations)], deviation{at, i, c.choices[at][i].String()})
			all = append(all, d)
		}
	}
	return all
}

// writeSchedule writes deviations for [readSchedule].
func writeSchedule(deviations []deviation) string {
	if len(deviations) == 0 {
		return "ordinary"
	}
	text := make([]string, len(deviations))
	for i, d := range deviations {
		text[i] = fmt.Sprintf("%d:%d", d.at+1, d.option)
	}
	return strings.Join(text, ",")
}

// readSchedule reads deviations: step and number of the choice.
func readSchedule(text string) ([]deviation, error) {
	if text == "ordinary" {
		return nil, nil
	}
	var deviations []deviation
	for part := range strings.SplitSeq(text, ",") {
		step, option, _ := strings.Cut(part, ":")
		at, err := strconv.Atoi(step)
		if err == nil && at < 1 {
			err = strconv.ErrRange
		}
		i, err2 := strconv.Atoi(option)
		if err2 == nil && i < 1 {
			err2 = strconv.ErrRange
		}
		if err != nil || err2 != nil {
			return nil, fmt.Errorf(`%s: %q is not a step and a choice from 1, such as "12:3", nor "ordinary"`,
				scheduleVariable, part)
		}
		deviations = append(deviations, deviation{at: at - 1, option: i})
	}
	return deviations, nil
}
