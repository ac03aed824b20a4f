package drivertest

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/asynccalls/asynccalls/driver"
)

func closeCases() map[string]scenario {
	return map[string]scenario{
		"close twice and at once":         closeTwice,
		"close ends Receive":              closeEndsReceive,
		"close of a reader ends Receive":  closeReader,
		"close of a reader alone":         closeReaderAlone,
		"close while publishing":          closeWhilePublishing,
		"close with records on their way": closeUnflushed,
		"close while joining":             closeWhileJoining,
		"close refuses what comes after":  closeRefuses,
		"close does not commit":           closeDoesNotCommit,
		"close of a member calls nobody":  closeSilent,
	}
}

func closeTwice(ctx context.Context, f *fixture) {
	f.topic(ctx, 1)
	var closing sync.WaitGroup
	for range 4 {
		closing.Go(func() { f.close(ctx) })
	}
	closing.Wait()
	f.close(ctx)
}

// ending receives in a goroutine. The channel gets the error that ended it.
func (f *fixture) ending(ctx context.Context, r driver.Reader) <-chan error {
	ended := make(chan error, 1)
	f.running.Go(func() {
		for {
			_, err := r.Receive(ctx, make([]driver.Record, 10))
			if err != nil {
				ended <- err
				return
			}
		}
	})
	return ended
}

// checkEOF checks that what [fixture.ending] started ended, and for good.
func (f *fixture) checkEOF(ctx context.Context, r driver.Reader, ended <-chan error) {
	f.Helper()
	select {
	case err := <-ended:
		if !errors.Is(err, io.EOF) {
			f.Errorf("receive ended with error %v, want %v", err, io.EOF)
		}
	case <-ctx.Done():
		f.Fatalf("receive did not end after Close")
	}
	r.Pause(nil)
	for range 2 {
		if n, err := r.Receive(ctx, make([]driver.Record, 10)); n != 0 || !errors.Is(err, io.EOF) {
			f.Errorf("receive after Close returned %d records and error %v, want %v", n, err, io.EOF)
		}
	}
	if err := r.Close(); err != nil {
		f.Errorf("close a closed reader: %v", err)
	}
}

func closeEndsReceive(ctx context.Context, f *fixture) {
	topic := f.topic(ctx, 2)
	f.publish(ctx, numbered(topic, 0, 0, 10)...)
	reader := f.read(ctx, driver.Partition{Topic: topic}, 0)
	readerEnded := f.ending(ctx, reader)
	party := f.party()
	m := party.join(ctx, topic).start(ctx)
	party.wait(ctx, "all received", party.received(10, m))
	f.close(ctx)
	f.checkEOF(ctx, reader, readerEnded)
	party.wait(ctx, "member ended", func() bool { return m.ended != nil })
	if err := m.Group.Commit(ctx, at(driver.Partition{Topic: topic}, 1)); err == nil {
		f.Errorf("commit after Close succeeded, want an error")
	}
}

func closeReader(ctx context.Context, f *fixture) {
	topic := f.topic(ctx, 1)
	f.publish(ctx, numbered(topic, 0, 0, 10)...)
	for range 10 {
		reader := f.read(ctx, driver.Partition{Topic: topic}, -1)
		ended := f.ending(ctx, reader)
		if err := reader.Close(); err != nil {
			f.Errorf("close reader: %v", err)
		}
		f.checkEOF(ctx, reader, ended)
	}
	idle := f.read(ctx, driver.Partition{Topic: topic}, 0)
	if err := idle.Close(); err != nil {
		f.Errorf("close reader: %v", err)
	}
	if n, err := idle.Receive(ctx, make([]driver.Record, 10)); n != 0 || !errors.Is(err, io.EOF) {
		f.Errorf("receive after Close returned %d records and error %v, want %v", n, err, io.EOF)
	}
}

func closeReaderAlone(ctx context.Context, f *fixture) {
	topic := f.topic(ctx, 1)
	closed, open := f.read(ctx, driver.Partition{Topic: topic}, 0), f.read(ctx, driver.Partition{Topic: topic}, 0)
	if err := closed.Close(); err != nil {
		f.Errorf("close reader: %v", err)
	}
	f.publish(ctx, numbered(topic, 0, 0, 5)...)
	f.checkNumbered(f.receive(ctx, open, 5, 10), 0)
}

// closeWhilePublishing leaves to the fixture to check that done was called once
// for each record.
func closeWhilePublishing(ctx context.Context, f *fixture) {
	topic := f.topic(ctx, 2)
	p := f.publication()
	var publishing sync.WaitGroup
	for range 4 {
		publishing.Go(func() { p.hand(ctx, numbered(topic, -1, 0, 500)...) })
	}
	_ = p.await(ctx, func() bool { return len(p.outcomes) > 100 })
	f.close(ctx)
	publishing.Wait()
	f.checkClosed(ctx, p)
}

func closeUnflushed(ctx context.Context, f *fixture) {
	topic := f.topic(ctx, 1)
	p := f.publication()
	p.hand(ctx, numbered(topic, 0, 0, 1000)...)
	p.hand(ctx, numbered(f.name("missing"), 0, 0, 10)...)
	f.close(ctx)
	f.checkClosed(ctx, p)
}

// checkClosed checks the outcomes of records that were published around Close.
func (f *fixture) checkClosed(ctx context.Context, p *publication) {
	f.Helper()
	for _, o := range p.wait(ctx) {
		known := o.err == nil
		for _, err := range []error{driver.ErrRefused, driver.ErrUnknownOutcome, driver.ErrNoTopic} {
			known = known || errors.Is(o.err, err)
		}
		if !known {
			f.Fatalf("a record ended with error %v, want none, ErrRefused or ErrUnknownOutcome", o.err)
		}
	}
}

func closeWhileJoining(ctx context.Context, f *fixture) {
	topic := f.topic(ctx, 2)
	party := f.party()
	var joining sync.WaitGroup
	for range 4 {
		joining.Go(func() {
			group, err := f.driver.Join(ctx, party.group, []string{topic}, idle{})
			if err != nil {
				if !errors.Is(err, driver.ErrRefused) {
					f.Errorf("join while closing: error %v, want ErrRefused", err)
				}
				return
			}
			for err == nil {
				_, err = group.Receive(ctx, make([]driver.Record, 10))
			}
			if !errors.Is(err, io.EOF) {
				f.Errorf("receive while closing: error %v, want %v", err, io.EOF)
			}
		})
	}
	f.close(ctx)
	f.within(ctx, "members", joining.Wait)
}

// idle is a listener that does nothing.
type idle struct{}

func (idle) Assigned([]driver.Partition)                 {}
func (idle) Revoked(context.Context, []driver.Partition) {}
func (idle) Lost([]driver.Partition)                     {}

func closeRefuses(ctx context.Context, f *fixture) {
	topic := f.topic(ctx, 1)
	party := f.party()
	group := party.join(ctx, topic).Group
	f.close(ctx)
	_, topicsErr := f.driver.Topics(ctx, topic)
	_, joinErr := f.driver.Join(ctx, party.group, []string{topic}, idle{})
	_, readErr := f.driver.Read(ctx, driver.Partition{Topic: topic}, -1)
	errs := map[string]error{
		"topics":  topicsErr,
		"join":    joinErr,
		"read":    readErr,
		"create":  f.driver.Create(ctx, driver.Topic{Name: topic, Partitions: 1}),
		"publish": f.try(ctx, record(topic, 0, "late"))[0].err,
		"flush":   f.driver.Flush(ctx),
		"commit":  group.Commit(ctx, at(driver.Partition{Topic: topic}, 0)),
	}
	for what, err := range errs {
		if !errors.Is(err, driver.ErrRefused) {
			f.Errorf("%s after Close: error %v, want ErrRefused", what, err)
		}
	}
	if n, err := group.Receive(ctx, make([]driver.Record, 1)); n != 0 || !errors.Is(err, io.EOF) {
		f.Errorf("receive after Close returned %d records and error %v, want %v", n, err, io.EOF)
	}
}

func closeDoesNotCommit(ctx context.Context, f *fixture) {
	party, m, p := f.started(ctx, 2)
	f.commit(ctx, m, at(p[0], 4))
	m.close(ctx)
	f.checkResume(ctx, party, at(p[0], 4), at(p[1], 0))
}

// closeSilent closes a member that waits within Receive.
func closeSilent(ctx context.Context, f *fixture) {
	topic := f.topic(ctx, 2)
	party := f.party()
	m := party.join(ctx, topic).start(ctx)
	party.wait(ctx, "all assigned", party.ownsAll(2, m))
	if err := m.Group.Close(); err != nil {
		f.Errorf("close member: %v", err)
	}
	party.wait(ctx, "member ended", func() bool { return m.ended != nil })
	if m.revoked+m.lost > 0 {
		f.Errorf("the listener was called %d times by Close", m.revoked+m.lost)
	}
}
