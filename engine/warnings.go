package engine

import (
	"slices"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/scaling"
)

// TargetWarnings are what is silently wrong with one scalable target.
type TargetWarnings struct {
	Target   scaling.TargetKey
	Warnings []scaling.Warning
}

// Warnings says what is silently wrong with what scales the region's variants, by key; those with nothing wrong are left out.
func (r *Region) Warnings(now time.Time) []TargetWarnings {
	facts := r.alarmFacts()
	var out []TargetWarnings
	for _, k := range r.Targets.Keys() {
		t := r.Targets.Of(k)
		if w := t.Warnings(now, r.Capacity(t), facts[t], r.wakesTarget(t)); len(w) > 0 {
			out = append(out, TargetWarnings{k, w})
		}
	}
	return out
}

// alarmFacts gathers, by target, what warnings need to know of the alarms that invoke its policies.
func (r *Region) alarmFacts() map[*scaling.Target][]scaling.AlarmFacts {
	out := map[*scaling.Target][]scaling.AlarmFacts{}
	for _, a := range r.Alarms.Metric { //tidy:unordered warnings are sorted
		for i, x := range a.Actions {
			t, p := r.policyOf(x)
			if t == nil || slices.Index(a.Actions, x) != i {
				continue
			}
			out[t] = append(out[t], scaling.AlarmFacts{
				Policy: x.Policy, API: p.API(), Alarm: a.Name, State: a.State, Since: a.Transitioned, Fresh: a.Reason == alarm.Created,
				Judged: a.Configured.Add(a.Rule.Period * time.Duration(a.Rule.Periods+1)), ActionsEnabled: a.ActionsEnabled,
				SeesZero: measuredAtZero(a),
			})
		}
	}
	return out
}
