package wire_test

import (
	"math/big"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"
)

// The grammar of PROTOCOL.md a second time and in another way: regular
// expressions for the form, and a few checks for what these cannot say.
const (
	reID       = `[A-Za-z0-9_:-]{1,64}`
	reService  = `[a-z0-9](?:[a-z0-9-]{0,98}[a-z0-9])?`
	reNumber   = `(0|[1-9][0-9]{0,18})`
	reToken    = reNumber + `\.[A-Za-z0-9]{1,16}\.` + reNumber + `\.` + reNumber
	reRID      = reID + `\.[A-Za-z0-9]{1,32}\.` + reNumber
	reStatus   = `20[1-9]|2[1-9][0-9]|3[0-9][0-9]`
	reMark     = `(?: (?:b|e|e(?:` + reStatus + `|[45][0-9][0-9])|` + reStatus + `))?`
	reTopic    = `[A-Za-z0-9._-]{1,249}`
	reEndpoint = `(/(?:[!-$&-~]|%(?:[01][0-9A-F]|2[05]|7F|[89A-F][0-9A-F])){0,1023})`
)

// rules is a form, and the largest numbers in the places where it has numbers.
// What is no number there is an endpoint.
type rules struct {
	form   *regexp.Regexp
	limits []string
}

const (
	int32s  = "2147483647"
	uint32s = "4294967295"
	int64s  = "9223372036854775807"
	ttls    = "31536000000"
	dates   = "253402300799999"
)

var (
	requestGrammar = []rules{
		{form(`1 c ` + reID + ` ` + reEndpoint + ` ` + reService + ` ([1-9][0-9]{0,10}) ` + reToken), []string{"", ttls, int32s, uint32s, uint32s}},
		{form(`1 [sn] ` + reID + ` ` + reEndpoint + ` ` + reService + `(?: ([1-9][0-9]{0,10}))?`), []string{"", ttls}},
	}
	responseGrammar = []rules{
		{form(`1 r ` + reToken + ` ` + reRID + reMark), []string{int32s, uint32s, uint32s, int32s}},
		{form(`1 d ` + reRID + ` ` + reService + ` ` + reEndpoint + reMark), []string{int32s, ""}},
	}
	deadGrammar = []rules{{
		form(`1 ` + reTopic + ` (?:- -|` + reNumber + ` ` + reNumber + `) ` + reNumber + ` ` + reService +
			` (?:-|` + reEndpoint + `) ` + reNumber + ` ` + reNumber + ` ` + reNumber + `(?: stub)?`),
		[]string{int32s, int64s, dates, "", int32s, dates, dates},
	}}
	replayGrammar = []rules{{
		form(`1 ([1-9][0-9]{0,9}) ` + reTopic + ` ` + reNumber + ` ` + reNumber),
		[]string{int32s, int32s, int64s},
	}}
	replayedGrammar = []rules{{
		form(`1 ` + reNumber + ` ` + reNumber + ` ` + reTopic + ` ` + reNumber + ` ` + reNumber),
		[]string{int32s, int64s, int32s, int64s},
	}}
	droppedGrammar = []rules{{form(`1 ` + reNumber + ` ` + reNumber), []string{int32s, int64s}}}
)

// form compiles an expression for a whole text. Repetitions of more than 1000 are
// not for regular expressions, so the length of endpoints is checked apart.
func form(s string) *regexp.Regexp {
	return regexp.MustCompile(`\A(?:` + strings.ReplaceAll(s, `{0,1023}`, `*`) + `)\z`)
}

// grammar reports whether one of the rules allows value.
func grammar(list []rules, value []byte) bool {
	for _, r := range list {
		m := r.form.FindSubmatch(value)
		if m == nil {
			continue
		}
		for i, limit := range r.limits {
			if !within(string(m[i+1]), limit) {
				return false
			}
		}
		return true
	}
	return false
}

func within(s, limit string) bool {
	if s == "" { // an optional field
		return true
	}
	if limit == "" {
		path, err := url.PathUnescape(s)
		return err == nil && len(s) <= 1024 && utf8.ValidString(path) && !strings.ContainsFunc(path, func(r rune) bool {
			return r < 0x20 || r == 0x7f
		})
	}
	n, _ := new(big.Int).SetString(s, 10)
	most, _ := new(big.Int).SetString(limit, 10)
	return n.Cmp(most) <= 0
}
