package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"strings"
	"time"
)

func main() {
	if encoded := os.Getenv(setupVariable); encoded != "" {
		os.Exit(child(encoded, os.Stdin, os.Stdout, os.Stderr))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
	default:
		_, _ = fmt.Fprintln(os.Stderr, "benchmarks:", err)
		os.Exit(1)
	}
}

// plan is what a run of the program was asked for.
type plan struct {
	brokers []string // empty for the embedded one
	works   []work
	rounds  int
	round   time.Duration // how long a round of a work that counts calls should take
	limit   time.Duration // of one work
	seed    uint64        // of what is drawn at random
	waiting int           // requests of the work backlog
	held    int           // calls of the work outstanding
	rivals  []string      // names
	label   string
	plots   string // directory, or empty
	json    bool

	cpuProfiles, memProfiles string // directories, or empty
}

// run measures what args ask for and writes the results to stdout, and the
// progress to stderr.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	p, err := parse(args, stderr)
	if err != nil {
		return err
	}
	var out printer = &table{w: stdout}
	if p.json {
		out = &lines{w: stdout}
	}
	for _, dir := range []string{p.cpuProfiles, p.memProfiles, p.plots} {
		if dir != "" {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return err
			}
		}
	}
	var failures []error
	var about machine
	var all []result
	for _, w := range p.works {
		results, broker, err := p.measure(ctx, w, stderr)
		if err != nil {
			failures = append(failures, fmt.Errorf("%s: %w", w.name, err))
			continue
		}
		about = describe(broker)
		all = append(all, results...)
		if err := out.work(results); err != nil {
			return err
		}
	}
	if len(failures) < len(p.works) {
		failures = append(failures, out.finish(about), p.draw(all, about))
	}
	return errors.Join(failures...)
}

func parse(args []string, stderr io.Writer) (*plan, error) {
	var p plan
	f := flag.NewFlagSet("benchmarks", flag.ContinueOnError)
	f.SetOutput(stderr)
	brokers := f.String("brokers", "", "`addresses` of the broker, separated by commas; default: an embedded one")
	names := f.String("works", "", "`names` of works, separated by commas; default: all but growth; there are "+
		strings.Join(workNames(), ", "))
	others := f.String("rivals", strings.Join(rivalNames(), ","), "`names` of what others do the works with, or none")
	f.IntVar(&p.rounds, "rounds", 5, "measure each side that many times")
	f.DurationVar(&p.round, "round", 0, "about how long a round takes; default 2.5s, embedded 1s")
	f.DurationVar(&p.limit, "timeout", 10*time.Minute, "give up on a work after that")
	f.Uint64Var(&p.seed, "seed", 0, "draw the keys of requests with this `number`; default: another one each time")
	f.IntVar(&p.waiting, "backlog", 1_000_000, "how many requests `requests` wait in the work of that name")
	f.IntVar(&p.held, "outstanding", 1_000_000, "how many `calls` are awaited at once in the work of that name")
	f.StringVar(&p.cpuProfiles, "cpuprofile", "", "write a CPU profile of each process to this `directory`")
	f.StringVar(&p.memProfiles, "memprofile", "", "write a profile of allocations of each process to this `directory`,"+
		" and in outstanding one of the live heap")
	f.StringVar(&p.plots, "plot", "", "draw charts of what was measured, as SVG, to this `directory`")
	f.StringVar(&p.label, "label", "", "what to call the broker; default: what its versions of the protocol tell")
	f.BoolVar(&p.json, "json", false, "print one JSON object per line")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if *brokers != "" {
		p.brokers = strings.Split(*brokers, ",")
	}
	if f.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	var err error
	if p.works, err = selectWorks(*names); err != nil {
		return nil, err
	}
	if p.rivals, err = selectRivals(*others); err != nil {
		return nil, err
	}
	return &p, p.complete()
}

// complete puts the defaults in and checks the ranges.
func (p *plan) complete() error {
	if p.round == 0 {
		p.round = 2500 * time.Millisecond
		if len(p.brokers) == 0 {
			p.round = time.Second
		}
	}
	if p.seed == 0 {
		p.seed = rand.Uint64()
	}
	for i := range p.works {
		switch p.works[i].name {
		case backlogName:
			p.works[i].drain.requests = p.waiting
		case outstandingName:
			p.works[i].count = p.held
		}
	}
	switch {
	case p.rounds < 1 || p.rounds > 1000:
		return fmt.Errorf("-rounds is %d, not between 1 and 1000", p.rounds)
	case p.round < time.Millisecond || p.limit < time.Second:
		return errors.New("-round is less than a millisecond, or -timeout less than a second")
	case p.waiting < 1:
		return fmt.Errorf("-backlog is %d, not a positive number", p.waiting)
	case p.held < 1000:
		return fmt.Errorf("-outstanding is %d, less than 1000", p.held)
	}
	return nil
}
