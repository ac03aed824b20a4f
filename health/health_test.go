package health_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/driver/memory"
	"github.com/asynccalls/asynccalls/health"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a Checker with this health.
type fake struct {
	name   string
	checks []asynccalls.Check
}

func (f *fake) Health() asynccalls.Health { return asynccalls.Health{Checks: f.checks} }

func (f *fake) String() string { return f.name }

func get(h http.Handler, url string, header ...string) (code int, body string, answer http.Header) {
	r := httptest.NewRequest(http.MethodGet, url, nil)
	if len(header) > 0 {
		r.Header.Set(header[0], header[1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Body.String(), w.Header()
}

func TestHandler(t *testing.T) {
	t.Parallel()
	well := &fake{"shop", []asynccalls.Check{{Name: "loops", Live: true}, {Name: "listen"}, {Name: "broker"}}}
	away := &fake{"shop", []asynccalls.Check{
		{Name: "loops", Live: true}, {Name: "listen"}, {Name: "broker", Err: errors.New("no route\nto host")},
	}}
	fresh := &fake{"audit", []asynccalls.Check{
		{Name: "loops", Live: true}, {Name: "listen", Err: errors.New("Listen was not called")}, {Name: "broker"},
	}}
	hung := &fake{"shop", []asynccalls.Check{{Name: "loops", Live: true, Err: errors.New("it hangs")}, {Name: "listen"}}}
	tests := map[string]struct {
		checkers []health.Checker
		url      string
		code     int
		body     string
	}{
		"live":                  {[]health.Checker{well}, "/livez", 200, "ok"},
		"ready":                 {[]health.Checker{well}, "/readyz", 200, "ok"},
		"started":               {[]health.Checker{well}, "/startupz", 200, "ok"},
		"verbose":               {[]health.Checker{well}, "/readyz?verbose", 200, "[+]loops ok\n[+]listen ok\n[+]broker ok\nreadyz check passed\n"},
		"verbose live":          {[]health.Checker{well}, "/livez?verbose", 200, "[+]loops ok\nlivez check passed\n"},
		"away, live":            {[]health.Checker{away}, "/livez", 200, "ok"},
		"away, started":         {[]health.Checker{away}, "/startupz", 200, "ok"},
		"away, not ready":       {[]health.Checker{away}, "/readyz", 503, "[+]loops ok\n[+]listen ok\n[-]broker failed: no route; to host\nreadyz check failed\n"},
		"away, left out":        {[]health.Checker{away}, "/readyz?exclude=x&exclude=broker", 200, "ok"},
		"away, a single check":  {[]health.Checker{away}, "/readyz/listen", 200, "ok"},
		"away, that check":      {[]health.Checker{away}, "/readyz/broker", 503, "[-]broker failed: no route; to host\nreadyz check failed\n"},
		"unknown check":         {[]health.Checker{away}, "/livez/broker", 404, "there is no check \"broker\" of /livez\n"},
		"fresh, not started":    {[]health.Checker{fresh}, "/startupz", 503, "[+]loops ok\n[-]listen failed: Listen was not called\nstartupz check failed\n"},
		"fresh, live":           {[]health.Checker{fresh}, "/livez", 200, "ok"},
		"hung, not live":        {[]health.Checker{hung}, "/livez", 503, "[-]loops failed: it hangs\nlivez check failed\n"},
		"hung, not ready":       {[]health.Checker{hung}, "/readyz", 503, "[-]loops failed: it hangs\n[+]listen ok\nreadyz check failed\n"},
		"two":                   {[]health.Checker{well, fresh}, "/livez?verbose", 200, "[+]shop.loops ok\n[+]audit.loops ok\nlivez check passed\n"},
		"two, a single check":   {[]health.Checker{well, fresh}, "/readyz/audit.listen", 503, "[-]audit.listen failed: Listen was not called\nreadyz check failed\n"},
		"nothing to look at":    {nil, "/readyz", 200, "ok"},
		"json":                  {[]health.Checker{away}, "/readyz/broker?format=json", 503, `{"status":"failed","checks":[{"name":"broker","status":"failed","reason":"no route\nto host"}]}` + "\n"},
		"json, all well":        {[]health.Checker{well}, "/livez?format=json", 200, `{"status":"ok","checks":[{"name":"loops","status":"ok"}]}` + "\n"},
		"another path":          {[]health.Checker{well}, "/healthz", 404, "404 page not found\n"},
		"a path that goes on":   {[]health.Checker{well}, "/readyz/a/b", 404, "there is no check \"a/b\" of /readyz\n"},
		"a slash at the end":    {[]health.Checker{well}, "/readyz/", 200, "ok"},
		"verbose, and json too": {[]health.Checker{well}, "/livez?verbose&format=json", 200, `{"status":"ok","checks":[{"name":"loops","status":"ok"}]}` + "\n"},
	}
	for name, tt := range tests {
		code, body, header := get(health.Handler(tt.checkers...), tt.url)
		if code != tt.code || body != tt.body {
			t.Errorf("%s: %s gives %d, %q, want %d, %q", name, tt.url, code, body, tt.code, tt.body)
		}
		if code != 404 && !strings.Contains(header.Get("Cache-Control"), "no-store") {
			t.Errorf("%s: may be cached: %v", name, header)
		}
	}
	if _, body, header := get(health.Handler(well), "/livez", "Accept", "application/json"); !strings.HasPrefix(body, `{"status":"ok"`) ||
		header.Get("Content-Type") != "application/json" {
		t.Errorf("asked for JSON, and got %q, %v", body, header)
	}
	w := httptest.NewRecorder()
	health.Handler(well).ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/livez", nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST gives %d, want %d", w.Code, http.StatusMethodNotAllowed)
	}
}

// away is a driver whose broker can be away.
type away struct {
	driver.Driver

	gone atomic.Bool
}

func (a *away) Topics(ctx context.Context, names ...string) ([]driver.Topic, error) {
	if a.gone.Load() {
		return nil, errors.New("no route to host")
	}
	return a.Driver.Topics(ctx, names...)
}

// TestService follows a service through its life, in virtual time.
func TestService(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := &away{Driver: memory.New()}
		defer d.Close()
		s, err := asynccalls.New("shop", d)
		if err != nil {
			t.Fatal(err)
		}
		s.Handle("/price", func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error { return nil })
		h := health.Handler(s)
		check := func(when string, live, ready, started int) {
			t.Helper()
			for url, want := range map[string]int{"/livez": live, "/readyz": ready, "/startupz": started} {
				if code, body, _ := get(h, url); code != want {
					t.Errorf("%s: %s gives %d, want %d: %s", when, url, code, want, body)
				}
			}
		}
		check("before Listen", 200, 503, 503)
		d.gone.Store(true)
		go s.Listen(context.WithoutCancel(t.Context())) // Close ends it
		synctest.Wait()
		check("without a broker", 200, 503, 200)
		d.gone.Store(false)
		if err := s.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		<-time.After(10 * time.Second)
		get(h, "/readyz")
		synctest.Wait()
		check("while it serves", 200, 200, 200)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		check("after Close", 200, 503, 503)
	})
}
