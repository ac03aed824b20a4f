package acurl

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

// contexts is the commands about contexts.
type contexts struct {
	io         *streams
	connection *connection

	profile profile
	tls     TLS
	sasl    saslProfile
	useTLS  bool
	stdin   bool
	use     bool
}

const contextHelp = `A context is a Kafka and how to get in: brokers, prefix, TLS and login. Contexts are kept in
$` + configVariable + `, or acurl/config.toml in the user's config directory, which only its owner can
read. A password is never an argument: it is asked for, or comes from stdin, a file, or the
environment.`

func newContext(io *streams, connection *connection) *cobra.Command {
	cmd := &cobra.Command{Use: "context", Short: "Name Kafkas, and how to get in", Long: contextHelp}
	c := &contexts{io: io}
	cmd.AddCommand(newContextAdd(io, connection), c.listing(), c.using(), c.removing())
	return cmd
}

func newContextAdd(io *streams, connection *connection) *cobra.Command {
	c := &contexts{io: io, connection: connection}
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "Add a context, or replace one",
		Long: `Add adds a context, or replaces one as a whole. The first one becomes the current.

` + contextHelp,
		Example: `  acurl context add local --brokers 127.0.0.1:9092
  acurl context add staging --brokers kafka-1:9093,kafka-2:9093 --prefix staging. \
    --ca ca.pem --sasl scram-sha-512 --user me
  acurl context add prod --brokers kafka:9094 --ca ca.pem --cert me.pem --cert-key me.key
  vault read -field=password kafka | acurl context add prod -b kafka:9093 --tls --sasl plain \
    --user me --secret-stdin
  acurl context add jobs -b kafka:9093 --tls --sasl oauthbearer --secret-file /run/token`,
		Args: cobra.ExactArgs(1),
		RunE: c.add,
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.BoolVar(&c.useTLS, "tls", false, "speak TLS; the other flags about TLS imply it")
	f.StringVar(&c.tls.CA, "ca", "", "PEM `FILE` of those who may sign for the brokers; default: the system's")
	f.StringVar(&c.tls.Cert, "cert", "", "PEM `FILE` with a client certificate")
	f.StringVar(&c.tls.Key, "cert-key", "", "PEM `FILE` with its key")
	f.StringVar(&c.tls.ServerName, "server-name", "", "`NAME` in the brokers' certificates; default: their hosts")
	f.StringVar(&c.sasl.Mechanism, "sasl", "", "log in by plain, scram-sha-256, scram-sha-512 or oauthbearer")
	f.StringVar(&c.sasl.User, "user", "", "log in as `USER`")
	f.BoolVar(&c.stdin, "secret-stdin", false, "read the password or token from stdin")
	f.StringVar(&c.sasl.File, "secret-file", "", "the password or token is in `FILE`, read at each login")
	f.StringVar(&c.sasl.Env, "secret-env", "", "the password or token is in the environment variable `NAME`")
	f.BoolVar(&c.use, "use", false, "make it the current context")
	return cmd
}

func (c *contexts) add(cmd *cobra.Command, args []string) error {
	file, err := loadConfig()
	if err != nil {
		return err
	}
	if err := c.complete(cmd); err != nil {
		return err
	}
	if file.Contexts == nil {
		file.Contexts = make(map[string]profile)
	}
	file.Contexts[args[0]] = c.profile
	if c.use || file.Current == "" {
		file.Current = args[0]
	}
	if err := file.save(); err != nil {
		return err
	}
	if c.profile.SASL != nil && c.profile.TLS == nil {
		fmt.Fprintln(c.io.err, "Without TLS, all that is sent can be read on the network;"+
			" with plain and oauthbearer the secret too.")
	}
	fmt.Fprintf(c.io.err, "Context %s is added. The current context is %s.\n", args[0], file.Current)
	return nil
}

// complete makes the context of what the flags say.
func (c *contexts) complete(cmd *cobra.Command) error {
	given := func(name string) string { // not what the present context says
		if f := cmd.Flag(name); f != nil && f.Changed {
			return f.Value.String()
		}
		return ""
	}
	c.profile.Brokers, c.profile.Prefix = given("brokers"), given("prefix")
	if c.profile.Brokers == "" {
		return errors.New("--brokers is missing")
	}
	c.profile.Driver = given("driver")
	if _, err := c.connection.choose(c.profile.Driver); err != nil {
		return err
	}
	if c.useTLS || c.tls != (TLS{}) {
		c.profile.TLS = &c.tls
	}
	if c.sasl != (saslProfile{}) || c.stdin {
		c.profile.SASL = &c.sasl
		if err := c.askSecret(); err != nil {
			return err
		}
	}
	return c.profile.check()
}

// askSecret gets the password or token, unless it is elsewhere.
func (c *contexts) askSecret() error {
	s := &c.sasl
	keyboard, _ := c.io.in.(*keyboard)
	switch {
	case c.stdin:
		line, err := bufio.NewReader(c.io.in).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		s.Secret = strings.TrimRight(line, "\r\n")
	case s.File != "" || s.Env != "" || s.mechanism() == nil:
	case keyboard != nil && isTerminal(keyboard):
		secret, err := keyboard.password("Password or token: ")
		if err != nil {
			return err
		}
		s.Secret = secret
	default:
		return errors.New("no password or token: --secret-stdin, --secret-file or --secret-env says where it is")
	}
	return nil
}

func (c *contexts) listing() *cobra.Command {
	return &cobra.Command{
		Use: "ls", Short: "List the contexts, without their secrets", Args: cobra.NoArgs,
		Example: "  acurl context ls",
		RunE: func(*cobra.Command, []string) error {
			file, err := loadConfig()
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(c.io.out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, " \tNAME\tBROKERS\tPREFIX\tTLS\tLOGIN")
			for _, name := range slices.Sorted(maps.Keys(file.Contexts)) {
				p, current, tls, login := file.Contexts[name], " ", "no", "none"
				if name == file.Current {
					current = "*"
				}
				if p.TLS != nil {
					tls = "yes"
				}
				if p.SASL != nil {
					login = strings.TrimSpace(p.SASL.Mechanism + " " + p.SASL.User)
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", current, name, p.Brokers, p.Prefix, tls, login)
			}
			return w.Flush()
		},
	}
}

func (c *contexts) using() *cobra.Command {
	const example = "  acurl context use staging"
	return c.named("use NAME", "Make a context the current one", example, func(file *config, name string) string {
		file.Current = name
		return fmt.Sprintf("The current context is %s.", name)
	})
}

func (c *contexts) removing() *cobra.Command {
	const example = "  acurl context rm staging"
	return c.named("rm NAME", "Remove a context", example, func(file *config, name string) string {
		delete(file.Contexts, name)
		if file.Current == name {
			file.Current = ""
		}
		return fmt.Sprintf("Context %s is removed.", name)
	})
}

// named is a command that changes the config file with a context that is there.
func (c *contexts) named(use, short, example string, change func(*config, string) string) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Example: example, Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			file, err := loadConfig()
			if err != nil {
				return err
			}
			if _, err := file.profile(args[0]); err != nil {
				return err
			}
			done := change(file, args[0])
			if err := file.save(); err != nil {
				return err
			}
			fmt.Fprintln(c.io.err, done)
			return nil
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			file, err := loadConfig()
			if err != nil || len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return slices.Sorted(maps.Keys(file.Contexts)), cobra.ShellCompDirectiveNoFileComp
		},
	}
}
