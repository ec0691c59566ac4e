package engine

import (
	"slices"
	"time"

	"bellows.dev/bellows/scaling"
)

// TargetWarnings are what is silently wrong with one scalable target.
type TargetWarnings struct {
	Target   scaling.TargetKey
	Warnings []scaling.Warning
}

// Warnings says what is silently wrong with the region's scalable targets, by key; targets with nothing wrong are left out.
func (r *Region) Warnings(now time.Time) []TargetWarnings {
	facts := r.alarmFacts()
	var out []TargetWarnings
	for _, t := range r.Targets.Sorted() {
		if w := t.Warnings(now, facts[t.ID36()]); len(w) > 0 {
			out = append(out, TargetWarnings{t.Key, w})
		}
	}
	return out
}

// alarmFacts gathers, by target, what warnings need to know of the alarms that invoke its policies.
func (r *Region) alarmFacts() map[string][]scaling.AlarmFacts {
	out := map[string][]scaling.AlarmFacts{}
	for _, a := range r.Alarms { //tidy:unordered warnings are sorted
		for i, x := range a.Actions {
			if x.Policy == "" || slices.Index(a.Actions, x) != i {
				continue
			}
			out[x.Target] = append(out[x.Target], scaling.AlarmFacts{
				Policy: x.Policy, Alarm: a.Name, State: scaling.AlarmState(a.State), Since: a.Transitioned,
				Judged: a.Configured.Add(a.Rule.Period * time.Duration(a.Rule.Periods+1)), ActionsEnabled: a.ActionsEnabled,
			})
		}
	}
	return out
}
