package delivery

import "time"

// Mode says what the sender of a message waits for.
type Mode uint8

// The modes, after the function that sends such a message. Response is the mode
// of a response that is handled by a handler of responses: nobody waits for the
// outcome of that.
const (
	Awaited Mode = iota
	Durable
	OneWay
	Response
)

// Failure classifies how handling a message went.
type Failure uint8

// The failures that lead to different outcomes.
const (
	Success     Failure = iota
	Final               // a status below 500, or a verdict: trying again cannot help
	Fault               // a plain error, a status from 500, a panic
	Unserved            // unknown endpoint, undecodable body: helped by a deployment, perhaps
	Expired             // not started, or not finished, because nobody waits for it any more
	Dropped             // given up on purpose
	Unavailable         // something that the handler needs is away
	Undelivered         // a response was not stored
)

// maxInPlace is how long after its first failure a message is tried again in
// place, at most: as long as it is, nothing behind it is committed.
const maxInPlace = time.Minute

// Retry says how often a message that failed is tried again in place, and when.
type Retry struct {
	Attempts   int // in all
	Backoff    time.Duration
	MaxBackoff time.Duration
	Awaited    bool // also those that somebody waits for
}

// pause returns how long to wait after so many failures: twice as long each
// time, and less by up to a half, as jitter from 0 to 1 says.
func (r Retry) pause(failures int, jitter float64) time.Duration {
	pause := r.Backoff
	for range failures - 1 {
		if pause >= r.MaxBackoff {
			break
		}
		pause *= 2
	}
	pause = min(pause, r.MaxBackoff)
	return pause/2 + time.Duration(jitter*float64(pause/2))
}

// Tries is what is remembered of the attempts at a message that failed.
type Tries struct {
	Count       int // of those that count
	Away        int // of those that found something away, and do not count
	First, Last time.Time
}

// Any reports whether there was an attempt.
func (t *Tries) Any() bool { return t != nil && t.Count+t.Away > 0 }

// Attempt returns the number of the attempt that follows; the first is 1.
func (t *Tries) Attempt() int {
	if t == nil {
		return 1
	}
	return 1 + t.Count + t.Away
}

// Failed is one attempt that was made.
type Failed struct {
	How    Failure
	At     time.Time
	Delay  time.Duration // what the handler asked for, if Delayed
	Jitter float64       // random, from 0 to 1

	Delayed bool
}

// Outcome says what is to be done with a message that was handled.
type Outcome struct {
	End   bool      // tell the sender how the call ended
	Dead  bool      // put the message into the dead letters
	Retry time.Time // try again then; zero for never. The message is not done.
	Away  bool      // something that the handler needs was away
}

// Decide takes an attempt in and returns the outcome of the message
// (semantics 2.5). t may be nil after a success.
func Decide(m Mode, f Failed, r Retry, t *Tries) Outcome {
	switch f.How {
	case Success, Unserved, Expired, Dropped:
	case Final, Undelivered:
		t.add(f)
	case Fault, Unavailable:
		t.add(f)
		if retry := r.again(m, f, t); !retry.IsZero() {
			return Outcome{Retry: retry, Away: f.How == Unavailable}
		}
	}
	failed := f.How == Fault || f.How == Undelivered
	switch {
	case f.How == Expired:
		return Outcome{End: m == Durable}
	case m == Awaited:
		return Outcome{End: true, Dead: r.Awaited && failed, Away: f.How == Unavailable}
	case f.How == Dropped:
		return Outcome{End: m == Durable}
	case m == Durable:
		return Outcome{End: f.How != Unserved, Dead: failed || f.How == Unserved}
	default:
		return Outcome{Dead: f.How != Success}
	}
}

func (t *Tries) add(f Failed) {
	if t.First.IsZero() {
		t.First = f.At
	}
	t.Last = f.At
	if f.How == Unavailable {
		t.Away++
	} else {
		t.Count++
	}
}

// again returns when to try again, or zero for never.
func (r Retry) again(m Mode, f Failed, t *Tries) time.Time {
	if m == Awaited && !r.Awaited {
		return time.Time{}
	}
	if f.How == Unavailable {
		return f.At.Add(r.pause(t.Away, f.Jitter))
	}
	left := t.First.Add(maxInPlace).Sub(f.At)
	if t.Count >= r.Attempts || left <= 0 {
		return time.Time{}
	}
	pause := r.pause(t.Count, f.Jitter)
	if f.Delayed {
		pause = f.Delay
	}
	return f.At.Add(min(pause, left))
}
