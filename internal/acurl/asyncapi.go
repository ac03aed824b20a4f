package acurl

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/document"
	"github.com/asynccalls/asynccalls/internal/info"
)

// document writes the AsyncAPI document of a service: its own, or else what can be said
// of it from outside.
func (d *describe) document(ctx context.Context, service string) error {
	i, err := d.connection.inspector(ctx, d.timeout)
	if err != nil {
		return err
	}
	defer i.close()
	all, err := d.connection.survey(ctx, i.admin, service)
	if err != nil {
		return err
	}
	s := all[0]
	if s.members == 0 {
		return fmt.Errorf("%w: %q: no instance runs that says what it serves", asynccalls.ErrNoService, service)
	}
	doc, err := i.document(ctx, service)
	if err != nil {
		return err
	}
	if doc == nil {
		if doc, err = d.outline(ctx, i, s); err != nil {
			return err
		}
		fmt.Fprintf(d.io.err, "%s has no AsyncAPI document of its own, so there are no schemas; "+
			"asyncapi.Handle gives it one.\n", service)
	}
	_, err = d.io.out.Write(doc)
	return err
}

// document asks for the document of a service. It is nil if the service has none.
func (i *inspector) document(ctx context.Context, service string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, i.timeout)
	defer cancel()
	resp, err := i.service.CallOne(ctx, asynccalls.NewRequest(service, info.AsyncAPI, nil))
	if status, ok := errors.AsType[*asynccalls.Error](err); ok && status.Status == 404 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var head struct {
		AsyncAPI string `json:"asyncapi"`
	}
	if json.Unmarshal(resp.Body, &head) != nil || !strings.HasPrefix(head.AsyncAPI, "3.") {
		return nil, nil // an endpoint for all paths has answered
	}
	return resp.Body, nil
}

// outline returns a document of what the instances of a service and the broker say.
func (d *describe) outline(ctx context.Context, i *inspector, s *standing) ([]byte, error) {
	var found description
	found.ask(ctx, i, s)
	if len(found.Instances) == 0 {
		return nil, cmp.Or(ctx.Err(), timedOut(fmt.Errorf("none of the %d instances of %s has said what it serves",
			s.members, s.service)))
	}
	described := info.Describe(s.service, d.connection.prefix, found.Endpoints, found.Responses)
	described.Topics = make(map[string]driver.Topic)
	for _, t := range s.topics {
		described.Topics[t.kind] = driver.Topic{Partitions: t.partitions, Replicas: int16(t.replicas)}
	}
	version := cmp.Or(found.Instances[0].Version, "unknown")
	return document.New(document.Info{Version: version}, described)
}
