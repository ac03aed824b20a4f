package wire

import (
	"math"
	"strconv"
)

// maxReplay, maxReplayed and maxDropped are the lengths of the longest headers
// "ac-replay", "ac-replayed" and "ac-dropped".
const (
	maxReplay   = len(versionPrefix) + len("2147483647 ") + maxTopic + maxPlace
	maxReplayed = len(versionPrefix) + len("2147483647 9223372036854775807 ") + maxTopic + maxPlace
	maxDropped  = len("1") + maxPlace
	maxPlace    = len(" 2147483647 9223372036854775807")
)

// Replay is what the header "ac-replay" says about a message that was a dead
// letter.
type Replay struct {
	Count int // how often the message was put back, from 1

	// The dead letter that it was put back from the last time.
	Topic     string
	Partition int32
	Offset    int64
}

// AppendReplay appends the header to dst. Topic must be valid. Numbers out of
// range are written as the nearest in it, so it cannot fail.
func AppendReplay(dst []byte, r *Replay) []byte {
	dst = append(dst, versionPrefix...)
	dst = strconv.AppendInt(dst, int64(min(max(r.Count, 1), math.MaxInt32)), 10)
	dst = append(dst, ' ')
	dst = append(dst, r.Topic...)
	dst = append(dst, ' ')
	return appendPlace(dst, r.Partition, r.Offset)
}

// DecodeReplay reads a header "ac-replay".
func DecodeReplay(value []byte) (Replay, error) {
	f, err := fieldsOf(value, maxReplay)
	if err != nil {
		return Replay{}, err
	}
	r := Replay{Count: f.count(), Topic: f.topic()}
	r.Partition, r.Offset = f.place()
	if err := f.close(); err != nil {
		return Replay{}, err
	}
	return r, nil
}

// Replayed is what the header "ac-replayed" says: which dead letter of its
// partition was put back, and where it is now.
type Replayed struct {
	Partition int32 // of the dead letter, and of the record with the header
	Offset    int64

	ToTopic     string
	ToPartition int32
	ToOffset    int64
}

// AppendReplayed appends the header to dst. ToTopic must be valid. Numbers out
// of range are written as the nearest in it, so it cannot fail.
func AppendReplayed(dst []byte, r *Replayed) []byte {
	dst = append(dst, versionPrefix...)
	dst = appendPlace(dst, r.Partition, r.Offset)
	dst = append(dst, ' ')
	dst = append(dst, r.ToTopic...)
	dst = append(dst, ' ')
	return appendPlace(dst, r.ToPartition, r.ToOffset)
}

// DecodeReplayed reads a header "ac-replayed".
func DecodeReplayed(value []byte) (Replayed, error) {
	f, err := fieldsOf(value, maxReplayed)
	if err != nil {
		return Replayed{}, err
	}
	var r Replayed
	r.Partition, r.Offset = f.place()
	r.ToTopic = f.topic()
	r.ToPartition, r.ToOffset = f.place()
	if err := f.close(); err != nil {
		return Replayed{}, err
	}
	return r, nil
}

// Dropped is what the header "ac-dropped" says: which dead letter of its
// partition was dropped.
type Dropped struct {
	Partition int32 // of the dead letter, and of the record with the header
	Offset    int64
}

// AppendDropped appends the header to dst. Numbers out of range are written as
// the nearest in it, so it cannot fail.
func AppendDropped(dst []byte, d *Dropped) []byte {
	dst = append(dst, versionPrefix...)
	return appendPlace(dst, d.Partition, d.Offset)
}

// DecodeDropped reads a header "ac-dropped".
func DecodeDropped(value []byte) (Dropped, error) {
	f, err := fieldsOf(value, maxDropped)
	if err != nil {
		return Dropped{}, err
	}
	var d Dropped
	d.Partition, d.Offset = f.place()
	if err := f.close(); err != nil {
		return Dropped{}, err
	}
	return d, nil
}

func appendPlace(dst []byte, partition int32, offset int64) []byte {
	dst = strconv.AppendInt(dst, int64(max(partition, 0)), 10)
	dst = append(dst, ' ')
	return strconv.AppendInt(dst, max(offset, 0), 10)
}

// place reads a partition and an offset.
func (f *fields) place() (partition int32, offset int64) {
	partition = int32(f.number("partition", math.MaxInt32, ruleInt32))
	return partition, int64(f.number("offset", math.MaxInt64, ruleOffset))
}

// count reads a number that is at least 1.
func (f *fields) count() int {
	v, n := number(f.rest(), math.MaxInt32)
	if v == 0 {
		n = 0
	}
	f.take(n, "count", ruleCount)
	return int(v)
}
