package drivertest

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/asynccalls/asynccalls/driver"
)

func contentCases() map[string]scenario {
	return map[string]scenario{
		"content nil and empty stay distinct":    contentNilEmpty,
		"content headers keep order and repeats": contentHeaders,
		"content large headers":                  contentLargeHeaders,
		"content of a received record":           contentFields,
		"content received belongs to the caller": contentOwned,
		"content time of the publisher":          contentCreateTime,
		"content time of the broker":             contentAppendTime,
		"content any bytes":                      contentBytes,
	}
}

// roundTrip publishes records to a new partition and receives them.
func (f *fixture) roundTrip(ctx context.Context, records ...*driver.Record) []driver.Record {
	f.Helper()
	topic := f.topic(ctx, 1)
	for _, r := range records {
		r.Topic = topic
	}
	f.publish(ctx, records...)
	return f.receive(ctx, f.read(ctx, driver.Partition{Topic: topic}, 0), len(records), 100)
}

// same says whether a and b are the same bytes, and both or neither nil.
func same(a, b []byte) bool { return bytes.Equal(a, b) && (a == nil) == (b == nil) }

func contentNilEmpty(ctx context.Context, f *fixture) {
	var records []*driver.Record
	contents := [][]byte{nil, {}, []byte("x"), {0}}
	for _, key := range contents {
		for _, value := range contents {
			for _, header := range contents {
				headers := []driver.Header{{Key: "h", Value: header}, {Key: "", Value: header}}
				records = append(records, &driver.Record{Key: key, Value: value, Headers: headers})
			}
		}
	}
	for i, got := range f.roundTrip(ctx, records...) {
		want := records[i]
		ok := same(got.Key, want.Key) && same(got.Value, want.Value) && sameHeaders(got.Headers, want.Headers)
		if !ok {
			f.Errorf("received %#v %#v %#v, want %#v %#v %#v",
				got.Key, got.Value, got.Headers, want.Key, want.Value, want.Headers)
		}
	}
}

func sameHeaders(got, want []driver.Header) bool {
	if len(got) != len(want) {
		return false
	}
	for i := range got {
		if got[i].Key != want[i].Key || !same(got[i].Value, want[i].Value) {
			return false
		}
	}
	return true
}

func contentHeaders(ctx context.Context, f *fixture) {
	headers := []driver.Header{
		{Key: "b", Value: []byte("1")},
		{Key: "a", Value: []byte("2")},
		{Key: "b", Value: []byte("3")},
		{Key: "b", Value: []byte("1")},
		{Key: "größe", Value: []byte("\x00\xff\xfe")},
		{Key: "a", Value: nil},
		{Key: "", Value: []byte("no name")},
		{Key: "B", Value: []byte("upper")},
	}
	records := []*driver.Record{{Headers: headers}, {}, {Headers: headers[2:]}, {Headers: []driver.Header{}}}
	for i, got := range f.roundTrip(ctx, records...) {
		if !sameHeaders(got.Headers, records[i].Headers) {
			f.Errorf("record %d has headers %q, want %q", i, got.Headers, records[i].Headers)
		}
	}
}

func contentLargeHeaders(ctx context.Context, f *fixture) {
	large := &driver.Record{Headers: []driver.Header{
		{Key: string(bytes.Repeat([]byte("k"), 10_000)), Value: random(100_000)},
		{Key: "second", Value: random(300_000)},
	}}
	many := &driver.Record{}
	for i := range 2000 {
		many.Headers = append(many.Headers, driver.Header{Key: fmt.Sprint("key", i%7), Value: fmt.Append(nil, i)})
	}
	got := f.roundTrip(ctx, large, many)
	if !sameHeaders(got[0].Headers, large.Headers) {
		f.Errorf("large headers changed on their way")
	}
	if !sameHeaders(got[1].Headers, many.Headers) {
		f.Errorf("many headers changed on their way")
	}
}

func contentFields(ctx context.Context, f *fixture) {
	topic := f.topic(ctx, 3)
	records := numbered(topic, 2, 0, 10)
	for _, r := range records {
		r.Tag = "tag"
		r.Offset = 1000
		r.Epoch = 1000
	}
	f.publish(ctx, records...)
	for i, got := range f.receive(ctx, f.read(ctx, driver.Partition{Topic: topic, ID: 2}, 0), 10, 100) {
		if got.Topic != topic || got.Partition != 2 || got.Offset != int64(i) || got.Time.IsZero() {
			f.Errorf("record %d is from topic %q, partition %d, offset %d, time %v",
				i, got.Topic, got.Partition, got.Offset, got.Time)
		}
		if got.Tag != nil || got.Epoch < -1 || got.Epoch == 1000 {
			f.Errorf("record %d has Tag %v and Epoch %d, want none and that of the leader or -1", i, got.Tag, got.Epoch)
		}
	}
}

// contentOwned changes what it received, and reads the same records again.
func contentOwned(ctx context.Context, f *fixture) {
	topic := f.topic(ctx, 1)
	records := numbered(topic, 0, 100, 50)
	for _, r := range records {
		r.Key = []byte("key")
		r.Headers = []driver.Header{{Key: "name", Value: []byte("value")}}
	}
	f.publish(ctx, records...)
	for range 3 {
		got := f.receive(ctx, f.read(ctx, driver.Partition{Topic: topic}, 0), 50, 100)
		for i, r := range got {
			r.Key = append(r.Key, "XXXXXXXXXXXXXXXXXX"...)
			r.Value = append(r.Value, "XXXXXXXXXXXXXXXXXX"...)
			r.Headers = append(r.Headers, driver.Header{Key: "XXXX"})
			r.Headers[0].Value = append(r.Headers[0].Value, "XXXXXXXXXXXXXXXXXX"...)
			if i > 0 {
				continue
			}
			copy(got[0].Key, "YYY")
			copy(got[0].Value, "100")
			got[0].Headers[0].Key = "YYYY"
		}
		f.checkNumbered(got, 100)
		for _, r := range got[1:] {
			if string(r.Key) != "key" || r.Headers[0].Key != "name" || string(r.Headers[0].Value) != "value" {
				f.Fatalf("received key %q and headers %q, which another record overwrote", r.Key, r.Headers)
			}
		}
		copy(got[1].Value, "***")
		copy(got[1].Headers[0].Value, "***")
	}
}

func contentCreateTime(ctx context.Context, f *fixture) {
	topic := f.create(ctx, driver.Topic{
		Partitions: 1, Config: map[string]string{"message.timestamp.type": "CreateTime"},
	})
	before := time.Now().Add(-time.Minute)
	given := before.Add(-time.Hour).Truncate(time.Millisecond)
	records := numbered(topic, 0, 0, 2)
	records[0].Time = given
	f.publish(ctx, records...)
	got := f.receive(ctx, f.read(ctx, driver.Partition{Topic: topic}, 0), 2, 10)
	if !got[0].Time.Equal(given) {
		f.Errorf("time is %v, want %v", got[0].Time, given)
	}
	if !got[1].Time.After(before) {
		f.Errorf("time of a record without one is %v, want now", got[1].Time)
	}
	for i, r := range records {
		if !r.Time.Truncate(time.Millisecond).Equal(got[i].Time) {
			f.Errorf("time at the publisher is %v, at the reader %v", r.Time, got[i].Time)
		}
	}
}

func contentAppendTime(ctx context.Context, f *fixture) {
	topic := f.create(ctx, driver.Topic{
		Partitions: 1, Config: map[string]string{"message.timestamp.type": "LogAppendTime"},
	})
	given := time.Now().Add(-24 * time.Hour)
	records := numbered(topic, 0, 0, 2)
	records[0].Time = given
	f.publish(ctx, records...)
	for i, r := range f.receive(ctx, f.read(ctx, driver.Partition{Topic: topic}, 0), 2, 10) {
		if r.Time.Before(given.Add(12 * time.Hour)) {
			f.Errorf("time of record %d is %v, want that of the broker", i, r.Time)
		}
	}
	if records[0].Time.IsZero() || records[1].Time.IsZero() {
		f.Errorf("times at the publisher are %v and %v, want both set", records[0].Time, records[1].Time)
	}
}

func contentBytes(ctx context.Context, f *fixture) {
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	records := []*driver.Record{{Key: every, Value: every}, {Key: random(1000), Value: random(500_000)}}
	for i, got := range f.roundTrip(ctx, records...) {
		if !same(got.Key, records[i].Key) || !same(got.Value, records[i].Value) {
			f.Errorf("record %d changed on its way", i)
		}
	}
}
