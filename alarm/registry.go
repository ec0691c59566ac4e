package alarm

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/metric/expr"
)

// TagsMax is how many tags an alarm or a mute rule may have. AWS: TagResource, API reference.
const TagsMax = 50

// Errors of a registry. None of them changes anything.
var (
	ErrNoAlarm          = errors.New("alarm: no such alarm")
	ErrTooManyTags      = errors.New("alarm: too many tags")
	ErrTooManyMuteRules = errors.New("alarm: too many mute rules")
)

// Registry owns all alarms of one scope, and the rules that mute them: it knows when an alarm is due, in which order composite alarms
// follow, and which actions run. Its owner calls Step as time passes and carries out the events that Step and the methods that change
// alarms return; these are good until the next call. Its exported members are the snapshot: read them, change them through methods only.
type Registry struct {
	Metric    map[string]*Alarm     // metric alarms by name
	Composite map[string]*Composite // composite alarms by name; none has the name of a metric alarm
	MuteRules map[string]*MuteRule  // nil where there are none

	metrics *metric.Window
	delay   time.Duration

	queue  queue                  // of Metric
	graph  dependencies           // of Composite
	muters map[string][]*MuteRule // by alarm: the rules that name it
	muted  map[string]bool        // alarms with actions that were muted
	moved  []string               // alarms that changed their state, came or went, and whose dependents have not been evaluated since

	// The call that runs.
	now         time.Time
	events      []Event
	invocations []Invocation
	evaluated   []Evaluation

	scratch Scratch
	due     []Action
	fetched int // see fetch
}

// NewRegistry returns an empty registry whose alarms watch metrics and look at a period delay after its end.
func NewRegistry(metrics *metric.Window, delay time.Duration) *Registry {
	return &Registry{
		Metric: map[string]*Alarm{}, Composite: map[string]*Composite{}, metrics: metrics, delay: delay,
		graph: newDependencies(), muted: map[string]bool{},
	}
}

// Restore fills an empty registry with the contents of a snapshot; nil maps are empty ones. It fails where the rule of a composite alarm
// or the schedule of a mute rule cannot be parsed.
func (r *Registry) Restore(alarms map[string]*Alarm, composites map[string]*Composite, rules map[string]*MuteRule) error {
	if alarms != nil {
		r.Metric = alarms
	}
	for _, name := range slices.Sorted(maps.Keys(r.Metric)) {
		r.watch(r.Metric[name])
	}
	if composites != nil {
		r.Composite = composites
	}
	for _, name := range slices.Sorted(maps.Keys(r.Composite)) {
		x, err := ParseRule(r.Composite[name].Rule)
		if err != nil {
			return fmt.Errorf("the rule of composite alarm %s: %w", name, err)
		}
		r.graph.put(r.Composite[name], x)
	}
	r.MuteRules = rules
	return r.restoreMuting()
}

// begin begins a call: events of the one before are no longer good.
func (r *Registry) begin(now time.Time) {
	r.now = now
	r.events, r.invocations, r.evaluated = r.events[:0], r.invocations[:0], r.evaluated[:0]
}

func (r *Registry) emit(x Event) { r.events = append(r.events, x) }

// Check reports whether a metric alarm can be put: it fails with *Error where a composite alarm has its name, or it cannot be evaluated by
// its rule, such as one with a period of 0.
func (r *Registry) Check(a *Alarm) error {
	if r.Composite[a.Name] != nil {
		return otherType(a.Name)
	}
	if err := a.Rule.check(); err != nil {
		return err
	}
	return checkActions(a.Actions)
}

// otherType refuses a name that an alarm of the other type has. AWS: recorded.
func otherType(name string) error {
	return &Error{Msg: "AlarmName [" + name + "] is already used by another alarm of a different type"}
}

// Put creates a metric alarm, or changes the one of its name, which keeps its state; nothing happens where nothing differs. State and
// times of a are ignored. The caller has Checked alarms that users make.
// AWS: PutMetricAlarm: an update leaves the state unchanged. An identical one changes nothing: recorded.
func (r *Registry) Put(now time.Time, a Alarm) []Event {
	r.begin(now)
	a = a.configuration()
	a.State, a.Reason, a.Updated, a.Transitioned, a.Configured = InsufficientData, Created, now, now, now
	var before *Alarm
	if old := r.Metric[a.Name]; old != nil {
		if old.SameConfiguration(&a) {
			return nil
		}
		copied := *old
		before = &copied
		a.State, a.Reason, a.Data, a.Updated = old.State, old.Reason, old.Data, old.Updated
		r.queue.remove(old)
		a.Transitioned, a.Invoked, a.Tags, a.Muted = old.Transitioned, old.Invoked, old.Tags, old.Muted
		if a.Rule.PromQL != nil {
			a.Contributors, a.MutedContributors = old.Contributors, old.MutedContributors
		}
	} else if r.moved = append(r.moved, a.Name); a.Rule.PromQL != nil {
		a.State = OK // AWS: CloudWatch user guide, PromQL alarms
	}
	if a.BeginWarmUp(now, before); before == nil && a.Rule.WarmUp != nil {
		a.State = InsufficientData
	}
	a.Schedule(now, r.delay)
	r.Metric[a.Name] = &a
	r.watch(&a)
	after := a
	r.emit(Configured{Alarm: a.Name, Before: before, After: &after})
	return r.events
}

// watch queues an alarm and has the window keep what it looks at.
func (r *Registry) watch(a *Alarm) {
	x := entry{alarm: a}
	switch {
	case a.Rule.PromQL != nil:
	case len(a.Rule.Metrics) > 0:
		if program, err := expr.Compile(a.Rule.Metrics); err == nil { // an earlier version may have known more functions
			x.program = program
		}
	default:
		x.series = r.metrics.Series(a.Rule.Metric)
	}
	r.keep(x)
	r.queue.add(x)
}

// Keep has the window keep what alarms look at. It follows a Release of the window.
func (r *Registry) Keep() { r.queue.entries(r.keep) }

func (r *Registry) keep(x entry) {
	rule := &x.alarm.Rule
	if rule.PromQL != nil {
		return
	}
	reach := rule.Reach()
	if x.series != nil {
		x.series.Keep(reach)
	}
	for i := range rule.Metrics {
		if s := rule.Metrics[i].Stat; s != nil {
			r.metrics.Series(s.Metric).Keep(reach)
		}
	}
}

// Delete removes alarms of either kind; names that do not exist are ignored. The caller has checked those that users name with Deletable.
func (r *Registry) Delete(now time.Time, names []string) []Event {
	r.begin(now)
	for _, name := range names {
		if a := r.Metric[name]; a != nil {
			delete(r.Metric, name)
			r.queue.remove(a)
			r.moved = append(r.moved, name)
			r.emit(Configured{Alarm: name, Before: a})
		} else if c := r.Composite[name]; c != nil {
			delete(r.Composite, name)
			r.graph.remove(c)
			r.emit(CompositeConfigured{Alarm: name, Before: c})
		}
	}
	return r.events
}

// Override is a state that a client sets. AWS: SetAlarmState.
type Override struct {
	State  State
	Reason string
	Data   string // StateReasonData, a JSON text; "" where there is none
	Facts  *Data  // what Data says; nil where it says too little for a scaling policy to act on

	// Lenient: scaling policies act without Facts, as if the alarm had read its threshold.
	Lenient bool
}

// SetState puts an alarm into a state: a metric alarm until its next evaluation, a composite alarm until its rule is evaluated again. It
// fails with ErrNoAlarm.
func (r *Registry) SetState(now time.Time, name string, x Override) ([]Event, error) {
	r.begin(now)
	if c := r.Composite[name]; c != nil {
		if t, changed := c.Set(now, x.State, x.Reason, x.Data); changed {
			r.compositeMoved(c, t)
		}
		return r.events, nil
	}
	a := r.Metric[name]
	if a == nil {
		return nil, ErrNoAlarm
	}
	t, changed := a.Set(now, x.State, x.Reason, x.Data)
	if !changed {
		return nil, nil
	}
	r.transition(a, t)
	unsafe := ""
	switch f := x.Facts; {
	case f != nil && len(f.Datapoints) > 0 && now.Sub(f.QueryDate) <= FreshFor:
		a.Supply(f.Datapoints)
	case x.Lenient:
		a.Supply([]float64{a.Rule.Threshold})
	default:
		unsafe = Unsafe
	}
	r.act(a, t, unsafe)
	return r.events, nil
}

// EnableActions enables or disables the actions of alarms; names that do not exist are ignored.
func (r *Registry) EnableActions(now time.Time, names []string, enabled bool) []Event {
	r.begin(now)
	for _, name := range names {
		if c := r.Composite[name]; c != nil && c.ActionsEnabled != enabled {
			before := *c
			c.ActionsEnabled, c.Configured = enabled, now
			after := *c
			r.emit(CompositeConfigured{Alarm: name, Before: &before, After: &after})
		}
		if a := r.Metric[name]; a != nil && a.ActionsEnabled != enabled {
			before := *a
			a.ActionsEnabled, a.Configured = enabled, now
			after := *a
			r.emit(Configured{Alarm: name, Before: &before, After: &after})
		}
	}
	return r.events
}

// RemoveActions removes the actions that invoke a scaling policy from every alarm; the alarms stay. target and policy are as in Action.
func (r *Registry) RemoveActions(target, policy string) {
	for _, a := range r.Metric { //tidy:unordered each by itself
		a.Actions = slices.DeleteFunc(slices.Clone(a.Actions), func(x Action) bool { return x.Target == target && x.Policy == policy })
	}
}

// Tag adds or replaces tags of an alarm of either kind, and removes those of some keys. It fails with ErrNoAlarm or ErrTooManyTags.
func (r *Registry) Tag(name string, add map[string]string, remove []string) error {
	if a := r.Metric[name]; a != nil {
		return retag(&a.Tags, add, remove)
	}
	if c := r.Composite[name]; c != nil {
		return retag(&c.Tags, add, remove)
	}
	return ErrNoAlarm
}

// TagMuteRule is Tag for a mute rule.
func (r *Registry) TagMuteRule(name string, add map[string]string, remove []string) error {
	if m := r.MuteRules[name]; m != nil {
		return retag(&m.Tags, add, remove)
	}
	return ErrNoAlarm
}

func retag(tags *map[string]string, add map[string]string, remove []string) error {
	next := maps.Clone(*tags)
	if next == nil {
		next = map[string]string{}
	}
	maps.Copy(next, add)
	for _, k := range remove {
		delete(next, k)
	}
	if len(next) > TagsMax {
		return ErrTooManyTags
	}
	*tags = next
	return nil
}

// Children returns the alarms in a composite alarm's rule; nil where there is no composite alarm of the name.
func (r *Registry) Children(name string) []string { return slices.Clone(r.graph.children[name]) }

// Parents returns the composite alarms that have an alarm in their rules, by name.
func (r *Registry) Parents(name string) []string {
	return slices.Sorted(slices.Values(r.graph.parents[name]))
}

// States yields the state of every alarm, metric and composite, by name.
func (r *Registry) States() iter.Seq2[string, State] {
	return func(yield func(string, State) bool) {
		names := slices.AppendSeq(slices.Collect(maps.Keys(r.Metric)), maps.Keys(r.Composite)) //tidy:unordered sorted below
		slices.Sort(names)
		for _, name := range names {
			if !yield(name, r.stateSince(name).State) {
				return
			}
		}
	}
}

// stateSince returns an alarm's state and since when it has it. An alarm that does not exist has insufficient data: the scaling policy that
// owned it may be gone.
func (r *Registry) stateSince(name string) StateSince {
	if a := r.Metric[name]; a != nil {
		return StateSince{State: a.State, Transitioned: a.Transitioned}
	}
	if c := r.Composite[name]; c != nil {
		return StateSince{State: c.State, Transitioned: c.Transitioned}
	}
	return StateSince{State: InsufficientData}
}
