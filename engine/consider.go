package engine

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"bellows.dev/bellows/scaling"
)

// Consider says what every policy of a variant sees and wants at a moment, and changes nothing. ok is false where nothing scales it.
func (r *Region) Consider(now time.Time, k scaling.TargetKey) (d scaling.Decision, t *scaling.Target, ok bool) {
	if t = r.Targets.Of(k); t == nil {
		return d, nil, false
	}
	var invoking, quiet []scaling.Signal
	for _, name := range slices.Sorted(maps.Keys(r.Alarms.Metric)) {
		a := r.Alarms.Metric[name]
		seen := map[string]bool{} // policies that this alarm invokes now, or would in another state
		for _, now := range []bool{true, false} {
			for _, x := range a.Actions {
				of, p := r.policyOf(x)
				if of != t || seen[x.Target+x.Policy] || now != (x.On == a.State && a.ActionsEnabled) {
					continue
				}
				seen[x.Target+x.Policy] = true
				s := r.signal(t, a, p)
				if s.Needs = cmp.Or(a.Rule.DatapointsToM, a.Rule.Periods); now {
					invoking = append(invoking, s)
				} else {
					quiet = append(quiet, s)
				}
			}
		}
	}
	return scaling.Consider(now, t, r.Capacity(t), scaling.Seen{
		Signals: invoking, Alarms: &ownAlarms{r, t}, Windows: func(p *scaling.Policy) []scaling.Readings { return r.readings(t, p) },
	}, quiet), t, true
}
