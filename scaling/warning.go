package scaling

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/plural"
)

// Things that are silently wrong with a target.
const (
	PolicyWithoutAlarm        WarningKind = iota + 1 // no alarm invokes the policy: it never acts
	AlarmIsGone                                      // an alarm that a policy owns was deleted by hand
	AlarmActionsOff                                  // the alarm invokes nothing: its actions are disabled
	MetricWithoutData                                // the alarm has no data to judge
	NeverScalesIn                                    // no policy of the target ever takes capacity away
	ScaleInVetoed                                    // a policy can never scale in: another, without data, has to agree
	PoliciesFight                                    // what one policy adds another takes away
	MaximumReachedDaily                              // more than the maximum is wanted day after day
	RangeIsOnePoint                                  // the minimum is the maximum: policies can change nothing
	ScalingSuspended                                 // scaling by policies is suspended
	DryRun                                           // decisions are made and change nothing
	ZeroCapacityWithoutWakeUp                        // the target scales to zero, and nothing brings it back
	ScheduleNeverDue                                 // a scheduled action was put that has no time to come, such as a past at()
	CapacityOutsideRange                             // the capacity is outside the range, and nothing is about to change it
)

// WarningKind is what is wrong.
type WarningKind int

// String returns the kind's name.
func (k WarningKind) String() string {
	switch k {
	case PolicyWithoutAlarm:
		return "PolicyWithoutAlarm"
	case AlarmIsGone:
		return "AlarmIsGone"
	case AlarmActionsOff:
		return "AlarmActionsOff"
	case MetricWithoutData:
		return "MetricWithoutData"
	case NeverScalesIn:
		return "NeverScalesIn"
	case ScaleInVetoed:
		return "ScaleInVetoed"
	case PoliciesFight:
		return "PoliciesFight"
	case MaximumReachedDaily:
		return "MaximumReachedDaily"
	case RangeIsOnePoint:
		return "RangeIsOnePoint"
	case ScalingSuspended:
		return "ScalingSuspended"
	case DryRun:
		return "DryRun"
	case ZeroCapacityWithoutWakeUp:
		return "ZeroCapacityWithoutWakeUp"
	case ScheduleNeverDue:
		return "ScheduleNeverDue"
	case CapacityOutsideRange:
		return "CapacityOutsideRange"
	default:
		return "invalid"
	}
}

// Warning says that something about a target is silently wrong: AWS takes such a configuration without a word.
type Warning struct {
	Kind   WarningKind
	Policy string    // "" where it is about the target
	Other  string    // ScaleInVetoed, PoliciesFight: the other policy
	Alarm  string    // AlarmIsGone, AlarmActionsOff, MetricWithoutData
	Label  string    // a short label of Alarm, where the policy owns it; else Alarm
	Peers  string    // ScaleInVetoed: the policies that have to agree, such as "target tracking policies"
	Action string    // ScheduleNeverDue: the scheduled action
	When   string    // ScheduleNeverDue: its schedule
	Since  time.Time // MetricWithoutData: since when; zero where the alarm never had data

	ByUser bool // PolicyWithoutAlarm: a user can execute the policy
	Number int  // MaximumReachedDaily: days; RangeIsOnePoint, CapacityOutsideRange: the capacity; PoliciesFight: changes of direction

	Range    [2]int // CapacityOutsideRange: minimum and maximum
	Withheld Change // DryRun: what the range would change; From is Want where it is nothing
}

// String says what is wrong and what to do about it.
func (w Warning) String() string {
	switch w.Kind {
	case PolicyWithoutAlarm:
		if w.ByUser {
			return fmt.Sprintf("no alarm invokes policy %s, so it acts only when a user executes it: put an alarm whose actions name the policy's ARN", w.Policy)
		}
		return fmt.Sprintf("no alarm invokes policy %s, so it never acts: put an alarm whose actions name the policy's ARN", w.Policy)
	case AlarmIsGone:
		return fmt.Sprintf("policy %s misses its alarm %s, which somebody deleted: put the policy again", w.Policy, w.Label)
	case AlarmActionsOff:
		return fmt.Sprintf("alarm %s does not invoke policy %s: its actions are disabled", w.Label, w.Policy)
	case MetricWithoutData:
		data := "has never had data"
		if !w.Since.IsZero() {
			data = "has had no data since " + w.Since.UTC().Format("2006-01-02 15:04:05")
		}
		return fmt.Sprintf("alarm %s of policy %s %s: check the metric's name, dimensions and unit, and whether anything publishes it",
			w.Label, w.Policy, data)
	case NeverScalesIn:
		return "capacity is never taken away: no policy scales in"
	case ScaleInVetoed:
		return fmt.Sprintf("policy %s cannot scale in: all %s have to agree, and %s has no data", w.Policy, w.Peers, w.Other)
	case PoliciesFight:
		return fmt.Sprintf("policies %s and %s work against each other: %s in a row one took back what the other did", w.Policy, w.Other, plural.Of(w.Number, "time"))
	case MaximumReachedDaily:
		return fmt.Sprintf("more than the maximum was wanted on each of the last %s: raise it, or the target value", plural.Of(w.Number, "day"))
	case RangeIsOnePoint:
		return fmt.Sprintf("minimum and maximum are both %d: policies can change nothing", w.Number)
	case ScalingSuspended:
		return "scaling by policies is suspended"
	case ZeroCapacityWithoutWakeUp:
		return "capacity can come to zero, and nothing brings it back: add a step scaling policy with an alarm on NoCapacityInvocationFailures, " +
			"a scheduled action that raises the minimum, or the tag " + WakeTag + "=true"
	case DryRun:
		if w.Withheld.Want != w.Withheld.From {
			return fmt.Sprintf("dry run: decisions are recorded and change nothing; without it, the capacity would change from %d to %d: %s",
				w.Withheld.From, w.Withheld.Want, w.Withheld.Cause)
		}
		return "dry run: decisions are recorded and change nothing"
	case CapacityOutsideRange:
		return fmt.Sprintf("the desired capacity %d is outside the range %d to %d: a change to it failed, or it was set so. "+
			"A policy's next change into the range, or registering the target again, moves it there",
			w.Number, w.Range[0], w.Range[1])
	case ScheduleNeverDue:
		return fmt.Sprintf("scheduled action %s never runs: when it was put, %s had no time left to come, within its start and end", w.Action, w.When)
	default:
		return "invalid"
	}
}

// AlarmFacts is what warnings need to know of an alarm that invokes, or would invoke, a policy.
type AlarmFacts struct {
	Policy         string
	API            API // of the policy
	Alarm          string
	State          alarm.State
	Since          time.Time // of the state
	Fresh          bool      // the state is the one that the alarm was created in
	Judged         time.Time // when the alarm has had time to see data, had there been any
	ActionsEnabled bool
	SeesZero       bool // its metric may have data while the target has no capacity
}

// How warnings look back.
const (
	fightWithin   = time.Hour
	fightTurns    = 3 // changes of direction in a row
	dailyDays     = 3
	withoutDataIn = 5 * time.Minute // at the least, before data that is not there is missed
)

// Warnings says what is silently wrong with a target of a capacity, given all alarms that invoke its policies, and whether requests wake it.
// The order of alarms does not matter.
func (t *Target) Warnings(now time.Time, c Capacity, alarms []AlarmFacts, wakes bool) []Warning {
	out := t.rangeWarnings(c)
	if t.Suspended.DynamicIn || t.Suspended.DynamicOut {
		out = append(out, Warning{Kind: ScalingSuspended})
	}
	if t.Min == t.Max && t.anyPolicy() {
		out = append(out, Warning{Kind: RangeIsOnePoint, Number: t.Min})
	}
	for p := range t.All() {
		out = append(out, t.policyWarnings(now, p, alarms)...)
	}
	out = append(out, t.scaleInWarnings(now, alarms)...)
	out = append(out, t.zeroCapacityWarnings(alarms, wakes)...)
	if w, found := t.fight(now); found {
		out = append(out, w)
	}
	for _, a := range t.Schedules {
		if a.NeverDue {
			out = append(out, Warning{Kind: ScheduleNeverDue, Action: a.Name, When: a.Schedule})
		}
	}
	if days := t.daysAtMax(now); days >= dailyDays {
		out = append(out, Warning{Kind: MaximumReachedDaily, Number: days})
	}
	slices.SortStableFunc(out, func(a, b Warning) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Policy, b.Policy), cmp.Compare(a.Alarm, b.Alarm), cmp.Compare(a.Other, b.Other), cmp.Compare(a.Action, b.Action))
	})
	return out
}

// rangeWarnings is what keeps the range from being applied to the capacity.
func (t *Target) rangeWarnings(c Capacity) []Warning {
	move, outside := t.outside(c)
	if t.DryRun() {
		w := Warning{Kind: DryRun}
		if t.ClampDue && outside {
			w.Withheld = move
		}
		return []Warning{w}
	}
	if outside && c.Scalable && !t.ClampDue && t.Activity == nil && !t.unbounded() && (t.Group == nil || t.Group.Held == nil) {
		return []Warning{{Kind: CapacityOutsideRange, Number: c.Desired, Range: [2]int{t.Min, t.Max}}}
	}
	return nil
}

// policyWarnings is what is wrong with how a policy is invoked.
func (t *Target) policyWarnings(now time.Time, p *Policy, alarms []AlarmFacts) []Warning {
	var out []Warning
	if !p.invoked() {
		return nil
	}
	mine := of(alarms, p)
	if len(mine) == 0 && len(p.AlarmNames()) == 0 {
		_, executable := p.Rule.(Executable)
		return []Warning{{Kind: PolicyWithoutAlarm, Policy: p.Name, ByUser: executable && p.API() == EC2AutoScaling}}
	}
	for _, name := range p.AlarmNames() {
		if !slices.ContainsFunc(mine, func(a AlarmFacts) bool { return a.Alarm == name }) {
			out = append(out, Warning{Kind: AlarmIsGone, Policy: p.Name, Alarm: name, Label: p.alarmLabel(name)})
		}
	}
	for _, a := range mine {
		if !a.ActionsEnabled {
			out = append(out, Warning{Kind: AlarmActionsOff, Policy: p.Name, Alarm: a.Alarm, Label: p.alarmLabel(a.Alarm)})
		}
		if a.withoutData(now) {
			w := Warning{Kind: MetricWithoutData, Policy: p.Name, Alarm: a.Alarm, Label: p.alarmLabel(a.Alarm)}
			if !a.Fresh {
				w.Since = a.Since
			}
			out = append(out, w)
		}
	}
	return out
}

// alarmLabel returns the label of an alarm that invokes the policy.
func (p *Policy) alarmLabel(name string) string { return Types{p.Rule.Type()}.AlarmLabel(name) }

// withoutData reports whether an alarm has had no data for longer than it may take to come.
func (a AlarmFacts) withoutData(now time.Time) bool {
	return a.State == alarm.InsufficientData && !now.Before(a.Judged) && now.Sub(a.Since) >= withoutDataIn
}

// scaleInWarnings is what keeps capacity from ever being taken away.
func (t *Target) scaleInWarnings(now time.Time, alarms []AlarmFacts) []Warning {
	if t.Min == t.Max {
		return nil
	}
	var able, silent []*Policy // policies that have to agree to scale in; those of them that have no data
	scalesIn, acts := false, false
	for p := range t.All() {
		acts = acts || p.acts()
		scalesIn = scalesIn || p.scalesIn()
		x, ok := p.Rule.(Agreeing)
		if !ok {
			continue
		}
		low, has := x.AgreesBy()
		if !has {
			continue
		}
		able = append(able, p)
		if slices.ContainsFunc(of(alarms, p), func(a AlarmFacts) bool { return a.Alarm == low && a.withoutData(now) }) {
			silent = append(silent, p)
		}
	}
	var out []Warning
	if acts && !scalesIn {
		out = append(out, Warning{Kind: NeverScalesIn})
	}
	for _, p := range able {
		for _, s := range silent {
			if s != p {
				out = append(out, Warning{Kind: ScaleInVetoed, Policy: p.Name, Other: s.Name, Peers: p.Rule.(Agreeing).Peers()})
			}
		}
	}
	return out
}

// fight looks whether the newest moves, all within an hour, go to and fro between two policies.
// Turns of one policy alone are its own affair: its target value or thresholds are too near to each other.
func (t *Target) fight(now time.Time) (Warning, bool) {
	turns := 0
	m := t.Watch.Moves
	for i := len(m) - 1; i > 0; i-- {
		a, b := m[i-1], m[i]
		if a.At.Before(now.Add(-fightWithin)) || a.out() == b.out() || a.Policy == b.Policy {
			break
		}
		if last := m[len(m)-1]; !slices.Contains([]string{last.Policy, m[len(m)-2].Policy}, a.Policy) {
			break
		}
		turns++
	}
	if turns < fightTurns {
		return Warning{}, false
	}
	names := []string{m[len(m)-1].Policy, m[len(m)-2].Policy}
	slices.Sort(names)
	return Warning{Kind: PoliciesFight, Policy: names[0], Other: names[1], Number: turns}, true
}

// daysAtMax counts the days in a row, up to today or yesterday, on which more than the maximum was wanted.
func (t *Target) daysAtMax(now time.Time) int {
	days, next := 0, DayOf(now)
	for i := len(t.Watch.MaxDays) - 1; i >= 0; i-- {
		day := t.Watch.MaxDays[i]
		if days == 0 && day == next-1 {
			next = day // today is young
		}
		if day != next {
			break
		}
		days, next = days+1, day-1
	}
	return days
}

// invoked reports whether alarms are to invoke the policy: others act at moments of their own.
func (p *Policy) invoked() bool { return !p.Disabled && (p.timed() == nil || p.OwnsAlarms()) }

// acts reports whether the policy can change capacity, by an alarm or at moments of its own.
func (p *Policy) acts() bool {
	return p.invoked() || !p.Disabled && p.timed() != nil && p.timed().Acts()
}

// scalesIn reports whether the policy can ever take capacity away.
func (p *Policy) scalesIn() bool {
	x, ok := p.Rule.(Directed)
	return !p.Disabled && (!ok || x.ScalesIn())
}

// anyPolicy reports whether the target or its group has policies.
func (t *Target) anyPolicy() bool {
	for range t.All() {
		return true
	}
	return false
}

func of(alarms []AlarmFacts, p *Policy) []AlarmFacts {
	var out []AlarmFacts
	for _, a := range alarms {
		if a.Policy == p.Name && a.API == p.API() {
			out = append(out, a)
		}
	}
	return out
}
