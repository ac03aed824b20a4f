package acurl

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// oauthBearer is the mechanism that logs in by a token, without a user.
const oauthBearer = "oauthbearer"

// mechanism returns the way to log in, or nil if it is not known.
func (s *saslProfile) mechanism() sasl.Mechanism {
	switch s.Mechanism {
	case "plain":
		return plain.Plain(func(context.Context) (plain.Auth, error) {
			secret, err := s.secret()
			return plain.Auth{User: s.User, Pass: secret}, err
		})
	case "scram-sha-256":
		return scram.Sha256(s.scram)
	case "scram-sha-512":
		return scram.Sha512(s.scram)
	case oauthBearer:
		return oauth.Oauth(func(context.Context) (oauth.Auth, error) {
			secret, err := s.secret()
			return oauth.Auth{Token: secret}, err
		})
	default:
		return nil
	}
}

func (s *saslProfile) scram(context.Context) (scram.Auth, error) {
	secret, err := s.secret()
	return scram.Auth{User: s.User, Pass: secret}, err
}

// secret returns the password or token. It looks anew each time: a token does not
// last.
func (s *saslProfile) secret() (string, error) {
	switch {
	case s.File != "":
		text, err := os.ReadFile(s.File)
		return strings.TrimRight(string(text), "\r\n"), err
	case s.Env != "":
		secret := os.Getenv(s.Env)
		if secret == "" {
			return "", fmt.Errorf("$%s is empty, where the password or token should be", s.Env)
		}
		return secret, nil
	default:
		return s.Secret, nil
	}
}

// check says what is wrong with a context.
func (p *profile) check() error {
	if p.Brokers == "" {
		return errors.New("no brokers are given")
	}
	if p.TLS != nil && (p.TLS.Cert == "") != (p.TLS.Key == "") {
		return errors.New("a client certificate needs both its certificate and its key")
	}
	s := p.SASL
	if s == nil {
		return nil
	}
	if s.mechanism() == nil {
		return fmt.Errorf("%q is not plain, scram-sha-256, scram-sha-512 or oauthbearer", s.Mechanism)
	}
	if s.User == "" && s.Mechanism != oauthBearer {
		return fmt.Errorf("%s wants a user", s.Mechanism)
	}
	sources := 0
	for _, source := range []string{s.Secret, s.File, s.Env} {
		if source != "" {
			sources++
		}
	}
	if sources != 1 {
		return fmt.Errorf("the password or token comes from %d places, want one", sources)
	}
	return nil
}

// access returns what another driver needs to get in.
func (p *profile) access() Access {
	a := Access{TLS: p.TLS}
	if s := p.SASL; s != nil {
		a.SASL = &SASL{Mechanism: s.Mechanism, User: s.User, Secret: s.secret}
	}
	return a
}

// options returns what a client needs to get in.
func (p *profile) options() ([]kgo.Opt, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	var all []kgo.Opt
	if p.TLS != nil {
		c, err := p.TLS.config()
		if err != nil {
			return nil, err
		}
		all = append(all, kgo.DialTLSConfig(c))
	}
	if p.SASL != nil {
		if _, err := p.SASL.secret(); err != nil { // better now than in the midst of a login
			return nil, err
		}
		all = append(all, kgo.SASL(p.SASL.mechanism()))
	}
	return all, nil
}

func (t *TLS) config() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName}
	if t.CA != "" {
		text, err := os.ReadFile(t.CA)
		if err != nil {
			return nil, err
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%s holds no certificate in PEM", t.CA)
		}
	}
	if t.Cert != "" {
		pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
		if err != nil {
			return nil, fmt.Errorf("client certificate %s: %w", t.Cert, err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}
