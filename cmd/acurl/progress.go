package main

import (
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
	bar   *progressbar.ProgressBar
	mixed bool // with what is written to stdout
}

// progress begins a bar. A total of -1 is one that is not known.
func (io *streams) progress(what string, total int) *progress {
	if total == 0 || !isTerminal(io.err) {
		return &progress{}
	}
	bar := progressbar.NewOptions(
		total, progressbar.OptionSetWriter(io.err), progressbar.OptionSetDescription(what),
		progressbar.OptionSetWidth(barWidth), progressbar.OptionThrottle(barPeriod), progressbar.OptionShowCount(),
		progressbar.OptionClearOnFinish(), progressbar.OptionUseANSICodes(true),
	)
	return &progress{bar: bar, mixed: isTerminal(io.out)}
}

func (p *progress) add(n int) {
	if p.bar != nil {
		_ = p.bar.Add(n) // it is only for show
	}
}

// hide removes the bar before something is written to stdout; add shows it again.
func (p *progress) hide() {
	if p.bar != nil && p.mixed {
		_ = p.bar.Clear()
	}
}

// close removes the bar for good.
func (p *progress) close() {
	if p.bar != nil {
		_ = p.bar.Exit()
		_ = p.bar.Clear()
		p.bar = nil
	}
}
