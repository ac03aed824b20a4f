package drivertest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/asynccalls/asynccalls/driver"
)

func readCases() map[string]scenario {
	return map[string]scenario{
		"read from an offset":                     readFromOffset,
		"read from the end":                       readFromEnd,
		"read from the end of an empty partition": readFromEmptyEnd,
		"read from the offset of the end":         readFromNext,
		"read of a missing topic":                 readMissingTopic,
		"read of a missing partition":             readMissingPartition,
		"read does not see other partitions":      readOnePartition,
		"read twice at once":                      readTwice,
		"receive with a canceled context":         receiveCanceled,
		"receive interrupted loses nothing":       receiveInterrupted,
		"receive with buffers of any size":        receiveBuffers,
		"receive waits for a record":              receiveWaits,
		"receive what is at hand":                 receiveAtHand,
		"position of a reader":                    readPosition,
	}
}

func readFromOffset(ctx context.Context, f *fixture) {
	topic := f.topic(ctx, 1)
	f.publish(ctx, numbered(topic, 0, 0, 20)...)
	for _, offset := range []int{0, 1, 10, 19} {
		reader := f.read(ctx, driver.Partition{Topic: topic}, int64(offset))
		got := f.receive(ctx, reader, 20-offset, 100)
		f.checkNumbered(got, offset)
		if got[0].Offset != int64(offset) {
			f.Errorf("first offset is %d, want %d", got[0].Offset, offset)
		}
	}
}

// readFromEnd publishes as soon as Read has returned: that record is the first
// to be received.
func readFromEnd(ctx context.Context, f *fixture) {
	topic := f.topic(ctx, 1)
	for i := range 40 {
		f.publish(ctx, numbered(topic, 0, 2*i, 1)...)
		reader := f.read(ctx, driver.Partition{Topic: topic}, -1)
		f.publish(ctx, numbered(topic, 0, 2*i+1, 1)...)
		f.checkNumbered(f.receive(ctx, reader, 1, 10), 2*i+1)
		if err := reader.Close(); err != nil {
			f.Fatalf("close reader: %v", err)
		}
	}
}

func readFromEmptyEnd(ctx context.Context, f *fixture) {
	for range 5 {
		topic := f.topic(ctx, 1)
		reader := f.read(ctx, driver.Partition{Topic: topic}, -1)
		f.publish(ctx, numbered(topic, 0, 0, 5)...)
		f.checkNumbered(f.receive(ctx, reader, 5, 10), 0)
	}
}

func readFromNext(ctx context.Context, f *fixture) {
	topic := f.topic(ctx, 1)
	f.publish(ctx, numbered(topic, 0, 0, 3)...)
	reader := f.read(ctx, driver.Partition{Topic: topic}, 3)
	f.receiveNothing(ctx, reader)
	f.publish(ctx, numbered(topic, 0, 3, 3)...)
	f.checkNumbered(f.receive(ctx, reader, 3, 10), 3)
}

func readMissingTopic(ctx context.Context, f *fixture) {
	for _, offset := range []int64{-1, 0, 5} {
		missing := f.name("missing")
		_, err := f.driver.Read(ctx, driver.Partition{Topic: missing}, offset)
		if !errors.Is(err, driver.ErrNoTopic) {
			f.Errorf("read from %d: error %v, want ErrNoTopic", offset, err)
		}
		f.checkTopics(ctx, nil, missing)
	}
}

func readMissingPartition(ctx context.Context, f *fixture) {
	topic := f.topic(ctx, 2)
	for _, offset := range []int64{-1, 0} {
		_, err := f.driver.Read(ctx, driver.Partition{Topic: topic, ID: 2}, offset)
		if !errors.Is(err, driver.ErrNoTopic) {
			f.Errorf("read from %d: error %v, want ErrNoTopic", offset, err)
		}
	}
}

func readOnePartition(ctx context.Context, f *fixture) {
	topic := f.topic(ctx, 3)
	for i := range 10 {
		f.publish(ctx, record(topic, 0, "other"), record(topic, 1, fmt.Sprint(i)), record(topic, 2, "other"))
	}
	f.checkNumbered(f.receive(ctx, f.read(ctx, driver.Partition{Topic: topic, ID: 1}, 0), 10, 100), 0)
}

func readTwice(ctx context.Context, f *fixture) {
	topic := f.topic(ctx, 1)
	first, second := f.read(ctx, driver.Partition{Topic: topic}, 0), f.read(ctx, driver.Partition{Topic: topic}, 0)
	f.publish(ctx, numbered(topic, 0, 0, 10)...)
	f.checkNumbered(f.receive(ctx, first, 10, 3*10), 0)
	if err := first.Close(); err != nil {
		f.Errorf("close reader: %v", err)
	}
	if _, err := first.Receive(ctx, make([]driver.Record, 1)); !errors.Is(err, io.EOF) {
		f.Errorf("receive after Close: error %v, want %v", err, io.EOF)
	}
	f.publish(ctx, numbered(topic, 0, 10, 10)...)
	f.checkNumbered(f.receive(ctx, second, 20, 1), 0)
}

func receiveCanceled(ctx context.Context, f *fixture) {
	topic := f.topic(ctx, 1)
	reader := f.read(ctx, driver.Partition{Topic: topic}, 0)
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	n, err := reader.Receive(canceled, make([]driver.Record, 10))
	if n != 0 || !errors.Is(err, context.Canceled) {
		f.Errorf("receive returned %d records and error %v, want 0 and %v", n, err, context.Canceled)
	}
	f.receiveNothing(ctx, reader)
	f.publish(ctx, numbered(topic, 0, 0, 5)...)
	f.checkNumbered(f.receive(ctx, reader, 1, 1), 0)

	// Now that there are records at hand, both results would be right.
	var got []driver.Record
	for range 10 {
		buf := make([]driver.Record, 1)
		n, err := reader.Receive(canceled, buf)
		if n == 0 && !errors.Is(err, context.Canceled) || n > 0 && err != nil {
			f.Errorf("receive returned %d records and error %v, want 0 and %v", n, err, context.Canceled)
		}
		got = append(got, buf[:n]...)
		if len(got) == 4 {
			break
		}
	}
	got = append(got, f.receive(ctx, reader, 4-len(got), 10)...)
	f.checkNumbered(got, 1)
}

// receiveInterrupted cancels calls of Receive all the time.
func receiveInterrupted(ctx context.Context, f *fixture) {
	const n = 500
	topic := f.topic(ctx, 1)
	reader := f.read(ctx, driver.Partition{Topic: topic}, 0)
	p := f.publication()
	var others sync.WaitGroup
	defer others.Wait()
	others.Go(func() {
		for i := range n {
			p.hand(ctx, numbered(topic, 0, i, 1)...)
			if i%10 == 0 {
				_ = f.driver.Flush(ctx)
			}
		}
	})
	var got []driver.Record
	buf := make([]driver.Record, 7)
	for len(got) < n {
		canceled, cancel := context.WithCancel(ctx)
		others.Go(cancel)
		n, err := reader.Receive(canceled, buf)
		if ctx.Err() != nil || n > 0 && err != nil || n == 0 && !errors.Is(err, context.Canceled) {
			f.Fatalf("receive returned %d records and error %v after %d records", n, err, len(got))
		}
		if len(got)%2 == 0 && n == 0 {
			n, _ = reader.Receive(ctx, buf)
		}
		got = append(got, buf[:n]...)
	}
	f.checkNumbered(got, 0)
}

func receiveBuffers(ctx context.Context, f *fixture) {
	topic := f.topic(ctx, 1)
	f.publish(ctx, numbered(topic, 0, 0, 300)...)
	for _, size := range []int{1, 2, 7, 299, 300, 301, 100_000} {
		f.checkNumbered(f.receive(ctx, f.read(ctx, driver.Partition{Topic: topic}, 0), 300, size), 0)
	}
}

func receiveWaits(ctx context.Context, f *fixture) {
	topic := f.topic(ctx, 1)
	reader := f.read(ctx, driver.Partition{Topic: topic}, -1)
	for i := range 20 {
		got := make(chan string, 1)
		f.running.Go(func() {
			buf := make([]driver.Record, 1)
			n, err := reader.Receive(ctx, buf)
			got <- fmt.Sprintf("%d %v %s", n, err, buf[0].Value)
		})
		f.publish(ctx, numbered(topic, 0, i, 1)...)
		if g, want := <-got, fmt.Sprintf("1 <nil> %d", i); g != want {
			f.Fatalf("receive returned %q, want %q", g, want)
		}
	}
}

// receiveAtHand checks that Receive does not wait until the buffer is full.
func receiveAtHand(ctx context.Context, f *fixture) {
	topic := f.topic(ctx, 1)
	reader := f.read(ctx, driver.Partition{Topic: topic}, 0)
	for i := range 5 {
		f.publish(ctx, numbered(topic, 0, 3*i, 3)...)
		f.checkNumbered(f.receive(ctx, reader, 3, 1000), 3*i)
	}
}
