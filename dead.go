package asynccalls

import (
	"errors"
	"time"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/topics"
	"github.com/asynccalls/asynccalls/internal/wire"
)

// deadLetter says why a message goes to the dead letters.
type deadLetter struct {
	reason string
	at     time.Time // when the message failed
	due    time.Time // when storing it is tried again
	tries  int       // to store it
	size   letterSize
	err    error // why the last one failed
}

// letterSize says how much of the message a dead letter holds: less each time
// that the broker finds it too large.
type letterSize int

const (
	wholeLetter letterSize = iota
	stubLetter             // the key and the headers of the protocol
	bareStub               // nothing of it
)

// letterState is how far a dead letter is, of whichever run.
type letterState uint32

const (
	noLetter letterState = iota
	letterOnItsWay
	letterStored
)

// bury puts the message of the run into the dead letters.
func (r *run) bury(err error) {
	r.message.group.s.tellDead(r, err)
	r.publishDead(&deadLetter{reason: wire.ErrorText(err.Error()), at: time.Now()})
}

// publishDead hands the dead letter to the driver: key, value and headers byte
// for byte, and behind them where the message came from and why it is here. A
// dead letter that is not stored is tried again: the message is not done before.
func (r *run) publishDead(d *deadLetter) {
	d.tries++
	m := r.message
	record := m.letter(d.size)
	record.Headers = append(record.Headers,
		driver.Header{Key: wire.HeaderDead, Value: wire.AppendDead(nil, m.whence(d))},
		driver.Header{Key: wire.HeaderError, Value: []byte(d.reason)})
	record.Tag = &burial{r, d}
	m.grave.Store(uint32(letterOnItsWay))
	r.open.Add(1)
	m.group.s.driver.Publish(m.group.ctx, record, buried)
}

// letter returns what a dead letter holds of the message.
func (m *message) letter(size letterSize) *driver.Record {
	record := &driver.Record{Topic: m.group.s.topic(m.group.s.id, topics.Dead), Partition: -1}
	if size < bareStub {
		record.Key = m.record.key
	}
	record.Headers = make([]driver.Header, 0, len(m.record.headers)+2)
	for _, h := range m.record.headers {
		if size == wholeLetter || size == stubLetter && isProtocol(h.Key) {
			record.Headers = append(record.Headers, h)
		}
	}
	if size == wholeLetter {
		record.Value = m.record.value
	}
	return record
}

// whence says where the message comes from.
func (m *message) whence(d *deadLetter) *wire.Dead {
	from := &wire.Dead{
		Topic:     m.record.Topic,
		Partition: m.record.Partition,
		Offset:    m.record.Offset,
		Time:      m.record.time,
		Service:   m.group.s.id,
		First:     d.at,
		Last:      d.at,
		Stub:      d.size != wholeLetter,
	}
	if m.tries.Any() {
		from.Attempts, from.First, from.Last = m.tries.Count, m.tries.First, m.tries.Last
	}
	switch {
	case m.request != nil:
		from.Endpoint = m.request.Endpoint
	case m.response != nil:
		from.Endpoint = m.response.Endpoint
	}
	return from
}

// burial is a dead letter on its way.
type burial struct {
	run    *run
	letter *deadLetter
}

// buried is called by the driver with the outcome of a dead letter.
func buried(record *driver.Record, err error) {
	b, _ := record.Tag.(*burial)
	if err != nil {
		b.letter.fail(err)
		b.run.dead.Store(b.letter)
	} else {
		b.run.message.grave.Store(uint32(letterStored))
		b.run.message.group.keeper.acknowledged()
	}
	b.run.settle()
}

// fail sets when storing the dead letter is tried again: at once with less of the
// message if it was too large, else after a while.
func (d *deadLetter) fail(err error) {
	d.err = err
	if _, large := errors.AsType[*TooLargeError](err); large && d.size < bareStub {
		d.size++
		return
	}
	d.due = time.Now().Add(min(firstBackoff<<min(d.tries, 10), lastBackoff))
}
