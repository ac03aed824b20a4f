package checker

import "time"

// Kind says what happened.
type Kind string

// The kinds of events. Those of a request carry its ID; where a record is
// concerned, Topic, Partition and Offset are its place. An event without Topic
// has no place.
const (
	// Original is the digest of a record as it was written, or was to be. That
	// of a response has Run and Seq.
	Original Kind = "original"

	// Invoke says that a request is about to be sent.
	Invoke Kind = "invoke"

	// Acked says that Send or Notify returned nil.
	Acked Kind = "acked"

	// Refused is an error of Send or Notify that says "not written".
	Refused Kind = "refused"

	// Unknown is an error that leaves the outcome open.
	Unknown Kind = "unknown"

	// Delivered says that the driver gave a record to the instance. Nobody has
	// to write it down; where it is, more can be checked.
	Delivered Kind = "delivered"

	// HandlerStart and HandlerEnd enclose a run of a handler; Error says that it
	// failed. Run is the same in both, and of this run alone. Those of a handler
	// of responses have a place and no Request.
	HandlerStart Kind = "start"
	HandlerEnd   Kind = "end"

	// Responded says that ResponseWriter.Send accepted a response. Run is that
	// of the response.
	Responded Kind = "responded"

	// Received says that a response reached the caller, or a handler of
	// responses. Run is that of the response.
	Received Kind = "received"

	// Ended says that a call ended, Error how. For a durable request: that a
	// handler of responses got the record that is the end; Run is that of it.
	Ended Kind = "ended"

	// Commit says that the broker has stored a position.
	Commit Kind = "commit"

	// Assigned is written down before the instance learns of it, Revoked when
	// the instance has given the partition up, Lost when it was taken away.
	Assigned Kind = "assigned"
	Revoked  Kind = "revoked"
	Lost     Kind = "lost"

	// Truncated says that a log was cut or made anew: offsets begin again.
	Truncated Kind = "truncated"

	// Dead says that a dead letter was found. The place is that of the record it
	// was made of; that of a response has Run and Seq.
	Dead Kind = "dead"

	// Expired says that a request was dropped as nobody waits for it any more.
	Expired Kind = "expired"

	// Killed says that the instance died; its open runs ended without a word.
	Killed Kind = "killed"

	// Closing says that the instance begins to end as it should.
	Closing Kind = "closing"

	// Written says that a response to a call was stored where its caller waits.
	// Run and Seq number it, Mark says whether it is the end, and Size is what it
	// counts for while it waits to be read. Nobody has to write it down; where it
	// is, and the Terms of the call are, more can be checked.
	Written Kind = "written"

	// Left says that the caller has given the call up, by its context or by
	// reading no more.
	Left Kind = "left"

	// Missed says that the reader of a caller was told that responses are gone.
	Missed Kind = "missed"

	// Cut says that responses may be gone without a word to the reader of a
	// caller, as its log was cut off at the end.
	Cut Kind = "cut"

	// Stalled says that the reader of a caller gets nothing before Until.
	Stalled Kind = "stalled"
)

// What a sender waits for.
const (
	ModeCall   = "call"
	ModeSend   = "send"
	ModeNotify = "notify"
)

// Whether a response to a call is the end of it.
const (
	MarkMore  = ""      // others follow
	MarkEnd   = "end"   // a response that is the end
	MarkBare  = "bare"  // the end without a response
	MarkError = "error" // the end, as the call failed
)

// Why a call ended, if not well.
const (
	ReasonStatus    = "status"    // the handler failed
	ReasonDeadline  = "deadline"  // its time was over
	ReasonLeft      = "left"      // its caller gave it up
	ReasonLost      = "lost"      // responses are gone
	ReasonRestarted = "restarted" // another run answered differently
	ReasonSlow      = "slow"      // the caller was slow to read
	ReasonCount     = "count"     // one response was wanted, and there were others or none
	ReasonUnsent    = "unsent"    // the request was refused, or its outcome is not known
	ReasonClosed    = "closed"    // the instance of the caller ended
)

// Terms is how a call is made.
type Terms struct {
	Pause time.Duration `json:"pause,omitempty"` // that the caller makes before it reads, and after each response
	One   bool          `json:"one,omitempty"`   // exactly one response is wanted; it is Received if the call ends well
	Limit int           `json:"limit,omitempty"` // of the sizes of responses that wait to be read; 0 is none
}

// Event is one thing that happened, as seen by one instance.
type Event struct {
	At        time.Time `json:"at"`
	Kind      Kind      `json:"kind"`
	Instance  string    `json:"instance"`          // process or service instance that saw it
	Request   string    `json:"request,omitempty"` // its ID
	Key       string    `json:"key,omitempty"`
	Topic     string    `json:"topic,omitempty"`
	Partition int32     `json:"partition"`
	Offset    int64     `json:"offset"`        // of the record; of a commit, the position
	Run       string    `json:"run,omitempty"` // unique per execution
	Seq       int       `json:"seq"`           // of a response

	// Digest is that of key, value and headers; of a response that was sent or
	// received, that of its body.
	Digest string `json:"digest,omitempty"`

	Assignment int    `json:"assignment,omitempty"` // counts assignments of the partition to the instance
	Error      string `json:"error,omitempty"`
	Mode       string `json:"mode,omitempty"` // ModeCall, ModeSend or ModeNotify

	Terms  *Terms    `json:"terms,omitempty"`  // of the call that is invoked; Until is its deadline then
	Reason string    `json:"reason,omitempty"` // of an end with an error
	Mark   string    `json:"mark,omitempty"`
	Size   int       `json:"size,omitempty"`
	Until  time.Time `json:"until,omitzero"`
}

// partition is what offsets count in.
type partition struct {
	topic string
	id    int32
}

// place is where a record is.
type place struct {
	partition
	offset int64
}

func (e *Event) partition() partition { return partition{e.Topic, e.Partition} }

func (e *Event) place() place { return place{e.partition(), e.Offset} }
