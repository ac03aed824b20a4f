package delivery

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
	Success  Failure = iota
	Final            // a status below 500: trying again cannot help
	Fault            // a plain error, a status from 500, a panic
	Unserved         // unknown endpoint, undecodable body: helped by a deployment, perhaps
	Expired          // not started, because nobody waits for it any more
)

// Outcome says what is to be done with a message that was handled.
type Outcome struct {
	End  bool // tell the sender how the call ended
	Dead bool // put the request into the dead letters
}

// Decide returns the outcome of a message (semantics 2.5).
func Decide(m Mode, f Failure) Outcome {
	switch {
	case f == Expired:
		return Outcome{End: m == Durable}
	case m == Awaited:
		return Outcome{End: true}
	case m == Durable:
		return Outcome{End: f != Unserved, Dead: f == Fault || f == Unserved}
	default:
		return Outcome{Dead: f != Success}
	}
}
