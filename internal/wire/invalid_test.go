package wire_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/asynccalls/asynccalls/internal/wire"
)

// broken is a header that must be refused, and the part of the error that names
// the rule.
type broken struct{ value, why string }

func invalidHeaders() map[string]broken {
	long := strings.Repeat("a", 101)
	request := func(fields string) string { return "1 c " + fields }
	rest := " /a c 1 0.a.0.0"
	token := func(token string) string { return "1 c a /a c 1 " + token }
	endpoint := func(path string) string { return "1 n a " + path + " c" }
	mark := func(mark string) string { return "1 r 0.a.0.0 a.b.0 " + mark }
	rid := func(rid string) string { return "1 r 0.a.0.0 " + rid }

	const (
		noVersion = "does not begin with a version"
		noKind    = "has no kind"
		isMissing = "has too few fields"
		isMore    = "has more fields"
		id        = "is not 1 to 64 letters"
		service   = "is not 1 to 100 lower-case"
		start     = `does not begin with "/"`
		escape    = `does not have "%" and bytes`
		control   = "has a control character"
		ttl       = "is not a time of up to 365 days"
		isToken   = "is no token"
		isRID     = "is not the ID of a request, a run"
		isMark    = `is not "b", "e"`
	)
	return map[string]broken{
		"empty":                         {"", noVersion},
		"a space":                       {" ", noVersion},
		"no version":                    {"c a /a c 1 0.a.0.0", noVersion},
		"version 0":                     {"0 n a /a c", noVersion},
		"version with a leading zero":   {"01 n a /a c", noVersion},
		"version with a sign":           {"+1 n a /a c", noVersion},
		"version with a dot":            {"1.0 n a /a c", noVersion},
		"version of ten digits":         {"1000000000 n a /a c", noVersion},
		"only the version":              {"1", isMissing},
		"only the version and a space":  {"1 ", isMissing},
		"only version and kind":         {"1 c", isMissing},
		"space in front of the version": {" 1 n a /a c", noVersion},
		"tab behind the version":        {"1\tn a /a c", noVersion},
		"unknown kind":                  {"1 x a /a c", noKind},
		"kind in upper case":            {"1 N a /a c", noKind},
		"kind of two letters":           {"1 nn a /a c", noKind},
		"two spaces behind the version": {"1  n a /a c", noKind},
		"tab behind the kind":           {"1 n\ta /a c", noKind},
		"kind and nothing else":         {"1 n ", id},

		"id is missing":             {request("" + rest), id},
		"id is too long":            {request(longID + "a" + rest), id},
		"id has a dot":              {request("a.b" + rest), id},
		"id has a slash":            {request("a/b" + rest), id},
		"id has a letter of UTF-8":  {request("é" + rest), id},
		"id has a null byte":        {request("a\x00" + rest), id},
		"two spaces behind the id":  {request("a " + rest), start},
		"tab behind the id":         {"1 n a\t/a c", id},
		"two spaces before the id":  {"1 n  a /a c", id},
		"space behind the last":     {"1 n a /a c ", ttl},
		"line feed behind the last": {"1 n a /a c\n", service},
		"two spaces before from":    {"1 n a /a  c", service},

		"endpoint is missing":                          {"1 n a", isMissing},
		"endpoint without slash":                       {endpoint("a"), start},
		"endpoint in escaped slash":                    {endpoint("%2Fa"), escape},
		"endpoint in upper case hex and lower case":    {endpoint("/%C3%a9"), escape},
		"endpoint in lower case hex":                   {endpoint("/%c3%a9"), escape},
		"endpoint with a letter escaped that need not": {endpoint("/%41"), escape},
		"endpoint with a tilde escaped that need not":  {endpoint("/%7E"), escape},
		"endpoint with a percent sign alone":           {endpoint("/%"), escape},
		"endpoint with half an escape":                 {endpoint("/a%2"), escape},
		"endpoint with an escape that is not hex":      {endpoint("/%GG"), escape},
		"endpoint with a raw letter of UTF-8":          {endpoint("/é"), escape},
		"endpoint with a raw tab":                      {endpoint("/\t"), escape},
		"endpoint with a raw delete":                   {endpoint("/\x7f"), escape},
		"endpoint with an escaped null":                {endpoint("/%00"), control},
		"endpoint with an escaped line feed":           {endpoint("/%0A"), control},
		"endpoint with an escaped 0x1f":                {endpoint("/%1F"), control},
		"endpoint with an escaped delete":              {endpoint("/%7F"), control},
		"endpoint with half a character":               {endpoint("/%C3"), "is not valid UTF-8"},
		"endpoint with a surrogate":                    {endpoint("/%ED%A0%80"), "is not valid UTF-8"},
		"endpoint with an overlong slash":              {endpoint("/%C0%AF"), "is not valid UTF-8"},
		"endpoint that is too long":                    {endpoint(longEndpoint + "d"), "is longer than 1024 bytes"},
		"endpoint that is too long when escaped":       {endpoint("/" + strings.Repeat("%25", 341) + "b"), "is longer than 1024"},

		"from is missing":                 {"1 n a /a", isMissing},
		"from is empty":                   {"1 n a /a ", service},
		"from is too long":                {"1 n a /a " + long, service},
		"from has an upper-case letter":   {"1 n a /a Client", service},
		"from has an underscore":          {"1 n a /a a_client", service},
		"from has a dot":                  {"1 n a /a a.client", service},
		"from begins with a hyphen":       {"1 n a /a -client", service},
		"from ends with a hyphen":         {"1 n a /a client-", service},
		"from is a hyphen":                {"1 n a /a -", service},
		"ttl is missing of an awaited":    {"1 c a /a c", isMissing},
		"ttl is a token":                  {"1 c a /a c 0.a.0.0", ttl},
		"ttl is 0":                        {"1 s a /a c 0", ttl},
		"ttl has a leading zero":          {"1 s a /a c 01", ttl},
		"ttl is negative":                 {"1 s a /a c -1", ttl},
		"ttl has a sign":                  {"1 s a /a c +1", ttl},
		"ttl has a fraction":              {"1 s a /a c 1.5", ttl},
		"ttl has a unit":                  {"1 s a /a c 1s", ttl},
		"ttl is hexadecimal":              {"1 s a /a c 0x1", ttl},
		"ttl is more than 365 days":       {"1 s a /a c 31536000001", ttl},
		"ttl is more than 64 bits":        {"1 s a /a c 18446744073709551617", ttl},
		"ttl of twenty digits that wraps": {"1 s a /a c 18446744073709551716", ttl},
		"durable with a token":            {"1 s a /a c 1 0.a.0.0", isMore},
		"one-way with a token":            {"1 n a /a c 1 0.a.0.0", isMore},
		"space behind a durable's ttl":    {"1 s a /a c 1 ", isMore},

		"token is missing":                            {"1 c a /a c 1", isMissing},
		"token is empty":                              {token(""), isToken},
		"token has three parts":                       {token("0.a.0"), isToken},
		"token has five parts":                        {token("0.a.0.0.0"), isToken},
		"token has two parts":                         {token("0.a"), isToken},
		"token has one part":                          {token("0"), isToken},
		"token without partition":                     {token(".a.0.0"), isToken},
		"token with a partition that is too large":    {token("2147483648.a.0.0"), isToken},
		"token with a partition with a leading zero":  {token("01.a.0.0"), isToken},
		"token with a negative partition":             {token("-1.a.0.0"), isToken},
		"token without instance":                      {token("0..0.0"), isToken},
		"token with an instance that is too long":     {token("0.ABCDEFGHabcdefghi.0.0"), isToken},
		"token with an instance with a hyphen":        {token("0.a-b.0.0"), isToken},
		"token without slot":                          {token("0.a..0"), isToken},
		"token with a slot that is too large":         {token("0.a.4294967296.0"), isToken},
		"token with a slot with a leading zero":       {token("0.a.00.0"), isToken},
		"token without generation":                    {token("0.a.0."), isToken},
		"token with a generation that is too large":   {token("0.a.0.4294967296"), isToken},
		"token with a generation with a leading zero": {token("0.a.0.00"), isToken},
		"space behind the token":                      {token("0.a.0.0 "), isMore},
		"field behind the token":                      {token("0.a.0.0 b"), isMore},

		"response without token":                {"1 r ", isToken},
		"response with a short token":           {"1 r 0.a.0 a.b.0", isToken},
		"response with a token alone":           {"1 r 0.a.0.0", isMissing},
		"response with an empty id":             {rid(""), isRID},
		"response without run":                  {rid("a"), isRID},
		"response without number":               {rid("a.b"), isRID},
		"response with an empty request id":     {rid(".b.0"), isRID},
		"response with an empty run":            {rid("a..0"), isRID},
		"response with an empty number":         {rid("a.b."), isRID},
		"response with four parts in its id":    {rid("a.b.0.0"), isRID},
		"response to an id that is too long":    {rid(longID + "a.b.0"), isRID},
		"response with a run that is too long":  {rid("a." + longRun + "a.0"), isRID},
		"response with a hyphen in the run":     {rid("a.b-c.0"), isRID},
		"response with a leading zero":          {rid("a.b.00"), isRID},
		"response with a negative number":       {rid("a.b.-1"), isRID},
		"response with too large a number":      {rid("a.b.2147483648"), isRID},
		"response with two spaces":              {"1 r 0.a.0.0  a.b.0", isRID},
		"durable response without service":      {"1 d a.b.0", isMissing},
		"durable response without endpoint":     {"1 d a.b.0 a", isMissing},
		"durable response of a token":           {"1 d 0.a.0.0 a.b.0", isRID},
		"durable response of a bad service":     {"1 d a.b.0 A /a", service},
		"durable response of a bad endpoint":    {"1 d a.b.0 a a", start},
		"durable response with a field at end":  {"1 d a.b.0 a /a e e", isMore},
		"durable response with a space at end":  {"1 d a.b.0 a /a ", isMark},
		"durable response with status of error": {"1 d a.b.0 a /a 500", isMark},

		"mark is empty":                         {mark(""), isMark},
		"mark is unknown":                       {mark("x"), isMark},
		"mark in upper case":                    {mark("E"), isMark},
		"bare end with a status":                {mark("b404"), isMark},
		"bare end and end":                      {mark("be"), isMark},
		"status in front of the mark":           {mark("404e"), isMark},
		"status 200, which is omitted":          {mark("200"), isMark},
		"status 200 at the end, also omitted":   {mark("e200"), isMark},
		"status 199":                            {mark("199"), isMark},
		"status 100":                            {mark("100"), isMark},
		"status 199 at the end":                 {mark("e199"), isMark},
		"status of an error that is not an end": {mark("400"), isMark},
		"status 404 that is not an end":         {mark("404"), isMark},
		"status 600":                            {mark("e600"), isMark},
		"status of four digits":                 {mark("e4040"), isMark},
		"status of two digits":                  {mark("e40"), isMark},
		"status with a leading zero":            {mark("e0404"), isMark},
		"status with a sign":                    {mark("e+404"), isMark},
		"space between mark and status":         {mark("e 404"), isMore},
		"space behind the mark":                 {mark("e "), isMore},
		"two marks":                             {mark("e b"), isMore},

		"request longer than any valid":  {"1 n a /a c" + strings.Repeat(" ", 1300), "is longer than any valid"},
		"response longer than any valid": {mark(strings.Repeat("e", 1300)), "is longer than any valid"},
	}
}

func invalidDeads() map[string]broken {
	const (
		good    = "1 t 0 0 0 a /a 0 0 0"
		int32s  = "is not 0 to 2147483647"
		offset  = "is not 0 to 9223372036854775807"
		times   = "is not milliseconds since 1970"
		topic   = "is not 1 to 249"
		missing = "has too few fields"
	)
	with := func(place int, value string) string {
		fields := strings.Split(good, " ")
		fields[place] = value
		return strings.Join(fields, " ")
	}
	return map[string]broken{
		"dead: empty":                            {"", "does not begin with a version"},
		"dead: version 0":                        {with(0, "0"), "does not begin with a version"},
		"dead: only the version":                 {"1", missing},
		"dead: only the version and a space":     {"1 ", topic},
		"dead: too few fields":                   {"1 t 0 0 0 a /a 0 0", missing},
		"dead: one field more":                   {good + " 0", "has more fields"},
		"dead: space at the end":                 {good + " ", "has more fields"},
		"dead: topic is empty":                   {with(1, ""), topic},
		"dead: topic has a slash":                {with(1, "a/b"), topic},
		"dead: topic is too long":                {with(1, strings.Repeat("t", 250)), topic},
		"dead: partition is too large":           {with(2, "2147483648"), int32s},
		"dead: partition is negative":            {with(2, "-1"), int32s},
		"dead: partition has a leading zero":     {with(2, "00"), int32s},
		"dead: partition only is not known":      {with(2, "-"), `is not "-", as the partition is`},
		"dead: offset only is not known":         {with(3, "-"), offset},
		"dead: offset is too large":              {with(3, "9223372036854775808"), offset},
		"dead: offset is negative":               {with(3, "-1"), offset},
		"dead: offset has a leading zero":        {with(3, "01"), offset},
		"dead: time is negative":                 {with(4, "-1"), times},
		"dead: time is in the year 10000":        {with(4, "253402300800000"), times},
		"dead: time is not known":                {with(4, "-"), times},
		"dead: service is not known":             {with(5, "-"), "is not 1 to 100"},
		"dead: service is in upper case":         {with(5, "A"), "is not 1 to 100"},
		"dead: endpoint is empty":                {with(6, ""), `does not begin with "/"`},
		"dead: endpoint is no path":              {with(6, "--"), `does not begin with "/"`},
		"dead: endpoint has a needless escape":   {with(6, "/%41"), `does not have "%"`},
		"dead: attempts are negative":            {with(7, "-1"), int32s},
		"dead: attempts are too many":            {with(7, "2147483648"), int32s},
		"dead: first failure has a fraction":     {with(8, "0.5"), times},
		"dead: last failure has a leading zero":  {with(9, "01"), times},
		"dead: last failure is in 64 bits":       {with(9, "9223372036854775807"), times},
		"dead: last field in upper case":         {good + " Stub", "has more fields"},
		"dead: something behind the stub":        {good + " stub 0", "has more fields"},
		"dead: space behind the stub":            {good + " stub ", "has more fields"},
		"dead: longer than anything that may be": {good + strings.Repeat("0", 2000), "is longer than any valid"},
	}
}

func versionHeaders() map[string]string {
	return map[string]string{
		"version 2":                 "2 c a /a c 1 0.a.0.0",
		"version 2 of another form": "2",
		"version 2, anything":       "2 \x00 %",
		"version 10":                "10 n a /a c",
		"version of nine digits":    "999999999 n a /a c",
		"version 2, very long":      "2 " + strings.Repeat("a", 5000),
	}
}

// decode decodes any header "ac".
func decode(value []byte) error {
	kind, err := wire.KindOf(value)
	switch {
	case err != nil:
		return err
	case kind == wire.KindReply || kind == wire.KindResponse:
		_, err = wire.DecodeResponse(value)
	default:
		_, err = wire.DecodeRequest(value)
	}
	return err
}

// decoders has what reads each header.
var decoders = map[string]func([]byte) error{
	wire.Header:         decode,
	wire.HeaderDead:     func(value []byte) error { _, err := wire.DecodeDead(value); return err },
	wire.HeaderReplay:   func(value []byte) error { _, err := wire.DecodeReplay(value); return err },
	wire.HeaderReplayed: func(value []byte) error { _, err := wire.DecodeReplayed(value); return err },
	wire.HeaderDropped:  func(value []byte) error { _, err := wire.DecodeDropped(value); return err },
}

func checkBroken(t *testing.T, list map[string]broken, decode func([]byte) error) {
	t.Helper()
	for name, b := range list {
		err := decode([]byte(b.value))
		if !errors.Is(err, wire.ErrMalformed) || errors.Is(err, wire.ErrVersion) {
			t.Errorf("%s: error %v, want one that is %q", name, err, wire.ErrMalformed)
			continue
		}
		if !strings.Contains(err.Error(), b.why) {
			t.Errorf("%s: error %q, want it to say %q", name, err, b.why)
		}
		if len(err.Error()) > 400 {
			t.Errorf("%s: error is %d bytes long, want at most 400", name, len(err.Error()))
		}
	}
}

func TestInvalid(t *testing.T) {
	t.Parallel()
	checkBroken(t, invalidHeaders(), decode)
	checkBroken(t, invalidDeads(), decoders[wire.HeaderDead])
	checkBroken(t, invalidReplays(), decoders[wire.HeaderReplay])
	checkBroken(t, invalidReplayeds(), decoders[wire.HeaderReplayed])
	checkBroken(t, invalidDroppeds(), decoders[wire.HeaderDropped])
}

func TestInvalidVectors(t *testing.T) {
	t.Parallel()
	var list []invalidVector
	add := func(header string, headers map[string]broken) {
		for _, name := range slices.Sorted(maps.Keys(headers)) {
			value := headers[name].value
			err := decoders[header]([]byte(value))
			why := strings.TrimPrefix(err.Error(), wire.ErrMalformed.Error()+": ")
			list = append(list, invalidVector{name, header, value, "malformed", why})
		}
	}
	add(wire.Header, invalidHeaders())
	add(wire.HeaderDead, invalidDeads())
	add(wire.HeaderReplay, invalidReplays())
	add(wire.HeaderReplayed, invalidReplayeds())
	add(wire.HeaderDropped, invalidDroppeds())
	versions := versionHeaders()
	for _, name := range slices.Sorted(maps.Keys(versions)) {
		err := decode([]byte(versions[name]))
		list = append(list, invalidVector{name, wire.Header, versions[name], "version", err.Error()})
	}
	golden(t, "invalid.json", list)

	for _, v := range vectors[invalidVector](t, "invalid.json") {
		want := map[string]error{"malformed": wire.ErrMalformed, "version": wire.ErrVersion}[v.Error]
		if err := decoders[v.Header]([]byte(v.Value)); !errors.Is(err, want) {
			t.Errorf("%s: error %v, want one that is %q", v.Name, err, want)
		}
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	for name, value := range versionHeaders() {
		number, _, _ := strings.Cut(value, " ")
		want := fmt.Sprintf("unknown version of the protocol: %s", number)
		_, request := wire.DecodeRequest([]byte(value))
		_, response := wire.DecodeResponse([]byte(value))
		_, dead := wire.DecodeDead([]byte(value))
		_, token := wire.CutReply([]byte(value))
		_, replay := wire.DecodeReplay([]byte(value))
		_, replayed := wire.DecodeReplayed([]byte(value))
		for _, err := range []error{request, response, dead, token, replay, replayed} {
			if !errors.Is(err, wire.ErrVersion) || errors.Is(err, wire.ErrMalformed) || err.Error() != want {
				t.Errorf("%s: error %v, want %q", name, err, want)
			}
		}
	}
}
