package asynccalls

import (
	"time"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/wire"
)

// deadLetter says why a message goes to the dead letters.
type deadLetter struct {
	reason string
	at     time.Time // when the message failed
	due    time.Time // when storing it is tried again
	tries  int       // to store it
	err    error     // why the last one failed
}

// bury puts the message of the run into the dead letters.
func (r *run) bury(err error) {
	r.publishDead(&deadLetter{reason: wire.ErrorText(err.Error()), at: time.Now()})
}

// publishDead hands the dead letter to the driver: key, value and headers byte
// for byte, and behind them where the message came from and why it is here. A
// dead letter that is not stored is tried again: the message is not done before.
func (r *run) publishDead(d *deadLetter) {
	d.tries++
	m := r.message
	from := wire.Dead{
		Topic:     m.record.Topic,
		Partition: m.record.Partition,
		Offset:    m.record.Offset,
		Time:      m.record.time,
		Service:   m.group.s.id,
		First:     d.at,
		Last:      d.at,
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
	headers := make([]driver.Header, len(m.record.headers), len(m.record.headers)+2)
	copy(headers, m.record.headers)
	record := &driver.Record{
		Topic:     m.group.s.topic(m.group.s.id, deadTopic),
		Partition: -1,
		Key:       m.record.key,
		Value:     m.record.value,
		Headers: append(headers,
			driver.Header{Key: wire.HeaderDead, Value: wire.AppendDead(nil, &from)},
			driver.Header{Key: wire.HeaderError, Value: []byte(d.reason)}),
		Tag: &burial{r, d},
	}
	r.open.Add(1)
	m.group.s.driver.Publish(m.group.ctx, record, buried)
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
		backoff := min(firstBackoff<<min(b.letter.tries, 10), lastBackoff)
		b.letter.due, b.letter.err = time.Now().Add(backoff), err
		b.run.dead.Store(b.letter)
	}
	b.run.settle()
}
