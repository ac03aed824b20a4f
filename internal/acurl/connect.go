package acurl

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
)

// brokersVariable is the environment variable with the addresses of brokers.
const brokersVariable = "ASYNCCALLS_BROKERS"

// defaultBrokers is where acurl broker listens.
const defaultBrokers = "127.0.0.1:9092"

// admissionTimeout is how long it takes at most to find out that an ACL is missing.
const admissionTimeout = 2 * time.Second

// connectTimeout is how long the broker has to answer for the first time, and
// connectPause the time between two tries.
const (
	connectTimeout = 3 * time.Second
	connectPause   = 100 * time.Millisecond
)

const connectHelp = `Which Kafka: --brokers, or else the context of --context or $` + contextVariable + `, or else
$` + brokersVariable + `, or else the current context (acurl context use), or else ` + defaultBrokers + `.
--brokers without --context uses no context, so that nobody else gets its password.`

// connection is which Kafka is used.
type connection struct {
	brokers string
	prefix  string
	context string

	driver  string    // its name; empty means franz
	others  []Driver  // that there are beside franz
	access  Access    // how to get in
	options []kgo.Opt // the same, for franz-go
	problem error     // that was found while the command line was read
}

func (c *connection) addFlags(cmd *cobra.Command) {
	f := cmd.PersistentFlags()
	f.StringVarP(&c.brokers, "brokers", "b", "", "`HOST:PORT,…` of Kafka; default: $"+brokersVariable+
		", the current context, or "+defaultBrokers)
	f.StringVar(&c.context, "context", "", "use the Kafka of this context; default: $"+contextVariable)
	f.StringVar(&c.prefix, "prefix", "", "prefix of all topics and groups; default: that of the context")
	c.choiceFlag(cmd)
	cmd.PersistentPreRun = func(cmd *cobra.Command, _ []string) { c.resolve(cmd) }
}

// presetBrokers is where the broker is that nothing else names.
func presetBrokers() string { return cmp.Or(os.Getenv(brokersVariable), defaultBrokers) }

// resolve finds out which Kafka is meant. What is wrong shows when it is needed.
func (c *connection) resolve(cmd *cobra.Command) {
	name := cmp.Or(c.context, os.Getenv(contextVariable))
	if c.brokers != "" && c.context == "" {
		return
	}
	if name == "" && os.Getenv(brokersVariable) != "" {
		c.brokers = os.Getenv(brokersVariable)
		return
	}
	file, err := loadConfig()
	if err != nil {
		c.problem = &failure{err: err, code: exitUsage}
		return
	}
	name = cmp.Or(name, file.Current)
	if name == "" {
		c.brokers = cmp.Or(c.brokers, defaultBrokers)
		return
	}
	if err := c.enter(file, name, cmd.Flags().Changed("prefix")); err != nil {
		c.problem = &failure{err: fmt.Errorf("context %q: %w", name, err), code: exitUsage}
	}
}

// enter takes over a context.
func (c *connection) enter(file *config, name string, prefixed bool) error {
	p, err := file.profile(name)
	if err != nil {
		return err
	}
	c.brokers = cmp.Or(c.brokers, p.Brokers)
	if !prefixed {
		c.prefix = p.Prefix
	}
	c.driver, c.access = cmp.Or(c.driver, p.Driver), p.access()
	c.options, err = p.options()
	return err
}

// open connects, and checks that somebody answers.
func (c *connection) open(ctx context.Context) (driver.Driver, error) {
	if c.problem != nil {
		return nil, c.problem
	}
	d, err := c.connect()
	if err != nil {
		return nil, &failure{err: err, code: exitUsage}
	}
	if err := c.await(ctx); err != nil {
		return nil, errors.Join(c.failed(fmt.Errorf("connect to %s: %w", c.brokers, err), 0), d.Close())
	}
	return d, nil
}

// client returns a client without the driver, to administrate.
func (c *connection) client(more ...kgo.Opt) (*kgo.Client, error) {
	seeds := kgo.SeedBrokers(strings.Split(c.brokers, ",")...)
	return kgo.NewClient(slices.Concat(c.options, []kgo.Opt{seeds}, more)...)
}

// await waits until a broker answers, but not if it lets nobody in.
func (c *connection) await(ctx context.Context) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	defer client.Close()
	waiting, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	for {
		err := client.Ping(waiting)
		if err == nil {
			return nil
		}
		if _, denied := c.denialOf(err); denied {
			return err
		}
		pause := time.NewTimer(connectPause)
		select {
		case <-pause.C:
		case <-waiting.Done():
			pause.Stop()
			if ctx.Err() != nil {
				return fmt.Errorf("%w: %w", ctx.Err(), err)
			}
			return err
		}
	}
}

// service returns a service of this process.
func (c *connection) service(id string, d driver.Driver, o ...asynccalls.Option) (*asynccalls.Service, error) {
	return asynccalls.New(id, d, append(o, asynccalls.Topics{Prefix: c.prefix})...)
}

// clientID is what acurl calls itself.
const clientID = "acurl"

// caller returns a service for calls that take so long at most.
func (c *connection) caller(d driver.Driver, timeout time.Duration) (*asynccalls.Service, error) {
	return c.service(clientID, d, asynccalls.Limits{MaxCall: max(10*time.Minute, timeout)},
		asynccalls.Topics{Prefix: c.prefix, ReplyRetention: max(time.Hour, 2*timeout)})
}

// admitted makes sure that a service may do what it needs for calls. What is only
// slow is left to the call.
func (c *connection) admitted(ctx context.Context, s *asynccalls.Service) error {
	ctx, cancel := context.WithTimeout(ctx, admissionTimeout)
	defer cancel()
	if err := s.Ready(ctx); err != nil {
		if _, denied := c.denialOf(err); denied {
			return err
		}
	}
	return nil
}

// target splits SERVICE/ENDPOINT.
func target(text string) (service, endpoint string, err error) {
	service, rest, ok := strings.Cut(text, "/")
	if !ok || service == "" {
		return "", "", fmt.Errorf("%q is not SERVICE/ENDPOINT, such as a-money-broker/show-me-the-money", text)
	}
	return service, "/" + rest, nil
}
