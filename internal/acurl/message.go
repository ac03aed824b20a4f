package acurl

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/asynccalls/asynccalls"
)

const callHelp = `An ITEM makes a field of a JSON body, or a header: name=text, name:=JSON, name:header.`

// message is the request that a command line describes.
type message struct {
	io *streams

	data    string
	headers []string
	key     string
}

func (m *message) addFlags(f *pflag.FlagSet) {
	f.StringVarP(&m.data, "data", "d", "", "the body; `BODY`, @FILE, or @- for stdin")
	f.StringArrayVarP(&m.headers, "header", "H", nil, "a `NAME: VALUE` that goes with the request; many times")
	f.StringVarP(&m.key, "key", "k", "", "the key: requests of a key are handled in their order")
}

// request makes the request. The arguments are the target, and items of the body.
func (m *message) request(args []string) (*asynccalls.Request, error) {
	service, endpoint, err := target(args[0])
	if err != nil {
		return nil, err
	}
	b := &body{}
	for _, item := range args[1:] {
		if err := b.add(item); err != nil {
			return nil, err
		}
	}
	value, err := b.bytes(m.data, m.io)
	if err != nil {
		return nil, err
	}
	r := asynccalls.NewRequest(service, endpoint, value)
	r.Key, r.Header = m.key, b.header
	for _, h := range m.headers {
		name, value, ok := strings.Cut(h, ":")
		if !ok || name == "" {
			return nil, fmt.Errorf(`--header %q is not "NAME: VALUE"`, h)
		}
		r.Header.Add(name, strings.TrimSpace(value))
	}
	return r, nil
}

// repeated returns the request once more, with an ID of its own.
func repeated(r *asynccalls.Request) *asynccalls.Request {
	again := asynccalls.NewRequest(r.Service, r.Endpoint, r.Body)
	again.Key, again.Header = r.Key, r.Header
	return again
}

// targeted is the check of arguments that begin with SERVICE/ENDPOINT.
func targeted(_ *cobra.Command, args []string) error {
	if len(args) == 0 {
		return errors.New("no SERVICE/ENDPOINT is given, such as a-money-broker/show-me-the-money")
	}
	return nil
}
