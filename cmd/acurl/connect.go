package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver/franz"
)

// brokersVariable is the environment variable with the addresses of brokers.
const brokersVariable = "ASYNCCALLS_BROKERS"

// defaultBrokers is where acurl broker listens.
const defaultBrokers = "127.0.0.1:9092"

// connectTimeout is how long the broker has to answer for the first time.
const connectTimeout = 5 * time.Second

// connection is which Kafka is used.
type connection struct {
	brokers string
	prefix  string
}

func (c *connection) addFlags(cmd *cobra.Command) {
	f := cmd.PersistentFlags()
	f.StringVarP(&c.brokers, "brokers", "b", presetBrokers(), "`HOST:PORT,…` of Kafka, also by $"+brokersVariable)
	f.StringVar(&c.prefix, "prefix", "", "prefix of all topics and groups")
}

// presetBrokers is where the broker is that no flag names.
func presetBrokers() string { return cmp.Or(os.Getenv(brokersVariable), defaultBrokers) }

// open connects, and checks that somebody answers.
func (c *connection) open(ctx context.Context) (*franz.Driver, error) {
	d, err := franz.Open(c.brokers)
	if err != nil {
		return nil, &failure{err: err, code: exitUsage}
	}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	if _, err := d.Topics(ctx, c.prefix+"acurl.replies"); err != nil {
		return nil, errors.Join(c.failed(fmt.Errorf("connect to %s: %w", c.brokers, err), 0), d.Close())
	}
	return d, nil
}

// service returns a service of this process.
func (c *connection) service(id string, d *franz.Driver, o ...asynccalls.Option) (*asynccalls.Service, error) {
	return asynccalls.New(id, d, append(o, asynccalls.Topics{Prefix: c.prefix})...)
}

// target splits SERVICE/ENDPOINT.
func target(text string) (service, endpoint string, err error) {
	service, rest, ok := strings.Cut(text, "/")
	if !ok || service == "" {
		return "", "", fmt.Errorf("%q is not SERVICE/ENDPOINT, such as a-money-broker/show-me-the-money", text)
	}
	return service, "/" + rest, nil
}
