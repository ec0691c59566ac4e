package explain

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/scaling"
)

// eventsMax bounds how many things of a kind are read.
const eventsMax = 10_000

// Past is where a server's present and past are known.
type Past interface {
	// View calls f with the engine as it is. f must not keep what it is given.
	View(ctx context.Context, f func(now time.Time, e *engine.Engine)) error

	// At returns the engine as it stood at a moment; nil where the journal does not go back so far.
	At(ctx context.Context, at time.Time) (*engine.Engine, error)

	// Events returns what a table of the history has for a key, newest first.
	Events(ctx context.Context, q Events) ([]Item, error)
}

// Events selects what happened: from From on, before To; zero moments are no bounds.
type Events struct {
	Scope    engine.Scope
	Table    string // activity, decision, endpoint or alarm
	Key      string // of the table: a target's resource, an endpoint's or alarm's name
	From, To time.Time
	Limit    int
}

// Item is one thing that happened.
type Item struct {
	At    time.Time
	Event engine.Event
}

// Query is what is asked.
type Query struct {
	Scope             engine.Scope
	Endpoint, Variant string
	At                time.Time     // zero: now
	Since             time.Duration // how far back from At the story goes; zero: no story
}

// Explanation is the answer.
type Explanation struct {
	Region   string `json:"region"`
	Endpoint string `json:"endpoint"`
	Variant  string `json:"variant"`
	Moment   Moment `json:"moment"`
	Story    []Line `json:"story,omitempty"` // oldest first
}

// Line is one thing that happened, in a sentence and as data.
type Line struct {
	At   time.Time    `json:"at"`
	Kind string       `json:"kind"` // alarm, decision, activity, schedule, endpoint or instance
	Text string       `json:"text"`
	What engine.Event `json:"what"`

	Idle bool `json:"-"` // it repeats each minute and changes nothing
}

// UnknownError says that nothing is known of a variant.
type UnknownError struct{ Endpoint, Variant, Region string }

// Error names the variant.
func (e *UnknownError) Error() string {
	return fmt.Sprintf("nothing is known of %s/%s in %s: is there such a variant, and is it a scalable target?", e.Endpoint, e.Variant, e.Region)
}

// Explain answers a query. It fails with UnknownError.
func Explain(ctx context.Context, p Past, q Query) (Explanation, error) {
	x := Explanation{Region: q.Scope.Region, Endpoint: q.Endpoint, Variant: q.Variant}
	m, err := momentOf(ctx, p, q)
	if err != nil {
		return x, err
	}
	x.Moment = m
	until := m.At.Add(time.Nanosecond) // what happened at the moment counts
	from := until.Add(-q.Since)
	if q.Since == 0 {
		from = until.Add(-recently)
	}
	items, err := gather(ctx, p, q, m.alarms(), from, until)
	if err != nil {
		return x, err
	}
	if m.Source == "" {
		if !slices.ContainsFunc(items, ofVariant) {
			return x, &UnknownError{q.Endpoint, q.Variant, q.Scope.Region}
		}
		x.Moment.remember(items)
	}
	x.Moment.Decision = lastDecision(items)
	if q.Since > 0 {
		for _, i := range items {
			x.Story = append(x.Story, line(i))
		}
	}
	return x, nil
}

// ofVariant reports whether something happened to the variant itself, not to its endpoint as a whole.
func ofVariant(i Item) bool {
	_, whole := i.Event.(engine.EndpointChanged)
	return !whole
}

// ParseVariant takes ENDPOINT/VARIANT apart.
func ParseVariant(text string) (endpoint, variant string, err error) {
	endpoint, variant, ok := strings.Cut(text, "/")
	if !ok || endpoint == "" || variant == "" || strings.Contains(variant, "/") {
		return "", "", fmt.Errorf("%q is not ENDPOINT/VARIANT", text)
	}
	return endpoint, variant, nil
}

func (q Query) target() scaling.TargetKey { return scaling.VariantTarget(q.Endpoint, q.Variant) }
