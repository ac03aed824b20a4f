package document

import (
	"cmp"
	"fmt"
	"reflect"
	"strconv"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/asynccalls/asynccalls/internal/info"
	"github.com/asynccalls/asynccalls/internal/topics"
)

// The keys of channels, and of messages that are the same for all endpoints. Those of
// other services have a "." in them.
const (
	requests  = "requests"
	responses = "responses"
	replies   = "replies"
	dead      = "dead"
	failed    = "error"
	ended     = "end"
)

// writer writes a document.
type writer struct {
	service  *info.Description
	document *document
	schemas  *schemas
}

func newWriter(i Info, d *info.Description) *writer {
	i.Title = cmp.Or(i.Title, d.Service)
	return &writer{d, &document{
		AsyncAPI:   Version,
		Info:       i,
		Channels:   make(map[string]*channel),
		Operations: make(map[string]*operation),
		Components: components{
			Messages:        make(map[string]*message),
			MessageTraits:   traits(),
			OperationTraits: map[string]operationTrait{consumed: {group(d.Prefix + d.Service)}},
		},
	}, newSchemas()}
}

func (w *writer) write() {
	for _, h := range w.service.Endpoints {
		w.schemas.add(h.In, h.Out)
	}
	for _, h := range w.service.Responses {
		w.schemas.add(h.In)
	}
	w.document.Components.Schemas = w.schemas.make()
	for _, h := range w.service.Endpoints {
		if !info.Reserved(h.Pattern) {
			w.endpoint(h)
		}
	}
	for _, h := range w.service.Responses {
		w.responses(h)
	}
	w.dead()
}

// endpoint writes what is received and sent at an endpoint.
func (w *writer) endpoint(h info.Handler) {
	at := key(h.Pattern)
	request := w.message("request."+at, &message{
		Title:       "Request to " + h.Pattern,
		ContentType: contentType(h.In),
		Headers:     headers("^1 [csn] [^ ]+ " + expression(h.Pattern) + " [^ ]+( [^ ]+)*$"),
		Traits:      messageTraits(aRequest),
	}, h.In)
	response := w.message("response."+at, &message{
		Title:       "Response of " + h.Pattern,
		ContentType: contentType(h.Out),
		Headers:     headers(responseTo(w.service.Service, h.Pattern) + markResponse),
		Traits:      messageTraits(aResponse),
	}, h.Out)
	answers := []string{response, w.failed()}
	count := "one"
	if !h.Unary {
		answers = append(answers, w.ended())
		count = "any"
	}
	in, out := w.requests(w.service.Service), w.replies()
	w.document.Operations["serve."+at] = &operation{
		Action:      "receive",
		Title:       h.Pattern,
		Description: "Who sends a one-way request gets no response.",
		Channel:     w.channel(in),
		Messages:    w.through(in, request),
		Reply:       &reply{w.channel(out), w.through(out, answers...)},
		Traits:      operationTraits(consumed),
		Extension:   &extension{Pattern: h.Pattern, Timeout: h.Timeout, Attempts: h.Attempts, Responses: count},
	}
}

// responses writes which responses of another service are handled, and to which requests.
func (w *writer) responses(h info.Handler) {
	at := h.Service + "." + key(h.Pattern)
	request := w.message("to."+at, &message{
		Title:   "Request to " + h.Service + h.Pattern,
		Headers: headers("^1 s [^ ]+ " + expression(h.Pattern) + " " + w.service.Service + "( [^ ]+)?$"),
		Traits:  messageTraits(aRequest),
	}, nil)
	response := w.message("from."+at, &message{
		Title:       "Response of " + h.Service + h.Pattern,
		ContentType: contentType(h.In),
		Headers:     headers(durableTo(h.Service, h.Pattern) + markResponse),
		Traits:      messageTraits(aResponse),
	}, h.In)
	in, out := w.own(responses, topics.Responses, "Responses to durable requests that this service sent."),
		w.requests(h.Service)
	answers := w.through(in, response, w.failed(), w.ended())
	w.document.Operations["handle."+at] = &operation{
		Action:    "receive",
		Title:     "Responses of " + h.Service + h.Pattern,
		Channel:   w.channel(in),
		Messages:  answers,
		Traits:    operationTraits(consumed),
		Extension: &extension{Service: h.Service, Pattern: h.Pattern, Timeout: h.Timeout, Attempts: h.Attempts},
	}
	w.document.Operations["send."+at] = &operation{
		Action:      "send",
		Title:       "Requests to " + h.Service + h.Pattern,
		Description: "Durable requests; the service has a handler for their responses.",
		Channel:     w.channel(out),
		Messages:    w.through(out, request),
		Reply:       &reply{w.channel(in), answers},
		Extension:   &extension{Service: h.Service, Pattern: h.Pattern},
	}
}

// dead writes what becomes of messages that can't be handled.
func (w *writer) dead() {
	m := w.message(dead, &message{
		Title:       "Dead letter",
		Description: "Key, value and all other headers are those of the message that could not be handled.",
		Headers: &jsonschema.Schema{
			Type: "object",
			Properties: map[string]*jsonschema.Schema{
				"ac-error": {Type: "string", Description: "Why, for people."},
				"ac-dead":  {Type: "string", Pattern: "^1 ", Description: "Where the message comes from."},
			},
			PropertyOrder: []string{"ac-error", "ac-dead"},
			Required:      []string{"ac-error", "ac-dead"},
		},
	}, nil)
	c := w.own(dead, topics.Dead, "Messages that this service could not handle, for people and tools.")
	w.document.Operations[dead] = &operation{
		Action:      "send",
		Title:       "Dead letters",
		Description: "What could not be handled after all attempts, or can't be read.",
		Channel:     w.channel(c),
		Messages:    w.through(c, m),
	}
}

// failed writes the response that says that a call failed.
func (w *writer) failed() string {
	return w.message(failed, &message{
		Title:       "Error",
		Description: "The end of a call that failed, with the status of the error and its text.",
		ContentType: "text/plain",
		Headers:     headers(anyResponse + " e[45][0-9]{2}$"),
		Payload:     &jsonschema.Schema{Type: "string"},
		Traits:      messageTraits(aResponse),
	}, nil)
}

// ended writes the end of a call that is no response.
func (w *writer) ended() string {
	return w.message(ended, &message{
		Title:       "End",
		Description: "The end of a call, behind its last response. It has no value.",
		Headers:     headers(anyResponse + " b$"),
		Traits:      messageTraits(aResponse),
	}, nil)
}

// message adds a message with values of a type, nil for any bytes, and returns its key.
func (w *writer) message(key string, m *message, t reflect.Type) string {
	if t != nil {
		var err error
		if m.Payload, err = w.schemas.of(t); err != nil {
			m.Description = "There is no schema: " + err.Error() + "."
		}
	}
	w.document.Components.Messages[key] = m
	return key
}

// requests adds the channel of requests to a service, and returns its key.
func (w *writer) requests(service string) string {
	if service == w.service.Service {
		return w.own(requests, topics.Requests, "Requests to this service. The endpoint is in the header ac.")
	}
	return w.add(service+"."+requests, &channel{
		Address:     w.service.Prefix + service + topics.Requests,
		Description: "Requests to " + service + ". The endpoint is in the header ac.",
	})
}

// replies adds the channel of responses to callers, and returns its key.
func (w *writer) replies() string {
	return w.add(replies, &channel{
		Address:     w.service.Prefix + "{caller}.{kind}",
		Description: "Responses to those who sent requests.",
		Parameters: map[string]parameter{
			"caller": {Description: "The service that sent the request. It is in the header ac of the request."},
			"kind": {
				Description: "replies to an awaited request, in its partition; responses to a durable one.",
				Enum:        []string{topics.Replies[1:], topics.Responses[1:]},
			},
		},
	})
}

// own adds a channel that is a topic of the service, and returns its key.
func (w *writer) own(key, kind, description string) string {
	c := &channel{Address: w.service.Prefix + w.service.Service + kind, Description: description}
	if t, ok := w.service.Topics[kind]; ok {
		kafka := kafkaChannel{Partitions: t.Partitions, Replicas: t.Replicas, Version: kafkaBinding}
		for name, value := range t.Config {
			if kafka.Config == nil {
				kafka.Config = make(map[string]any)
			}
			kafka.Config[name] = value
			if n, err := strconv.ParseInt(value, 10, 64); err == nil {
				kafka.Config[name] = n
			}
		}
		c.Bindings = &channelBindings{kafka}
	}
	return w.add(key, c)
}

// add adds a channel unless it is there, and returns its key.
func (w *writer) add(key string, c *channel) string {
	if w.document.Channels[key] == nil {
		c.Messages = make(map[string]reference)
		w.document.Channels[key] = c
	}
	return key
}

func (w *writer) channel(key string) reference { return reference{"#/channels/" + key} }

// through adds messages to a channel, and returns where they are.
func (w *writer) through(channel string, messages ...string) []reference {
	var all []reference
	for _, m := range messages {
		w.document.Channels[channel].Messages[m] = reference{"#/components/messages/" + m}
		all = append(all, reference{fmt.Sprintf("#/channels/%s/messages/%s", channel, m)})
	}
	return all
}

// group names the consumer group of a service.
func group(name string) operationBindings {
	return operationBindings{kafkaOperation{&jsonschema.Schema{Type: "string", Enum: []any{name}}, kafkaBinding}}
}

func messageTraits(name string) []reference {
	return []reference{{"#/components/messageTraits/" + name}}
}

func operationTraits(name string) []reference {
	return []reference{{"#/components/operationTraits/" + name}}
}
