package franz

import (
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// records is memory for what the clients fetch. A record is copied as soon as it is
// received, so that its own memory can be used again; what it points to is not.
type records struct{ free sync.Pool } // of *[]kgo.Record

var _ kgo.PoolRecords = (*records)(nil)

// GetRecords implements [kgo.PoolRecords]: the client makes room for the rest itself
// if there is less than for n.
func (r *records) GetRecords(int) []kgo.Record {
	free, _ := r.free.Get().(*[]kgo.Record)
	if free == nil {
		return nil
	}
	return *free
}

// PutRecords implements [kgo.PoolRecords].
func (r *records) PutRecords(free []kgo.Record) { r.free.Put(&free) }
