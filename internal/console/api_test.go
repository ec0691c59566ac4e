package console

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/audit"
	"bellows.dev/bellows/internal/control"
	"bellows.dev/bellows/internal/explain"
	"bellows.dev/bellows/internal/log"
	"bellows.dev/bellows/internal/timeline"
	"bellows.dev/bellows/metric/expr"
	"bellows.dev/bellows/sim"
)

const (
	keyID  = "AKIATEST"
	secret = "secret/of+the=key"
)

// simulated is a server on virtual time.
type simulated struct{ *sim.World }

func (s simulated) View(_ context.Context, f func(time.Time, *engine.Engine)) error {
	f(s.World.Now, s.Engine)
	return nil
}
func (s simulated) Now() time.Time                   { return s.World.Now }
func (s simulated) Speed() float64                   { return 1 }
func (s simulated) Trouble() (control.Trouble, bool) { return control.Trouble{}, false }

func (s simulated) At(context.Context, time.Time) (explain.PastState, error) {
	return explain.PastState{Engine: s.Engine}, nil
}

func (s simulated) Live(context.Context) (explain.Live, bool) { return explain.Live{}, false }

func (s simulated) Events(context.Context, log.EventQuery) ([]engine.Recorded, error) {
	return nil, nil
}

// fixture is a console of a simulated server with some endpoints, and what a test sets.
type fixture struct {
	*Console
	world  *sim.World
	secret string // of keyID; "" where it was revoked
	reader bool   // the key is read-only
	called []string

	signIns []SignInEvent
	audit   []audit.Query

	quit context.CancelFunc
}

func newFixture(t *testing.T, endpoints int) *fixture {
	t.Helper()
	w := sim.NewWorld(engine.Config{Seed: 7}, time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC))
	do := func(in engine.Input) {
		if _, err := w.Do(in); err != nil {
			t.Fatal(err)
		}
	}
	do(engine.CreateModel{Scope: inScope, Model: hosting.Model{Name: "m"}})
	do(engine.CreateEndpointConfig{Scope: inScope, Config: hosting.EndpointConfig{Name: "c", Variants: []hosting.VariantConfig{
		{Name: "v", Model: "m", InitialCount: 1, InitialWeight: 1, InstanceType: "ml.m5.large"},
	}}})
	for i := range endpoints {
		do(engine.CreateEndpoint{Key: engine.EndpointKey{Scope: inScope, Endpoint: fmt.Sprintf("e%05d", i)}, Config: "c"})
	}
	if err := w.Run(2 * time.Minute); err != nil {
		t.Fatal(err)
	}
	f := &fixture{world: w, secret: secret}
	s := simulated{w}
	quit, cancel := context.WithCancel(t.Context())
	f.quit = cancel
	f.Console = New(Options{
		Version: "v1", Scope: inScope, Log: slog.New(slog.DiscardHandler), Control: s, Past: s, Quit: quit,
		Identify: func(*http.Request) (Identity, bool) { return Identity{}, false },
		SignIn: func(id, given string) (Identity, error) {
			if id != keyID || given != f.secret {
				return Identity{}, fmt.Errorf("no")
			}
			return f.identity(), nil
		},
		Key: func(id string) (Key, bool) {
			return Key{f.identity(), f.secret}, id == keyID && f.secret != ""
		},
		Safe: func(r *http.Request) bool {
			return r.TLS != nil || strings.HasPrefix(r.RemoteAddr, "127.") || strings.HasPrefix(r.RemoteAddr, "[::1]")
		}, Insecure: "use https",
		Encrypted: func(r *http.Request) bool { return r.TLS != nil },
		OnSignIn:  func(_ *http.Request, e SignInEvent) { f.signIns = append(f.signIns, e) },
		Audit:     f.trail,
		Call: func(w http.ResponseWriter, r *http.Request, s engine.Scope, by Identity) {
			f.called = append(f.called, r.Header.Get("X-Amz-Target")+" "+s.Account+" "+s.Region+" "+by.AccessKeyID)
			_, _ = io.WriteString(w, "{}")
		},
		PromQL: func(w http.ResponseWriter, r *http.Request, s engine.Scope) {
			f.called = append(f.called, "promql "+s.Account+" "+s.Region+" "+r.URL.Query().Get("query"))
			_, _ = io.WriteString(w, "{}")
		},
		Timeline: timeline.Sources{View: s.View, Events: s.Events, Writes: func(q audit.Query) (audit.Page, error) {
			page, err := f.trail(q)
			page.Next = ""
			return page, err
		}, Metrics: func(_ context.Context, in engine.Scope, g func(time.Time, expr.Source)) error {
			g(w.Now, w.Engine.Region(in).Metrics)
			return nil
		}},
	})
	return f
}

// trail is an audit log with one record.
func (f *fixture) trail(q audit.Query) (audit.Page, error) {
	f.audit = append(f.audit, q)
	if q.Token == "bad" {
		return audit.Page{}, audit.ErrToken
	}
	r := audit.Record{EventName: "CreateEndpoint", EventTime: f.world.Now, UserIdentity: audit.UserIdentity{UserName: "ann"}}
	return audit.Page{Records: []audit.Record{r}, Next: "0-1", Newest: "0-9"}, nil
}

func (f *fixture) identity() Identity {
	return Identity{Account: inScope.Account, AccessKeyID: keyID, User: "ann", ReadOnly: f.reader}
}

// ask sends a request from this machine with a cookie, which may be "".
func (f *fixture) ask(method, path, cookie, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, APIPath+path, strings.NewReader(body))
	r.Host, r.RemoteAddr = "127.0.0.1:4580", "127.0.0.1:50000"
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	w := httptest.NewRecorder()
	f.API(w, r)
	return w
}

func (f *fixture) signInAs(t *testing.T, id, secret string) (cookie string) {
	t.Helper()
	text, _ := json.Marshal(signInRequest{id, secret})
	w := f.ask("POST", "session", "", string(text))
	if w.Code != http.StatusOK {
		t.Fatalf("signing in: %d %s", w.Code, w.Body)
	}
	all := w.Result().Cookies()
	if len(all) != 1 {
		t.Fatalf("cookies: %v", all)
	}
	c := all[0]
	if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/console" || c.MaxAge != 12*3600 || c.Name != "bellows-session-4580" {
		t.Errorf("the cookie is %+v", c)
	}
	return c.Name + "=" + c.Value
}

// Everything but the description of the API and the sign-in needs a session; each refusal is JSON and names what is wrong.
func TestTheAPINeedsASession(t *testing.T) {
	f := newFixture(t, 1)
	for _, path := range []string{"session", "variants", "timeline?endpoint=e00000&variant=v", "explain?endpoint=e00000", "stream"} {
		if w := f.ask("GET", path, "", ""); w.Code != 401 || !strings.Contains(w.Body.String(), `"NotSignedIn"`) {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	if w := f.ask("POST", "aws", "", "{}"); w.Code != 401 || len(f.called) != 0 {
		t.Errorf("a call of AWS: %d %s, %v", w.Code, w.Body, f.called)
	}
	if w := f.ask("GET", "openapi.yaml", "", ""); w.Code != 200 || !strings.HasPrefix(w.Body.String(), "openapi: 3.1") {
		t.Errorf("the description: %d %.40s", w.Code, w.Body)
	}
}

// Pages disable their buttons by the session's read_only.
func TestTheSessionSaysWhetherTheKeyIsReadOnly(t *testing.T) {
	f := newFixture(t, 1)
	for _, reader := range []bool{false, true} {
		f.reader = reader
		var got sessionInfo
		w := f.ask("GET", "session", f.signInAs(t, keyID, secret), "")
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || got.ReadOnly != reader || got.User != "ann" {
			t.Errorf("read-only %t: %s, %v", reader, w.Body, err)
		}
	}
}

func TestSessions(t *testing.T) {
	f := newFixture(t, 1)
	cookie := f.signInAs(t, " "+keyID+" ", secret)
	if w := f.ask("GET", "session", cookie, ""); w.Code != 200 || !strings.Contains(w.Body.String(), `"regions":["`+inScope.Region+`"]`) {
		t.Errorf("the session: %d %s", w.Code, w.Body)
	}
	name, value, _ := strings.Cut(cookie, "=")
	body, sum, _ := strings.Cut(value, ".")
	other := f.sealSession(session{keyID, time.Now().Add(-time.Second)})
	for what, bad := range map[string]string{
		"an edited content": "e" + body[1:] + "." + sum, "an edited signature": body + "." + "A" + sum[1:], "no signature": body, "nothing": "",
		"an expired session": other, "another server's cookie": value + "x",
	} {
		if w := f.ask("GET", "session", name+"="+bad, ""); w.Code != 401 && name+"="+bad != cookie {
			t.Errorf("%s: %d %s", what, w.Code, w.Body)
		}
	}
	if w := f.ask("GET", "session", "bellows-session-4581="+value, ""); w.Code != 401 {
		t.Errorf("the cookie of a server on another port: %d", w.Code)
	}
	f.secret = ""
	if w := f.ask("GET", "variants", cookie, ""); w.Code != 401 {
		t.Errorf("after its key was revoked: %d", w.Code)
	}
	f.secret = "another"
	if w := f.ask("GET", "variants", cookie, ""); w.Code != 401 {
		t.Errorf("after its secret was changed: %d", w.Code)
	}
	if c := f.ask("DELETE", "session", cookie, "").Result().Cookies(); len(c) != 1 || c[0].MaxAge >= 0 {
		t.Errorf("signing out sets %v", c)
	}
}

func TestSignInRefusals(t *testing.T) {
	f := newFixture(t, 0)
	for _, c := range []struct {
		body, kind, from string
		status           int
		code             string
	}{
		{`{"access_key_id":"AKIATEST","secret_access_key":"wrong"}`, "application/json", "127.0.0.1:1", 403, "InvalidKey"},
		{`{"access_key_id":"nobody","secret_access_key":"x"}`, "application/json", "[::1]:1", 403, "InvalidKey"},
		{`{"access_key_id":"AKIATEST","secret_access_key":"` + secret + `"}`, "application/json", "192.0.2.7:1", 403, "InsecureConnection"},
		{`{"access_key_id":"AKIATEST","secret_access_key":"` + secret + `"}`, "text/plain", "127.0.0.1:1", 415, "InvalidRequest"},
		{`{"key":"AKIATEST"}`, "application/json", "127.0.0.1:1", 400, "InvalidRequest"},
		{`{`, "application/json", "127.0.0.1:1", 400, "InvalidRequest"},
		{`{"access_key_id":"` + strings.Repeat("a", bodyMax) + `"}`, "application/json", "127.0.0.1:1", 413, "InvalidRequest"},
	} {
		r := httptest.NewRequest(http.MethodPost, APIPath+"session", strings.NewReader(c.body))
		r.Header.Set("Content-Type", c.kind)
		r.RemoteAddr = c.from
		w := httptest.NewRecorder()
		f.API(w, r)
		if w.Code != c.status || !strings.Contains(w.Body.String(), `"code":"`+c.code+`"`) || len(w.Result().Cookies()) != 0 {
			t.Errorf("%.60s from %s: %d %s", c.body, c.from, w.Code, w.Body)
		}
	}
}

// Over TLS, also to a proxy, one signs in from anywhere, and the cookie is for TLS alone.
func TestSignInOverTLS(t *testing.T) {
	f := newFixture(t, 0)
	for _, secured := range []bool{true, false} {
		r := httptest.NewRequest(http.MethodPost, APIPath+"session", strings.NewReader(`{"access_key_id":"`+keyID+`","secret_access_key":"`+secret+`"}`))
		r.Header.Set("Content-Type", "application/json")
		if r.RemoteAddr, r.TLS = "127.0.0.1:1", nil; secured {
			r.RemoteAddr, r.TLS = "192.0.2.7:1", &tls.ConnectionState{}
		}
		w := httptest.NewRecorder()
		f.API(w, r)
		if all := w.Result().Cookies(); w.Code != 200 || len(all) != 1 || all[0].Secure != secured {
			t.Errorf("TLS %t: %d %s, %v", secured, w.Code, w.Body, all)
		}
	}
}

// Wrong paths, methods and parameters are refused by name.
func TestAPIRefusals(t *testing.T) {
	f := newFixture(t, 1)
	cookie := f.signInAs(t, keyID, secret)
	for _, c := range []struct {
		method, path string
		status       int
		text         string
	}{
		{"GET", "nothing", 404, "openapi.yaml"},
		{"PUT", "variants", 405, "PUT is not a method"},
		{"GET", "variants?colour=red", 400, `no parameter \"colour\"`},
		{"GET", "variants?limit=0", 400, "limit is"},
		{"GET", "variants?limit=1001", 400, "limit is"},
		{"GET", "variants?offset=-1", 400, "offset is"},
		{"GET", "variants?sort=size", 400, "sort is size"},
		{"GET", "variants?state=sad", 400, "state is sad"},
		{"GET", "timeline?variant=v", 400, "endpoint is missing"},
		{"GET", "timeline?endpoint=e00000&variant=v&from=yesterday", 400, "from: "},
		{"GET", "timeline?endpoint=e00000&variant=v&from=2026-11-24T10:00:00Z&to=2026-11-24T09:00:00Z", 400, "earlier"},
		{"GET", "timeline?endpoint=e00000&variant=w", 404, "there is no e00000/w"},
		{"GET", "explain?endpoint=nothing", 404, "there is no endpoint"},
		{"GET", "explain?endpoint=e00000&at=2030-01-01T00:00:00Z", 400, "future"},
		{"POST", "aws", 400, "X-Amz-Target"},
		{"POST", "aws?region=a/b:c", 400, "region is"},
		{"GET", "timeline?endpoint=e00000&variant=v&region=US-EAST-1", 400, "region is"},
	} {
		w := f.ask(c.method, c.path, cookie, "")
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.text) || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s %s: %d %s", c.method, c.path, w.Code, w.Body)
		}
	}
}

// The list is searched, filtered, sorted and cut into pages by the server.
func TestTheListOfVariants(t *testing.T) {
	f := newFixture(t, 250)
	cookie := f.signInAs(t, keyID, secret)
	list := func(query string) (l variantList) {
		t.Helper()
		w := f.ask("GET", "variants?"+query, cookie, "")
		if err := json.Unmarshal(w.Body.Bytes(), &l); err != nil || w.Code != 200 {
			t.Fatalf("%s: %d %s", query, w.Code, w.Body)
		}
		return l
	}
	if l := list("offset=200&limit=100"); l.All != 250 || l.Total != 250 || len(l.Variants) != 50 || l.Variants[0].Endpoint != "e00200" {
		t.Errorf("a page: %d of %d", len(l.Variants), l.Total)
	}
	if l := list("q=E0004"); l.Total != 10 || l.Variants[9].Endpoint != "e00049" || l.Variants[9].Running != 1 || l.Variants[9].Health != "healthy" {
		t.Errorf("a search: %+v", l)
	}
	if l := list("state=failing"); l.Total != 0 || l.Variants == nil {
		t.Errorf("failing: %+v", l)
	}
	if l := list("offset=5000"); l.Total != 250 || len(l.Variants) != 0 {
		t.Errorf("beyond the end: %+v", l)
	}
	f.home.at = time.Time{} // a second later
	f.world.SetLoad(engine.VariantKey{Scope: inScope, Endpoint: "e00123", Variant: "v"}, 600)
	if err := f.world.Run(2 * time.Minute); err != nil {
		t.Fatal(err)
	}
	if l := list("sort=load&limit=1"); l.Variants[0].Endpoint != "e00123" || l.Variants[0].PerMinute < 100 || l.Variants[0].Load[len(l.Variants[0].Load)-1] < 500 {
		t.Errorf("the highest load: %+v", l.Variants[0])
	}
}

// Calls of AWS's APIs are those of the session's account and key, in the region that the parameter names.
func TestCallsOfAWS(t *testing.T) {
	f := newFixture(t, 0)
	cookie := f.signInAs(t, keyID, secret)
	r := httptest.NewRequest(http.MethodPost, APIPath+"aws?region=eu-west-1", strings.NewReader("{}"))
	r.Host = "127.0.0.1:4580"
	r.Header.Set("Cookie", cookie)
	r.Header.Set("X-Amz-Target", "SageMaker.ListEndpoints")
	w := httptest.NewRecorder()
	f.API(w, r)
	if want := "SageMaker.ListEndpoints " + inScope.Account + " eu-west-1 " + keyID; w.Code != 200 || len(f.called) != 1 || f.called[0] != want {
		t.Errorf("%d, %v, want %s", w.Code, f.called, want)
	}
}

// The page forbids inline code and frames, and its files are found by name.
func TestThePageAndItsFiles(t *testing.T) {
	f := newFixture(t, 0)
	w := httptest.NewRecorder()
	f.Page(w, httptest.NewRequest(http.MethodGet, "/", nil))
	html := w.Body.String()
	if w.Code != 200 || !strings.Contains(w.Header().Get("Content-Security-Policy"), "default-src 'none'; script-src 'self'") || strings.Contains(html, "<style") {
		t.Fatalf("%d %v %s", w.Code, w.Header(), html)
	}
	sum := 0
	for _, part := range strings.Split(html, `"`) {
		if !strings.HasPrefix(part, AssetsPath) {
			continue
		}
		r := httptest.NewRequest(http.MethodGet, part, nil)
		r.Header.Set("Accept-Encoding", "gzip, br")
		w := httptest.NewRecorder()
		f.Asset(w, r)
		if w.Code != 200 || w.Header().Get("Content-Encoding") != "gzip" || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d %v", part, w.Code, w.Header())
		}
		sum += w.Body.Len()
	}
	if sum == 0 || sum > 100<<10 {
		t.Errorf("the first page has %d bytes, compressed; want at most 100 KB", sum)
	}
	for _, bad := range []string{"../index.html", "nothing.js", "", "x"} {
		w := httptest.NewRecorder()
		f.Asset(w, &http.Request{Method: http.MethodGet, URL: httptest.NewRequest(http.MethodGet, "/", nil).URL.JoinPath(AssetsPath, bad)})
		if w.Code != 404 {
			t.Errorf("%q: %d", bad, w.Code)
		}
	}
}
