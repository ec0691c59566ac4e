package timeline

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/scaling"
)

// Bounds of the work for one page of a feed. Where one is reached, the page is shorter than its limit and has a cursor to go on with.
const (
	feedRowsMax = 20_000                 // rows of the event history that are read
	feedTimeMax = 500 * time.Millisecond // wall time
	feedSlack   = 100                    // entries beyond the limit, so that a request and what it caused stay on one page
)

// Kinds of entries of a feed besides those of groups.
const (
	kindWrite   = "write"   // an API write that caused no other entry
	kindRefused = "refused" // a request that failed or was refused
)

// FeedKinds are the kinds of entries of a feed.
func FeedKinds() []string {
	return []string{"change", "held", "alarm", "schedule", "endpoint", "failure", kindWrite, kindRefused}
}

// FeedQuery selects what happened in an account. Members that are not set match everything.
type FeedQuery struct {
	Account           string // required
	Region            string
	Endpoint, Variant string   // Variant requires Endpoint
	Kinds             []string // of FeedKinds
	User              string   // name of a user or an access key ID: only requests have one
	Text              string   // is contained in an entry, in any case

	From, To time.Time // From inclusive, To exclusive; zero: no bound, the present

	Limit  int     // of a page, at least 1
	Cursor string  // Feed.Next of an earlier page with the same query
	Speed  float64 // of the clock: requests are recorded a little after what they cause
}

// Feed is a page of what happened in an account, newest first.
type Feed struct {
	Now    time.Time   `json:"now"` // policy time
	Events []FeedEntry `json:"events"`
	Next   string      `json:"next,omitempty"` // cursor of the next, older page; absent at the end
}

// FeedEntry is a unit of meaning: a change of capacity from its cause to its result, an event, or a request.
type FeedEntry struct {
	Group
	Region   string `json:"region"`
	Endpoint string `json:"endpoint,omitempty"` // absent where it is about none
	Variant  string `json:"variant,omitempty"`
	Write    *Write `json:"write,omitempty"` // the request that caused it, or that it is
}

// Write is a request that changed something, or that was refused.
type Write struct {
	Operation   string `json:"operation"`
	User        string `json:"user,omitempty"`
	AccessKeyID string `json:"access_key_id,omitempty"`
	SourceIP    string `json:"source_ip,omitempty"`
	Console     bool   `json:"console"` // it came from the console
	Error       string `json:"error,omitempty"`
	Message     string `json:"message,omitempty"`

	about  place
	alarm  string // whose state it sets
	reason string // of that state
}

// feed is a page in progress.
type feed struct {
	s     Sources
	q     FeedQuery
	to    time.Time // of the first page
	types scaling.Types

	sources []*feedSource
	writes  *writeSource // nil: requests are not wanted

	out    []FeedEntry
	found  int                        // entries of out that matched when they were added
	rows   int                        // rows that were read
	top    time.Time                  // of the newest row of this page
	places map[scopedName]place       // variants of alarms
	caused map[scopedName][]time.Time // when alarms caused activities
	ahead  map[engine.Scope]bool      // activities shortly after top have been read
}

// scopedName is an alarm.
type scopedName struct {
	scope engine.Scope
	name  string
}

// place is a variant; "" where there is none.
type place struct{ endpoint, variant string }

// ReadFeed reads a page of what happened. It fails with RangeError and the errors of the sources.
func ReadFeed(ctx context.Context, s Sources, q FeedQuery) (*Feed, error) {
	f := &feed{s: s, q: q, places: map[scopedName]place{}, caused: map[scopedName][]time.Time{}, ahead: map[engine.Scope]bool{}}
	var now time.Time
	var regions []engine.Scope
	if err := s.View(ctx, func(at time.Time, e *engine.Engine) {
		now, f.types, regions = at, e.Config().Policies, nil
		for _, r := range e.Regions() {
			if r.Scope.Account == q.Account && (q.Region == "" || r.Scope.Region == q.Region) {
				regions = append(regions, r.Scope)
			}
		}
	}); err != nil {
		return nil, err
	}
	if f.to = q.To; f.to.IsZero() || f.to.After(now) {
		f.to = now.Truncate(time.Millisecond).Add(time.Millisecond) // requests are recorded to the millisecond
	}
	if !q.From.IsZero() && !q.From.Before(f.to) {
		return nil, &RangeError{"from must be earlier than to, and than the present"}
	}
	slices.SortFunc(regions, func(a, b engine.Scope) int { return cmp.Compare(a.Region, b.Region) })
	if err := f.open(regions); err != nil {
		return nil, err
	}
	more, err := f.fill(ctx)
	if err != nil {
		return nil, cursorError(err)
	}
	page := &Feed{Now: now, Events: []FeedEntry{}}
	for i := range f.out {
		if f.matches(&f.out[i]) {
			page.Events = append(page.Events, f.out[i])
		}
	}
	if more {
		page.Next = f.cursor()
	}
	return page, nil
}

// window is how far apart in policy time the records of a request and of what it caused can be.
func (f *feed) window() time.Duration {
	return time.Duration(2 * max(1, f.q.Speed) * float64(time.Second))
}

// fill reads rows, the newest first, until the page is full, a bound is reached or there are no more.
func (f *feed) fill(ctx context.Context) (more bool, err error) {
	began := time.Now()
	for {
		from, at, err := f.newest(ctx)
		switch {
		case err != nil:
			return false, err
		case at.IsZero():
			return false, nil
		case f.rows >= feedRowsMax, f.found >= f.q.Limit+feedSlack, f.rows > 0 && time.Since(began) > feedTimeMax:
			return true, nil
		case f.found >= f.q.Limit && at.Before(f.out[len(f.out)-1].At.Add(-f.window())):
			return true, nil
		}
		if f.top.IsZero() {
			f.top = at
		}
		if f.rows++; from == nil {
			f.addWrite(f.writes.take())
			continue
		}
		x := from.take()
		if err := f.add(ctx, from, x); err != nil {
			return false, err
		}
	}
}

// newest returns the source whose next row is the newest, nil for the requests, and the time of that row; zero where all are at their end. Of rows
// of one time, results come before causes.
func (f *feed) newest(ctx context.Context) (from *feedSource, at time.Time, err error) {
	for _, s := range f.sources {
		if err := f.load(ctx, s); err != nil {
			return nil, at, err
		}
		if len(s.rows) == 0 || !at.IsZero() && !s.rows[0].At.After(at) && (!s.rows[0].At.Equal(at) || s.rank >= from.rank) {
			continue
		}
		from, at = s, s.rows[0].At
	}
	if f.writes == nil {
		return from, at, nil
	}
	x, err := f.writes.head()
	if err != nil || x == nil || !x.EventTime.After(at) && !at.IsZero() {
		return from, at, err
	}
	return nil, x.EventTime, nil
}

// wants reports whether entries of a kind are asked for.
func (f *feed) wants(kinds ...string) bool {
	return len(f.q.Kinds) == 0 || slices.ContainsFunc(kinds, func(k string) bool { return slices.Contains(f.q.Kinds, k) })
}

// about reports whether a variant, or an endpoint as a whole where variant is "", is asked for.
func (f *feed) about(p place) bool {
	return (f.q.Endpoint == "" || strings.EqualFold(f.q.Endpoint, p.endpoint)) && (f.q.Variant == "" || p.variant == "" || f.q.Variant == p.variant)
}

// matches reports whether an entry is asked for.
func (f *feed) matches(x *FeedEntry) bool {
	kinds := []string{x.Kind}
	if x.Write != nil && x.Write.Error == "" {
		kinds = append(kinds, kindWrite)
	}
	if !f.wants(kinds...) || f.q.User != "" && (x.Write == nil || x.Write.User != f.q.User && x.Write.AccessKeyID != f.q.User) {
		return false
	}
	if f.q.Text == "" {
		return true
	}
	text := []string{x.Title, x.Cause, x.Result, x.Policy, x.Alarm, x.Region, x.Endpoint + "/" + x.Variant}
	if w := x.Write; w != nil {
		text = append(text, w.Operation, w.User, w.AccessKeyID, w.SourceIP, w.Error, w.Message)
	}
	for _, e := range x.Events {
		text = append(text, e.Text)
	}
	return strings.Contains(strings.ToLower(strings.Join(text, "\n")), strings.ToLower(f.q.Text))
}

// put adds an entry, or joins it with the request that caused it.
func (f *feed) put(x FeedEntry) {
	if f.join(&x) {
		return
	}
	if f.out = append(f.out, x); f.matches(&x) {
		f.found++
	}
}
