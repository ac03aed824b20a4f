package deadletters

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/asynccalls/asynccalls/driver"
)

// The bounds of a wave: what is put back together.
const (
	waveLetters = 1000
	waveBytes   = 16 << 20
)

// Result says what Replay or Drop did with a letter, or, in a dry run, would do:
// it was put back, or dropped, unless one of Skipped and Err is set.
type Result struct {
	Letter  *Letter
	To      Place  // where the message was put, or the mark of Drop; in a dry run only the topic is known
	Skipped string // why the letter was left alone

	// Err is why the message could not be put back, or dropped. It may be so
	// nevertheless if the error is [driver.ErrUnknownOutcome].
	Err error

	// Unmarked is set if the message was put back, and its letter could not be
	// marked as replayed: why. The next Replay puts it back again.
	Unmarked error
}

// Replay puts the messages of the dead letters that the filter chooses back into
// the topics that they came from, and tells of each letter what became of it. It
// does nothing before the loop over it begins. An error is the last element, and
// means that not all letters were looked at; for a service without a dead
// letters topic it is [driver.ErrNoTopic], as with [Read].
//
// A message goes back with its key, value, headers and ID. It is handled as if
// it were new: its attempts begin anew and it does not expire. A request whose
// caller awaited the responses has become a one-way request, as the caller has
// gone; the responses of one that was sent with Send reach their handlers.
//
// The letters of a partition are put back in the order of their offsets, and
// those with one key one after the other: if one could not be put back, later
// ones of its key are skipped. Otherwise up to 1,000 letters are on their way
// together. When the broker has acknowledged them, their marks are written, and
// then the loop gets their results. Breaking out of the loop is a clean stop,
// but the letters behind the last result may have been put back already; they
// are marked. If ctx ends, the letters on their way have the outcome
// [driver.ErrUnknownOutcome], and marks may be missing.
//
// Skipped are letters that were replayed before, or dropped, unless
// [Options].Again is set; messages that were replayed [Options].MaxReplays times; stubs whose message is
// gone; messages that nobody can handle, because their header is not of the
// protocol; and records that are no dead letters.
func Replay(ctx context.Context, d driver.Driver, service string, o Options) iter.Seq2[Result, error] {
	return work(ctx, d, service, o, false)
}

// Drop marks the dead letters that the filter chooses as dropped, and tells of
// each what became of it: Replay skips what was dropped, unless [Options].Again
// is set. Kafka cannot delete single records, so they stay, and can be read,
// until the retention of the topic removes them.
//
// Skipped are letters that were dropped before. What lies in the topic without
// being a dead letter can be dropped, too. [Options].Again and
// [Options].MaxReplays do nothing; for the rest, the loop and its errors are
// those of [Replay].
func Drop(ctx context.Context, d driver.Driver, service string, o Options) iter.Seq2[Result, error] {
	return work(ctx, d, service, o, true)
}

func work(ctx context.Context, d driver.Driver, service string, o Options, drop bool) iter.Seq2[Result, error] {
	return func(yield func(Result, error) bool) {
		b, err := openBox(ctx, d, service, o)
		if err != nil {
			yield(Result{}, err)
			return
		}
		r := newReplayer(b, drop, func(result Result) bool { return yield(result, nil) })
		if err := r.run(ctx); err != nil && !r.broken {
			yield(Result{}, err)
		}
	}
}

// A replayer puts the letters of a box back, or drops them, wave by wave.
type replayer struct {
	box    *box
	drop   bool
	yield  func(Result) bool
	broken bool // the loop was broken out of
	size   int  // letters in a wave
	due    time.Time

	wave  []*job          // in the order of their letters
	keys  map[string]bool // of what the wave puts back
	bytes int             // that the wave keeps in memory
	held  map[string]bool // keys of messages that could not be put back
	tried int             // letters that were not skipped
}

// job is a letter in a wave, and what is to be written for it: its message, or
// the mark that drops it; nil if nothing is.
type job struct {
	result Result
	record *driver.Record
}

// size returns about how much memory the job keeps.
func (j *job) size() int {
	l := j.result.Letter
	n := len(l.Key) + len(l.Value)
	for _, h := range l.headers {
		n += len(h.Key) + len(h.Value)
	}
	if l.Stub && j.record != nil {
		n += len(j.record.Value)
		for _, h := range j.record.Headers {
			n += len(h.Key) + len(h.Value)
		}
	}
	return n
}

func newReplayer(b *box, drop bool, yield func(Result) bool) *replayer {
	size := waveLetters
	if rate := b.options.Rate; rate > 0 {
		size = min(size, max(rate/10, 1))
	}
	if b.options.DryRun {
		size = 1
	}
	return &replayer{
		box: b, drop: drop, yield: yield, size: size, keys: map[string]bool{}, held: map[string]bool{},
	}
}

// run replays all letters. What was collected when reading fails is put back
// before the error is returned.
func (r *replayer) run(ctx context.Context) error {
	var flushed error
	err := r.box.letters(ctx, func(l *Letter) bool {
		flushed = r.add(ctx, l)
		return flushed == nil && !r.broken && !r.full()
	})
	if flushed == nil && !r.broken {
		flushed = r.flush(ctx)
	}
	if flushed != nil {
		flushed = r.box.fail(flushed)
	}
	if err == nil {
		err = flushed
	}
	return err
}

// full reports whether as many letters were put back as the filter allows.
func (r *replayer) full() bool {
	limit := r.box.options.Filter.Limit
	return limit > 0 && r.tried >= limit
}

// add puts a letter into the wave. The wave goes first if it has the key of the
// letter, so that messages of a key are put back one by one.
func (r *replayer) add(ctx context.Context, l *Letter) error {
	j := r.prepare(ctx, l)
	if j.record != nil && r.keys[string(j.record.Key)] {
		if err := r.flush(ctx); err != nil || r.broken {
			return err
		}
	}
	switch {
	case j.record == nil:
	case r.held[string(j.record.Key)]:
		j.record, j.result.Skipped = nil, "an earlier message of its key was not put back"
	case r.box.options.DryRun:
		j.record = nil
	case len(j.record.Key) > 0:
		r.keys[string(j.record.Key)] = true
	}
	if j.result.Skipped == "" {
		r.tried++
	}
	r.wave = append(r.wave, j)
	r.bytes += j.size()
	if len(r.wave) < r.size && r.bytes < waveBytes {
		return nil
	}
	return r.flush(ctx)
}

// prepare decides what is to be done with a letter.
func (r *replayer) prepare(ctx context.Context, l *Letter) *job {
	j := &job{result: Result{Letter: l, To: Place{Partition: -1, Offset: -1}}}
	err := r.refusal(l)
	if err == nil {
		j.record, err = r.record(ctx, l)
	}
	if skipped, ok := errors.AsType[*skipError](err); ok {
		j.result.Skipped = skipped.reason
		return j
	}
	if err != nil {
		j.result.Err = err
		r.hold(l.Key)
		return j
	}
	j.result.To.Topic = j.record.Topic
	return j
}

// record returns what is to be written for a letter.
func (r *replayer) record(ctx context.Context, l *Letter) (*driver.Record, error) {
	if r.drop {
		return droppedMark(l), nil
	}
	return r.box.message(ctx, l)
}

// refusal says why a letter is left alone, as far as the letter itself tells.
func (r *replayer) refusal(l *Letter) error {
	o := &r.box.options
	switch {
	case r.drop && l.Dropped:
		return skip("it was dropped before")
	case r.drop:
		return nil
	case l.Err != nil:
		return skip("%v", l.Err)
	case l.Dropped && !o.Again:
		return skip("it was dropped")
	case l.Replayed != nil && !o.Again:
		return skip("it was replayed before, to %v", *l.Replayed)
	case l.Replays >= o.MaxReplays:
		return skip("its message was replayed %d times, and the limit is %d", l.Replays, o.MaxReplays)
	default:
		return nil
	}
}

func (r *replayer) hold(key []byte) {
	if len(key) > 0 {
		r.held[string(key)] = true
	}
}

// flush puts the wave back, marks it, and hands out its results.
func (r *replayer) flush(ctx context.Context) error {
	wave := r.wave
	if err := r.put(ctx, wave); err != nil {
		return err
	}
	r.wave, r.bytes = nil, 0
	clear(r.keys)
	for _, j := range wave {
		if !r.yield(j.result) {
			r.broken = true
			return nil
		}
	}
	return context.Cause(ctx)
}

// put writes what is to be written for a wave, and marks what was put back. An error says that it was not begun.
func (r *replayer) put(ctx context.Context, wave []*job) error {
	var jobs []*job
	var records []*driver.Record
	for _, j := range wave {
		if j.record != nil {
			jobs, records = append(jobs, j), append(records, j.record)
		}
	}
	if len(jobs) == 0 {
		return nil
	}
	if err := r.pace(ctx, len(jobs)); err != nil {
		return err
	}
	var done []*job
	var marks []*driver.Record
	for i, o := range publish(ctx, r.box.driver, records) {
		j := jobs[i]
		if o.err != nil {
			j.result.Err = o.err
			r.hold(j.record.Key)
			continue
		}
		j.result.To = o.place
		if !r.drop {
			done, marks = append(done, j), append(marks, replayedMark(j.result.Letter, o.place))
		}
	}
	for i, o := range publish(ctx, r.box.driver, marks) {
		done[i].result.Unmarked = o.err
	}
	return nil
}

// pace waits until n messages may be put back.
func (r *replayer) pace(ctx context.Context, n int) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	rate := r.box.options.Rate
	if rate == 0 {
		return nil
	}
	timer := time.NewTimer(time.Until(r.due))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	r.due = time.Now().Add(time.Duration(n) * time.Second / time.Duration(rate))
	return nil
}
