package document

import (
	"bytes"
	"encoding/json"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/asynccalls/asynccalls/internal/info"
)

// Version is that of AsyncAPI.
const Version = "3.0.0"

// MediaType is that of a document.
const MediaType = "application/vnd.aai.asyncapi+json;version=" + Version

// kafkaBinding is the version of AsyncAPI's bindings for Kafka.
const kafkaBinding = "0.5.0"

// Info is the head of a document.
type Info struct {
	Title       string `json:"title"`
	Version     string `json:"version"`
	Description string `json:"description,omitempty"`
}

// New returns a document of a service as indented JSON. The same service has the same
// document, byte for byte.
func New(i Info, d *info.Description) ([]byte, error) {
	w := newWriter(i, d)
	w.write()
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	err := encoder.Encode(w.document)
	return b.Bytes(), err
}

// document is an AsyncAPI document, as far as it is needed here.
type document struct {
	AsyncAPI   string                `json:"asyncapi"`
	Info       Info                  `json:"info"`
	Channels   map[string]*channel   `json:"channels"`
	Operations map[string]*operation `json:"operations"`
	Components components            `json:"components"`
}

type components struct {
	Messages        map[string]*message           `json:"messages"`
	MessageTraits   map[string]messageTrait       `json:"messageTraits"`
	OperationTraits map[string]operationTrait     `json:"operationTraits"`
	Schemas         map[string]*jsonschema.Schema `json:"schemas,omitempty"`
}

type channel struct {
	Address     string               `json:"address"`
	Description string               `json:"description"`
	Messages    map[string]reference `json:"messages"`
	Parameters  map[string]parameter `json:"parameters,omitempty"`
	Bindings    *channelBindings     `json:"bindings,omitempty"`
}

type parameter struct {
	Description string   `json:"description"`
	Enum        []string `json:"enum,omitempty"`
}

type operation struct {
	Action      string      `json:"action"`
	Title       string      `json:"title"`
	Description string      `json:"description,omitempty"`
	Channel     reference   `json:"channel"`
	Messages    []reference `json:"messages"`
	Reply       *reply      `json:"reply,omitempty"`
	Traits      []reference `json:"traits,omitempty"`
	Extension   *extension  `json:"x-asynccalls,omitempty"`
}

type reply struct {
	Channel  reference   `json:"channel"`
	Messages []reference `json:"messages"`
}

type message struct {
	Title       string             `json:"title"`
	Description string             `json:"description,omitempty"`
	ContentType string             `json:"contentType,omitempty"`
	Headers     *jsonschema.Schema `json:"headers"`
	Payload     *jsonschema.Schema `json:"payload,omitempty"`
	Traits      []reference        `json:"traits,omitempty"`
}

// messageTrait is what messages have in common. It is merged into them.
type messageTrait struct {
	Headers  *jsonschema.Schema `json:"headers"`
	Bindings messageBindings    `json:"bindings"`
}

// operationTrait is what operations have in common.
type operationTrait struct {
	Bindings operationBindings `json:"bindings"`
}

type reference struct {
	Ref string `json:"$ref"`
}

type channelBindings struct {
	Kafka kafkaChannel `json:"kafka"`
}

type kafkaChannel struct {
	Partitions int32          `json:"partitions,omitempty"`
	Replicas   int16          `json:"replicas,omitempty"`
	Config     map[string]any `json:"topicConfiguration,omitempty"`
	Version    string         `json:"bindingVersion"`
}

type operationBindings struct {
	Kafka kafkaOperation `json:"kafka"`
}

type kafkaOperation struct {
	Group   *jsonschema.Schema `json:"groupId"`
	Version string             `json:"bindingVersion"`
}

type messageBindings struct {
	Kafka kafkaMessage `json:"kafka"`
}

type kafkaMessage struct {
	Key     *jsonschema.Schema `json:"key"`
	Version string             `json:"bindingVersion"`
}

// extension is what AsyncAPI has no words for.
type extension struct {
	Service   string `json:"service,omitempty"` // that responds
	Pattern   string `json:"pattern"`
	Timeout   string `json:"timeout,omitempty"`
	Attempts  int    `json:"attempts,omitempty"`
	Responses string `json:"responses,omitempty"` // "one" or "any"
}
