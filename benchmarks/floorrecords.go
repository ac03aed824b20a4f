package main

import (
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// records is memory for what a client of the floor fetches, which is used again, as in
// package driver/franz: it makes the floor cheaper by a tenth. Bodies are not in it.
type records struct{ free sync.Pool } // of *[]kgo.Record

var _ kgo.PoolRecords = (*records)(nil)

// GetRecords implements [kgo.PoolRecords].
func (r *records) GetRecords(int) []kgo.Record {
	free, _ := r.free.Get().(*[]kgo.Record)
	if free == nil {
		return nil
	}
	return *free
}

// PutRecords implements [kgo.PoolRecords].
func (r *records) PutRecords(free []kgo.Record) { r.free.Put(&free) }

// checkRecord checks the length of a body, and gives its record back.
func checkRecord(r *kgo.Record, want int) error {
	got := len(r.Value)
	r.Recycle()
	return checkBody(got, want)
}
