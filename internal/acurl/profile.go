package acurl

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// The environment variables about contexts.
const (
	configVariable  = "ACURL_CONFIG"
	contextVariable = "ASYNCCALLS_CONTEXT"
)

// config is what the config file holds.
type config struct {
	Current  string             `toml:"current,omitempty"`
	Contexts map[string]profile `toml:"contexts,omitempty"`
}

// profile is one context: a Kafka, and how to get in.
type profile struct {
	Brokers string       `toml:"brokers"`
	Prefix  string       `toml:"prefix,omitempty"`
	Driver  string       `toml:"driver,omitempty"`
	TLS     *TLS         `toml:"tls,omitempty"`
	SASL    *saslProfile `toml:"sasl,omitempty"`
}

// saslProfile says how to log in. One of the last three has the password, or the
// token of oauthbearer.
type saslProfile struct {
	Mechanism string `toml:"mechanism"`
	User      string `toml:"user,omitempty"`
	Secret    string `toml:"secret,omitempty"`
	File      string `toml:"secret-file,omitempty"`
	Env       string `toml:"secret-env,omitempty"`
}

// configPath returns where the config file is.
func configPath() (string, error) {
	if path := os.Getenv(configVariable); path != "" {
		return path, nil
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("no place for the config file: %w; $%s names it", err, configVariable)
	}
	return filepath.Join(dir, "acurl", "config.toml"), nil
}

// loadConfig reads the config file. One that is not there is empty.
func loadConfig() (*config, error) {
	path, err := configPath()
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return &config{}, nil
	}
	if err != nil {
		return nil, err
	}
	c := &config{}
	err = toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields().Decode(c)
	if strict, ok := errors.AsType[*toml.StrictMissingError](err); ok {
		row, _ := strict.Errors[0].Position()
		return nil, fmt.Errorf("%s:%d: unknown field %q", path, row, strings.Join(strict.Errors[0].Key(), "."))
	}
	if broken, ok := errors.AsType[*toml.DecodeError](err); ok {
		row, _ := broken.Position()
		return nil, fmt.Errorf("%s:%d: %w", path, row, broken)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// save writes the config file as a whole, for its owner alone.
func (c *config) save() error {
	path, err := configPath()
	if err != nil {
		return err
	}
	text, err := toml.Marshal(c)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "config-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err := errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return os.Rename(f.Name(), path)
}

// profile returns a context, or an error that says which there are.
func (c *config) profile(name string) (*profile, error) {
	p, ok := c.Contexts[name]
	if !ok {
		known := strings.Join(slices.Sorted(maps.Keys(c.Contexts)), ", ")
		return nil, fmt.Errorf("there is no context %q, only: %s; acurl context add makes one",
			name, cmp.Or(known, "none"))
	}
	return &p, nil
}
