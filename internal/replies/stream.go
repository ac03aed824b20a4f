package replies

import "math/bits"

// Kind is what a response means for its call.
type Kind uint8

// The kinds of responses.
const (
	More   Kind = iota // a response, and others follow
	Last               // a response that is also the end
	Bare               // the end, and no response
	Failed             // the end, with an error
)

// Action is what is to be done with a response.
type Action uint8

// The actions.
const (
	Skip     Action = iota // a repetition: there is nothing to do
	Deliver                // hand it to the caller
	Finish                 // the call has ended; hand over nothing
	Complete               // hand it to the caller, and the call has ended
	Diverge                // the call has ended, with other responses than those delivered
)

// maxRuns bounds how many runs of one request a stream follows. More would mean
// that a request was handled so often while its caller waited.
const maxRuns = 32

// Stream decides which responses of a call are delivered (semantics 3.2). Each
// execution of a request is a run that numbers its responses from 0. The stream
// delivers contiguously, each number once, and goes on with another run only
// where that run began with what was delivered already, which it knows by a
// rolling hash of the contents. The first run that is complete ends the call.
//
// The zero Stream is ready to use.
type Stream struct {
	delivered int32
	hash      uint64 // of what was delivered
	first     run
	others    []run // empty unless the request was handled more than once
}

// Delivered returns how many responses the stream has delivered.
func (s *Stream) Delivered() int { return int(s.delivered) }

type run struct {
	id   string
	next int32  // the number of its next response
	hash uint64 // of its responses before next
}

// Accept takes the response number seq of run id, whose contents hash to sum,
// and says what to do with it. After Finish, Complete or Diverge the stream is
// at its end and must not be asked again.
func (s *Stream) Accept(id string, seq int32, k Kind, sum uint64) Action {
	r := s.run(id)
	if r == nil || seq != r.next {
		return Skip // delivered before, or behind a gap that will not be filled
	}
	same := r.hash == s.hash && r.next == s.delivered
	if k == Bare || k == Failed {
		if same {
			return Finish
		}
		return Diverge
	}
	r.next++
	r.hash = bits.RotateLeft64(r.hash, 5)*0x9e3779b97f4a7c15 ^ sum
	switch {
	case same:
		s.delivered, s.hash = r.next, r.hash
		if k == Last {
			return Complete
		}
		return Deliver
	case k == More:
		return Skip
	case r.next == s.delivered && r.hash == s.hash:
		return Finish
	default:
		return Diverge
	}
}

// run returns what is known of a run, or nil if there are too many.
func (s *Stream) run(id string) *run {
	if s.first.id == "" {
		s.first.id = id
	}
	if s.first.id == id {
		return &s.first
	}
	for i := range s.others {
		if s.others[i].id == id {
			return &s.others[i]
		}
	}
	if len(s.others) == maxRuns-1 {
		return nil
	}
	s.others = append(s.others, run{id: id})
	return &s.others[len(s.others)-1]
}
