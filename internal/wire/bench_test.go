package wire_test

import (
	"testing"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/wire"
)

const (
	benchCall     = "1 c 0Zx4mQ9bT2Lk3h /show-me-the-money a-client 30000 3.Jk2m9QpA.117.4"
	benchEscaped  = "1 c 0Zx4mQ9bT2Lk3h /caf%C3%A9/men%C3%BC a-client 30000 3.Jk2m9QpA.117.4"
	benchReply    = "1 r 3.Jk2m9QpA.117.4 0Zx4mQ9bT2Lk3h.7fK2.0 e"
	benchResponse = "1 d 0Zx4mQ9bT2Lk3h.7fK2.0 a-money-broker /show-me-the-money e"
	benchDead     = "1 a-money-broker.requests 3 1234567 1767225600000 a-money-broker /show-me-the-money 5" +
		" 1767225601000 1767225660000"
)

func BenchmarkDecodeRequest(b *testing.B) {
	for name, header := range map[string]string{"plain": benchCall, "escaped": benchEscaped} {
		b.Run(name, func(b *testing.B) {
			value := []byte(header)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := wire.DecodeRequest(value); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecodeResponse(b *testing.B) {
	for name, header := range map[string]string{"reply": benchReply, "response": benchResponse} {
		b.Run(name, func(b *testing.B) {
			value := []byte(header)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := wire.DecodeResponse(value); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCutReply(b *testing.B) {
	value := []byte(benchReply)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := wire.CutReply(value); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseToken(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := wire.ParseToken("3.Jk2m9QpA.117.4"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFind(b *testing.B) {
	h := []driver.Header{{Key: "ac"}, {Key: "content-type"}, {Key: "traceparent"}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := wire.Find(h); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendRequest(b *testing.B) {
	for name, header := range map[string]string{"plain": benchCall, "escaped": benchEscaped} {
		b.Run(name, func(b *testing.B) {
			r, err := wire.DecodeRequest([]byte(header))
			if err != nil {
				b.Fatal(err)
			}
			buf := make([]byte, 0, 256)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := wire.AppendRequest(buf, &r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAppendResponse(b *testing.B) {
	for name, header := range map[string]string{"reply": benchReply, "response": benchResponse} {
		b.Run(name, func(b *testing.B) {
			r, err := wire.DecodeResponse([]byte(header))
			if err != nil {
				b.Fatal(err)
			}
			buf := make([]byte, 0, 256)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := wire.AppendResponse(buf, &r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAppendToken(b *testing.B) {
	t := wire.Token{Partition: 3, Instance: "Jk2m9QpA", Slot: 117, Generation: 4}
	buf := make([]byte, 0, 64)
	b.ReportAllocs()
	for b.Loop() {
		buf = wire.AppendToken(buf[:0], t)
	}
}

func BenchmarkDead(b *testing.B) {
	value := []byte(benchDead)
	buf := make([]byte, 0, 256)
	b.ReportAllocs()
	for b.Loop() {
		d, err := wire.DecodeDead(value)
		if err != nil {
			b.Fatal(err)
		}
		buf = wire.AppendDead(buf[:0], &d)
	}
}
