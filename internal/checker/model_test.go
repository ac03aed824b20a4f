package checker_test

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/asynccalls/asynccalls/internal/checker"
)

// model makes up a history of a system that does everything right: a few
// instances share partitions, handle records by key, commit, give partitions up
// and die.
type model struct {
	random *rand.Rand
	events []checker.Event
	now    time.Time
	logs   []*modelLog
	alive  []string
	born   int
	runs   int
}

// modelLog is one partition: the records from committed to given are with owner.
type modelLog struct {
	id        int32
	records   []*modelRecord
	committed int
	given     int
	owner     string
}

type modelRecord struct {
	id, key, mode string
	run           string // that is open
	done          bool
}

// newModel returns a model that has told its history.
func newModel(random *rand.Rand, requests int) *model {
	m := &model{random: random, now: epoch}
	for id := range int32(3) {
		m.logs = append(m.logs, &modelLog{id: id})
	}
	m.birth()
	for sent := 0; sent < requests; {
		if random.IntN(4) == 0 {
			m.send(sent)
			sent++
			continue
		}
		m.step(m.logs[random.IntN(len(m.logs))])
	}
	for m.open() {
		m.step(m.logs[random.IntN(len(m.logs))])
	}
	return m
}

func (m *model) open() bool {
	for _, l := range m.logs {
		if l.committed < len(l.records) {
			return true
		}
	}
	return false
}

func (m *model) add(e checker.Event) {
	m.now = m.now.Add(time.Duration(m.random.IntN(1000)) * time.Microsecond)
	m.atOnce(e)
}

// atOnce adds an event at the time of the last one.
func (m *model) atOnce(e checker.Event) {
	e.At = m.now
	m.events = append(m.events, e)
}

// tell adds an event of the owner of a partition.
func (m *model) tell(l *modelLog, k checker.Kind, offset int) {
	m.add(checker.Event{Kind: k, Instance: l.owner, Topic: requests, Partition: l.id, Offset: int64(offset)})
}

// about adds an event of the client.
func (m *model) about(r *modelRecord, k checker.Kind) {
	e := checker.Event{Kind: k, Instance: "client", Request: r.id, Mode: r.mode, Key: r.key, Digest: "digest " + r.id}
	if k == checker.Invoke && r.mode == checker.ModeCall {
		e.Terms, e.Until = &checker.Terms{}, m.now.Add(time.Hour)
	}
	m.add(e)
}

func (m *model) birth() {
	m.born++
	m.alive = append(m.alive, fmt.Sprint("i", m.born))
}

func (m *model) send(n int) {
	r := &modelRecord{id: fmt.Sprint("r", n), key: string(rune('a' + m.random.IntN(4)))}
	r.mode = []string{checker.ModeCall, checker.ModeSend, checker.ModeNotify}[m.random.IntN(3)]
	l := m.logs[m.random.IntN(len(m.logs))]
	m.about(r, checker.Original)
	m.about(r, checker.Invoke)
	if r.mode != checker.ModeCall {
		m.about(r, []checker.Kind{checker.Acked, checker.Acked, checker.Unknown}[m.random.IntN(3)])
	}
	l.records = append(l.records, r)
}

// step does one thing with a partition.
func (m *model) step(l *modelLog) {
	dice := m.random.IntN(100)
	switch {
	case l.owner == "":
		l.owner = m.alive[m.random.IntN(len(m.alive))]
		l.given = l.committed
		m.tell(l, checker.Assigned, 0)
	case dice < 30 && l.given < len(l.records):
		m.tell(l, checker.Delivered, l.given)
		l.given++
	case dice < 90 && l.given > l.committed:
		m.handle(l, l.committed+m.random.IntN(l.given-l.committed))
	case dice < 97:
		m.commit(l)
	case dice < 99:
		m.revoke(l)
	default:
		m.kill(l.owner)
	}
}

// handle starts a record if it is its turn, or ends its run.
func (m *model) handle(l *modelLog, n int) {
	r := l.records[n]
	for _, before := range l.records[l.committed:n] {
		if before.key == r.key && !before.done {
			return
		}
	}
	e := checker.Event{
		Kind: checker.HandlerStart, Instance: l.owner, Request: r.id, Key: r.key,
		Topic: requests, Partition: l.id, Offset: int64(n), Run: r.run,
	}
	switch {
	case r.done:
	case r.run == "":
		m.runs++
		r.run = fmt.Sprint("run", m.runs)
		e.Run = r.run
		m.add(e)
	default:
		e.Kind = checker.HandlerEnd
		if m.random.IntN(4) == 0 {
			e.Error = "broken"
		}
		m.add(e)
		m.outcome(l, r, e)
		r.run = ""
	}
}

// outcome tells what follows from the end of a run: another one, a dead letter,
// or responses and an end.
func (m *model) outcome(l *modelLog, r *modelRecord, end checker.Event) {
	failed := end.Error != ""
	if failed && r.mode != checker.ModeCall && m.random.IntN(2) == 0 {
		return
	}
	r.done = true
	if failed && r.mode != checker.ModeCall {
		m.add(checker.Event{
			Kind: checker.Dead, Instance: "reader", Request: r.id, Digest: "digest " + r.id,
			Topic: requests, Partition: l.id, Offset: end.Offset,
		})
	}
	if r.mode == checker.ModeNotify {
		return
	}
	for seq := range 3 {
		e := response(checker.Responded, r.id, end.Run, seq, fmt.Sprint(r.id, seq))
		m.add(by(l.owner, e))
		m.store(l, r, e, checker.MarkMore)
		e.Kind = checker.Received
		m.atOnce(e)
	}
	over := checker.Event{
		Kind: checker.Ended, Instance: "client", Request: r.id, Mode: r.mode, Run: end.Run, Error: end.Error,
	}
	mark := checker.MarkBare
	if failed {
		over.Reason, mark = checker.ReasonStatus, checker.MarkError
	}
	m.store(l, r, response(checker.Written, r.id, end.Run, 3, ""), mark)
	m.atOnce(over)
}

// store adds that a response was stored where its caller waits, if one does.
func (m *model) store(l *modelLog, r *modelRecord, e checker.Event, mark string) {
	e.Kind, e.Mark = checker.Written, mark
	if r.mode == checker.ModeCall {
		m.add(by(l.owner, e))
	}
}

func (m *model) commit(l *modelLog) {
	n := l.committed
	for n < l.given && l.records[n].done {
		n++
	}
	if n > l.committed {
		l.committed = n
		m.tell(l, checker.Commit, n)
	}
}

// revoke lets the runs of a partition end and gives it up.
func (m *model) revoke(l *modelLog) {
	for n := l.committed; n < l.given; n++ {
		if l.records[n].run != "" {
			m.handle(l, n)
		}
	}
	m.commit(l)
	m.tell(l, checker.Revoked, 0)
	l.owner = ""
	m.forget(l)
}

// kill ends an instance and begins another.
func (m *model) kill(instance string) {
	m.add(checker.Event{Kind: checker.Killed, Instance: instance})
	for i, name := range m.alive {
		if name == instance {
			m.alive = append(m.alive[:i], m.alive[i+1:]...)
			break
		}
	}
	m.birth()
	for _, l := range m.logs {
		if l.owner == instance {
			l.owner = ""
			m.forget(l)
		}
	}
}

// forget makes what was not committed be handled again. What had its outcome
// may have another.
func (m *model) forget(l *modelLog) {
	for _, r := range l.records[l.committed:l.given] {
		r.run = ""
		if r.mode != checker.ModeCall {
			r.done = false
		}
	}
}
