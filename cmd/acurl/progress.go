package main

import (
	"io"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
)

// The bar is as long, and drawn as often, if the terminal allows it.
const (
	barWidth  = 30
	barPeriod = 100 * time.Millisecond
)

// progress is a bar on stderr; none if that is no terminal, or there is nothing to do.
type progress struct {
	mu  sync.Mutex // guards bar, and that only one writes to the terminal
	bar *progressbar.ProgressBar
}

// progress begins a bar.
func (io *streams) progress(what string, total int) *progress {
	if total == 0 || !isTerminal(io.err) {
		return &progress{}
	}
	return &progress{bar: progressbar.NewOptions(
		total, progressbar.OptionSetWriter(io.err), progressbar.OptionSetDescription(what),
		progressbar.OptionSetWidth(barWidth), progressbar.OptionThrottle(barPeriod), progressbar.OptionShowCount(),
		progressbar.OptionClearOnFinish(), progressbar.OptionUseANSICodes(true),
	)}
}

func (p *progress) add(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		_ = p.bar.Add(n) // it is only for show
	}
}

// close removes the bar.
func (p *progress) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		_ = p.bar.Exit()
		_ = p.bar.Clear()
		p.bar = nil
	}
}

// above returns a writer to a stream that may be the terminal of the bar: what it writes
// gets above the bar. Many may write at the same time.
func (p *progress) above(to io.Writer) io.Writer { return &above{p, to, isTerminal(to)} }

type above struct {
	progress *progress
	to       io.Writer
	terminal bool
}

func (a *above) Write(data []byte) (int, error) {
	a.progress.mu.Lock()
	defer a.progress.mu.Unlock()
	if bar := a.progress.bar; bar != nil && a.terminal {
		_ = bar.Clear()
	}
	return a.to.Write(data)
}
