package console

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/audit"
	"bellows.dev/bellows/internal/control"
	"bellows.dev/bellows/internal/explain"
	"bellows.dev/bellows/internal/history"
	"bellows.dev/bellows/internal/machine"
	"bellows.dev/bellows/internal/modeldata"
	"bellows.dev/bellows/internal/timeline"
)

// Paths of the pages. For programs, the health page is / as well; /health answers without a key, too, for probes.
const (
	HealthPath  = "/health"
	ExplainPath = "/explain/"
)

// Control is what the pages read of a controller; *control.Controller is one.
type Control interface {
	View(ctx context.Context, f func(now time.Time, e *engine.Engine)) error
	Now() time.Time
	Speed() float64
	Trouble() (control.Trouble, bool)
}

// Options are the parts of a server that the pages show. All are required.
type Options struct {
	Version string
	Started time.Time
	Scope   engine.Scope // whose endpoints are explained where a request does not say
	Log     *slog.Logger

	// Open: no authentication is needed. Otherwise Identify returns who a request comes from that has a key as user name and password or is
	// signed, SignIn checks a key and returns its owner, and Key returns a key that is valid now.
	Open     bool
	Identify func(r *http.Request) (Identity, bool)
	SignIn   func(accessKeyID, secret string) (Identity, error)
	Key      func(accessKeyID string) (Key, bool)

	// Safe reports whether keys may cross the connection of a request, Encrypted whether its client uses TLS. Insecure is the refusal where keys may
	// not cross.
	Safe, Encrypted func(r *http.Request) bool
	Insecure        string

	OnSignIn func(r *http.Request, e SignInEvent) // is called for each attempt to sign in, and each sign-out
	Audit    func(q audit.Query) (audit.Page, error)

	// Call serves a call of an AWS API by a known sender.
	Call func(w http.ResponseWriter, r *http.Request, scope engine.Scope, by Identity)

	// PromQL answers a query of Prometheus' HTTP API in a scope: /query, or /query_range where the request has a step.
	PromQL func(w http.ResponseWriter, r *http.Request, scope engine.Scope)

	Timeline timeline.Sources
	Journal  Journal
	Quit     context.Context //nolint:containedctx // ends when the server begins to stop: streams end then

	Control   Control
	Past      explain.Past
	History   func() history.Status
	Invoked   func() (served, failed uint64) // invocations since the start
	Reach     func(ctx context.Context) (Reach, error)
	Machine   *machine.Machine
	ModelData func() modeldata.Status
	Unlimited string // why instances are not held to their types' memory and CPU; "" where they are

	Damage []string // data of the journal found damaged at the start; the history's is in its status
}

// Console serves the pages.
type Console struct {
	o         Options
	hub       hub
	home      home
	alarmList alarmCache
	changes   lastChanges
	reads     chan struct{} // a place for each timeline and explanation that is being made
}

// New returns a console. Its Run has to be called for its stream.
func New(o Options) *Console {
	c := &Console{o: o, reads: make(chan struct{}, readsMax)}
	c.hub.clients, c.hub.onNote, c.hub.cached = map[*client]struct{}{}, c.changes.forget, c.changes.some
	return c
}

// realm is what browsers show when they ask for a key.
const realm = `Basic realm="Bellows: access key ID and secret access key", charset="UTF-8"`

// AskForKey refuses a request for a page with 401; browsers then ask for the key.
func AskForKey(w http.ResponseWriter) {
	w.Header().Set("WWW-Authenticate", realm)
	http.Error(w, "This page needs an access key: its ID as the user name and its secret as the password, or a request signed with it. "+
		"`bellows env` prints both.", http.StatusUnauthorized)
}

// Health answers GET / and /health: a page for people, JSON for programs. It is about the account of the request's key; without authentication,
// about all. Without a key, /health has the status of the server alone and / asks for the key.
func (c *Console) Health(w http.ResponseWriter, r *http.Request) {
	id, _, err := c.identify(r)
	if err != nil && r.URL.Path != HealthPath {
		AskForKey(w)
		return
	}
	see := sees{all: c.o.Open || err != nil, account: id.Account}
	st, code := c.status(r.Context(), err == nil, see)
	html := strings.Contains(r.Header.Get("Accept"), "text/html")
	kind := "application/json"
	if html {
		kind = "text/html; charset=utf-8"
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(code)
	if html {
		if err := writePage(w, &st); err != nil {
			c.o.Log.Error("the health page failed", "error", err)
		}
		return
	}
	if err := json.NewEncoder(w).Encode(st); err != nil {
		c.o.Log.Debug("a client went away before its answer", "error", err)
	}
}

// view calls f with the engine. What was not committed and is taken back is read again: a disk that fails does not make pages fail.
func (c *Console) view(ctx context.Context, f func(now time.Time, e *engine.Engine)) error {
	err := c.o.Control.View(ctx, f)
	if again := (*control.UncommittedError)(nil); errors.As(err, &again) {
		err = c.o.Control.View(ctx, f)
	}
	return err
}

// status returns the content of the health page and its HTTP status. Without a key it has the status and the version only.
func (c *Console) status(ctx context.Context, keyed bool, of sees) (st status, code int) {
	code = http.StatusOK
	look := func(_ time.Time, e *engine.Engine) {
		st = status{Status: "ok", Version: c.o.Version}
		st.look(e, of)
		st.lookAtPrices(c.o.Machine)
		st.lookAtTypes(c.o.Machine, e, of)
	}
	if err := c.view(ctx, look); err != nil {
		st.Version = c.o.Version
		st.Status, code = err.Error(), http.StatusServiceUnavailable
	}
	if t, is := c.o.Control.Trouble(); is { // invocations go on: the HTTP status stays 200, which load balancers route by
		st.Outage = &outage{t.Since.UTC(), t.String()}
		if st.Status = "changes are refused. " + t.String(); t.Broken {
			st.Status = t.String()
		}
	}
	if !keyed {
		return status{Status: st.Status, Version: st.Version}, code
	}
	st.Uptime = time.Since(c.o.Started).Round(time.Second).String()
	st.PolicyTime, st.ClockSpeed = c.o.Control.Now().Round(time.Second), c.o.Control.Speed()
	st.Served, st.Failed = c.o.Invoked()
	past := c.o.History()
	st.History, st.Damage = newKept(past), slices.Concat(c.o.Damage, past.Damage)
	if reach, err := c.o.Reach(ctx); err == nil {
		st.Explain = &reach
	}
	st.Machine = newMachineStatus(c.o.Machine, c.o.Unlimited)
	data := c.o.ModelData()
	st.ModelData = &data
	return st, code
}
