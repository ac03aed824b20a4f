//go:build cgo

package confluent

import (
	"context"
	"time"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
)

const (
	// errorBackoff is how long the client waits before it asks for records again,
	// when the broker did not know the topic. In a topic that was created again it
	// goes on after that as if nothing had happened.
	errorBackoff = 500 * time.Millisecond

	// doubt is how long no record may come, before the next one is a reason to look
	// whether the topic is still the same. It is less than errorBackoff.
	doubt = errorBackoff * 4 / 5

	// lookAgain is the time between two looks at what is missing.
	lookAgain = 300 * time.Millisecond

	// silence is how long a topic may be another one before a reader notices in any
	// case.
	silence = 5 * time.Second

	// askTimeout bounds how long the pump waits for an answer of the broker.
	askTimeout = 2 * time.Second
)

// upkeep looks after positions that are not in the log any more, and topics that
// are not there any more.
func (r *reader) upkeep() {
	if len(r.tracks) == 0 {
		r.outOfRange, r.suspicious = false, false
		return
	}
	now := time.Now()
	if !r.outOfRange && !r.suspicious && now.Sub(r.checked) < silence || now.Sub(r.tried) < lookAgain {
		return
	}
	ctx, cancel := context.WithTimeout(r.driver.life, askTimeout)
	defer cancel()
	r.checkTopics(ctx, now)
	if r.outOfRange {
		r.checkRanges(ctx)
	}
	r.flush()
}

// isSame looks whether a topic is the one that it was, now that a record of it has
// come after a while. If that can't be known, the topic is suspect.
func (r *reader) isSame(t *track) bool {
	ctx, cancel := context.WithTimeout(r.driver.life, askTimeout)
	defer cancel()
	id := t.id
	r.suspicious = true
	r.checkTopics(ctx, r.now)
	return t.id == id && !t.suspect
}

// checkTopics looks whether the topics are those that they were.
func (r *reader) checkTopics(ctx context.Context, now time.Time) {
	r.tried = now
	found, err := r.driver.describe(ctx, r.topics()...)
	if err != nil {
		if r.suspicious {
			for _, t := range r.tracks {
				t.suspect = true // until it is known
			}
		}
		return
	}
	r.checked, r.suspicious = now, false
	for _, t := range r.tracks {
		topic, ok := found[t.partition.Topic]
		switch {
		case !ok || topic.partitions <= t.partition.ID:
			t.suspect, r.suspicious = true, true
		case topic.id != t.id:
			r.lose(t, 0)
			t.id, t.suspect, t.missed = topic.id, false, false
			r.goOn(t)
		case t.suspect:
			missed := t.missed
			t.suspect, t.missed = false, false
			if missed {
				r.goOn(t)
			}
		}
	}
}

func (r *reader) topics() []string {
	names := make([]string, 0, len(r.tracks))
	for p := range r.tracks {
		names = append(names, p.Topic)
	}
	return names
}

// checkRanges finds out where partitions go on whose next record is not in the
// log. The client has stopped there, and does not say which they are.
func (r *reader) checkRanges(ctx context.Context) {
	partitions := make([]driver.Partition, 0, len(r.tracks))
	for p, t := range r.tracks {
		if !t.suspect {
			partitions = append(partitions, p)
		}
	}
	firsts, err := r.driver.list(ctx, kafka.EarliestOffsetSpec, partitions...)
	if err != nil {
		return
	}
	ends, err := r.driver.list(ctx, kafka.LatestOffsetSpec, partitions...)
	if err != nil || len(firsts) < len(partitions) || len(ends) < len(partitions) {
		return
	}
	r.outOfRange = false
	var outside []*track
	for _, p := range partitions {
		if t := r.tracks[p]; t.next < firsts[p] || t.next > ends[p] {
			outside = append(outside, t)
			r.lose(t, firsts[p])
		}
	}
	if len(outside) == 0 { // it is in the log again, wherever it was
		for _, p := range partitions {
			outside = append(outside, r.tracks[p])
		}
	}
	r.goOn(outside...)
}

// lose reports a loss, when its turn has come. The partition goes on at to.
func (r *reader) lose(t *track, to int64) {
	r.batch = append(r.batch, driver.Record{
		Topic:     t.partition.Topic,
		Partition: t.partition.ID,
		Offset:    to,
		Tag:       &driver.LostError{Partition: t.partition, From: t.next, To: to},
	})
	r.losses++
	t.next = to
	r.queue.pass(-1)
}

// goOn lets the client go on at the next records of partitions. Seeking does not
// help where it has stopped.
func (r *reader) goOn(tracks ...*track) {
	at := make([]kafka.TopicPartition, len(tracks))
	for i, t := range tracks {
		at[i] = kafka.TopicPartition{
			Topic: &t.partition.Topic, Partition: t.partition.ID, Offset: kafka.Offset(t.next),
		}
	}
	if !r.isGroup {
		_ = r.consumer.Assign(at)
		return
	}
	_ = r.consumer.IncrementalUnassign(at)
	_ = r.consumer.IncrementalAssign(at)
}
