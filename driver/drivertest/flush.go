package drivertest

import (
	"context"
	"errors"

	"github.com/asynccalls/asynccalls/driver"
)

func flushCases() map[string]scenario {
	return map[string]scenario{
		"flush waits for every outcome":      flushWaits,
		"flush obeys ctx":                    flushCanceled,
		"flush of nothing returns":           flushNothing,
		"flush is not held up by what fails": flushFailures,
	}
}

func flushWaits(ctx context.Context, f *fixture) {
	topic := f.topic(ctx, 3)
	p := f.publication()
	for i := range 20 {
		p.hand(ctx, numbered(topic, -1, 100*i, 100)...)
		if err := f.driver.Flush(ctx); err != nil {
			f.Fatalf("flush: %v", err)
		}
		if got, want := p.count(), 100*(i+1); got != want {
			f.Fatalf("%d of %d records have an outcome after Flush", got, want)
		}
	}
}

func flushCanceled(ctx context.Context, f *fixture) {
	topic := f.topic(ctx, 1)
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	p := f.publication()
	for i := range 20 {
		p.hand(ctx, numbered(topic, 0, 100*i, 100)...)
		err := f.driver.Flush(canceled)
		switch got, want := p.count(), 100*(i+1); {
		case err == nil && got != want:
			f.Errorf("flush returned no error when %d of %d records had an outcome", got, want)
		case err != nil && !errors.Is(err, context.Canceled):
			f.Errorf("flush with a canceled context: %v", err)
		}
	}
	for _, o := range p.wait(ctx) {
		if o.err != nil {
			f.Fatalf("a record failed because Flush was canceled: %v", o.err)
		}
	}
	f.checkNumbered(f.receive(ctx, f.read(ctx, driver.Partition{Topic: topic}, 0), 2000, 1000), 0)
}

func flushNothing(ctx context.Context, f *fixture) {
	for range 2 {
		if err := f.driver.Flush(ctx); err != nil {
			f.Errorf("flush of nothing: %v", err)
		}
	}
}

func flushFailures(ctx context.Context, f *fixture) {
	topic := f.topic(ctx, 1)
	p := f.publication()
	p.hand(ctx, record(f.name("missing"), 0, "missing"), record(topic, 5, "missing"), record(topic, 0, "0"))
	if err := f.driver.Flush(ctx); err != nil {
		f.Errorf("flush: %v", err)
	}
	if got := p.count(); got != 3 {
		f.Errorf("%d of 3 records have an outcome after Flush", got)
	}
}
