package console

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/control"
	"bellows.dev/bellows/internal/log"
)

// Times of the stream.
const (
	tickEvery   = 5 * time.Second        // a message is sent at least this often, so that loads stay fresh and a lost connection is noticed
	changeEvery = 250 * time.Millisecond // changes within this time are sent together
	followAgain = time.Second            // after the journal could not be read
)

// Limits of the stream.
const (
	clientsMax        = 1000 // open streams
	accountClientsMax = 500  // of one account
	namesMax          = 200  // variants and alarms that a message names; beyond, it says that there are more
)

// Journal is what the stream follows.
type Journal interface {
	End(ctx context.Context) (uint64, error)
	Subscribe(ctx context.Context, after uint64, each func(log.Entry) error) error
}

// hub tells open pages what has changed: it follows the journal, so that pages get an event once it is committed.
type hub struct {
	mu      sync.Mutex
	clients map[*client]struct{}
	onNote  func(account, variant string) // is called for each event of a variant; with "" for unknown ones
	cached  func() bool                   // reports whether there are entries that onNote would remove
}

// client is an open stream. It is the response's body.
type client struct {
	hub     *hub
	account string
	valid   func() bool     // reports whether its session, or its key, still is
	quit    context.Context //nolint:containedctx // of the server; the response outlives its handler
	now     func() time.Time
	wake    chan struct{}
	check   chan struct{} // whether it is still valid
	rest    []byte        // of the last message
	sent    time.Time

	mu     sync.Mutex
	change changed
}

// changed is what happened since the last message.
type changed struct {
	variants, alarms map[string]struct{}
	more             bool
	audit            bool // the audit log has new records
}

// message is the data of a message: "hello", "change" or "tick".
type message struct {
	Now      time.Time `json:"now"`                // policy time
	Variants []string  `json:"variants,omitempty"` // REGION/ENDPOINT/VARIANT, or REGION/ENDPOINT for the endpoint as a whole
	Alarms   []string  `json:"alarms,omitempty"`   // REGION/NAME
	More     bool      `json:"more,omitempty"`     // and others
	Audit    bool      `json:"audit,omitempty"`    // the audit log has new records
	Version  string    `json:"version,omitempty"`  // hello: the server's
}

// Run follows the journal until ctx ends.
func (c *Console) Run(ctx context.Context) {
	var after uint64
	known := false // after is where it continues; else it begins at the end
	failing := false
	for ctx.Err() == nil {
		err := c.follow(ctx, &after, &known)
		switch trimmed := (*log.TrimmedError)(nil); {
		case errors.As(err, &trimmed):
			known = false
			c.hub.noteMore()
		case ctx.Err() == nil && !failing:
			c.o.Log.Warn("the console's live view cannot follow the journal; it tries again each second", "error", err)
		}
		failing = err != nil
		select {
		case <-ctx.Done():
		case <-time.After(followAgain):
		}
	}
}

// follow passes the journal's entries to the open streams, from the one after a sequence number or, where that is not known, from the end.
func (c *Console) follow(ctx context.Context, after *uint64, known *bool) error {
	if !*known {
		end, err := c.o.Journal.End(ctx)
		if err != nil {
			return err
		}
		*after, *known = end, true
	}
	return c.o.Journal.Subscribe(ctx, *after, func(e log.Entry) error {
		*after = e.Seq
		c.hub.note(e)
		return nil
	})
}

// note passes the events of an entry to the open streams.
func (h *hub) note(e log.Entry) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, x := range e.Events {
		if !shown[x.Kind] || len(h.clients) == 0 && !h.cached() {
			continue // there is nothing that it would make stale
		}
		v, err := control.DecodeEvent(x.Kind, x.Data)
		if err != nil {
			continue // the history has it; a page that asks gets the error
		}
		account, variant, alarm := subject(v)
		if variant != "" {
			h.onNote(account, variant)
		}
		for c := range h.clients {
			if c.account == account {
				c.add(variant, alarm)
			}
		}
	}
}

// noteMore tells every stream that more happened than is known.
func (h *hub) noteMore() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.onNote("", "")
	for c := range h.clients {
		c.mu.Lock()
		c.change.more = true
		c.mu.Unlock()
		c.signal()
	}
}

// shown are the kinds of events that pages show.
var shown = map[string]bool{
	"ActivityChanged": true, "InstanceActivityChanged": true, "InstanceChanged": true, "EjectionChanged": true, "EndpointChanged": true,
	"Decided": true, "ScheduledActionRan": true, "ForecastMade": true, "MaxCapacityRaised": true,
	"AlarmTransition": true, "AlarmConfigured": true, "CompositeConfigured": true,
}

// subject returns what an event is about: a variant or endpoint, or an alarm; "" for neither.
func subject(e engine.Event) (account, variant, alarm string) {
	in := func(s engine.Scope, endpoint, v string) (string, string, string) {
		name := s.Region + "/" + endpoint
		if v != "" {
			name += "/" + v
		}
		return s.Account, name, ""
	}
	switch x := e.(type) {
	case engine.ActivityChanged:
		endpoint, v, _ := x.Activity.Key.Variant()
		return in(x.Scope, endpoint, v)
	case engine.InstanceActivityChanged:
		endpoint, v, _ := x.Activity.Group.Variant()
		return in(x.Scope, endpoint, v)
	case engine.Decided:
		endpoint, v, _ := x.Target.Variant()
		return in(x.Scope, endpoint, v)
	case engine.ScheduledActionRan:
		endpoint, v, _ := x.Run.Key.Variant()
		return in(x.Scope, endpoint, v)
	case engine.ForecastMade:
		endpoint, v, _ := x.Target.Variant()
		return in(x.Scope, endpoint, v)
	case engine.MaxCapacityRaised:
		endpoint, v, _ := x.Target.Variant()
		return in(x.Scope, endpoint, v)
	case engine.InstanceChanged:
		return in(x.Key.Scope, x.Key.Endpoint, x.Key.Variant)
	case engine.EjectionChanged:
		return in(x.Key.Scope, x.Key.Endpoint, x.Key.Variant)
	case engine.EndpointChanged:
		return in(x.Key.Scope, x.Key.Endpoint, "")
	case engine.AlarmTransition:
		return x.Scope.Account, "", x.Scope.Region + "/" + x.Alarm
	case engine.AlarmConfigured:
		return x.Scope.Account, "", x.Scope.Region + "/" + x.Alarm
	case engine.CompositeConfigured:
		return x.Scope.Account, "", x.Scope.Region + "/" + x.Alarm
	default:
		return "", "", ""
	}
}

// getStream answers GET stream: server-sent events until the client goes or the server stops.
func (c *Console) getStream(w http.ResponseWriter, r *http.Request, id Identity) error {
	s, ok := w.(interface{ Stream(body io.ReadCloser) })
	if !ok {
		return errors.New("the response cannot be streamed")
	}
	if p := parametersOf(r); p.err != nil {
		return p.err
	}
	valid := func() bool { again, _, err := c.identify(r); return err == nil && again == id }
	x := &client{hub: &c.hub, account: id.Account, valid: valid, quit: c.o.Quit, now: c.o.Control.Now, wake: make(chan struct{}, 1), check: make(chan struct{}, 1)}
	if !c.hub.enter(x) {
		return &apiError{http.StatusServiceUnavailable, "TooManyStreams", "There are too many open pages: each has a stream."}
	}
	x.put("hello", message{Now: c.o.Control.Now(), Version: c.o.Version})
	w.Header().Set("Content-Type", "text/event-stream")
	s.Stream(x)
	return nil
}

func (h *hub) enter(c *client) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	own := 0
	for x := range h.clients {
		if x.account == c.account {
			own++
		}
	}
	if len(h.clients) >= clientsMax || own >= accountClientsMax {
		return false
	}
	h.clients[c] = struct{}{}
	return true
}

// Close implements io.Closer: the stream has ended.
func (c *client) Close() error {
	c.hub.mu.Lock()
	defer c.hub.mu.Unlock()
	delete(c.hub.clients, c)
	return nil
}

func (c *client) add(variant, alarm string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	x := &c.change
	if x.variants == nil {
		x.variants, x.alarms = map[string]struct{}{}, map[string]struct{}{}
	}
	switch {
	case variant == "" && alarm == "":
		return
	case len(x.variants)+len(x.alarms) >= namesMax:
		x.more = true
	case variant != "":
		x.variants[variant] = struct{}{}
	default:
		x.alarms[alarm] = struct{}{}
	}
	c.signal()
}

// KeysChanged ends the streams of keys that are no longer valid.
func (c *Console) KeysChanged() {
	c.hub.mu.Lock()
	defer c.hub.mu.Unlock()
	for x := range c.hub.clients {
		select {
		case x.check <- struct{}{}:
		default: // it is about to
		}
	}
}

func (c *client) signal() {
	select {
	case c.wake <- struct{}{}:
	default: // it is awake
	}
}

// Read implements io.Reader: it waits for the next message. It ends with io.EOF when the server stops, or the session is over.
func (c *client) Read(p []byte) (int, error) {
	if len(c.rest) == 0 && !c.next() {
		return 0, io.EOF
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// next waits for the next message; false when the server stops, or the session is over.
func (c *client) next() bool {
	tick := time.NewTimer(tickEvery)
	defer tick.Stop()
	wake := c.wake
	var soon <-chan time.Time
	for {
		select {
		case <-c.quit.Done():
			return false
		case <-c.check:
			if !c.valid() {
				return false
			}
		case <-wake:
			wait := changeEvery - time.Since(c.sent)
			if wait <= 0 {
				c.putChange()
				return true
			}
			wake, soon = nil, time.After(wait)
		case <-soon:
			c.putChange()
			return true
		case <-tick.C:
			if !c.valid() {
				return false // the page asks for the session again, and gets none
			}
			c.put("tick", message{Now: c.now()})
			return true
		}
	}
}

func (c *client) putChange() {
	c.mu.Lock()
	x := c.change
	c.change = changed{}
	c.mu.Unlock()
	c.put("change", message{
		Now: c.now(), Variants: slices.Sorted(maps.Keys(x.variants)), Alarms: slices.Sorted(maps.Keys(x.alarms)), More: x.more, Audit: x.audit,
	})
}

func (c *client) put(event string, m message) {
	text, _ := json.Marshal(m) // times and strings do not fail
	c.rest = append([]byte("event: "+event+"\ndata: "), append(text, "\n\n"...)...)
	c.sent = time.Now()
}
