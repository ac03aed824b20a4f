package acurl

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/asynccalls/asynccalls/driver"
)

// mark says what is the matter with a topic.
type mark string

const (
	markSame   mark = "="
	markCreate mark = "+"
	markChange mark = "~"
	markNever  mark = "!" // it differs, and cannot be changed, or must not without a word
)

// change is one difference between what a service needs and what is there.
type change struct {
	Mark  mark   `json:"mark"`
	Topic string `json:"topic"`
	What  string `json:"what,omitempty"`

	create     *driver.Topic
	partitions int32 // to have; 0 for no change
	config     string
	value      string
}

// present is a topic that is there.
type present struct {
	partitions int32
	replicas   int
	config     map[string]string
}

// demand is a topic that a service needs. Partitions and replicas of a topic that
// is there are its own business, unless they are asked for.
type demand struct {
	driver.Topic

	exactPartitions, exactReplicas bool
	mayGrow                        bool
}

// plan compares a topic with what is there; nil is nothing.
func (d *demand) plan(p *present) []change {
	if p == nil {
		return []change{{Mark: markCreate, Topic: d.Name, What: d.whole(), create: &d.Topic}}
	}
	var all []change
	if d.exactPartitions && d.Partitions != p.partitions {
		all = append(all, d.resize(p.partitions))
	}
	if d.exactReplicas && int(d.Replicas) != p.replicas {
		all = append(all, change{
			Mark: markNever, Topic: d.Name,
			What: fmt.Sprintf("replicas %d, not %d: kafka-reassign-partitions.sh changes that", p.replicas, d.Replicas),
		})
	}
	for _, name := range slices.Sorted(maps.Keys(d.Config)) {
		if is, want := p.config[name], d.Config[name]; is != want {
			all = append(all, change{
				Mark: markChange, Topic: d.Name, What: fmt.Sprintf("%s %s -> %s", name, is, want),
				config: name, value: want,
			})
		}
	}
	if len(all) == 0 {
		all = append(all, change{Mark: markSame, Topic: d.Name})
	}
	return all
}

// resize is the change of the number of partitions.
func (d *demand) resize(is int32) change {
	c := change{Mark: markNever, Topic: d.Name, What: fmt.Sprintf("partitions %d -> %d", is, d.Partitions)}
	switch {
	case d.Partitions < is:
		c.What += ": Kafka takes none away"
	case !d.mayGrow:
		c.What += ": keys move to other partitions, and their order is lost until all before is done;" +
			" --more-partitions does it"
	default:
		c.Mark, c.partitions = markChange, d.Partitions
	}
	return c
}

// whole describes a topic that is to be created.
func (d *demand) whole() string {
	words := []string{fmt.Sprintf("%d partitions", d.Partitions)}
	if d.Replicas > 0 {
		words = append(words, fmt.Sprintf("%d replicas", d.Replicas))
	}
	for _, name := range slices.Sorted(maps.Keys(d.Config)) {
		words = append(words, name+"="+d.Config[name])
	}
	return strings.Join(words, ", ")
}
