package engine

import (
	"errors"
	"maps"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/metric/expr"
)

// PutMetricAlarm makes an alarm, or changes it and keeps its state. State and times of Alarm are ignored. It fails with *alarm.Error.
type PutMetricAlarm struct {
	Scope Scope
	Alarm alarm.Alarm

	// Past is what the alarm looks at and the hot window has not: it is the history's, where one is kept. See metric.Window.Recall.
	Past []PastSamples `json:",omitempty"`
}

// PastSamples are all samples of a metric from a moment until the hot window's beginning, and perhaps some that the window has.
type PastSamples struct {
	ID      metric.ID
	From    time.Time
	Samples []metric.BucketState
}

// DeleteAlarms removes alarms; names that are not there are ignored.
type DeleteAlarms struct {
	Scope Scope
	Names []string
}

// SetAlarmState puts an alarm into a state until its next evaluation. It fails with ErrNoAlarm.
type SetAlarmState struct {
	Scope  Scope
	Name   string
	State  alarm.State
	Reason string
	Data   string // StateReasonData as given, a JSON text; "" where there is none

	// Facts is what Data says, nil where it does not say enough for a policy to act on.
	Facts *alarm.Data
}

// SetAlarmActions enables or disables the actions of alarms; names that are not there are ignored.
type SetAlarmActions struct {
	Scope   Scope
	Names   []string
	Enabled bool
}

// Notified is what came of an AlarmNotifies: the world outside carried the action out, or could not.
type Notified struct {
	Scope   Scope
	Alarm   string
	Action  alarm.Action
	Updated time.Time // of the alarm's state
	Error   string    // why not; "" where it was carried out

	Composite   bool               `json:",omitzero"` // it is a composite alarm
	Contributor *alarm.Contributor `json:",omitzero"` // that the action was for, not for the alarm as a whole
}

// TagAlarm adds or replaces tags of an alarm, and removes those of the keys in Remove. It fails with ErrNoAlarm or
// ErrTooManyTags.
type TagAlarm struct {
	Scope  Scope
	Name   string
	Add    map[string]string
	Remove []string

	MuteRule bool `json:",omitzero"` // Name is that of a mute rule
}

// TagsMax is how many tags an alarm may have. AWS: TagResource, API reference.
const TagsMax = 50

// ErrTooManyTags says that an alarm would have more than TagsMax tags.
var ErrTooManyTags = errors.New("engine: too many tags")

// ErrNoAlarm says that there is no alarm of the name.
var ErrNoAlarm = errors.New("engine: no such alarm")

func (in PutMetricAlarm) apply(e *Engine) (Result, error) {
	r := e.region(in.Scope)
	if r.Composites[in.Alarm.Name] != nil {
		return nil, otherType(in.Alarm.Name)
	}
	if queries := in.Alarm.Rule.Metrics; len(queries) > 0 {
		if _, _, err := alarm.Expects(queries); err != nil {
			return nil, err
		}
	}
	e.createAlarm(r, in.Alarm)
	for i := range in.Past {
		r.Metrics.Recall(in.Past[i].ID, in.Past[i].From, in.Past[i].Samples)
	}
	return nil, nil
}

// createAlarm puts an alarm in place; one of the same name keeps its state, and stays untouched where nothing differs.
// AWS: PutMetricAlarm: an update leaves the state unchanged. An identical one changes nothing: recorded.
func (e *Engine) createAlarm(r *Region, a alarm.Alarm) {
	a.State, a.Reason, a.Updated, a.Transitioned, a.Configured = alarm.InsufficientData, alarm.Created, e.now, e.now, e.now
	var before *alarm.Alarm
	if old := r.Alarms[a.Name]; old != nil {
		if old.SameConfiguration(&a) {
			return
		}
		copied := *old
		before = &copied
		a.State, a.Reason, a.Data, a.Updated = old.State, old.Reason, old.Data, old.Updated
		r.schedule.drop(old)
		a.Transitioned, a.Invoked, a.Tags, a.Muted = old.Transitioned, old.Invoked, old.Tags, old.Muted
		if a.Rule.PromQL != nil {
			a.Contributors, a.MutedContributors = old.Contributors, old.MutedContributors
		}
	} else if r.moved = append(r.moved, a.Name); a.Rule.PromQL != nil {
		a.State = alarm.OK // AWS: CloudWatch user guide, PromQL alarms
	}
	if a.BeginWarmUp(e.now, before); before == nil && a.Rule.WarmUp != nil {
		a.State = alarm.InsufficientData
	}
	a.Schedule(e.now, e.config.EvaluationDelay)
	r.Alarms[a.Name] = &a
	r.watch(&a)
	after := a
	e.emit(AlarmConfigured{Scope: r.Scope, Alarm: a.Name, Before: before, After: &after})
}

// watch schedules an alarm and keeps what it looks at.
func (r *Region) watch(a *alarm.Alarm) {
	x := scheduled{alarm: a}
	switch {
	case a.Rule.PromQL != nil:
	case len(a.Rule.Metrics) > 0:
		if program, err := expr.Compile(a.Rule.Metrics); err == nil { // an earlier version may have known more
			x.program = program
		}
	default:
		x.series = r.Metrics.Series(a.Rule.Metric)
	}
	r.keep(x)
	r.schedule.add(x)
}

// keep has the window keep what an alarm looks at.
func (r *Region) keep(x scheduled) {
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
			r.Metrics.Series(s.Metric).Keep(reach)
		}
	}
}

func (in DeleteAlarms) apply(e *Engine) (Result, error) {
	r := e.region(in.Scope)
	if err := r.deletable(in.Names); err != nil {
		return nil, err
	}
	e.deleteAlarms(r, in.Names)
	return nil, nil
}

func (e *Engine) deleteAlarms(r *Region, names []string) {
	for _, name := range names {
		if a := r.Alarms[name]; a != nil {
			delete(r.Alarms, name)
			r.schedule.drop(a)
			r.moved = append(r.moved, name)
			e.emit(AlarmConfigured{Scope: r.Scope, Alarm: name, Before: a})
		} else if c := r.Composites[name]; c != nil {
			e.deleteComposite(r, c)
		}
	}
}

func (in SetAlarmState) apply(e *Engine) (Result, error) {
	r := e.region(in.Scope)
	if c := r.Composites[in.Name]; c != nil {
		if t, changed := c.Set(e.now, in.State, in.Reason, in.Data); changed {
			e.combined(r, c, t)
		}
		return nil, nil
	}
	a := r.Alarms[in.Name]
	if a == nil {
		return nil, ErrNoAlarm
	}
	t, changed := a.Set(e.now, in.State, in.Reason, in.Data)
	if !changed {
		return nil, nil
	}
	e.transition(r, a, t)
	unsafe := ""
	switch f := in.Facts; {
	case f != nil && len(f.Datapoints) > 0 && e.now.Sub(f.QueryDate) <= alarm.FreshFor:
		a.Supply(f.Datapoints)
	case e.config.LenientSetAlarmState:
		a.Supply([]float64{a.Rule.Threshold})
	default:
		unsafe = alarm.Unsafe
	}
	e.act(r, a, t, unsafe)
	return nil, nil
}

func (in Notified) apply(e *Engine) (Result, error) {
	e.emit(AlarmActed{
		Scope: in.Scope, Alarm: in.Alarm, Action: in.Action, Updated: in.Updated, Error: in.Error, Composite: in.Composite, Contributor: in.Contributor,
	})
	return nil, nil
}

func (in SetAlarmActions) apply(e *Engine) (Result, error) {
	r := e.region(in.Scope)
	for _, name := range in.Names {
		if c := r.Composites[name]; c != nil && c.ActionsEnabled != in.Enabled {
			before := *c
			c.ActionsEnabled, c.Configured = in.Enabled, e.now
			after := *c
			e.emit(CompositeConfigured{Scope: r.Scope, Alarm: name, Before: &before, After: &after})
		}
		a := r.Alarms[name]
		if a == nil || a.ActionsEnabled == in.Enabled {
			continue
		}
		before := *a
		a.ActionsEnabled, a.Configured = in.Enabled, e.now
		after := *a
		e.emit(AlarmConfigured{Scope: r.Scope, Alarm: name, Before: &before, After: &after})
	}
	return nil, nil
}

func (in TagAlarm) apply(e *Engine) (Result, error) {
	r := e.region(in.Scope)
	var tags *map[string]string
	if in.MuteRule {
		m := r.Mutes[in.Name]
		if m == nil {
			return nil, ErrNoAlarm
		}
		tags = &m.Tags
	} else if a := r.Alarms[in.Name]; a != nil {
		tags = &a.Tags
	} else if c := r.Composites[in.Name]; c != nil {
		tags = &c.Tags
	} else {
		return nil, ErrNoAlarm
	}
	next := maps.Clone(*tags)
	if next == nil {
		next = map[string]string{}
	}
	maps.Copy(next, in.Add)
	for _, k := range in.Remove {
		delete(next, k)
	}
	if len(next) > TagsMax {
		return nil, ErrTooManyTags
	}
	*tags = next
	return nil, nil
}
