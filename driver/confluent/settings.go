//go:build cgo

package confluent

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
)

// settings are properties of librdkafka by their names, checked, with defaults.
type settings map[string]kafka.ConfigValue

// newSettings checks what a caller gave. It changes nothing of that.
func newSettings(seeds []string, given *kafka.ConfigMap) (settings, error) {
	s := defaults()
	if given != nil {
		for _, name := range slices.Sorted(maps.Keys(*given)) {
			value := (*given)[name]
			if err := check(name, value); err != nil {
				return nil, err
			}
			if canonical, ok := aliases[name]; ok {
				name = canonical
			}
			s[name] = value
		}
	}
	if err := s.checkTogether(); err != nil {
		return nil, err
	}
	if !s.isGiven("go.logs.channel", "debug", "log_level") {
		s["log_level"], s["log.queue"] = 0, true // librdkafka prints otherwise, if only what is fatal
	}
	s["bootstrap.servers"] = strings.Join(seeds, ",")
	return s, nil
}

// check returns an error if a setting breaks the contract.
func check(name string, value kafka.ConfigValue) error {
	r, ok := rules[name]
	switch {
	case ok:
	case strings.HasPrefix(name, "go."), strings.HasPrefix(name, "{topic}."):
		r = rule{why: "the driver sets what the Go client needs"}
	default:
		return nil
	}
	text := fmt.Sprint(value)
	if slices.Contains(r.want, strings.ToLower(text)) || r.fits != nil && r.fits(text) {
		return nil
	}
	advice := "leave it out"
	if len(r.want) > 0 {
		advice += fmt.Sprintf(", or give %q", r.want[0])
	}
	if r.advice != "" {
		advice = r.advice
	}
	return fmt.Errorf("confluent: setting %q is %q: %s; %s", name, text, r.why, advice)
}

// checkTogether returns an error for settings that do not fit each other.
func (s settings) checkTogether() error {
	enabled := s["go.logs.channel.enable"] == true
	if _, ok := s["go.logs.channel"].(chan kafka.LogEvent); ok != enabled {
		return fmt.Errorf("confluent: setting %q is \"%t\": nobody would read the logs, or none would come; "+
			"give it as true together with a channel in %q", "go.logs.channel.enable", enabled, "go.logs.channel")
	}
	mechanism := strings.ToUpper(s.text("sasl.mechanisms"))
	if mechanism == "OAUTHBEARER" && s.text("sasl.oauthbearer.method") != "oidc" &&
		s.text("enable.sasl.oauthbearer.unsecure.jwt") != "true" {
		return fmt.Errorf("confluent: setting %q is %q: nobody would fetch tokens; give %q as %q",
			"sasl.mechanisms", mechanism, "sasl.oauthbearer.method", "oidc")
	}
	return nil
}

func (s settings) isGiven(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { _, ok := s[name]; return ok })
}

// text returns a setting as a string, or nothing if it is not there.
func (s settings) text(name string) string {
	if value, ok := s[name]; ok {
		return fmt.Sprint(value)
	}
	return ""
}

// number returns a setting as a number, or the alternative if it is none.
func (s settings) number(name string, alternative int64) int64 {
	var n int64
	if _, err := fmt.Sscan(s.text(name), &n); err != nil {
		return alternative
	}
	return n
}

// producer returns what a client needs that publishes to topics with a limit.
func (s settings) producer(limit int) *kafka.ConfigMap {
	own := s.without(consumerSettings)
	for name, value := range map[string]kafka.ConfigValue{
		"acks":                              "all",
		"enable.idempotence":                true,
		"max.in.flight":                     1, // see doc.go
		"partitioner":                       "murmur2_random",
		"message.timeout.ms":                0,
		"topic.metadata.propagation.max.ms": int(propagation.Milliseconds()),
		"message.max.bytes":                 min(max(limit, minRequest), maxRequest),
		"batch.size":                        limit,
		"queue.buffering.max.messages":      0, // the buffer of the driver has the bounds
		"queue.buffering.max.kbytes":        math.MaxInt32,
		"go.delivery.report.fields":         "none",
		"go.events.channel.size":            eventsQueue,
		"go.produce.channel.size":           0,
	} {
		own[name] = value
	}
	return &own
}

// consumer returns what a client needs that receives.
func (s settings) consumer(group string) *kafka.ConfigMap {
	own := s.without(producerSettings)
	for name, value := range map[string]kafka.ConfigValue{
		"group.id":                          group,
		"partition.assignment.strategy":     "cooperative-sticky",
		"enable.auto.commit":                false,
		"enable.auto.offset.store":          false,
		"auto.offset.reset":                 "error",
		"topic.metadata.propagation.max.ms": 0, // so that a topic that is deleted is told of at once
		"fetch.error.backoff.ms":            int(errorBackoff.Milliseconds()),
	} {
		own[name] = value
	}
	return &own
}

// without returns a copy without the named settings, of which librdkafka would
// warn.
func (s settings) without(names map[string]bool) kafka.ConfigMap {
	own := make(kafka.ConfigMap, len(s)+len(names))
	for name, value := range s {
		if !names[name] {
			own[name] = value
		}
	}
	return own
}

// bounds returns the bounds of the buffer.
func (s settings) bounds() (records, bytes int64) {
	records = s.number("queue.buffering.max.messages", 0)
	if records <= 0 { // librdkafka takes 0 for no bound
		records = math.MaxInt64
	}
	return records, s.number("queue.buffering.max.kbytes", 1) << 10
}
