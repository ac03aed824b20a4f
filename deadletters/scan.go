package deadletters

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/asynccalls/asynccalls/driver"
)

const (
	// atOnce is how many records are received at once.
	atOnce = 500

	// patience is how long a reader waits for a record before it looks whether
	// its position has passed what is no record, see [driver.Reader].
	patience = 2 * time.Second
)

// positioner is a reader that tells its position.
type positioner interface {
	driver.Reader
	Position() int64
}

// section is a part of a partition: from the offset first up to, not including,
// end.
type section struct {
	driver.Partition
	first, end int64
}

// endOf returns the offset behind the last record of a partition.
func endOf(ctx context.Context, d driver.Driver, p driver.Partition) (int64, error) {
	r, err := openReader(ctx, d, p, -1)
	if err != nil {
		return 0, err
	}
	defer func() { _ = r.Close() }() // nothing is lost by it
	return r.Position(), nil
}

func openReader(ctx context.Context, d driver.Driver, p driver.Partition, offset int64) (positioner, error) {
	r, err := d.Read(ctx, p, offset)
	if err != nil {
		return nil, err
	}
	if r, ok := r.(positioner); ok {
		return r, nil
	}
	_ = r.Close() // there is a better error
	return nil, fmt.Errorf("driver %T does not say where a partition ends: "+
		"its Read returns %T, without the method Position() int64", d, r)
}

// scan calls each with the records of a section, until it returns false. It does
// not wait for records that are not there yet.
func scan(ctx context.Context, d driver.Driver, s section, each func(*driver.Record) bool) error {
	if s.first >= s.end {
		return nil
	}
	r, err := openReader(ctx, d, s.Partition, s.first)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }() // nothing is lost by it
	buf := make([]driver.Record, atOnce)
	for r.Position() < s.end {
		n, err := receive(ctx, r, buf)
		if err != nil {
			return err
		}
		for i := range buf[:n] {
			if buf[i].Offset >= s.end || !each(&buf[i]) {
				return nil
			}
		}
		clear(buf[:n])
	}
	return nil
}

// receive returns 0 when there is reason to look at the position. Records that
// are gone by now are passed over.
func receive(ctx context.Context, r driver.Reader, buf []driver.Record) (int, error) {
	try, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	n, err := r.Receive(try, buf)
	if err == nil {
		return n, nil
	}
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	if lost, ok := errors.AsType[*driver.LostError](err); ok && lost.To > lost.From ||
		errors.Is(err, context.DeadlineExceeded) {
		return 0, nil
	}
	return 0, err
}
