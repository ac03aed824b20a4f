package acurl

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/driver/franz"
)

// A Driver is another way to Kafka for the services of acurl, to call and to serve.
// What acurl does as an administrator goes by franz-go.
type Driver struct {
	Name string // what --driver calls it

	// Open returns a driver. It need not wait for a broker: acurl does. An error
	// means that the command line or the context is not right.
	Open func(brokers string, a Access) (driver.Driver, error)

	// Code returns the number that an error has in the protocol of Kafka, or 0.
	Code func(error) int16
}

// Access says how to get into a Kafka, as a context does.
type Access struct {
	TLS  *TLS  // nil means none
	SASL *SASL // nil means no login
}

// TLS says how to speak TLS. Files are PEM.
type TLS struct {
	CA         string `toml:"ca,omitempty"`          // empty means the system's authorities
	Cert       string `toml:"cert,omitempty"`        // with its Key, or empty
	Key        string `toml:"key,omitempty"`         // not encrypted
	ServerName string `toml:"server-name,omitempty"` // empty means the host of each broker
}

// SASL says how to log in.
type SASL struct {
	Mechanism string                 // plain, scram-sha-256, scram-sha-512 or oauthbearer
	User      string                 // empty with oauthbearer
	Secret    func() (string, error) // the password or token, as it is at that time
}

// franzDriver is the driver that there is always.
const franzDriver = "franz"

// choiceFlag adds the flag that chooses a driver, if there is more than one.
func (c *connection) choiceFlag(cmd *cobra.Command) {
	if len(c.others) == 0 {
		return
	}
	names := c.driverNames()
	cmd.PersistentFlags().StringVar(&c.driver, "driver", "", "call and serve by this `NAME`: "+
		strings.Join(names, " or ")+"; default: that of the context, or "+franzDriver)
	_ = cmd.RegisterFlagCompletionFunc("driver", cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp))
}

func (c *connection) driverNames() []string {
	names := []string{franzDriver}
	for _, d := range c.others {
		names = append(names, d.Name)
	}
	return names
}

// connect returns the driver that was chosen.
func (c *connection) connect() (driver.Driver, error) {
	open, err := c.choose(c.driver)
	if err != nil {
		return nil, err
	}
	return open()
}

// choose returns what opens the driver of a name; that without a name is franz.
func (c *connection) choose(name string) (func() (driver.Driver, error), error) {
	if cmp.Or(name, franzDriver) == franzDriver {
		return func() (driver.Driver, error) { return franz.Open(c.brokers, c.options...) }, nil
	}
	for _, d := range c.others {
		if d.Name == name {
			return func() (driver.Driver, error) { return d.Open(c.brokers, c.access) }, nil
		}
	}
	return nil, fmt.Errorf("there is no driver %q, only: %s", name, strings.Join(c.driverNames(), ", "))
}
