package drivertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/asynccalls/asynccalls/driver"
)

func publishCases() map[string]scenario {
	return map[string]scenario{
		"publish keeps the order in a partition":        publishOrder,
		"publish from many goroutines":                  publishParallel,
		"publish one after another":                     publishSingly,
		"publish by key as Kafka does":                  publishByKey,
		"publish without key to any partition":          publishWithoutKey,
		"publish to explicit partitions":                publishExplicit,
		"publish returns the record":                    publishReturnsRecord,
		"publish to a missing topic":                    publishMissingTopic,
		"publish to a missing partition":                publishMissingPartition,
		"publish to an illegal topic":                   publishIllegalTopic,
		"publish soon after a topic was missing":        publishAfterMissing,
		"publish too large harms no neighbor":           publishTooLarge,
		"publish a batch larger than the topic accepts": publishLargeBatch,
		"publish with a canceled context":               publishCanceled,
		"publish while the context is being canceled":   publishCancelRace,
		"publish leaves the record to the caller":       publishThenReuse,
	}
}

func publishOrder(ctx context.Context, f *fixture) {
	const n = 2000
	topic := f.topic(ctx, 1)
	outcomes := f.try(ctx, numbered(topic, 0, 0, n)...)
	for i, o := range outcomes {
		if o.err != nil || o.record.Offset != int64(i) {
			f.Fatalf("record %d got offset %d and error %v, want %d and none", i, o.record.Offset, o.err, i)
		}
	}
	f.checkNumbered(f.receive(ctx, f.read(ctx, driver.Partition{Topic: topic}, 0), n, 300), 0)
}

func publishParallel(ctx context.Context, f *fixture) {
	const goroutines, each, partitions = 8, 200, 3
	topic := f.topic(ctx, partitions)
	p := f.publication()
	var publishing sync.WaitGroup
	for g := range goroutines {
		publishing.Go(func() {
			for i := range each {
				p.hand(ctx, &driver.Record{
					Topic: topic, Partition: int32(i % partitions),
					Key: fmt.Append(nil, g), Value: fmt.Append(nil, i),
				})
			}
		})
	}
	publishing.Wait()
	for _, o := range p.wait(ctx) {
		if o.err != nil {
			f.Fatalf("publish: %v", o.err)
		}
	}
	for partition := range int32(partitions) {
		next := map[string]int{}
		n := goroutines * ((each-int(partition)-1)/partitions + 1)
		for _, r := range f.receive(ctx, f.read(ctx, driver.Partition{Topic: topic, ID: partition}, 0), n, 100) {
			g := string(r.Key)
			if want := fmt.Sprint(next[g]*partitions + int(partition)); string(r.Value) != want {
				f.Fatalf("goroutine %s published %q to partition %d, received now %q", g, want, partition, r.Value)
			}
			next[g]++
		}
	}
}

func publishSingly(ctx context.Context, f *fixture) {
	topic := f.topic(ctx, 1)
	reader := f.read(ctx, driver.Partition{Topic: topic}, 0)
	for i := range 50 {
		f.publish(ctx, numbered(topic, 0, i, 1)...)
		f.checkNumbered(f.receive(ctx, reader, 1, 10), i)
	}
}

func publishByKey(ctx context.Context, f *fixture) {
	// The hashes are those of Kafka's own tests, without the sign bit.
	hashes := map[string]int32{
		"21":                         -973932308 & 0x7fffffff,
		"foobar":                     -790332482 & 0x7fffffff,
		"a-little-bit-long-string":   -985981536 & 0x7fffffff,
		"a-little-bit-longer-string": -1486304829 & 0x7fffffff,
		"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971 & 0x7fffffff,
		"abc": 479470107,
	}
	for _, partitions := range []int32{1, 3, 8, 10} {
		topic := f.topic(ctx, partitions)
		var records []*driver.Record
		for range 5 {
			for key := range hashes {
				r := record(topic, -1, key)
				r.Key = []byte(key)
				records = append(records, r)
			}
		}
		for _, o := range f.try(ctx, records...) {
			key := string(o.record.Key)
			if want := hashes[key] % partitions; o.err != nil || o.record.Partition != want {
				f.Errorf("key %q went to partition %d of %d with error %v, want %d",
					key, o.record.Partition, partitions, o.err, want)
			}
		}
	}
}

func publishWithoutKey(ctx context.Context, f *fixture) {
	const n, partitions = 60, 3
	topic := f.topic(ctx, partitions)
	count := make([]int, partitions)
	for _, o := range f.try(ctx, numbered(topic, -1, 0, n)...) {
		if o.err != nil || o.record.Partition < 0 || o.record.Partition >= partitions {
			f.Fatalf("record went to partition %d with error %v, want 0 to 2 and none", o.record.Partition, o.err)
		}
		count[o.record.Partition]++
	}
	for partition, n := range count {
		f.receive(ctx, f.read(ctx, driver.Partition{Topic: topic, ID: int32(partition)}, 0), max(n, 0), 100)
	}
}

func publishExplicit(ctx context.Context, f *fixture) {
	const partitions, each = 4, 20
	topic := f.topic(ctx, partitions)
	var records []*driver.Record
	for i := range partitions * each {
		r := record(topic, int32(i%partitions), fmt.Sprint(i/partitions))
		r.Key = []byte("the key does not matter")
		records = append(records, r)
	}
	for i, o := range f.try(ctx, records...) {
		if o.err != nil || o.record.Partition != int32(i%partitions) || o.record.Offset != int64(i/partitions) {
			f.Fatalf("record %d went to partition %d at offset %d with error %v, want %d, %d and none",
				i, o.record.Partition, o.record.Offset, o.err, i%partitions, i/partitions)
		}
	}
	for partition := range int32(partitions) {
		reader := f.read(ctx, driver.Partition{Topic: topic, ID: partition}, 0)
		f.checkNumbered(f.receive(ctx, reader, each, 100), 0)
	}
}

// publishReturnsRecord leaves to the fixture to check that done got the very
// record that was published.
func publishReturnsRecord(ctx context.Context, f *fixture) {
	type tag struct{ n int }
	topic := f.topic(ctx, 3)
	records := numbered(topic, -1, 0, 100)
	records = append(records, numbered(f.name("missing"), -1, 100, 1)...)
	for i, r := range records {
		r.Tag = &tag{i}
	}
	for i, o := range f.try(ctx, records...) {
		if t, ok := o.record.Tag.(*tag); !ok || t.n != i {
			f.Errorf("record %d came back with Tag %v", i, o.record.Tag)
		}
		if string(o.record.Value) != fmt.Sprint(i) {
			f.Errorf("record %d came back with Value %q", i, o.record.Value)
		}
		if i < 100 && (o.record.Partition < 0 || o.record.Offset < 0 || o.record.Time.IsZero()) {
			f.Errorf("record %d came back with partition %d, offset %d, time %v, want all set",
				i, o.record.Partition, o.record.Offset, o.record.Time)
		}
	}
}

func publishMissingTopic(ctx context.Context, f *fixture) {
	topic, missing := f.topic(ctx, 1), f.name("missing")
	p := f.publication()
	for i := range 10 {
		p.hand(ctx, record(missing, 0, "missing"), record(missing, -1, "missing"))
		p.hand(ctx, numbered(topic, 0, i, 1)...)
	}
	for i, o := range p.wait(ctx) {
		if isMissing := i%3 != 2; errors.Is(o.err, driver.ErrNoTopic) != isMissing || o.err == nil == isMissing {
			f.Errorf("record %d to topic %q ended with error %v", i, o.record.Topic, o.err)
		}
	}
	f.checkNumbered(f.receive(ctx, f.read(ctx, driver.Partition{Topic: topic}, 0), 10, 10), 0)
	f.checkTopics(ctx, nil, missing)
}

func publishMissingPartition(ctx context.Context, f *fixture) {
	topic := f.topic(ctx, 2)
	p := f.publication()
	for i := range 10 {
		p.hand(ctx, record(topic, 2, "missing"))
		p.hand(ctx, numbered(topic, 1, i, 1)...)
	}
	for i, o := range p.wait(ctx) {
		if isMissing := i%2 == 0; errors.Is(o.err, driver.ErrNoTopic) != isMissing || o.err == nil == isMissing {
			f.Errorf("record %d to partition %d ended with error %v", i, o.record.Partition, o.err)
		}
	}
	f.checkNumbered(f.receive(ctx, f.read(ctx, driver.Partition{Topic: topic, ID: 1}, 0), 10, 10), 0)
}

func publishIllegalTopic(ctx context.Context, f *fixture) {
	topic := f.topic(ctx, 1)
	outcomes := f.try(ctx, record("with space", -1, "illegal"), record(topic, 0, "0"))
	if err := outcomes[0].err; !errors.Is(err, driver.ErrRefused) && !errors.Is(err, driver.ErrNoTopic) {
		f.Errorf("publish to a topic with an illegal name: error %v, want ErrRefused or ErrNoTopic", err)
	}
	if err := outcomes[1].err; err != nil {
		f.Errorf("publish beside it: %v", err)
	}
}

func publishAfterMissing(ctx context.Context, f *fixture) {
	name := f.name("late")
	if err := f.try(ctx, record(name, -1, "early"))[0].err; !errors.Is(err, driver.ErrNoTopic) {
		f.Errorf("publish to a missing topic: error %v, want ErrNoTopic", err)
	}
	f.topics = append(f.topics, name)
	if err := f.driver.Create(ctx, driver.Topic{Name: name, Partitions: 1}); err != nil {
		f.Fatalf("create topic: %v", err)
	}
	f.publish(ctx, record(name, -1, "0"))
	f.checkNumbered(f.receive(ctx, f.read(ctx, driver.Partition{Topic: name}, 0), 1, 10), 0)
}

func publishTooLarge(ctx context.Context, f *fixture) {
	const limit = 20_000
	topic := f.create(ctx, driver.Topic{Partitions: 1, MaxBytes: limit})
	p := f.publication()
	for i := range 30 {
		large := record(topic, 0, "large")
		switch i % 3 {
		case 0:
			large.Value = random(limit)
		case 1:
			large.Key = random(10 * limit)
		case 2:
			large.Headers = []driver.Header{{Key: "large", Value: random(2 * limit)}}
		}
		p.hand(ctx, large)
		p.hand(ctx, numbered(topic, 0, i, 1)...)
	}
	for i, o := range p.wait(ctx) {
		large, ok := errors.AsType[*driver.TooLargeError](o.err)
		switch {
		case i%2 == 1 && o.err != nil:
			f.Errorf("a neighbor of a large record failed: %v", o.err)
		case i%2 == 0 && !ok:
			f.Errorf("a large record ended with error %v, want a TooLargeError", o.err)
		case ok && (large.Limit <= 0 || large.Limit > limit):
			f.Errorf("the limit in the error is %d, want one up to %d", large.Limit, limit)
		}
	}
	f.checkNumbered(f.receive(ctx, f.read(ctx, driver.Partition{Topic: topic}, 0), 30, 100), 0)
}

func publishLargeBatch(ctx context.Context, f *fixture) {
	const limit, n = 20_000, 60
	topic := f.create(ctx, driver.Topic{Partitions: 1, MaxBytes: limit})
	records := make([]*driver.Record, n)
	values := make([][]byte, n)
	for i := range records {
		values[i] = random(limit / 3)
		records[i] = &driver.Record{Topic: topic, Value: bytes.Clone(values[i])}
	}
	f.publish(ctx, records...)
	for i, r := range f.receive(ctx, f.read(ctx, driver.Partition{Topic: topic}, 0), n, 100) {
		if !bytes.Equal(r.Value, values[i]) {
			f.Fatalf("record %d is not the one published there", i)
		}
	}
}

// publishCanceled accepts that the records are written, since there was space in
// the buffer.
func publishCanceled(ctx context.Context, f *fixture) {
	topic := f.topic(ctx, 1)
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	p := f.publication()
	p.hand(canceled, numbered(topic, 0, 0, 100)...)
	f.checkWritten(ctx, topic, p)
}

func publishCancelRace(ctx context.Context, f *fixture) {
	topic := f.topic(ctx, 1)
	p := f.publication()
	for i := range 20 {
		canceled, cancel := context.WithCancel(ctx)
		var canceling sync.WaitGroup
		canceling.Go(cancel)
		p.hand(canceled, numbered(topic, 0, 50*i, 50)...)
		canceling.Wait()
	}
	f.checkWritten(ctx, topic, p)
}

// checkWritten checks that partition 0 holds exactly the records of p that have
// no error, in order, and that the others were canceled.
func (f *fixture) checkWritten(ctx context.Context, topic string, p *publication) {
	f.Helper()
	end := "the end"
	written := []string{}
	for _, o := range p.wait(ctx) {
		if o.err == nil {
			written = append(written, string(o.record.Value))
		} else if !errors.Is(o.err, context.Canceled) {
			f.Errorf("a record ended with error %v, want %v", o.err, context.Canceled)
		}
	}
	f.publish(ctx, record(topic, 0, end))
	got := f.receive(ctx, f.read(ctx, driver.Partition{Topic: topic}, 0), len(written)+1, 10_000)
	for i, want := range append(written, end) {
		if string(got[i].Value) != want {
			f.Fatalf("record at offset %d is %q, want %q", got[i].Offset, got[i].Value, want)
		}
	}
}

// publishThenReuse changes the bytes of records as soon as they are the
// caller's again.
func publishThenReuse(ctx context.Context, f *fixture) {
	topic := f.topic(ctx, 1)
	records := numbered(topic, 0, 100, 100)
	for _, r := range records {
		r.Key = []byte("key")
		r.Headers = []driver.Header{{Key: "name", Value: []byte("value")}}
	}
	f.publish(ctx, records...)
	for _, r := range records {
		copy(r.Key, "***")
		copy(r.Value, "***")
		copy(r.Headers[0].Value, "XXXXX")
		r.Headers[0].Key = "XXXX"
	}
	got := f.receive(ctx, f.read(ctx, driver.Partition{Topic: topic}, 0), 100, 100)
	f.checkNumbered(got, 100)
	for _, r := range got {
		if string(r.Key) != "key" || r.Headers[0].Key != "name" || string(r.Headers[0].Value) != "value" {
			f.Fatalf("received key %q and headers %q, which were changed after publishing", r.Key, r.Headers)
		}
	}
}
