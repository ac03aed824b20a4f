package wire

import (
	"strconv"
	"time"

	"github.com/asynccalls/asynccalls/internal/slab"
)

// Request is what the header "ac" says about a request.
type Request struct {
	Kind     Kind // KindCall, KindSend or KindNotify
	ID       string
	Endpoint string        // as users write it
	From     string        // the service that sent it
	TTL      time.Duration // 0 is none; it is rounded up to milliseconds
	Token    string        // of KindCall only
	Caller   Token         // what is written as the token if Token is empty
}

// AppendRequest appends the header to dst. On an error, which names the field
// and its rule, it returns dst as it was.
func AppendRequest(dst []byte, r *Request) ([]byte, error) {
	if err := r.validate(); err != nil {
		return dst, err
	}
	dst = append(dst, versionPrefix...)
	dst = append(dst, byte(r.Kind), ' ')
	dst = append(dst, r.ID...)
	dst = append(dst, ' ')
	dst = appendEndpoint(dst, r.Endpoint)
	dst = append(dst, ' ')
	dst = append(dst, r.From...)
	if r.TTL > 0 {
		dst = append(dst, ' ')
		dst = strconv.AppendInt(dst, int64((r.TTL+time.Millisecond-1)/time.Millisecond), 10)
	}
	if r.Kind == KindCall {
		dst = append(dst, ' ')
		if r.Token == "" {
			return AppendToken(dst, r.Caller), nil
		}
		dst = append(dst, r.Token...)
	}
	return dst, nil
}

func (r *Request) validate() error {
	switch {
	case !r.Kind.isRequest():
		return invalid("kind", string(rune(r.Kind)), ruleRequest)
	case !isID(r.ID):
		return invalid("id", r.ID, ruleID)
	case !isService(r.From):
		return invalid("from", r.From, ruleService)
	case r.TTL < 0 || r.TTL > maxTTL:
		return invalid("ttl", r.TTL.String(), ruleTTL)
	}
	if err := ValidEndpoint(r.Endpoint); err != nil {
		return err
	}
	if r.Kind != KindCall {
		if r.Token != "" {
			return invalid("token", r.Token, ruleNoToken)
		}
		return nil
	}
	if r.TTL == 0 {
		return invalid("ttl", "", ruleNoTTL)
	}
	if r.Token == "" && r.Caller.valid() || isToken(r.Token) {
		return nil
	}
	return invalid("token", r.Token, ruleToken)
}

// DecodeRequest reads a header "ac" that must be that of a request.
func DecodeRequest(value []byte) (Request, error) {
	return DecodeRequestTo(value, nil)
}

// DecodeRequestTo does that, and keeps what the request says in texts.
func DecodeRequestTo(value []byte, texts *slab.Text) (Request, error) {
	kind, err := KindOf(value)
	switch {
	case err != nil:
		return Request{}, err
	case !kind.isRequest():
		return Request{}, malformedHeader(value, ruleRequest)
	case len(value) > maxHeader:
		return Request{}, malformedHeader(value, ruleLength)
	}
	f := fields{text: texts.Keep(value[kindPrefix:])}
	r := Request{Kind: kind, ID: f.id(), Endpoint: f.endpoint(), From: f.service("from")}
	if kind == KindCall || !f.ended {
		r.TTL = f.ttl()
	}
	if kind == KindCall {
		r.Token = f.token()
	}
	if err := f.close(); err != nil {
		return Request{}, err
	}
	return r, nil
}

func (f *fields) ttl() time.Duration {
	v, n := number(f.rest(), uint64(maxTTL/time.Millisecond))
	if v == 0 {
		n = 0
	}
	f.take(n, "ttl", ruleTTL)
	return time.Duration(v) * time.Millisecond
}

func (k Kind) isRequest() bool { return k == KindCall || k == KindSend || k == KindNotify }
