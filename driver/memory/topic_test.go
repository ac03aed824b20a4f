package memory_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/driver/memory"
)

func TestDriver_refusesTopics(t *testing.T) {
	t.Parallel()
	config := func(name, value string) driver.Topic {
		return driver.Topic{Name: "t", Config: map[string]string{name: value}}
	}
	tests := map[string]driver.Topic{
		"long name":           {Name: strings.Repeat("a", 250)},
		"negative partitions": {Name: "t", Partitions: -1},
		"many partitions":     {Name: "t", Partitions: 10_001},
		"negative replicas":   {Name: "t", Replicas: -1},
		"negative size":       {Name: "t", MaxBytes: -1},
		"colliding name":      {Name: "exists.already"},
		"unknown setting":     config("retention.mms", "1"),
		"retention":           config("retention.ms", "1h"),
		"time type":           config("message.timestamp.type", "logappendtime"),
		"cleanup":             config("cleanup.policy", "compact,drop"),
		"size":                config("max.message.bytes", "-1"),
		"in-sync replicas":    config("min.insync.replicas", "0"),
	}
	for name, spec := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := memory.New()
			defer d.Close()
			create(t, d, driver.Topic{Name: "exists_already"})
			if err := d.Create(t.Context(), spec, driver.Topic{Name: "neighbor"}); !errors.Is(err, driver.ErrRefused) {
				t.Errorf("create returned error %v, want ErrRefused", err)
			}
			topics, err := d.Topics(t.Context(), spec.Name, "neighbor")
			if err != nil || len(topics) != 1 || topics[0].Name != "neighbor" {
				t.Errorf("topics are %v with error %v, want the neighbor only", topics, err)
			}
		})
	}
}

func TestDriver_takesSettings(t *testing.T) {
	t.Parallel()
	d := memory.New()
	defer d.Close()
	create(t, d, driver.Topic{Name: "t", Replicas: 3, Config: map[string]string{
		"max.message.bytes": "1000", "retention.ms": "-1", "cleanup.policy": "compact, delete", "compression.type": "zstd",
	}})
	topics, err := d.Topics(t.Context(), "t")
	if err != nil || len(topics) != 1 {
		t.Fatalf("topics are %v with error %v, want one", topics, err)
	}
	if got := topics[0]; got.MaxBytes != 1000 || got.Replicas != 3 || got.Partitions != 1 {
		t.Errorf("topic is %+v, want 1000 bytes, 3 replicas, 1 partition", got)
	}
}

func TestDriver_refusesRecords(t *testing.T) {
	t.Parallel()
	hour := time.Now().Add(time.Hour + time.Minute)
	config := func(name, value string) map[string]string { return map[string]string{name: value} }
	tests := map[string]struct {
		config map[string]string
		record driver.Record
		ok     bool
	}{
		"no key in a compacted topic":    {config("cleanup.policy", "compact"), driver.Record{}, false},
		"key in a compacted topic":       {config("cleanup.policy", "compact"), driver.Record{Key: []byte("k")}, true},
		"future":                         {nil, driver.Record{Time: hour}, false},
		"future that is allowed":         {config("message.timestamp.after.max.ms", "7200000"), driver.Record{Time: hour}, true},
		"future that the broker ignores": {config("message.timestamp.type", "LogAppendTime"), driver.Record{Time: hour}, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := memory.New()
			defer d.Close()
			create(t, d, driver.Topic{Name: "t", Config: tt.config})
			tt.record.Topic = "t"
			d.Publish(t.Context(), &tt.record, func(_ *driver.Record, err error) {
				if ok := err == nil; ok != tt.ok || !ok && !errors.Is(err, driver.ErrRefused) {
					t.Errorf("publish ended with error %v, want success: %t, else ErrRefused", err, tt.ok)
				}
			})
		})
	}
}

// TestDriver_limitIsExact uses sizes of batches as Kafka computes them.
func TestDriver_limitIsExact(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		record driver.Record
		size   int
	}{
		"empty":   {driver.Record{Key: []byte{}, Value: []byte{}}, 68},
		"nil":     {driver.Record{}, 68},
		"short":   {driver.Record{Key: []byte("key"), Value: []byte("value")}, 76},
		"long":    {driver.Record{Value: make([]byte, 1000)}, 61 + 2 + 3 + 1 + 2 + 1000 + 1},
		"headers": {driver.Record{Headers: []driver.Header{{Key: "h", Value: nil}, {Key: "i", Value: []byte("v")}}}, 75},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := memory.New()
			defer d.Close()
			create(t, d, driver.Topic{Name: "exact", MaxBytes: tt.size}, driver.Topic{Name: "less", MaxBytes: tt.size - 1})
			record := tt.record
			record.Topic = "exact"
			publish(t, d, &record)
			record.Topic = "less"
			d.Publish(t.Context(), &record, func(_ *driver.Record, err error) {
				large, ok := errors.AsType[*driver.TooLargeError](err)
				if !ok || large.Limit != tt.size-1 {
					t.Errorf("publish ended with error %v, want limit %d", err, tt.size-1)
				}
			})
		})
	}
}

func TestDriver_deleteRecords(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := memory.New()
		defer d.Close()
		create(t, d, driver.Topic{Name: "t"})
		for range 10 {
			publish(t, d, &driver.Record{Topic: "t"})
		}
		p := driver.Partition{Topic: "t"}
		for _, before := range []int64{11, -2} {
			if err := d.DeleteRecords(p, before); !errors.Is(err, driver.ErrRefused) {
				t.Errorf("delete records before %d: error %v, want ErrRefused", before, err)
			}
		}
		if err := d.DeleteRecords(driver.Partition{Topic: "t", ID: 1}, 0); !errors.Is(err, driver.ErrNoTopic) {
			t.Errorf("delete records of a missing partition: error %v, want ErrNoTopic", err)
		}
		if err := d.DeleteTopic("missing"); !errors.Is(err, driver.ErrNoTopic) {
			t.Errorf("delete a missing topic: error %v, want ErrNoTopic", err)
		}
		r, err := d.Read(t.Context(), p, 4)
		if err != nil {
			t.Fatal(err)
		}
		for _, before := range []int64{6, 3, -1} {
			if err := d.DeleteRecords(p, before); err != nil {
				t.Errorf("delete records before %d: %v", before, err)
			}
		}
		_, err = poll(t, r)
		want := fmt.Sprint(&driver.LostError{Partition: p, From: 4, To: 10})
		if fmt.Sprint(err) != want {
			t.Errorf("receive returned error %v, want %s", err, want)
		}
		publish(t, d, &driver.Record{Topic: "t"})
		if records, err := poll(t, r); len(records) != 1 || records[0].Offset != 10 || err != nil {
			t.Errorf("received %v and error %v, want offset 10", records, err)
		}
	})
}

func TestDriver_timeIsVirtual(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := memory.New()
		defer d.Close()
		create(t, d, driver.Topic{Name: "t"})
		r := &driver.Record{Topic: "t", Time: time.Time{}}
		publish(t, d, r)
		if !r.Time.Equal(time.Now()) {
			t.Errorf("time is %v, want %v", r.Time, time.Now())
		}
	})
}
