package asynccalls_test

import (
	"context"
	"sync"
	"time"

	"github.com/asynccalls/asynccalls/driver"
)

// patient is a driver that stops to answer, in different ways. What hangs does so
// until heal is called.
type patient struct {
	*faulty

	mu     sync.Mutex // guards what follows
	hangs  map[string]chan struct{}
	silent bool
	member *patientMember
}

// silence has the broker not answer any more, or answer again.
func (p *patient) silence(silent bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.silent = silent
}

// hang has a call of the driver not return, whatever its context says.
func (p *patient) hang(call string) (heal func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	hung := make(chan struct{})
	p.hangs[call] = hung
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.hangs, call)
		close(hung)
	}
}

func (p *patient) call(name string) {
	p.mu.Lock()
	hung := p.hangs[name]
	p.mu.Unlock()
	if hung != nil {
		<-hung
	}
}

func (p *patient) Topics(ctx context.Context, names ...string) ([]driver.Topic, error) {
	p.mu.Lock()
	silent := p.silent
	p.mu.Unlock()
	p.call("topics")
	if silent {
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}
	return p.faulty.Topics(ctx, names...)
}

func (p *patient) Join(ctx context.Context, group string, topics []string, l driver.Listener) (driver.Group, error) {
	g, err := p.faulty.Join(ctx, group, topics, l)
	m := &patientMember{Group: g, p: p, listener: l, news: make(chan func(), 1)}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.member = m
	return m, err
}

// tell has the listener told something by Receive.
func (p *patient) tell(news func(l driver.Listener)) {
	p.mu.Lock()
	m := p.member
	p.mu.Unlock()
	m.news <- func() { news(m.listener) }
}

type patientMember struct {
	driver.Group

	p        *patient
	listener driver.Listener
	news     chan func()
}

func (m *patientMember) Receive(ctx context.Context, buf []driver.Record) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	select {
	case tell := <-m.news:
		tell()
	default:
	}
	return m.Group.Receive(ctx, buf)
}

func (m *patientMember) Pause(all []driver.Partition) {
	m.p.call("pause")
	m.Group.Pause(all)
}

func (m *patientMember) Commit(ctx context.Context, positions ...driver.Position) error {
	m.p.call("commit")
	return m.Group.Commit(ctx, positions...)
}
