package memory

import (
	"slices"

	"github.com/asynccalls/asynccalls/driver"
)

// A log holds the records of one partition. It outlives its topic while
// somebody reads it.
type log struct {
	partition driver.Partition
	exists    bool // its topic does
	start     int64
	records   []driver.Record // from start on; their bytes never change
	arena     arena
	cursors   []*cursor // all that read it
}

// end returns the offset of the next record.
func (l *log) end() int64 { return l.start + int64(len(l.records)) }

// append adds a copy of r, and returns its offset. It wakes only those readers
// that wait for a record.
func (l *log) append(r *driver.Record) int64 {
	stored := *r
	stored.Topic = l.partition.Topic
	stored.Offset = l.end()
	stored.Epoch = 0
	stored.Tag = nil
	l.arena.record(&stored)
	l.records = append(l.records, stored)
	for _, c := range l.cursors {
		if !c.paused {
			c.reader.signal()
		}
	}
	return stored.Offset
}

// truncate deletes the records before an offset.
func (l *log) truncate(before int64) {
	if before <= l.start {
		return
	}
	n := before - l.start
	clear(l.records[:n])
	l.records = l.records[n:]
	l.start = before
}

// remove deletes everything, and tells those who read it.
func (l *log) remove() {
	for _, c := range l.cursors {
		c.restart()
		c.reader.signal()
	}
	*l = log{partition: l.partition, cursors: l.cursors}
}

// A cursor is the position of a reader in a log.
type cursor struct {
	reader *reader
	log    *log
	offset int64 // of the next record
	paused bool
	lost   *driver.LostError // to be reported; nil if nothing is
}

// restart goes back to the beginning, because the log is removed. The reader is
// told of that even if there was nothing to lose: it may be who creates the topic
// again.
func (c *cursor) restart() {
	if c.lost == nil {
		c.lost = &driver.LostError{Partition: c.log.partition, From: c.offset}
	}
	c.offset = 0
}

// loss returns what has been lost since the last call, or nil. What is lost in a
// partition that is paused shows when that goes on.
func (c *cursor) loss() *driver.LostError {
	lost := c.lost
	c.lost = nil
	if lost != nil || c.paused || !c.log.exists {
		return lost
	}
	to := min(max(c.offset, c.log.start), c.log.end())
	if to == c.offset {
		return nil
	}
	lost = &driver.LostError{Partition: c.log.partition, From: c.offset, To: to}
	c.offset = to
	return lost
}

// read moves records to buf, and returns their number. Their bytes are still
// those of the log.
func (c *cursor) read(buf []driver.Record) int {
	if c.paused || !c.log.exists {
		return 0
	}
	n := copy(buf, c.log.records[c.offset-c.log.start:])
	c.offset += int64(n)
	return n
}

// detach ends the cursor.
func (c *cursor) detach() {
	c.log.cursors = slices.DeleteFunc(c.log.cursors, func(other *cursor) bool { return other == c })
	d := c.reader.driver
	if len(c.log.cursors) == 0 && !c.log.exists {
		delete(d.deleted, c.log.partition)
	}
}
