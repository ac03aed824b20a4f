package memory

import (
	"math/bits"

	"github.com/asynccalls/asynccalls/driver"
)

// batchOverhead is the size of an empty batch of records in Kafka's format.
const batchOverhead = 61

// batchSize returns how many bytes Kafka needs for a batch of r alone, without
// compression.
func batchSize(r *driver.Record) int {
	size := 3 // attributes, time and offset relative to the batch
	size += fieldSize(r.Key) + fieldSize(r.Value) + varintSize(len(r.Headers))
	for _, h := range r.Headers {
		size += varintSize(len(h.Key)) + len(h.Key) + fieldSize(h.Value)
	}
	return batchOverhead + varintSize(size) + size
}

// fieldSize returns the size of bytes with their length.
func fieldSize(b []byte) int {
	if b == nil {
		return varintSize(-1)
	}
	return varintSize(len(b)) + len(b)
}

// varintSize returns the size of n as a signed number of variable length.
func varintSize(n int) int {
	zigzag := uint64(n<<1) ^ uint64(n>>63)
	return (bits.Len64(zigzag|1) + 6) / 7
}
