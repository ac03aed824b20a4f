package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// The floor's header is as long as that of the protocol, on average, and says
// as little as will do: where the response goes, and how many are wanted.
const (
	floorHeader    = "ac"
	requestHeader  = 75 // bytes
	responseHeader = 70
)

const (
	// byKey is the partition in the mark of a durable request, whose response has a
	// key, as long as an ID of asynccalls.
	byKey       = -1
	responseKey = 16 // bytes
)

// mark is what the floor's header says.
type mark struct {
	partition int32 // of the replies, or byKey
	slot      uint32
	answers   uint16 // in a request: how many are wanted; in a response: how many follow
}

func (m mark) write(b []byte) {
	binary.BigEndian.PutUint32(b, uint32(m.partition)) //nolint:gosec // it is read as it was
	binary.BigEndian.PutUint32(b[4:], m.slot)
	binary.BigEndian.PutUint16(b[8:], m.answers)
}

// readMark returns what the header of a record says. The record must have one:
// nothing else writes to the floor's topics.
func readMark(r *kgo.Record) (mark, error) {
	if len(r.Headers) != 1 || len(r.Headers[0].Value) < 10 {
		return mark{}, errors.New("record without the header of the floor")
	}
	b := r.Headers[0].Value
	return mark{
		partition: int32(binary.BigEndian.Uint32(b)), //nolint:gosec // it was written as one
		slot:      binary.BigEndian.Uint32(b[4:]),
		answers:   binary.BigEndian.Uint16(b[8:]),
	}, nil
}

// floorRecord is a record with the room for its header.
type floorRecord struct {
	record kgo.Record
	header [1]kgo.RecordHeader
	value  [requestHeader]byte
}

func newMessage(m mark, length int, topic string, body []byte) *kgo.Record {
	msg := new(floorRecord)
	m.write(msg.value[:])
	msg.header[0] = kgo.RecordHeader{Key: floorHeader, Value: msg.value[:length]}
	msg.record = kgo.Record{Topic: topic, Value: body, Headers: msg.header[:]}
	return &msg.record
}

// floorBuffer bounds the bytes of large bodies that a producer of the floor holds,
// as in package driver/franz. By default only the number of records is bounded: that
// is 1 GB of 100 KB each.
const floorBuffer = 64 << 20

// floorOptions are those of both ends of the floor: the defaults of franz-go, but
// no lingering, which would make a call at a time slower by a hundred times, records
// that are used again, and a bound of the bytes where bodies are large.
func floorOptions(s *setup, more ...kgo.Opt) []kgo.Opt {
	if w, err := s.work(); err == nil && w.size >= largeBody {
		more = append(more, kgo.MaxBufferedBytes(floorBuffer))
	}
	return append([]kgo.Opt{
		kgo.SeedBrokers(s.Brokers...),
		kgo.ProducerLinger(0),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.WithHooks(s.requests),
		kgo.WithPools(new(records)),
	}, more...)
}

func requestsOf(s *setup) string { return topicOf(s, "server") }

func topicOf(s *setup, service string) string { return s.Prefix + service + ".requests" }

func repliesOf(s *setup) string { return s.Prefix + "client.replies" }

func responsesOf(s *setup) string { return s.Prefix + "client.responses" }

// floorCaller is a client of the floor. Each worker has a slot, which a response
// finds by its number.
type floorCaller struct {
	producer *kgo.Client
	consumer *kgo.Client
	targets  []floorTarget      // of the workers, in turn
	slots    []chan *kgo.Record // get each response, and nil when the caller is closed
	answers  int

	partition int32
	promise   func(*kgo.Record, error) // made once
	polling   sync.WaitGroup
	once      sync.Once
	failure   atomic.Pointer[error]
}

// floorTarget is what stands for a target in a record.
type floorTarget struct {
	topic string
	key   []byte
}

func floorTargets(s *setup, w *work) []floorTarget {
	var all []floorTarget
	for _, t := range w.targets() {
		f := floorTarget{topic: topicOf(s, t.service)}
		if t.key != "" {
			f.key = []byte(t.key)
		}
		all = append(all, f)
	}
	return all
}

var _ caller = (*floorCaller)(nil)

func openFloor(ctx context.Context, s *setup) (caller, error) { return newFloorCaller(ctx, s) }

// newFloorCaller positions the caller at the end of a partition of the replies,
// so that no response can be missed. Of several clients each has its own, as slots
// are numbered from 0 in all of them.
func newFloorCaller(ctx context.Context, s *setup) (*floorCaller, error) {
	w, err := s.work()
	if err != nil {
		return nil, err
	}
	f := &floorCaller{targets: floorTargets(s, w), answers: w.answers, partition: rand.Int32N(w.replyPartitions())}
	if s.Instances > 1 {
		f.partition = int32(s.Instance) //nolint:gosec // there are as many instances as partitions
	}
	f.promise = f.produced
	f.producer, err = kgo.NewClient(floorOptions(s)...)
	if err != nil {
		return nil, err
	}
	offset, err := f.position(ctx, repliesOf(s))
	if err == nil {
		f.consumer, err = kgo.NewClient(floorOptions(s, kgo.ConsumePartitions(offset))...)
	}
	if err != nil {
		f.producer.Close()
		return nil, err
	}
	for range w.inflight {
		f.slots = append(f.slots, make(chan *kgo.Record, w.answers+1))
	}
	f.polling.Go(f.poll)
	return f, nil
}

// position returns the end of the caller's partition of the topic of replies.
func (f *floorCaller) position(ctx context.Context, topic string) (map[string]map[int32]kgo.Offset, error) {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	ends, err := kadm.NewClient(f.producer).ListEndOffsets(ctx, topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("position at the end of %s: %w", topic, err)
	}
	end, _ := ends.Lookup(topic, f.partition)
	return map[string]map[int32]kgo.Offset{topic: {f.partition: kgo.NewOffset().At(end.Offset)}}, nil
}

func (f *floorCaller) echo(ctx context.Context, worker int, body []byte) error {
	f.send(ctx, worker, 1, body)
	return f.await(worker, body)
}

// await waits for the response to a call of a worker.
func (f *floorCaller) await(worker int, body []byte) error {
	r := <-f.slots[worker]
	if r == nil {
		return f.failed()
	}
	return checkRecord(r, len(body))
}

func (f *floorCaller) stream(ctx context.Context, worker int, body []byte) (first time.Time, err error) {
	f.send(ctx, worker, f.answers, body)
	for i := range f.answers {
		r := <-f.slots[worker]
		if r == nil {
			return first, f.failed()
		}
		if i == 0 {
			first = time.Now()
		}
		if err := checkRecord(r, len(body)); err != nil {
			return first, err
		}
	}
	return first, nil
}

func (f *floorCaller) send(ctx context.Context, worker, answers int, body []byte) {
	m := mark{f.partition, uint32(worker), uint16(answers)} //nolint:gosec // the works are small
	t := &f.targets[worker%len(f.targets)]
	r := newMessage(m, requestHeader, t.topic, body)
	r.Key = t.key
	f.producer.Produce(ctx, r, f.promise)
}

func (f *floorCaller) produced(_ *kgo.Record, err error) {
	if err != nil {
		f.fail(fmt.Errorf("produce: %w", err))
	}
}

// poll gives each response to the worker in whose slot it belongs.
func (f *floorCaller) poll() {
	ctx := context.Background()
	for {
		fetches := f.consumer.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			f.fail(fmt.Errorf("poll: %w", err))
			return
		}
		fetches.EachRecord(func(r *kgo.Record) {
			m, err := readMark(r)
			if err != nil || int(m.slot) >= len(f.slots) {
				return
			}
			select {
			case f.slots[m.slot] <- r:
			default: // the worker waits for fewer, and will say that it got too many
			}
		})
	}
}

// fail ends all calls. Only the first reason counts.
func (f *floorCaller) fail(err error) {
	if !f.failure.CompareAndSwap(nil, &err) {
		return
	}
	for _, slot := range f.slots {
		select {
		case slot <- nil:
		default: // its worker has enough to find out by itself
		}
	}
}

func (f *floorCaller) failed() error {
	return fmt.Errorf("call: %w", *f.failure.Load())
}

func (f *floorCaller) close() error {
	f.once.Do(func() {
		f.fail(errors.New("the client was closed"))
		f.consumer.Close()
		f.producer.Close()
		f.polling.Wait()
	})
	return nil
}
