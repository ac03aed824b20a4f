package acurl

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

	ended   chan struct{}  // by close
	running sync.WaitGroup // of what draws by itself
}

// progress begins a bar that counts up to a total.
func (io *streams) progress(what string, total int) *progress {
	return io.bar(what, total, progressbar.OptionShowCount())
}

// clock begins a bar that runs for a time.
func (io *streams) clock(what string, d time.Duration) *progress {
	p := io.bar(what, int(d/barPeriod))
	if p.bar == nil {
		return p
	}
	p.running.Go(func() { // until close, which waits for it
		ticker := time.NewTicker(barPeriod)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				p.step()
			case <-p.ended:
				return
			}
		}
	})
	return p
}

func (io *streams) bar(what string, total int, more ...progressbar.Option) *progress {
	p := &progress{ended: make(chan struct{})}
	if total > 0 && isTerminal(io.err) {
		p.bar = progressbar.NewOptions(total, append(
			more, progressbar.OptionSetWriter(io.err), progressbar.OptionSetDescription(what),
			progressbar.OptionSetWidth(barWidth), progressbar.OptionThrottle(barPeriod),
			progressbar.OptionClearOnFinish(), progressbar.OptionUseANSICodes(true),
		)...)
	}
	return p
}

// step says that one more of the total is done.
func (p *progress) step() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		_ = p.bar.Add(1) // it is only for show
		_ = p.bar.RenderBlank()
	}
}

// close removes the bar.
func (p *progress) close() {
	p.mu.Lock()
	bar := p.bar
	p.bar = nil
	if bar != nil {
		_ = bar.Clear()
		close(p.ended)
	}
	p.mu.Unlock()
	p.running.Wait()
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
