// Acurl is the command of the same name in cmd/acurl at the root of the
// repository, and calls and serves through librdkafka with --driver confluent. It
// needs cgo.
package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"strings"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/acurl"
	"github.com/confluentinc/confluent-kafka-go/v2/kafka"

	"github.com/asynccalls/asynccalls/driver/confluent"
)

func main() { os.Exit(acurl.Main(acurl.Driver{Name: "confluent", Open: open, Code: code})) }

func open(brokers string, a acurl.Access) (driver.Driver, error) {
	s, err := settings(a)
	if err != nil {
		return nil, fmt.Errorf("driver confluent: %w", err)
	}
	return confluent.Open(brokers, s)
}

// settings returns the settings of librdkafka that say the same.
func settings(a acurl.Access) (*kafka.ConfigMap, error) {
	protocol := "plaintext"
	s := &kafka.ConfigMap{}
	if t := a.TLS; t != nil {
		if t.ServerName != "" {
			return nil, fmt.Errorf("the certificate of a broker is for its host; %q of --server-name can't be wanted",
				t.ServerName)
		}
		protocol = "ssl"
		for name, file := range map[string]string{
			"ssl.ca.location": t.CA, "ssl.certificate.location": t.Cert, "ssl.key.location": t.Key,
		} {
			if file != "" {
				(*s)[name] = file
			}
		}
	}
	if a.SASL != nil {
		protocol = "sasl_" + protocol
		if err := login(s, a.SASL); err != nil {
			return nil, err
		}
	}
	(*s)["security.protocol"] = protocol
	return s, nil
}

// login adds the settings to log in. The secret stays what it is now.
func login(s *kafka.ConfigMap, l *acurl.SASL) error {
	if l.Mechanism == "oauthbearer" {
		return errors.New("librdkafka fetches tokens itself, and takes none; log in otherwise, or by --driver franz")
	}
	secret, err := l.Secret()
	if err != nil {
		return err
	}
	(*s)["sasl.mechanism"] = strings.ToUpper(l.Mechanism)
	(*s)["sasl.username"], (*s)["sasl.password"] = l.User, secret
	return nil
}

// code returns the number of an error in the protocol; those of librdkafka alone
// are negative.
func code(err error) int16 {
	e, ok := errors.AsType[kafka.Error](err)
	if n := e.Code(); ok && n > 0 && n <= math.MaxInt16 {
		return int16(n)
	}
	return 0
}
