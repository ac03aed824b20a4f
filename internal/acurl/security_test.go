package acurl

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// The user that may do all, and the one that may do nothing.
const (
	alice  = "alice"
	bob    = "bob"
	secret = "open-sesame"
)

// secured is a Kafka that does not let everybody in: the addresses of its listeners.
type secured struct {
	open    string // plaintext, no login
	login   string // TLS and a login
	mutual  string // TLS, with certificates of clients
	expired string // TLS, with a certificate that is too old
	fake    bool   // it has no oauthbearer, and closes connections without a word
}

// TestSecurity gets in where it may, and says why where it may not: in one line and a
// hint, by an exit code of its own, without the secret.
func TestSecurity(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(*testing.T, string) *secured{"fake": fakeSecured, "kafka": kafkaSecured} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			ours, theirs := newAuthority(t, dir, "ours"), newAuthority(t, dir, "theirs")
			ours.issue(t, "server", time.Now().Add(time.Hour))
			ours.issue(t, "old", time.Now().Add(-time.Minute))
			ours.issue(t, "me", time.Now().Add(time.Hour))
			theirs.issue(t, "stranger", time.Now().Add(time.Hour))
			k := start(t, dir)
			for name, tt := range k.cases() {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					switch {
					case k.fake && strings.Contains(tt.add, "oauthbearer"):
						return
					case k.fake && (tt.code == exitLogin || name == "tls where there is none"):
						tt.code, tt.says = exitConnect, ""
					}
					tt.check(t, dir)
				})
			}
		})
	}
}

// entry is one way to get in.
type entry struct {
	add  string // the arguments of context add, in the directory of certificates
	code int
	says string
}

func (k *secured) cases() map[string]entry {
	tls, mutual, login := "--ca ours.pem", "--ca ours.pem --cert me.pem --cert-key me.key", "--secret-file secret --user alice "
	return map[string]entry{
		"open":                    {"-b " + k.open, exitOK, ""},
		"client certificate":      {"-b " + k.mutual + " " + mutual, exitOK, ""},
		"plain":                   {"-b " + k.login + " " + tls + " --sasl plain " + login, exitOK, ""},
		"scram 256":               {"-b " + k.login + " " + tls + " --sasl scram-sha-256 " + login, exitOK, ""},
		"scram 512":               {"-b " + k.login + " " + tls + " --sasl scram-sha-512 " + login, exitOK, ""},
		"token":                   {"-b " + k.login + " " + tls + " --sasl oauthbearer --secret-file token", exitOK, ""},
		"named server":            {"-b " + k.mutual + " " + mutual + " --server-name localhost", exitOK, ""},
		"wrong password":          {"-b " + k.login + " " + tls + " --sasl plain --secret-file token --user alice", exitLogin, "SASL_AUTHENTICATION_FAILED"},
		"wrong scram password":    {"-b " + k.login + " " + tls + " --sasl scram-sha-256 --secret-file token --user alice", exitLogin, "SASL_AUTHENTICATION_FAILED"},
		"unknown user":            {"-b " + k.login + " " + tls + " --sasl plain --secret-file secret --user eve", exitLogin, "SASL_AUTHENTICATION_FAILED"},
		"wrong token":             {"-b " + k.login + " " + tls + " --sasl oauthbearer --secret-file secret", exitLogin, "oauth"},
		"no login":                {"-b " + k.login + " " + tls, exitTLS, ""},
		"unknown authority":       {"-b " + k.login + " --ca theirs.pem", exitCertificate, "signed by unknown authority"},
		"system's authorities":    {"-b " + k.login + " --tls", exitCertificate, "signed by unknown authority"},
		"other server":            {"-b " + k.login + " --ca ours.pem --server-name kafka.example", exitCertificate, "not kafka.example"},
		"expired":                 {"-b " + k.expired + " --ca ours.pem", exitCertificate, "certificate has expired"},
		"no certificate":          {"-b " + k.mutual + " --ca ours.pem", exitTLS, ""},
		"strange certificate":     {"-b " + k.mutual + " --ca ours.pem --cert stranger.pem --cert-key stranger.key", exitTLS, ""},
		"too old certificate":     {"-b " + k.mutual + " --ca ours.pem --cert old.pem --cert-key old.key", exitTLS, ""},
		"tls where there is none": {"-b " + k.open + " --tls", exitTLS, ""},
		"no tls where there is":   {"-b " + k.mutual, exitTLS, ""},
		"no ACL":                  {"-b " + k.login + " " + tls + " --sasl plain --secret-file secret --user bob", exitDenied, "AUTHORIZATION_FAILED"},
	}
}

// check adds the context and calls a service that is not there.
func (e *entry) check(t *testing.T, dir string) {
	t.Helper()
	env := append(os.Environ(), actAs+"=1", configVariable+"="+filepath.Join(t.TempDir(), "config.toml"))
	run := func(line string) (code int, said string) {
		cmd := exec.CommandContext(t.Context(), executable(t), strings.Fields(line)...)
		cmd.Dir, cmd.Env = dir, env
		var out bytes.Buffer
		cmd.Stderr = &out
		_ = cmd.Run() // the code tells
		return cmd.ProcessState.ExitCode(), out.String()
	}
	if code, said := run("context add it " + e.add); code != exitOK {
		t.Fatalf("context add: code %d, %s", code, said)
	}
	want := e.code
	if want == exitOK {
		want = exitNoService // so it got in
	}
	code, said := run("call nobody/hello")
	if code != want || !strings.Contains(said, e.says) {
		t.Errorf("code %d, want %d and %q, in:\n%s", code, want, e.says, said)
	}
	if n := strings.Count(said, "\n"); n != 2 || strings.Contains(said, secret) {
		t.Errorf("said %d lines, want one and a hint, without a secret:\n%s", n, said)
	}
}

// writeSecrets writes the password and a token, of the form that Kafka takes for tests.
func writeSecrets(t *testing.T, dir string) {
	t.Helper()
	for name, text := range map[string]string{"secret": secret + "\n", "token": token(alice)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// fakeSecured starts fake brokers.
func fakeSecured(t *testing.T, dir string) *secured {
	t.Helper()
	writeSecrets(t, dir)
	begin := func(o ...kfake.Opt) string {
		c, err := kfake.NewCluster(append(o, kfake.NumBrokers(1))...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		return c.ListenAddrs()[0]
	}
	users := []kfake.Opt{kfake.TLS(serverTLS(t, dir, "server", "")), kfake.EnableSASL(), kfake.EnableACLs()}
	for _, method := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		users = append(users, kfake.Superuser(method, alice, secret))
	}
	return &secured{
		fake:    true,
		open:    begin(),
		login:   begin(append(users, kfake.User("PLAIN", bob, secret))...),
		mutual:  begin(kfake.TLS(serverTLS(t, dir, "server", "ours"))),
		expired: begin(kfake.TLS(serverTLS(t, dir, "old", ""))),
	}
}

// kafkaSecured starts an Apache Kafka of its own, where the other tests use one.
func kafkaSecured(t *testing.T, dir string) *secured {
	t.Helper()
	if os.Getenv("ASYNCCALLS_KAFKA") == "" {
		t.Skip("ASYNCCALLS_KAFKA names no broker")
	}
	writeSecrets(t, dir)
	base := 21_000 + rand.IntN(8_000)
	at := func(i int) string { return fmt.Sprintf("127.0.0.1:%d", base+i) }
	k := &secured{open: at(0), login: at(2), mutual: at(3), expired: at(4)}
	properties := filepath.Join(dir, "kafka.properties")
	if err := os.WriteFile(properties, []byte(k.properties(dir, at(1))), 0o600); err != nil {
		t.Fatal(err)
	}
	script := func(command string) {
		cmd := exec.Command("../../scripts/kafka", command)
		cmd.Env = append(os.Environ(), "KAFKA_HOME="+filepath.Join(dir, "kafka"), "KAFKA_HEAP=400m",
			"KAFKA_PROPERTIES="+properties, fmt.Sprintf("KAFKA_PORT=%d", base))
		if out, err := cmd.CombinedOutput(); err != nil {
			log, _ := os.ReadFile(filepath.Join(dir, "kafka", "node-0", "server.log"))
			t.Fatalf("scripts/kafka %s: %v\n%s\n%s", command, err, out, log[max(0, len(log)-4000):])
		}
	}
	t.Cleanup(func() { script("stop") })
	script("start")
	k.admit(t)
	return k
}

// properties are the settings of the broker. Whoever comes by the open listener may
// do all.
func (k *secured) properties(dir, controller string) string {
	var b strings.Builder
	set := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	set("listeners=PLAINTEXT://%s,CONTROLLER://%s,LOGIN://%s,MUTUAL://%s,EXPIRED://%s",
		k.open, controller, k.login, k.mutual, k.expired)
	set("advertised.listeners=PLAINTEXT://%s,LOGIN://%s,MUTUAL://%s,EXPIRED://%s", k.open, k.login, k.mutual, k.expired)
	set("listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,LOGIN:SASL_SSL,MUTUAL:SSL,EXPIRED:SSL")
	for listener, cert := range map[string]string{"login": "server", "mutual": "server", "expired": "old"} {
		set("listener.name.%s.ssl.keystore.type=PEM", listener)
		set("listener.name.%s.ssl.keystore.location=%s", listener, filepath.Join(dir, cert+".both"))
		set("listener.name.%s.ssl.truststore.type=PEM", listener)
		set("listener.name.%s.ssl.truststore.location=%s", listener, filepath.Join(dir, "ours.pem"))
	}
	set("listener.name.mutual.ssl.client.auth=required")
	const mechanism, security = "listener.name.login.%s.sasl.jaas.config=%s required%s;", "org.apache.kafka.common.security."
	set("listener.name.login.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER")
	set(mechanism, "plain", security+"plain.PlainLoginModule",
		fmt.Sprintf(` user_%s="%s" user_%s="%[2]s"`, alice, secret, bob))
	set(mechanism, "scram-sha-256", security+"scram.ScramLoginModule", "")
	set(mechanism, "scram-sha-512", security+"scram.ScramLoginModule", "")
	set(mechanism, "oauthbearer", security+"oauthbearer.OAuthBearerLoginModule", ` unsecuredLoginStringClaim_sub="broker"`)
	set("listener.name.login.oauthbearer.sasl.server.callback.handler.class=" +
		security + "oauthbearer.internals.unsecured.OAuthBearerUnsecuredValidatorCallbackHandler")
	set("authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer")
	set("super.users=User:ANONYMOUS;User:%s;User:CN=me", alice)
	return b.String()
}

// admit makes the users that Kafka keeps itself.
func (k *secured) admit(t *testing.T) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(k.open))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, mechanism := range []kadm.ScramMechanism{kadm.ScramSha256, kadm.ScramSha512} {
		user := kadm.UpsertSCRAM{User: alice, Mechanism: mechanism, Iterations: 4096, Password: secret}
		made, err := kadm.NewClient(client).AlterUserSCRAMs(ctx, nil, []kadm.UpsertSCRAM{user})
		if err == nil {
			err = made.Error()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// token returns an unsecured JSON web token, which Kafka takes where it is told to.
func token(user string) string {
	part := func(format string, args ...any) string {
		return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, format, args...))
	}
	now := time.Now()
	return part(`{"alg":"none"}`) + "." +
		part(`{"sub":%q,"iat":%d,"exp":%d}`, user, now.Unix()-10, now.Add(time.Hour).Unix()) + "."
}
