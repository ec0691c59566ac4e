package explain

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/log"
	"bellows.dev/bellows/scaling"
)

// eventsMax limits the number of events read per table.
const eventsMax = 10_000

// Past provides a server's current and past states.
type Past interface {
	// View calls f with the current engine. f must not retain it.
	View(ctx context.Context, f func(now time.Time, e *engine.Engine)) error

	// At returns an engine with the state at a moment, or an error if it is unknown.
	At(ctx context.Context, at time.Time) (PastState, error)

	// Events returns rows of a table of the event history for a key, newest first.
	Events(ctx context.Context, q log.EventQuery) ([]engine.Recorded, error)

	// Live returns what the running server says of itself; false where none runs.
	Live(ctx context.Context) (Live, bool)
}

// PastState is the state at a past moment.
type PastState struct {
	Engine *engine.Engine

	// Differs is the time from which on this version decides differently than the one that ran then; zero if it does not.
	Differs time.Time

	// From and Until bound the range without events before a server was started; zero if one was running.
	From, Until time.Time
}

// Query describes the requested explanation.
type Query struct {
	Scope             engine.Scope
	Endpoint, Variant string            // no variant: the endpoint's only one
	Target            scaling.TargetKey // a target of another scalable dimension, instead of Endpoint and Variant; zero: none
	At                time.Time         // zero: now
	Since             time.Duration     // length of the story before At; zero: no story
	Clock             time.Time         // wall time, if Past only has the time of the last event; else zero
}

// Name sets what is to be explained: a variant, in a form that ParseVariant knows, or a resource ID of the scalable dimension of this name.
func (q *Query) Name(text, dimension string) (err error) {
	if dimension != "" {
		q.Target = scaling.TargetKey{ResourceID: text, Dimension: scaling.Dimension(dimension)}
		return nil
	}
	q.Endpoint, q.Variant, err = ParseVariant(text)
	return err
}

// FutureError is the error of a requested moment in the future.
type FutureError struct{ At, Now time.Time }

// Error returns a text with both times.
func (e *FutureError) Error() string {
	return fmt.Sprintf("%s UTC is in the future: the latest moment that can be explained is %s UTC", stamp(e.At), stamp(e.Now))
}

// checkMoment returns FutureError for a moment in the future.
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

// Explanation is the result of a query.
type Explanation struct {
	Region   string `json:"region"`
	Resource string `json:"resource,omitempty"` // the resource ID, where another scalable dimension was asked about
	Endpoint string `json:"endpoint"`
	Variant  string `json:"variant"`
	Moment   Moment `json:"moment"`
	Story    []Line `json:"story,omitempty"` // oldest first
}

// Kinds of lines by which readers select.
const (
	KindDecision = "decision"
	KindChange   = "change" // by hand
)

// Line is one event, as a sentence and as data.
type Line struct {
	At   time.Time    `json:"at"`
	Kind string       `json:"kind"` // KindDecision, KindChange, alarm, activity, schedule, endpoint, instance or event
	Text string       `json:"text"`
	What engine.Event `json:"what"`

	Idle bool `json:"-"` // it repeats each minute without effect
}

// UnknownError is the error of an unknown variant; At is zero for a query of the current state.
type UnknownError struct {
	Endpoint, Variant, Region string
	At                        time.Time
	Target                    scaling.TargetKey // of a query for one
	Elsewhere                 []string          // the account's other regions that have an endpoint of this name now
}

// Error returns a text with the variant, and where there is an endpoint of its name.
func (e *UnknownError) Error() string {
	if len(e.Elsewhere) > 0 {
		return fmt.Sprintf("%s. There is an endpoint %s in %s: ask with that region", e.unknown(), e.Endpoint, strings.Join(e.Elsewhere, ", "))
	}
	return e.unknown()
}

func (e *UnknownError) unknown() string {
	if e.Target.ResourceID != "" {
		return fmt.Sprintf("nothing is known of %s in %s: is it a scalable target of dimension %s?", e.Target.ResourceID, e.Region, e.Target.Dimension)
	}
	if e.Variant == "" {
		return fmt.Sprintf("there is no endpoint %s in %s; of one that is deleted, give the variant too, as in %[1]s/AllTraffic", e.Endpoint, e.Region)
	}
	if !e.At.IsZero() {
		return fmt.Sprintf("there was no %s/%s in %s at %s UTC", e.Endpoint, e.Variant, e.Region, stamp(e.At))
	}
	return fmt.Sprintf("nothing is known of %s/%s in %s: is there such a variant, and is it a scalable target?", e.Endpoint, e.Variant, e.Region)
}

// Explain returns the explanation for a query. Errors include UnknownError, AmbiguousError and FutureError.
func Explain(ctx context.Context, p Past, q Query) (Explanation, error) {
	if err := checkMoment(ctx, p, q); err != nil {
		return Explanation{}, err
	}
	if q.Target.ResourceID != "" {
		if err := place(ctx, p, &q); err != nil {
			return Explanation{}, err
		}
	} else if q.Variant == "" {
		name, err := only(ctx, p, q)
		if err != nil {
			return Explanation{}, err
		}
		q.Variant = name
	}
	x := Explanation{Region: q.Scope.Region, Resource: q.Target.ResourceID, Endpoint: q.Endpoint, Variant: q.Variant}
	m, types, err := momentOf(ctx, p, q)
	if err != nil {
		return x, err
	}
	x.Moment = m
	until := m.At.Add(time.Nanosecond) // events at the moment are included
	if err := x.Moment.skipped(ctx, p, types, q, until); err != nil {
		return x, err
	}
	if x.Moment.Decision, err = lastDecision(ctx, p, types, q, until); err != nil {
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
			return x, unknown(ctx, p, q)
		}
		for _, i := range items {
			if i.At.Add(q.Since).After(m.At) {
				x.Story = append(x.Story, line(types, i))
			}
		}
	}
	return x, nil
}

// ofVariant reports whether an event belongs to the variant itself, not to its endpoint as a whole.
func ofVariant(i engine.Recorded) bool {
	_, whole := i.Event.(engine.EndpointChanged)
	return !whole
}

// ParseVariant parses ENDPOINT/VARIANT, the group's name ENDPOINT.VARIANT, or ENDPOINT alone, which means its
// only variant (Explain returns AmbiguousError if there are several); variant is "" then.
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

// AmbiguousError is the error of an endpoint with several variants, one of which must be named.
type AmbiguousError struct {
	Endpoint string
	Variants []string
}

// Error returns a text with the variants.
func (e *AmbiguousError) Error() string {
	names := make([]string, len(e.Variants))
	for i, v := range e.Variants {
		names[i] = e.Endpoint + "/" + v
	}
	return fmt.Sprintf("%s has several variants: name one of %s", e.Endpoint, strings.Join(names, ", "))
}

// only returns the only variant of an endpoint at the requested moment. It returns UnknownError or AmbiguousError.
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
		return "", unknown(ctx, p, q)
	case 1:
		return names[0], nil
	default:
		return "", &AmbiguousError{q.Endpoint, names}
	}
}

// unknown returns the error of a query for what is not known.
func unknown(ctx context.Context, p Past, q Query) error {
	x := &UnknownError{Endpoint: q.Endpoint, Variant: q.Variant, Region: q.Scope.Region, At: q.At, Target: q.Target}
	err := p.View(ctx, func(_ time.Time, e *engine.Engine) {
		for _, r := range e.Regions() {
			if _, err := r.Hosting.Endpoint(q.Endpoint); err == nil && r.Scope.Account == q.Scope.Account && r.Scope.Region != q.Scope.Region {
				x.Elsewhere = append(x.Elsewhere, r.Scope.Region)
			}
		}
	})
	if err != nil {
		return err
	}
	return x
}

// moments are the forms of a time besides RFC 3339, in UTC: those that explanations and replays print, and a day.
var moments = []string{"2006-01-02 15:04:05 UTC", time.DateTime, "2006-01-02T15:04:05", time.DateOnly}

// ParseMoment parses a time in RFC 3339, in the form that explanations print, or a day, which stands for its begin. "" is the zero time.
func ParseMoment(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	for _, form := range moments {
		if err != nil {
			t, err = time.Parse(form, text)
		}
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is not a time such as 2026-11-24T10:00:00Z", text)
	}
	return t, nil
}

// ParseSpan parses a duration of zero or more, such as 90s, 24h or 2d.
func ParseSpan(text string) (time.Duration, error) {
	const day = 24 * time.Hour
	if days, is := strings.CutSuffix(text, "d"); is {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			return time.Duration(n) * day, nil
		}
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is not a duration such as 90s, 24h or 2d", text)
	}
	return d, nil
}

func (q Query) target() scaling.TargetKey {
	if q.Target.ResourceID != "" {
		return q.Target
	}
	return scaling.VariantTarget(q.Endpoint, q.Variant)
}

// place sets the endpoint and variant that a target's resource belongs to; no variant: all of the endpoint's. It returns UnknownError where
// there is no such dimension or resource ID.
func place(ctx context.Context, p Past, q *Query) error {
	err := error(&UnknownError{Region: q.Scope.Region, At: q.At, Target: q.Target})
	if viewed := p.View(ctx, func(_ time.Time, e *engine.Engine) {
		d, r := e.Config().Dimensions.Named(q.Target.Dimension), e.Region(q.Scope)
		if d != nil && r != nil && d.Fits(q.Target.ResourceID) {
			q.Endpoint, q.Variant = d.Place(r.Hosting, q.Target.ResourceID)
			err = nil
		}
	}); viewed != nil {
		return viewed
	}
	return err
}
