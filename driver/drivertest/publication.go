package drivertest

import (
	"context"

	"github.com/asynccalls/asynccalls/driver"
)

// An outcome is what done was called with.
type outcome struct {
	record *driver.Record
	err    error
}

// A publication collects the outcomes of records.
type publication struct {
	f *fixture
	board
	handed   []*driver.Record // in order
	outcomes map[*driver.Record]outcome
	strays   int // calls of done that were one too many, or with a record that was not handed over
}

// publication returns a new one. At the end of the case the fixture checks that
// done was called exactly once for each of its records.
func (f *fixture) publication() *publication {
	p := &publication{f: f, outcomes: map[*driver.Record]outcome{}}
	f.publications = append(f.publications, p)
	return p
}

// hand publishes records without waiting for their outcomes. Several goroutines
// may call it.
func (p *publication) hand(ctx context.Context, records ...*driver.Record) {
	for _, r := range records {
		p.update(func() { p.handed = append(p.handed, r) })
		p.f.driver.Publish(ctx, r, func(got *driver.Record, err error) {
			p.update(func() {
				if _, again := p.outcomes[r]; again || got != r {
					p.strays++
				}
				p.outcomes[r] = outcome{record: got, err: err}
			})
		})
	}
}

// wait waits until each record has an outcome, and returns those in the order
// in which the records were handed over.
func (p *publication) wait(ctx context.Context) []outcome {
	p.f.Helper()
	if err := p.await(ctx, p.complete); err != nil {
		p.f.Fatalf("%d of %d records have an outcome: %v", p.count(), len(p.handed), err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	outcomes := make([]outcome, len(p.handed))
	for i, r := range p.handed {
		outcomes[i] = p.outcomes[r]
	}
	return outcomes
}

func (p *publication) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.outcomes)
}

// complete is for await.
func (p *publication) complete() bool { return len(p.outcomes) == len(p.handed) }

// try publishes records and returns their outcomes.
func (f *fixture) try(ctx context.Context, records ...*driver.Record) []outcome {
	f.Helper()
	p := f.publication()
	p.hand(ctx, records...)
	return p.wait(ctx)
}

// publish publishes records, which must succeed.
func (f *fixture) publish(ctx context.Context, records ...*driver.Record) {
	f.Helper()
	for i, o := range f.try(ctx, records...) {
		if o.err != nil {
			f.Fatalf("publish record %d of %d: %v", i, len(records), o.err)
		}
	}
}
