//go:build cgo

package confluent

import (
	"bytes"
	"encoding/binary"
	"reflect"

	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
)

// A membership is how a group knows a member: by a name, in a generation. Zero says
// that the client does not tell.
type membership struct {
	id         string
	generation int32
}

// expelled says that the client knows that the group does not know it any more, or
// not in this generation. What it commits then would be of nobody, and a group
// without members takes that: positions would go back.
func (m membership) expelled() bool { return m != membership{} && (m.id == "" || m.generation < 0) }

// membershipOf asks the client, which has it only in what it hands over to a producer
// of transactions.
func membershipOf(c *kafka.Consumer) membership {
	m, err := c.GetConsumerGroupMetadata()
	if err != nil {
		return membership{}
	}
	return membershipIn(serializedIn(m))
}

func serializedIn(m *kafka.ConsumerGroupMetadata) []byte {
	field := reflect.ValueOf(m).Elem().FieldByName("serialized")
	if field.Kind() != reflect.Slice || field.Type().Elem().Kind() != reflect.Uint8 {
		return nil
	}
	return field.Bytes()
}

// membershipIn finds the membership in a version, the number of a generation, and the
// names of the group and of the member.
func membershipIn(serialized []byte) membership {
	const version, generation = "CGMDv2:", 4
	rest, ok := bytes.CutPrefix(serialized, []byte(version))
	if !ok || len(rest) < generation {
		return membership{}
	}
	parts := bytes.SplitN(rest[generation:], []byte{0}, 3)
	if len(parts) < 3 {
		return membership{}
	}
	return membership{string(parts[1]), int32(binary.NativeEndian.Uint32(rest))} //nolint:gosec // it was one
}
