package memory_test

import (
	"testing"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/driver/memory"
)

// BenchmarkDriver publishes and receives records of 100 bytes with one header.
func BenchmarkDriver(b *testing.B) {
	const batch = 500
	d := memory.New()
	defer d.Close()
	if err := d.Create(b.Context(), driver.Topic{Name: "t", Partitions: 4}); err != nil {
		b.Fatal(err)
	}
	readers := make([]driver.Reader, 4)
	for i := range readers {
		r, err := d.Read(b.Context(), driver.Partition{Topic: "t", ID: int32(i)}, 0)
		if err != nil {
			b.Fatal(err)
		}
		readers[i] = r
	}
	record := driver.Record{
		Topic: "t", Key: []byte("key"), Value: make([]byte, 100),
		Headers: []driver.Header{{Key: "ac", Value: make([]byte, 40)}},
	}
	buf := make([]driver.Record, batch)
	done := func(_ *driver.Record, err error) {
		if err != nil {
			b.Error(err)
		}
	}
	published := 0
	b.ReportAllocs()
	for b.Loop() {
		record.Partition = int32(published / batch % 4)
		d.Publish(b.Context(), &record, done)
		if published++; published%batch == 0 {
			p := driver.Partition{Topic: "t", ID: record.Partition}
			n, err := readers[record.Partition].Receive(b.Context(), buf)
			if n != batch || err != nil {
				b.Fatalf("received %d records and error %v", n, err)
			}
			if err := d.DeleteRecords(p, -1); err != nil {
				b.Fatal(err)
			}
		}
	}
}
