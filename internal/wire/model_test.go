package wire_test

import (
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls/internal/wire"
)

const (
	digits = "0123456789"
	lower  = "abcdefghijklmnopqrstuvwxyz"
	upper  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	word   = digits + lower + upper
)

// maker makes random values that are valid, more often than not at a limit.
type maker struct{ *rand.Rand }

func newMaker(t *testing.T) maker {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return maker{rand.New(rand.NewPCG(seed, 0))}
}

func (m maker) text(alphabet string, limit int) string {
	n := []int{1, 2, limit - 1, limit, 1 + m.IntN(limit)}[m.IntN(5)]
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[m.IntN(len(alphabet))]
	}
	return string(b)
}

func (m maker) id() string { return m.text(word+"-_:", 64) }

func (m maker) service() string {
	b := []byte(m.text(digits+lower+"-", 100))
	b[0], b[len(b)-1] = lower[m.IntN(26)], digits[m.IntN(10)]
	return string(b)
}

func (m maker) endpoint() string {
	const most = 1024
	parts := []string{"a", "/", "orders", "%", " ", "é", "€", "😀", "~", "!", "{id}", "%20", "\u0080", "\uFFFD"}
	length := []int{1, 20, most - 1, most, 1 + m.IntN(most)}[m.IntN(5)]
	var b strings.Builder
	b.WriteByte('/')
	for encoded := 1; ; {
		part := parts[m.IntN(len(parts))]
		for i := range len(part) {
			encoded++
			if part[i] <= ' ' || part[i] > '~' || part[i] == '%' {
				encoded += 2
			}
		}
		if encoded > length {
			return b.String()
		}
		b.WriteString(part)
	}
}

func (m maker) number(limit int64) int64 {
	return []int64{0, 1, limit - 1, limit, int64(m.Uint64() % uint64(limit)), m.Int64N(10)}[m.IntN(6)]
}

func (m maker) token() wire.Token {
	return wire.Token{
		Partition:  int32(m.number(math.MaxInt32)),
		Instance:   m.text(word, 16),
		Slot:       uint32(m.number(math.MaxUint32)),
		Generation: uint32(m.number(math.MaxUint32)),
	}
}

func (m maker) request() wire.Request {
	r := wire.Request{
		Kind: []wire.Kind{wire.KindCall, wire.KindSend, wire.KindNotify}[m.IntN(3)],
		ID:   m.id(), Endpoint: m.endpoint(), From: m.service(),
		TTL: time.Duration(m.number(365*24*60*60*1000)) * time.Millisecond,
	}
	if r.Kind == wire.KindCall {
		r.TTL = max(r.TTL, time.Millisecond)
		r.Token = string(wire.AppendToken(nil, m.token()))
	}
	return r
}

func (m maker) response() wire.Response {
	r := wire.Response{
		Kind: wire.KindReply, RequestID: m.id(), Run: m.text(word, 32), Seq: int32(m.number(math.MaxInt32)), Status: 200,
	}
	switch m.IntN(4) {
	case 0:
		r.Bare, r.End = true, true
	case 1:
		r.End, r.Status = true, 200+int(m.number(399))
	case 2:
		r.Status = 200 + int(m.number(199))
	}
	r.ID = r.RequestID + "." + r.Run + "." + strconv.Itoa(int(r.Seq))
	if m.IntN(2) == 0 {
		r.Kind, r.Service, r.Endpoint = wire.KindResponse, m.service(), m.endpoint()
	} else {
		r.Token = string(wire.AppendToken(nil, m.token()))
	}
	return r
}

func (m maker) dead() wire.Dead {
	const year9999 = 253402300799999
	at := func() time.Time { return time.UnixMilli(m.number(year9999)).UTC() }
	d := wire.Dead{
		Topic: m.text(word+"._-", 249), Partition: int32(m.number(math.MaxInt32)), Offset: m.number(math.MaxInt64),
		Time: at(), Service: m.service(), Endpoint: m.endpoint(), Attempts: int(m.number(math.MaxInt32)),
		First: at(), Last: at(),
	}
	if m.IntN(4) == 0 {
		d.Partition, d.Offset = -1, -1
	}
	if m.IntN(4) == 0 {
		d.Endpoint = ""
	}
	d.Stub = m.IntN(4) == 0
	return d
}

// spoil changes a header a little, so that it often is invalid, and sometimes
// valid in another way.
func (m maker) spoil(value []byte) []byte {
	const bytes = " .0129-_:/%%beEr cdsn\x00\x7f\x80\xffFAaZz~+"
	b := append([]byte(nil), value...)
	for range 1 + m.IntN(3) {
		i := m.IntN(len(b) + 1)
		c := bytes[m.IntN(len(bytes))]
		switch m.IntN(4) {
		case 0:
			b = append(b[:i], append([]byte{c}, b[i:]...)...)
		case 1:
			b = b[:i]
		default:
			if i < len(b) {
				b[i] = c
			}
		}
	}
	return b
}

// TestRandom encodes and decodes random values, and compares what is accepted
// with the grammar.
func TestRandom(t *testing.T) {
	t.Parallel()
	m := newMaker(t)
	for range 500 {
		request := m.request()
		value, err := wire.AppendRequest(nil, &request)
		if got, decodeErr := wire.DecodeRequest(value); got != request || err != nil || decodeErr != nil {
			t.Fatalf("%+v was encoded to %q, %v and decoded to %+v, %v", request, value, err, got, decodeErr)
		}
		checkRequest(t, value)
		checkRequest(t, m.spoil(value))

		response := m.response()
		value, err = wire.AppendResponse(nil, &response)
		if got, decodeErr := wire.DecodeResponse(value); got != response || err != nil || decodeErr != nil {
			t.Fatalf("%+v was encoded to %q, %v and decoded to %+v, %v", response, value, err, got, decodeErr)
		}
		checkResponse(t, value)
		checkResponse(t, m.spoil(value))

		dead := m.dead()
		value = wire.AppendDead(nil, &dead)
		if got, err := wire.DecodeDead(value); got != dead || err != nil {
			t.Fatalf("%+v was encoded to %q and decoded to %+v, %v", dead, value, got, err)
		}
		checkDead(t, value)
		checkDead(t, m.spoil(value))

		replay := m.replay()
		value = wire.AppendReplay(nil, &replay)
		if got, err := wire.DecodeReplay(value); got != replay || err != nil {
			t.Fatalf("%+v was encoded to %q and decoded to %+v, %v", replay, value, got, err)
		}
		checkReplay(t, value)
		checkReplay(t, m.spoil(value))

		replayed := m.replayed()
		value = wire.AppendReplayed(nil, &replayed)
		if got, err := wire.DecodeReplayed(value); got != replayed || err != nil {
			t.Fatalf("%+v was encoded to %q and decoded to %+v, %v", replayed, value, got, err)
		}
		checkReplayed(t, value)
		checkReplayed(t, m.spoil(value))

		dropped := m.dropped()
		value = wire.AppendDropped(nil, &dropped)
		if got, err := wire.DecodeDropped(value); got != dropped || err != nil {
			t.Fatalf("%+v was encoded to %q and decoded to %+v, %v", dropped, value, got, err)
		}
		checkDropped(t, value)
		checkDropped(t, m.spoil(value))
	}
}
