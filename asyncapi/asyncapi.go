package asyncapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/internal/document"
	"github.com/asynccalls/asynccalls/internal/info"
)

// Info is what the code does not say of a service.
type Info struct {
	Title       string // default: the ID of the service
	Version     string // of what the service promises to others; default: that of the program, as it was built
	Description string // may be in CommonMark
}

// Handle registers the endpoint "/$asyncapi" of a service, which answers with its
// document. It has all that is registered when the service begins to listen, but for
// endpoints that begin with "/$": those are for tools. Handle panics as
// [asynccalls.Service.Handle] does.
func Handle(s *asynccalls.Service, i Info, o ...asynccalls.EndpointOption) {
	var once sync.Once
	var body []byte
	var err error
	s.Handle(info.AsyncAPI, func(ctx context.Context, w asynccalls.ResponseWriter, _ *asynccalls.Request) error {
		d, ok := ctx.Value(info.Key{}).(*info.Description)
		if !ok {
			return errors.New("asyncapi: the context is not that of a handler")
		}
		once.Do(func() { body, err = write(i, d) })
		if err != nil {
			return fmt.Errorf("asyncapi: %w", err)
		}
		resp := asynccalls.NewResponse(body)
		resp.Header.Add("content-type", document.MediaType)
		resp.End = true
		return w.Send(ctx, resp)
	}, o...)
}

func write(i Info, d *info.Description) ([]byte, error) {
	if i.Version == "" {
		var built info.Info
		built.Build()
		i.Version = cmp.Or(built.Version, "(devel)")
	}
	return document.New(document.Info(i), d)
}
