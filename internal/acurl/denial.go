package acurl

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// denial is why a broker that is there does not let us in, and what to do.
type denial struct {
	code int
	hint string
}

// denialOf finds out whether an error is one. Trying again does not help then.
func (c *connection) denialOf(err error) (denial, bool) {
	for _, d := range c.others {
		err = errors.Join(err, kerr.ErrorForCode(d.Code(err)))
	}
	for _, d := range []struct {
		is func(error) bool
		denial
	}{
		{isCertificate, denial{
			exitCertificate,
			"Is this the right Kafka? acurl context add --ca FILE says who may sign for it, --server-name for whom.",
		}},
		{isNoTLS, denial{exitTLS, "Does the broker speak TLS there, or want a login? See acurl context add --help."}},
		{isRefusedTLS, denial{
			exitTLS,
			"Does the broker know who signed our certificate? acurl context add --cert FILE --cert-key FILE sets it.",
		}},
		{isRefusedToken, denial{exitLogin, "Is the token right, and not too old?"}},
		{
			isAny(kerr.SaslAuthenticationFailed, kerr.UnsupportedSaslMechanism, kerr.IllegalSaslState),
			denial{exitLogin, "Are mechanism, user and password right? acurl context add sets them anew."},
		},
		{
			isAny(kerr.TopicAuthorizationFailed, kerr.GroupAuthorizationFailed, kerr.ClusterAuthorizationFailed,
				kerr.TransactionalIDAuthorizationFailed),
			denial{exitDenied, "The user of this context needs an ACL for that: kafka-acls.sh adds one."},
		},
	} {
		if d.is(err) {
			return d.denial, true
		}
	}
	return denial{}, false
}

// isAny returns what reports whether an error is one of those.
func isAny(all ...error) func(error) bool {
	return func(err error) bool {
		for _, e := range all {
			if errors.Is(err, e) {
				return true
			}
		}
		return false
	}
}

func isCertificate(err error) bool {
	var verification *tls.CertificateVerificationError
	var invalid x509.CertificateInvalidError
	var name x509.HostnameError
	var authority x509.UnknownAuthorityError
	return errors.As(err, &verification) || errors.As(err, &invalid) || errors.As(err, &name) ||
		errors.As(err, &authority)
}

// isNoTLS reports that one side speaks TLS and the other does not, as far as one
// can tell. What the client guesses from the first bytes has no type.
func isNoTLS(err error) bool {
	var header tls.RecordHeaderError
	var closed *kgo.ErrFirstReadEOF
	return errors.As(err, &header) || errors.As(err, &closed) ||
		strings.Contains(err.Error(), "plaintext connection speaking to a tls endpoint")
}

// isRefusedToken reports that the broker has answered a token with an objection,
// which has no type.
func isRefusedToken(err error) bool {
	return strings.Contains(err.Error(), "unexpected data in oauth response")
}

// isRefusedTLS reports that the other side has sent an alert.
func isRefusedTLS(err error) bool {
	var alert *net.OpError
	return errors.As(err, &alert) && (alert.Op == "remote error" || alert.Op == "local error")
}
