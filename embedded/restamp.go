package embedded

import (
	"encoding/binary"
	"hash/crc32"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	// punctual is how far the time of a record may be from that of the broker
	// and still count as the same. Records sent at once by a process on this
	// machine are within it, and need not be changed.
	punctual = time.Second

	codecBits      = 0x07
	batchFormat    = 2
	checksumOffset = 17
	checkedOffset  = 21 // the checksum covers all from here on
	lengthOffset   = 12 // the length of a batch counts from here on
)

// restamp returns a batch whose records all have the time now. It returns the
// batch itself if that is so already, or if it can't be read: then it is refused
// by the broker.
func restamp(batch []byte, now time.Time) []byte {
	var b kmsg.RecordBatch
	if err := b.ReadFrom(batch); err != nil || b.Magic != batchFormat {
		return batch
	}
	if isNear(b.FirstTimestamp, now) && isNear(b.MaxTimestamp, now) {
		return batch
	}
	codec := kgo.CompressionCodecType(b.Attributes & codecBits)
	records, err := kgo.DefaultDecompressor().Decompress(b.Records, codec)
	if err != nil {
		return batch
	}
	records, ok := withoutDeltas(records)
	if !ok {
		return batch
	}
	b.FirstTimestamp, b.MaxTimestamp = now.UnixMilli(), now.UnixMilli()
	b.Attributes &^= codecBits
	b.Records = records
	return seal(b.AppendTo(nil))
}

func isNear(milli int64, now time.Time) bool {
	return now.Sub(time.UnixMilli(milli)).Abs() <= punctual
}

// withoutDeltas sets the times of all records to that of the batch.
func withoutDeltas(records []byte) ([]byte, bool) {
	var out []byte
	for len(records) > 0 {
		length, n := binary.Varint(records)
		if n <= 0 || length < 0 || length > int64(len(records)-n) {
			return nil, false
		}
		size := n + int(length)
		var r kmsg.Record
		if err := r.ReadFrom(records[:size]); err != nil {
			return nil, false
		}
		records = records[size:]
		r.TimestampDelta64 = 0
		r.Length = 0
		r.Length = int32(len(r.AppendTo(nil)) - 1) // without the one byte of the length itself
		out = r.AppendTo(out)
	}
	return out, true
}

// seal sets the length and the checksum of a batch.
func seal(batch []byte) []byte {
	binary.BigEndian.PutUint32(batch[8:], uint32(len(batch)-lengthOffset))
	sum := crc32.Checksum(batch[checkedOffset:], crc32.MakeTable(crc32.Castagnoli))
	binary.BigEndian.PutUint32(batch[checksumOffset:], sum)
	return batch
}
