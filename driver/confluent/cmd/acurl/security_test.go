package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
)

// The user that may do all, and the one that may do nothing.
const (
	alice    = "alice"
	bob      = "bob"
	password = "open-sesame"
)

// What acurl exits with: it got in, and there is no such service; or it got in, and an
// ACL is missing.
const noService, denied = 6, 9

// TestSecurity gets in by librdkafka where franz does.
func TestSecurity(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certificate(t, dir)
	users := []kfake.Opt{kfake.EnableSASL(), kfake.EnableACLs(), kfake.User("PLAIN", bob, password)}
	for _, method := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		users = append(users, kfake.Superuser(method, alice, password))
	}
	open := "-b " + start(t, users...)
	login := "-b " + start(t, append(users, kfake.TLS(speaksTLS(t, dir, tls.NoClientCert)))...)
	mutual := "-b " + start(t, kfake.TLS(speaksTLS(t, dir, tls.RequireAndVerifyClientCert)))
	tests := map[string]struct {
		add  string
		code int
	}{
		"client certificate":    {mutual + " --ca all.pem --cert all.pem --cert-key all.key", noService},
		"plain":                 {login + " --ca all.pem --user alice --secret-file secret --sasl plain", noService},
		"scram 256":             {login + " --ca all.pem --user alice --secret-file secret --sasl scram-sha-256", noService},
		"scram 512":             {login + " --ca all.pem --user alice --secret-file secret --sasl scram-sha-512", noService},
		"plain without TLS":     {open + " --user alice --secret-file secret --sasl plain", noService},
		"scram 512 without TLS": {open + " --user alice --secret-file secret --sasl scram-sha-512", noService},
		"no ACL":                {open + " --user bob --secret-file secret --sasl plain", denied},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := filepath.Join(t.TempDir(), "config.toml")
			if code, said := run(t, dir, config, "context add it --driver confluent "+tt.add); code != 0 {
				t.Fatalf("context add: code %d, %s", code, said)
			}
			if code, said := run(t, dir, config, "call nobody/hello"); code != tt.code {
				t.Errorf("code %d, want %d: %s", code, tt.code, said)
			}
		})
	}
}

// run runs acurl in a directory, and returns its exit code and what it said.
func run(t *testing.T, dir, config, line string) (code int, said string) {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), path, strings.Fields(line)...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), actAs+"=1", "ACURL_CONFIG="+config)
	out, _ := cmd.CombinedOutput() // the code tells
	return cmd.ProcessState.ExitCode(), string(out)
}

// start starts a broker, and returns its address.
func start(t *testing.T, opts ...kfake.Opt) string {
	t.Helper()
	c, err := kfake.NewCluster(append(opts, kfake.NumBrokers(1))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c.ListenAddrs()[0]
}

// speaksTLS is how a broker speaks TLS, with the certificate that all have.
func speaksTLS(t *testing.T, dir string, clients tls.ClientAuthType) *tls.Config {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "all.pem"), filepath.Join(dir, "all.key"))
	if err != nil {
		t.Fatal(err)
	}
	c := &tls.Config{
		Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12,
		ClientCAs: x509.NewCertPool(), ClientAuth: clients,
	}
	c.ClientCAs.AddCert(pair.Leaf)
	return c
}

// certificate writes one for the authority, the brokers and the clients, with its key,
// and a file with the password.
func certificate(t *testing.T, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		BasicConstraintsValid: true, IsCA: true,
		KeyUsage:    x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	public, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{
		"all.pem": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: public}),
		"all.key": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
		"secret":  []byte(password + "\n"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
