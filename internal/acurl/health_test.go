package acurl

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestHealth(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.RequestURI() {
		case "/readyz":
			_, _ = w.Write([]byte("ok"))
		case "/readyz?verbose":
			_, _ = w.Write([]byte("[+]loops ok\nreadyz check passed\n"))
		case "/livez":
			http.Error(w, "[-]loops failed: they hang", http.StatusServiceUnavailable)
		default:
			<-release
		}
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(release) })
	host := strings.TrimPrefix(server.URL, "http://")
	tests := map[string]struct {
		args []string
		code int
		out  string
		said string
	}{
		"host":       {[]string{host}, exitOK, "ok\n", ""},
		"url":        {[]string{server.URL + "/readyz?verbose"}, exitOK, "[+]loops ok\nreadyz check passed\n", ""},
		"not well":   {[]string{host + "/livez"}, exitOther, "[-]loops failed: they hang\n", "answers with status 503"},
		"no answer":  {[]string{host + "/hangs", "--timeout", "10ms"}, exitTimeout, "", "deadline exceeded"},
		"nobody":     {[]string{"127.0.0.1:1"}, exitConnect, "", "Does the process serve package health there?"},
		"not an url": {[]string{"ftp://x"}, exitUsage, "", "is not an URL such as"},
		"bad port":   {[]string{"x:y"}, exitUsage, "", "invalid port"},
		"two":        {[]string{"x", "y"}, exitUsage, "", "accepts at most 1 arg"},
	}
	for name, tt := range tests {
		var out, said bytes.Buffer
		code := run(t.Context(), append([]string{"health"}, tt.args...), &streams{strings.NewReader(""), &out, &said})
		if code != tt.code || out.String() != tt.out || !strings.Contains(said.String(), tt.said) {
			t.Errorf("%s: code %d, wrote %q, said %q, want %d, %q, %q", name, code, out.String(), said.String(), tt.code, tt.out, tt.said)
		}
	}
	for text, want := range map[string]string{
		"":                "http://127.0.0.1:8080/readyz",
		"/livez":          "http://127.0.0.1:8080/livez",
		"/livez?verbose":  "http://127.0.0.1:8080/livez?verbose",
		"pod:1":           "http://pod:1/readyz",
		"https://pod":     "https://pod/readyz",
		"pod:1/startupz":  "http://pod:1/startupz",
		"[::1]:80/livez":  "http://[::1]:80/livez",
		"http://pod:1/x/": "http://pod:1/x/",
	} {
		if got, err := healthURL(text); got != want || err != nil {
			t.Errorf("%q is completed to %q, %v, want %q", text, got, err, want)
		}
	}
}
