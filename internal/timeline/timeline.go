package timeline

import (
	"context"
	"fmt"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/audit"
	"bellows.dev/bellows/internal/log"
	"bellows.dev/bellows/metric/expr"
	"bellows.dev/bellows/scaling"
)

// Limits of a timeline.
const (
	rowsMax   = 10_000 // rows of the event history that are read per table
	groupsMax = 500    // groups that are returned, the newest
	pointsMax = 50_000 // points per series that can be requested
)

// Sources are what timelines are read from. All members but Writes are required.
type Sources struct {
	// View calls f with the current engine. f must not retain it.
	View func(ctx context.Context, f func(now time.Time, e *engine.Engine)) error

	// Events returns rows of a table of the event history, newest first unless the query asks otherwise.
	Events func(ctx context.Context, q log.EventQuery) ([]engine.Recorded, error)

	// Metrics calls f with a scope's metrics; twice, where memory alone does not reach back far enough.
	Metrics func(ctx context.Context, scope engine.Scope, f func(now time.Time, s expr.Source)) error

	// Writes returns a page of the audit log; nil: feeds have no requests.
	Writes func(q audit.Query) (audit.Page, error)
}

// Query selects a variant and a time range.
type Query struct {
	Scope             engine.Scope
	Endpoint, Variant string
	From, To          time.Time // To is exclusive; it may be in the future
	Points            int       // the most points per series, 1 to 50,000; 0: 1,500
}

// RangeError is the error of a time range or a number of points that cannot be served.
type RangeError struct{ Reason string }

// Error implements error.
func (e *RangeError) Error() string { return e.Reason }

// UnknownError is the error of a variant that neither exists nor has events in the time range.
type UnknownError struct{ Endpoint, Variant, Region string }

// Error implements error.
func (e *UnknownError) Error() string {
	return fmt.Sprintf("there is no %s/%s in %s, and the history has no event of it in this time range", e.Endpoint, e.Variant, e.Region)
}

// Timeline is what a variant did in a time range.
type Timeline struct {
	Region   string    `json:"region"`
	Endpoint string    `json:"endpoint"`
	Variant  string    `json:"variant"`
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	Now      time.Time `json:"now"` // policy time when the timeline was read

	Loads    []Series   `json:"loads"`   // what the policies' alarms watch, and the invocations
	Latency  []Series   `json:"latency"` // percentiles of the model's latency, in ms
	Errors   []Series   `json:"errors"`  // failed invocations a minute
	Alarms   []Alarm    `json:"alarms"`
	Capacity []Capacity `json:"capacity"` // steps, the first at From
	Bounds   []Bounds   `json:"bounds"`   // steps, as far as they are known
	Changes  []Change   `json:"changes"`  // of the desired capacity, oldest first
	Marks    []Mark     `json:"marks"`    // what was done besides policies, and forecasts; oldest first
	Forecast []Expected `json:"forecast"` // hours, oldest first; they reach beyond the present where To does
	Coolings []Cooling  `json:"cooldowns"`
	Lives    []Life     `json:"instances"`
	Groups   []Group    `json:"groups"` // newest first

	// Cut is the time before which the event history has more rows than were read; absent if all were.
	Cut *time.Time `json:"cut,omitempty"`
}

// Capacity is the capacity from a moment on, until the next step.
type Capacity struct {
	At      time.Time `json:"at"`
	Desired int       `json:"desired"`
	Running int       `json:"running"` // instances in service
}

// Bounds are the least and the largest capacity from a moment on, until the next step.
type Bounds struct {
	At  time.Time `json:"at"`
	Min int       `json:"min"`
	Max int       `json:"max"`
}

// Cooling is a cooldown of a policy: it began when an activity ended.
type Cooling struct {
	Policy string    `json:"policy"`
	Out    bool      `json:"out"` // after a scale-out; else after a scale-in
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
}

// Change is a change of the desired capacity.
type Change struct {
	At    time.Time `json:"at"`
	From  int       `json:"from"`
	To    int       `json:"to"`
	By    string    `json:"by"` // policy, schedule, forecast, request, bounds, hand or deployment
	Cause string    `json:"cause"`
}

// Mark is something that was done to the variant: a run of a scheduled action, a change by hand, a deployment, or a new forecast.
type Mark struct {
	At   time.Time `json:"at"`
	To   time.Time `json:"to,omitzero"` // of a change or a deployment: when the last of its instances was ready or gone; zero for others, and before that
	Kind string    `json:"kind"`        // schedule, hand, deployment or forecast
	Text string    `json:"text"`
}

// Expected is the capacity that a forecast needs in an hour.
type Expected struct {
	At       time.Time `json:"at"` // the beginning of the hour
	Capacity int       `json:"capacity"`
	Policy   string    `json:"policy"`
	Acts     bool      `json:"acts"` // false: it only forecasts
}

// Build reads a timeline. It fails with RangeError, UnknownError, and the errors of the sources.
func Build(ctx context.Context, s Sources, q Query) (*Timeline, error) {
	if q.Points == 0 {
		q.Points = 1500
	}
	if err := q.check(); err != nil {
		return nil, err
	}
	b := &builder{q: q, t: &Timeline{
		Region: q.Scope.Region, Endpoint: q.Endpoint, Variant: q.Variant, From: q.From, To: q.To,
		Loads: []Series{}, Latency: []Series{}, Errors: []Series{}, Alarms: []Alarm{}, Capacity: []Capacity{},
		Bounds: []Bounds{}, Changes: []Change{}, Marks: []Mark{}, Forecast: []Expected{}, Coolings: []Cooling{}, Lives: []Life{}, Groups: []Group{},
	}}
	if err := s.View(ctx, b.present); err != nil {
		return nil, err
	}
	if err := b.read(ctx, s); err != nil {
		return nil, err
	}
	if !b.exists && len(b.launches) == 0 && len(b.reports) == 0 {
		return nil, &UnknownError{q.Endpoint, q.Variant, q.Scope.Region}
	}
	b.live()
	b.changes()
	b.capacity()
	if err := b.marks(ctx, s); err != nil {
		return nil, err
	}
	b.cool()
	b.bands()
	if err := b.decisions(ctx, s); err != nil {
		return nil, err
	}
	b.group()
	if err := b.series(ctx, s); err != nil {
		return nil, err
	}
	return b.t, nil
}

func (q *Query) check() error {
	switch {
	case !q.From.Before(q.To):
		return &RangeError{"from must be earlier than to"}
	case q.Points < 1 || q.Points > pointsMax:
		return &RangeError{fmt.Sprintf("points is %d: want 1 to %d", q.Points, pointsMax)}
	default:
		return nil
	}
}

// builder is a timeline in progress.
type builder struct {
	q Query
	t *Timeline

	// Of the present.
	types   scaling.Types
	exists  bool
	desired int
	here    map[string]present   // instances
	watched []watched            // alarms of the target's policies, by name
	cools   map[string]cooldowns // by policy
	bounds  *Bounds              // nil where it is no scalable target

	// Of the event history, from q.From to the present, oldest first.
	launches   []scaling.InstanceActivity // launches and terminations
	reports    []report
	endpoints  []engine.Recorded
	activities []scaling.Activity
	schedules  []engine.Recorded
	moves      map[string][]move              // transitions of alarms, by name
	made       map[string]time.Time           // when alarms were created, where that is within the range
	gone       map[string]time.Time           // when they were deleted
	decided    map[time.Time]scaling.Decision // decisions that changed the capacity, by time

	// By moment, in Unix nanoseconds: the changes, the activities that began then, and the instances' activities that followed a change then.
	changed  map[int64]bool
	started  map[int64][]scaling.Activity
	followed map[int64][]scaling.InstanceActivity
	lives    map[string]*Life
}

// target is the variant's scalable target.
func (q *Query) target() scaling.TargetKey { return scaling.VariantTarget(q.Endpoint, q.Variant) }

// within reports whether a moment is in the time range.
func (b *builder) within(at time.Time) bool { return !at.Before(b.q.From) && at.Before(b.q.To) }

// short is the name under which people see an alarm.
func (b *builder) short(name string) string { return b.types.AlarmLabel(name) }

// owned reports whether an alarm belongs to a policy.
func (b *builder) owned(name string) bool { return b.short(name) != name }
