package wire

import (
	"math"
	"strconv"
	"strings"

	"github.com/asynccalls/asynccalls/internal/slab"
)

// The numbers of statuses that the format treats in their own way.
const (
	statusOK     = 200 // is never written
	statusFailed = 400 // and above it are ends
	statusMax    = 599
)

// Response is what the header "ac" says about a response.
type Response struct {
	Kind              Kind   // KindReply or KindResponse
	Token             string // of KindReply only
	ID                string // RequestID, Run and Seq in one piece; encoding does not use it
	RequestID, Run    string
	Seq               int32
	Service, Endpoint string // who answers, and the endpoint as users write it; of KindResponse only
	Status            int    // 0 is encoded as 200
	End               bool   // nothing follows
	Bare              bool   // there is no response, only the end; implies End
}

// AppendResponse appends the header to dst. On an error, which names the field
// and its rule, it returns dst as it was.
func AppendResponse(dst []byte, r *Response) ([]byte, error) {
	header, err := AppendResponseHead(dst, r)
	if err != nil {
		return dst, err
	}
	if !isRun(r.Run) {
		return dst, invalid("run", r.Run, ruleRun)
	}
	header = append(header, r.Run...)
	header, err = AppendResponseTail(append(header, '.'), r)
	if err != nil {
		return dst, err
	}
	return header, nil
}

// AppendResponseHead appends the part of the header before the run, and checks what
// is the same for all responses of a run, also the service and the endpoint. The run
// and a '.' follow, and what AppendResponseTail appends. On an error it returns dst
// as it was.
func AppendResponseHead(dst []byte, r *Response) ([]byte, error) {
	if err := r.validateHead(); err != nil {
		return dst, err
	}
	dst = append(dst, versionPrefix...)
	dst = append(dst, byte(r.Kind), ' ')
	if r.Kind == KindReply {
		dst = append(dst, r.Token...)
		dst = append(dst, ' ')
	}
	dst = append(dst, r.RequestID...)
	return append(dst, '.'), nil
}

// ResponseIDBegin returns where the ID of the response begins in its header.
func ResponseIDBegin(r *Response) int {
	if r.Kind == KindReply {
		return kindPrefix + len(r.Token) + 1
	}
	return kindPrefix
}

// AppendResponseTail appends what follows the run: the number and the rest. On an
// error it returns dst as it was.
func AppendResponseTail(dst []byte, r *Response) ([]byte, error) {
	if r.Seq < 0 {
		return dst, invalid("seq", strconv.Itoa(int(r.Seq)), ruleInt32)
	}
	if err := r.validateStatus(); err != nil {
		return dst, err
	}
	dst = strconv.AppendInt(dst, int64(r.Seq), 10)
	if r.Kind == KindResponse {
		dst = append(dst, ' ')
		dst = append(dst, r.Service...)
		dst = append(dst, ' ')
		dst = appendEndpoint(dst, r.Endpoint)
	}
	return r.appendMark(dst), nil
}

func (r *Response) appendMark(dst []byte) []byte {
	status := r.Status != 0 && r.Status != statusOK
	switch {
	case r.Bare:
		return append(dst, " b"...)
	case r.End:
		dst = append(dst, " e"...)
	case status:
		dst = append(dst, ' ')
	}
	if status {
		dst = strconv.AppendInt(dst, int64(r.Status), 10)
	}
	return dst
}

func (r *Response) validateHead() error {
	if !isID(r.RequestID) {
		return invalid("request id", r.RequestID, ruleID)
	}
	switch r.Kind {
	case KindReply:
		if !isToken(r.Token) {
			return invalid("token", r.Token, ruleToken)
		}
		return nil
	case KindResponse:
		if r.Token != "" {
			return invalid("token", r.Token, ruleNoToken)
		}
		if err := ValidService(r.Service); err != nil {
			return err
		}
		return ValidEndpoint(r.Endpoint)
	default:
		return invalid("kind", string(rune(r.Kind)), ruleResponse)
	}
}

func (r *Response) validateStatus() error {
	switch {
	case r.Status == 0 || r.Status == statusOK:
		return nil
	case r.Bare:
		return invalid("status", strconv.Itoa(r.Status), ruleBare)
	case r.Status < statusOK || r.Status > statusMax || r.Status >= statusFailed && !r.End:
		return invalid("status", strconv.Itoa(r.Status), ruleStatus)
	}
	return nil
}

// DecodeResponse reads a header "ac" that must be that of a response.
func DecodeResponse(value []byte) (Response, error) { return DecodeResponseTo(value, nil) }

// DecodeResponseTo does that, and keeps what the response says in texts.
func DecodeResponseTo(value []byte, texts *slab.Text) (Response, error) {
	kind, err := KindOf(value)
	switch {
	case err != nil:
		return Response{}, err
	case kind.isRequest():
		return Response{}, malformedHeader(value, ruleResponse)
	case len(value) > maxHeader:
		return Response{}, malformedHeader(value, ruleLength)
	}
	f := fields{text: texts.Keep(value[kindPrefix:])}
	r := Response{Kind: kind, Status: statusOK}
	if kind == KindReply {
		r.Token = f.token()
	}
	return f.response(r)
}

// DecodeReply decodes the rest of a header whose token was cut off by [CutReply].
// The fields of the response are pieces of it.
func DecodeReply(rest string) (Response, error) {
	f := fields{text: rest}
	return f.response(Response{Kind: KindReply, Status: statusOK})
}

// response reads what follows the kind, and the token if there is one.
func (f *fields) response(r Response) (Response, error) {
	f.responseID(&r)
	if r.Kind == KindResponse {
		r.Service, r.Endpoint = f.service("service"), f.endpoint()
	}
	if !f.ended {
		f.mark(&r)
	}
	if err := f.close(); err != nil {
		return Response{}, err
	}
	return r, nil
}

// responseID reads the ID of a response and its parts.
func (f *fields) responseID(r *Response) {
	s := f.rest()
	id := span(s, inID, maxID)
	if id == 0 || id == len(s) || s[id] != '.' {
		f.fail("response id", ruleResponseID)
		return
	}
	run := span(s[id+1:], inWord, maxRun)
	dot := id + 1 + run
	if run == 0 || dot == len(s) || s[dot] != '.' {
		f.fail("response id", ruleResponseID)
		return
	}
	seq, n := number(s[dot+1:], math.MaxInt32)
	if n > 0 {
		n += dot + 1
	}
	r.ID = f.take(n, "response id", ruleResponseID)
	r.RequestID, r.Run, r.Seq = s[:id], s[id+1:dot], int32(seq)
}

// mark reads how a response ends, if it does, and its status.
func (f *fields) mark(r *Response) {
	s := f.peek()
	switch s {
	case "b":
		r.Bare, r.End = true, true
	case "e":
		r.End = true
	default:
		number, end := strings.CutPrefix(s, "e")
		r.Status, r.End = statusOf(number, end), end
		if r.Status == 0 {
			s = ""
		}
	}
	f.take(len(s), "mark", ruleMark)
}

// statusOf reads a status that is written, or returns 0.
func statusOf(s string, end bool) int {
	limit := uint64(statusFailed - 1)
	if end {
		limit = statusMax
	}
	v, n := number(s, limit)
	if n < len(s) || v <= statusOK {
		return 0
	}
	return int(v)
}
