package engine

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/scaling"
)

// Engine owns all state. Its zero value is not ready; use New. It is not safe for concurrent use: its one owner steps it.
type Engine struct {
	config  Config
	now     time.Time
	ids     identities
	regions map[Scope]*Region
	sorted  []*Region // by scope
	where   map[hosting.InstanceID]EndpointKey
	keeps   bool // a history is kept

	announced map[EndpointKey]announced

	step step

	proposals arena[scaling.Proposal] // of decisions in events

	readings map[Scope]alarm.Readings // of the step that is repeated by them; nil in others
}

// Region is the state of one scope, to be read between steps and changed by Step alone.
type Region struct {
	Scope   Scope
	config  *Config // the engine's
	Metrics *metric.Window
	Alarms  *alarm.Registry
	Targets *scaling.Registry
	Hosting *hosting.Registry

	idle      time.Time                // end of the newest 10-second interval that was looked at for zeros
	changing  wakes                    // endpoints that are not at rest
	idlers    map[string][]idleVariant // of endpoints that serve, looked up once
	recorders map[string][]*recorder   // of endpoints' variants
	due       []dueTarget              // what is to be decided in this step

	moving map[string]moving // instances that start or go, by endpoint

	windows map[*scaling.Policy]windowed // of policies that read metrics themselves
}

// dueTarget is a target that is to be decided, and a signal of its alarms.
type dueTarget struct {
	target *scaling.Target
	signal int // its place among the step's, or noSignal
}

// noSignal: no alarm invokes a policy; a rule's own moment has come, or requests wait.
const noSignal = -1

// moving is the open activities of an endpoint's instances.
type moving map[hosting.InstanceID]*scaling.InstanceActivity

// announced is what the newest levels of an endpoint have.
type announced struct {
	instances []hosting.InstanceID
	fleets    []hosting.FleetKey // those that have instances
}

// step is what one Step gathers.
type step struct {
	out      Output
	touched  map[*Region]map[string]bool // endpoints
	made     []*Region                   // regions that the input was the first to name
	decision scaling.Decision

	signals []scaling.Signal // of all targets
	points  []float64        // of signals
	invoked []scaling.Signal // of one target
	own     ownAlarms
	scratch alarm.Scratch

	why map[regionTarget]scaling.CapacityChange // what changed desired capacities in this step
}

// New returns an engine without state.
func New(c Config) *Engine {
	return &Engine{
		config: c.WithDefaults(), ids: identities{c.Seed}, regions: map[Scope]*Region{}, where: map[hosting.InstanceID]EndpointKey{},
		announced: map[EndpointKey]announced{},
	}
}

// Input is a fact or a request: the closed set of types in this package that Step takes. Inputs lists them.
type Input interface {
	apply(e *Engine) (Result, error)
}

// ErrBackwards refuses a moment before that of an earlier step.
var ErrBackwards = errors.New("engine: time went backwards")

// ErrMoment refuses a moment before 1970 or after 2261: samples could not be recorded then.
var ErrMoment = errors.New("engine: a moment is out of range")

// Step takes an input at a moment and decides, always in the same order: metrics are appended, scheduled actions run, alarms that
// are due evaluated (alarm.Registry), capacities decided, endpoints reconciled. An error means that nothing changed: the state is the same, byte for byte.
func (e *Engine) Step(now time.Time, in Input) (Output, error) {
	if now.Before(e.now) {
		return Output{}, ErrBackwards
	}
	if !metric.TimeInRange(now) {
		return Output{}, ErrMoment
	}
	if x, ok := in.(limited); ok {
		if err := x.limits(); err != nil {
			return Output{}, err
		}
	}
	before, ids := e.now, e.ids
	e.now = now
	e.step.out, e.step.touched, e.step.why = Output{Evaluated: e.step.out.Evaluated[:0]}, map[*Region]map[string]bool{}, nil
	e.step.signals, e.step.points, e.step.made = e.step.signals[:0], e.step.points[:0], e.step.made[:0]
	result, err := in.apply(e)
	if err != nil {
		e.undo(before, ids)
		return Output{}, err
	}
	e.noteServed()
	for _, r := range e.sorted {
		e.runSchedules(r)
		e.fillIdle(r)
		e.stepAlarms(r)
		e.requestHistories(r)
		e.decide(r)
		e.reconcile(r)
	}
	e.effects()
	for _, r := range e.sorted {
		r.Targets.Plan()
	}
	e.step.out.Result = result
	return e.step.out, nil
}

// undo takes back what a refused input left behind. An apply checks before it changes anything; what happens on the way to its checks
// is the moment, identifiers that were handed out, regions that were made to look into, and notes for the rest of the step.
func (e *Engine) undo(before time.Time, ids identities) {
	e.now, e.ids = before, ids
	for _, r := range e.step.made {
		delete(e.regions, r.Scope)
		e.sorted = slices.DeleteFunc(e.sorted, func(x *Region) bool { return x == r })
	}
	for _, r := range e.sorted {
		r.due = r.due[:0]
	}
}

// Now returns the moment of the last step.
func (e *Engine) Now() time.Time { return e.now }

// Config returns the engine's settings.
func (e *Engine) Config() Config { return e.config }

// Region returns a scope's state, nil where it has none. It is for reading.
func (e *Engine) Region(s Scope) *Region { return e.regions[s] }

// EmptyRegion returns the state of a scope that has none yet, for readers.
func EmptyRegion(s Scope) *Region {
	config := Config{}.WithDefaults()
	return newRegion(s, &config, nil)
}

func newRegion(s Scope, c *Config, newID func() hosting.InstanceID) *Region {
	metrics := metric.NewWindow(c.MetricRetention)
	r := &Region{
		Scope: s, config: c, Metrics: metrics, Alarms: alarm.NewRegistry(metrics, c.EvaluationDelay),
		Targets: scaling.NewRegistry(c.Policies, c.Dimensions), Hosting: hosting.NewRegistry(c.StartupTimeout, newID),
		changing: wakes{at: map[string]time.Time{}}, idlers: map[string][]idleVariant{}, recorders: map[string][]*recorder{},
		moving: map[string]moving{},
	}
	r.Hosting.ClockSpeed = c.ClockSpeed
	return r
}

// region returns a scope's state, making it on first use.
func (e *Engine) region(s Scope) *Region {
	r, found := e.regions[s]
	if !found {
		r = newRegion(s, &e.config, e.ids.instance)
		if e.keeps {
			r.Metrics.KeepHistory(e.now)
		}
		e.regions[s] = r
		e.step.made = append(e.step.made, r)
		at, _ := slices.BinarySearchFunc(e.sorted, s, func(x *Region, s Scope) int { return compareScopes(x.Scope, s) })
		e.sorted = slices.Insert(e.sorted, at, r)
	}
	return r
}

// Regions returns the scopes that have state, in a stable order. They are for reading.
func (e *Engine) Regions() []*Region { return slices.Clip(e.sorted) }

func compareScopes(a, b Scope) int {
	return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region))
}

// Wake returns the earliest time at which a Tick has an effect; zero if only other inputs can have one.
func (e *Engine) Wake() time.Time {
	var wake time.Time
	earlier := func(t time.Time) {
		if !t.IsZero() && (wake.IsZero() || t.Before(wake)) {
			wake = t
		}
	}
	for _, r := range e.sorted {
		earlier(r.Alarms.Wake(e.now))
		earlier(r.Targets.NextRun())
		earlier(r.Targets.NextRule())
		earlier(r.changing.next)
		if len(r.idlers) > 0 {
			earlier(metric.Align(e.now, idleStep).Add(idleStep))
		}
	}
	return wake
}

// noteServed records how many instances of the endpoints that this step touched take invocations.
func (e *Engine) noteServed() {
	for r, names := range e.step.touched { //tidy:unordered each endpoint by itself
		for name := range names { //tidy:unordered each by itself
			if x := r.Hosting.Endpoints[name]; x != nil {
				x.NoteServed(e.now)
			}
		}
	}
}

func (e *Engine) emit(x Event) { e.step.out.Events = append(e.step.out.Events, x) }

func (e *Engine) touch(r *Region, endpoint string) {
	if e.step.touched[r] == nil {
		e.step.touched[r] = map[string]bool{}
	}
	e.step.touched[r][endpoint] = true
}
