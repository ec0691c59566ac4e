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

	// At returns the engine as it stood at a moment. It fails where that is not known.
	At(ctx context.Context, at time.Time) (Stood, error)

	// Events returns what a table of the history has for a key, newest first.
	Events(ctx context.Context, q Events) ([]Item, error)
}

// Stood is how things stood at a moment.
type Stood struct {
	Engine *engine.Engine

	// Differs is when on the way there this version began to decide otherwise than the one that ran then; zero where it does not.
	Differs time.Time

	// Nothing happened From a moment Until a server was started; zero where one ran.
	From, Until time.Time
}

// Events selects what happened: from From on, before To; zero moments are no bounds.
type Events struct {
	Scope    engine.Scope
	Table    string // activity, decision, endpoint, group or alarm
	Key      string // of the table: a target's resource, an endpoint's, group's or alarm's name
	Type     string // "" for all
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
	Endpoint, Variant string        // no variant: the endpoint's only one
	At                time.Time     // zero: now
	Since             time.Duration // how far back from At the story goes; zero: no story
	Clock             time.Time     // the wall's time where Past does not know the present, but when something happened last; else zero
}

// FutureError says that a moment that is asked for has not come yet.
type FutureError struct{ At, Now time.Time }

// Error tells both moments.
func (e *FutureError) Error() string {
	return fmt.Sprintf("%s UTC is in the future: the latest moment that can be explained is %s UTC", stamp(e.At), stamp(e.Now))
}

// checkMoment refuses a moment of the future: it fails with FutureError.
func checkMoment(ctx context.Context, p Past, q Query) error {
	if q.At.IsZero() {
		return nil
	}
	latest := q.Clock
	if err := p.View(ctx, func(now time.Time, _ *engine.Engine) {
		if now.After(latest) {
			latest = now
		}
	}); err != nil {
		return err
	}
	if q.At.After(latest) {
		return &FutureError{q.At, latest}
	}
	return nil
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
	Kind string       `json:"kind"` // alarm, decision, activity, schedule, change (by hand), endpoint or instance
	Text string       `json:"text"`
	What engine.Event `json:"what"`

	Idle bool `json:"-"` // it repeats each minute and changes nothing
}

// UnknownError says that nothing is known of a variant; At is zero where it was asked for as it is now.
type UnknownError struct {
	Endpoint, Variant, Region string
	At                        time.Time
}

// Error names the variant.
func (e *UnknownError) Error() string {
	if e.Variant == "" {
		return fmt.Sprintf("there is no endpoint %s in %s; of one that is deleted, give the variant too, as in %[1]s/AllTraffic", e.Endpoint, e.Region)
	}
	if !e.At.IsZero() {
		return fmt.Sprintf("there was no %s/%s in %s at %s UTC", e.Endpoint, e.Variant, e.Region, stamp(e.At))
	}
	return fmt.Sprintf("nothing is known of %s/%s in %s: is there such a variant, and is it a scalable target?", e.Endpoint, e.Variant, e.Region)
}

// Explain answers a query. It fails with UnknownError, AmbiguousError or FutureError.
func Explain(ctx context.Context, p Past, q Query) (Explanation, error) {
	if err := checkMoment(ctx, p, q); err != nil {
		return Explanation{}, err
	}
	if q.Variant == "" {
		name, err := only(ctx, p, q)
		if err != nil {
			return Explanation{}, err
		}
		q.Variant = name
	}
	x := Explanation{Region: q.Scope.Region, Endpoint: q.Endpoint, Variant: q.Variant}
	m, err := momentOf(ctx, p, q)
	if err != nil {
		return x, err
	}
	x.Moment = m
	until := m.At.Add(time.Nanosecond) // what happened at the moment counts
	if x.Moment.Decision, err = lastDecision(ctx, p, q, until); err != nil {
		return x, err
	}
	known := !m.Gone || x.Moment.Decision != nil
	if q.Since > 0 || !known {
		since := q.Since
		if !known {
			since = max(since, recently)
		}
		items, err := gather(ctx, p, q, m.alarms(), until.Add(-since), until)
		if err != nil {
			return x, err
		}
		if !known && !slices.ContainsFunc(items, ofVariant) {
			return x, &UnknownError{q.Endpoint, q.Variant, q.Scope.Region, q.At}
		}
		for _, i := range items {
			if i.At.Add(q.Since).After(m.At) {
				x.Story = append(x.Story, line(i))
			}
		}
	}
	return x, nil
}

// ofVariant reports whether something happened to the variant itself, not to its endpoint as a whole.
func ofVariant(i Item) bool {
	_, whole := i.Event.(engine.EndpointChanged)
	return !whole
}

// ParseVariant takes apart what names a variant: ENDPOINT/VARIANT, its group's name ENDPOINT.VARIANT, or ENDPOINT alone, which stands for its
// one variant (Explain fails with AmbiguousError where there are several); variant is "" then.
func ParseVariant(text string) (endpoint, variant string, err error) {
	endpoint, variant, ok := strings.Cut(text, "/")
	if !ok {
		endpoint, variant, ok = strings.Cut(text, ".")
	}
	if endpoint == "" || ok && variant == "" || strings.ContainsAny(variant, "/.") {
		return "", "", fmt.Errorf("%q is neither ENDPOINT/VARIANT nor ENDPOINT", text)
	}
	return endpoint, variant, nil
}

// AmbiguousError says that an endpoint has several variants, one of which has to be named.
type AmbiguousError struct {
	Endpoint string
	Variants []string
}

// Error names the variants.
func (e *AmbiguousError) Error() string {
	names := make([]string, len(e.Variants))
	for i, v := range e.Variants {
		names[i] = e.Endpoint + "/" + v
	}
	return fmt.Sprintf("%s has several variants: name one of %s", e.Endpoint, strings.Join(names, ", "))
}

// only finds the one variant of an endpoint, at the moment that is asked for. It fails with UnknownError or AmbiguousError.
func only(ctx context.Context, p Past, q Query) (string, error) {
	var names []string
	look := func(e *engine.Engine) {
		if r := e.Region(q.Scope); r != nil {
			if x, err := r.Hosting.Endpoint(q.Endpoint); err == nil {
				for _, v := range x.Variants {
					names = append(names, v.Config.Name)
				}
			}
		}
	}
	var past bool
	if err := p.View(ctx, func(now time.Time, e *engine.Engine) {
		if past = !q.At.IsZero() && q.At.Before(now); !past {
			look(e)
		}
	}); err != nil {
		return "", err
	}
	if past {
		s, err := p.At(ctx, q.At)
		if err != nil {
			return "", err
		}
		look(s.Engine)
	}
	switch len(names) {
	case 0:
		return "", &UnknownError{q.Endpoint, "", q.Scope.Region, q.At}
	case 1:
		return names[0], nil
	default:
		return "", &AmbiguousError{q.Endpoint, names}
	}
}

// ParseMoment reads a moment in RFC 3339; "" is the zero moment.
func ParseMoment(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, fmt.Errorf("%q is not a time such as 2026-11-24T10:00:00Z", text)
	}
	return t, nil
}

func (q Query) target() scaling.TargetKey { return scaling.VariantTarget(q.Endpoint, q.Variant) }
