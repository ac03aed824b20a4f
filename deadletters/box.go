package deadletters

import (
	"context"
	"fmt"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/topics"
	"github.com/asynccalls/asynccalls/internal/wire"
)

// A box is what lay in the dead letters topic of a service when it was opened.
type box struct {
	driver     driver.Driver
	service    string
	options    Options
	topic      string
	partitions []section
}

// openBox finds the partitions that are meant, and their ends.
func openBox(ctx context.Context, d driver.Driver, service string, o Options) (*box, error) {
	if err := wire.ValidService(service); err != nil {
		return nil, fmt.Errorf("deadletters: %w", err)
	}
	if err := o.validate(); err != nil {
		return nil, err
	}
	b := &box{driver: d, service: service, options: o, topic: o.Prefix + service + topics.Dead}
	if err := b.find(ctx); err != nil {
		return nil, b.fail(err)
	}
	return b, nil
}

func (b *box) find(ctx context.Context) error {
	topics, err := b.driver.Topics(ctx, b.topic)
	if err != nil {
		return err
	}
	if len(topics) == 0 {
		return fmt.Errorf("topic %q, which %s creates when it listens first: %w", b.topic, b.service, driver.ErrNoTopic)
	}
	count := topics[0].Partitions
	f := &b.options.Filter
	for _, id := range f.Partitions {
		if id < 0 || id >= count {
			return fmt.Errorf("topic %q has %d partitions, not %d: %w", b.topic, count, id, driver.ErrNoTopic)
		}
	}
	for id := range count {
		if !f.has(id) {
			continue
		}
		p := driver.Partition{Topic: b.topic, ID: id}
		end, err := endOf(ctx, b.driver, p)
		if err != nil {
			return err
		}
		b.partitions = append(b.partitions, section{p, f.FirstOffset, end})
	}
	return nil
}

// fail says of which service the letters are.
func (b *box) fail(err error) error { return fmt.Errorf("dead letters of %s: %w", b.service, err) }

// letters calls each with all letters that the filter chooses, until it returns
// false.
func (b *box) letters(ctx context.Context, each func(*Letter) bool) error {
	for _, s := range b.partitions {
		more, err := b.partition(ctx, s, each)
		if err != nil {
			return b.fail(err)
		}
		if !more {
			return nil
		}
	}
	return nil
}

// partition reads one partition twice: marks lie behind the letters that they
// mark.
func (b *box) partition(ctx context.Context, s section, each func(*Letter) bool) (more bool, err error) {
	letters := s
	if end := b.options.Filter.EndOffset; end > 0 {
		letters.end = min(s.end, end)
	}
	if letters.first >= letters.end {
		return true, nil
	}
	marks, err := readMarks(ctx, b.driver, s)
	if err != nil {
		return false, err
	}
	more = true
	err = scan(ctx, b.driver, letters, func(r *driver.Record) bool {
		if _, ok := markOf(r); ok {
			return true
		}
		l := newLetter(r)
		m := marks[r.Offset]
		if m.count > 0 && l.Err == nil {
			l.Replays += m.count
			l.Replayed = &m.to
		}
		l.Dropped = m.dropped
		if b.options.Filter.matches(l) {
			more = each(l)
		}
		return more
	})
	return more, err
}
