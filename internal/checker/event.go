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
)

// What a sender waits for.
const (
	ModeCall   = "call"
	ModeSend   = "send"
	ModeNotify = "notify"
)

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
