package alarm

import (
	"slices"
	"time"

	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/metric/expr"
)

// Alarm is a metric alarm: its configuration and its state. Exported members are its snapshot.
type Alarm struct {
	Name           string
	Description    string
	Rule           Rule
	ActionsEnabled bool
	Actions        []Action
	Tags           map[string]string

	// Owned: a target tracking policy created the alarm and will delete it.
	Owned bool

	State        State
	Reason       string
	Data         string    // StateReasonData, a JSON text; "" where there is none
	Configured   time.Time // when the configuration last changed
	Updated      time.Time // of State or Reason
	Transitioned time.Time // of State
	Next         time.Time // evaluation
	Invoked      time.Time // when scaling actions of the present state were last invoked; zero until they are

	Muted *Muted `json:",omitzero"` // actions that a mute rule holds back; nil where none are

	MutedContributors []MutedContributor `json:",omitempty"` // of a PromQL alarm: the same for contributors, sorted by their IDs

	WarmingSince time.Time `json:",omitzero"` // when the present warm-up period began; zero where there is none

	// Recent are the values that the last evaluation was based on, oldest first. Newest is the start of the newest period that it looked
	// at; zero where a client supplied the values. Ages are how many periods before Newest the period of each value began; nil where the
	// values are of consecutive periods, the last of which is Newest.
	Recent []float64
	Newest time.Time `json:",omitzero"`
	Ages   []int     `json:",omitempty"`

	// Contributors are those that a PromQL alarm's query returned lately, by ID, and Trouble is what kept it from being evaluated.
	Contributors []Contributor `json:",omitzero"`
	Trouble      Trouble       `json:",omitzero"`
}

// configuration returns the alarm without its state.
func (a *Alarm) configuration() Alarm {
	return Alarm{
		Name: a.Name, Description: a.Description, Rule: a.Rule, ActionsEnabled: a.ActionsEnabled, Actions: a.Actions, Tags: a.Tags, Owned: a.Owned,
	}
}

// Action is what an alarm runs in a state: a scaling policy, or what an ARN names.
type Action struct {
	On     State
	ARN    string // verbatim; "" where Target is set
	Target string // identity of a scalable target, or of a group's policy
	Policy string // name of the policy
}

// Transition is a change of state, with reason and data before and after it.
type Transition struct {
	From, To          State
	OldReason, Reason string
	OldData, Data     string
}

// Scratch is memory that evaluations reuse. Its zero value is ready.
type Scratch struct {
	slots, real []metric.Datapoint
	space       metric.Distribution
	math        expr.Scratch
}

// Schedule sets the next evaluation: the first time after now that is a multiple of the cadence plus the delay. An alarm on an expression
// has no delay.
func (a *Alarm) Schedule(now time.Time, delay time.Duration) {
	c := a.Rule.Cadence()
	delay = a.Rule.wait(delay)
	a.Next = metric.Align(now.Add(-delay), c).Add(c + delay)
}

// Evaluate evaluates the alarm on a series and schedules its next evaluation. It reports whether the state changed. delay is how long after
// its end a period may be looked at.
func (a *Alarm) Evaluate(now time.Time, delay time.Duration, s *metric.Series, m *Scratch) (Transition, bool) {
	a.Schedule(now, delay)
	m.slots = a.Rule.Slots(now, delay, s, m)
	return a.judge(now, m)
}

// EvaluateMath is Evaluate for an alarm with a list of queries. See Rule.MathSlots.
func (a *Alarm) EvaluateMath(now time.Time, delay time.Duration, program *expr.Program, src expr.Source, m *Scratch) (Transition, bool) {
	a.Schedule(now, delay)
	m.slots = a.Rule.MathSlots(now, delay, program, src, m)
	return a.judge(now, m)
}

// judge sets the state that the evaluation range in m makes.
func (a *Alarm) judge(now time.Time, m *Scratch) (Transition, bool) {
	v := a.Rule.Decide(m.slots, a.State, m.real)
	m.real = v.Real
	if a.warming(now, len(v.Real)) || a.Rule.LowSamples(v.Real) {
		return Transition{}, false
	}
	a.remember(m.slots[0].Start, v.Real)
	if v.State == a.State {
		return Transition{}, false
	}
	return a.move(now, v.State, a.Rule.Reason(v), a.Rule.ReasonData(now, v, m.slots)), true
}

// remember keeps the datapoints that an evaluation was based on: real, newest first.
func (a *Alarm) remember(newest time.Time, real []metric.Datapoint) {
	a.Recent, a.Ages, a.Newest = a.Recent[:0], a.Ages[:0], newest
	for i := len(real) - 1; i >= 0; i-- {
		a.Recent = append(a.Recent, real[i].Value)
	}
	if n := len(real); n == 0 || real[n-1].Start.Equal(newest.Add(-time.Duration(n-1)*a.Rule.Period)) {
		return // consecutive
	}
	for i := len(real) - 1; i >= 0; i-- {
		a.Ages = append(a.Ages, int(newest.Sub(real[i].Start)/a.Rule.Period))
	}
}

// RecentStart returns the start of the period of Recent[i]; zero where it is unknown.
func (a *Alarm) RecentStart(i int) time.Time {
	if a.Newest.IsZero() {
		return time.Time{}
	}
	age := len(a.Recent) - 1 - i
	if len(a.Ages) > 0 {
		age = a.Ages[i]
	}
	return a.Newest.Add(-time.Duration(age) * a.Rule.Period)
}

// Restore sets what an evaluation at now was based on; ages are as in Alarm.
func (a *Alarm) Restore(now time.Time, delay time.Duration, recent []float64, ages []int) {
	a.Recent, a.Ages, a.Newest = slices.Clone(recent), slices.Clone(ages), a.Rule.Newest(now, delay)
}

// Supply replaces the values that the last evaluation was based on by a client's.
func (a *Alarm) Supply(values []float64) {
	a.Recent, a.Ages, a.Newest = values, nil, time.Time{}
}

// Set puts the alarm into a state until its next evaluation. It reports false, and changes nothing, where the alarm is in that state
// already. AWS: SetAlarmState; recorded.
func (a *Alarm) Set(now time.Time, s State, reason, data string) (Transition, bool) {
	if s == a.State {
		return Transition{}, false
	}
	return a.move(now, s, reason, data), true
}

func (a *Alarm) move(now time.Time, s State, reason, data string) Transition {
	t := Transition{From: a.State, To: s, OldReason: a.Reason, Reason: reason, OldData: a.Data, Data: data}
	a.State, a.Reason, a.Data, a.Updated, a.Transitioned, a.Invoked = s, reason, data, now, now, time.Time{}
	return t
}

// SameConfiguration reports whether two alarms have the same configuration, whatever their states.
func (a *Alarm) SameConfiguration(b *Alarm) bool {
	return a.Description == b.Description && a.ActionsEnabled == b.ActionsEnabled && a.Owned == b.Owned &&
		a.Rule.equal(b.Rule) && slices.Equal(a.Actions, b.Actions)
}

func (r *Rule) equal(o Rule) bool {
	if !slices.EqualFunc(r.Metrics, o.Metrics, sameQuery) {
		return false
	}
	if (r.PromQL == nil) != (o.PromQL == nil) || r.PromQL != nil && *r.PromQL != *o.PromQL {
		return false
	}
	if r.Metric.Key() != o.Metric.Key() {
		return false
	}
	return r.Statistic == o.Statistic && r.Unit == o.Unit && r.Period == o.Period && r.Periods == o.Periods &&
		r.DatapointsToM == o.DatapointsToM && r.Threshold == o.Threshold && r.Comparison == o.Comparison &&
		r.Clock.equal(o.Clock) && r.Slides == o.Slides && (r.WarmUp == nil) == (o.WarmUp == nil) && (r.WarmUp == nil || *r.WarmUp == *o.WarmUp) &&
		r.Missing == o.Missing && r.IgnoreLowSample == o.IgnoreLowSample && r.EvaluateLowSample == o.EvaluateLowSample
}

func sameQuery(a, b metric.DataQuery) bool {
	if (a.Stat == nil) != (b.Stat == nil) {
		return false
	}
	if a.Stat != nil && (a.Stat.Metric.Key() != b.Stat.Metric.Key() || a.Stat.Statistic != b.Stat.Statistic || a.Stat.Unit != b.Stat.Unit ||
		a.Stat.Period != b.Stat.Period) {
		return false
	}
	a.Stat, b.Stat = nil, nil
	return a == b
}

// lateness is how late an evaluation may be: the one a minute after a late one still repeats the actions.
func (r *Rule) lateness() time.Duration { return min(r.Cadence(), time.Minute) / 3 }

// repeat is how often scaling actions are invoked while a state lasts: every minute, or every ten seconds where the period is under a
// minute. AWS: recorded for periods of 10, 20 and 60 s.
func (r *Rule) repeat() time.Duration {
	if r.PromQL == nil && r.highResolution() {
		return 10 * time.Second
	}
	return time.Minute
}

// Due returns the actions to invoke now, appended to due: those of the present state once after it began, which first reports, and those
// that are scaling policies repeatedly while it lasts. AWS: CloudWatch user guide, alarm actions: only Auto Scaling actions repeat.
func (a *Alarm) Due(now time.Time, due []Action) (all []Action, first bool) {
	if first = a.Invoked.IsZero(); !a.ActionsEnabled || !a.WarmingSince.IsZero() || !first && now.Sub(a.Invoked) < a.Rule.repeat()-a.Rule.lateness() {
		return due, false
	}
	for _, x := range a.Actions {
		if x.On == a.State && (x.Policy != "" || first) {
			due = append(due, x)
		}
	}
	if len(due) > 0 {
		a.Invoked = now
	}
	return due, first
}
