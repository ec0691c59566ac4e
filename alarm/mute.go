package alarm

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// PutMuteRule creates a mute rule, or replaces the one of its name, whose tags stay. It fails with *Error or ErrTooManyMuteRules.
func (r *Registry) PutMuteRule(now time.Time, rule MuteRule) error {
	if err := rule.check(); err != nil {
		return err
	}
	if err := rule.prepare(); err != nil {
		return err
	}
	old := r.MuteRules[rule.Name]
	if old == nil && len(r.MuteRules) >= MuteRulesMax {
		return ErrTooManyMuteRules
	}
	if old != nil {
		rule.Tags = old.Tags
	}
	rule.Updated = now
	if r.MuteRules == nil {
		r.MuteRules = map[string]*MuteRule{}
	}
	r.MuteRules[rule.Name] = &rule
	r.indexMuteRules()
	return nil
}

// DeleteMuteRule deletes a mute rule and ends its muting; one that does not exist is ignored.
func (r *Registry) DeleteMuteRule(name string) {
	delete(r.MuteRules, name)
	r.indexMuteRules()
}

// indexMuteRules notes which rules name an alarm.
func (r *Registry) indexMuteRules() {
	r.muters = map[string][]*MuteRule{}
	for _, name := range slices.Sorted(maps.Keys(r.MuteRules)) {
		for _, a := range r.MuteRules[name].Alarms {
			r.muters[a] = append(r.muters[a], r.MuteRules[name])
		}
	}
}

// restoreMuting makes what a snapshot does not hold of mute rules. It fails where a schedule cannot be parsed.
func (r *Registry) restoreMuting() error {
	for _, name := range slices.Sorted(maps.Keys(r.MuteRules)) {
		if err := r.MuteRules[name].prepare(); err != nil {
			return fmt.Errorf("mute rule %s: %w", name, err)
		}
	}
	r.indexMuteRules()
	for name, a := range r.Metric { //tidy:unordered put into a map
		if a.Muted != nil || len(a.MutedContributors) > 0 {
			r.muted[name] = true
		}
	}
	for name, c := range r.Composite { //tidy:unordered put into a map
		if c.Muted != nil {
			r.muted[name] = true
		}
	}
	return nil
}

// mutedUntil returns the end of the window that mutes an alarm's actions, the latest of several; zero where none does.
func (r *Registry) mutedUntil(name string) time.Time {
	var until time.Time
	for _, m := range r.muters[name] {
		if m.mutes(r.now) && m.to.After(until) {
			until = m.to
		}
	}
	return until
}

// mute mutes the actions of a metric alarm for a transition, zero where there is none. It reports whether a rule mutes the alarm.
func (r *Registry) mute(a *Alarm, t Transition) bool {
	if len(r.muters) == 0 {
		return false
	}
	until := r.mutedUntil(a.Name)
	if until.IsZero() {
		return false
	}
	if t.To != 0 && a.ActionsEnabled {
		for _, action := range a.Actions {
			if action.On == t.To {
				r.emit(Acted{Alarm: a.Name, Action: action, Updated: a.Updated, MutedUntil: until})
			}
		}
		a.Muted = a.Muted.After(t)
		r.muted[a.Name] = true
	}
	return true
}

// muteComposite mutes the actions of a composite alarm for a transition. It reports whether a rule mutes the alarm.
func (r *Registry) muteComposite(c *Composite, t Transition) bool {
	until := r.mutedUntil(c.Name)
	if until.IsZero() {
		return false
	}
	for _, action := range c.Due() {
		r.emit(Acted{Alarm: c.Name, Action: action, Updated: c.Updated, Composite: true, MutedUntil: until})
	}
	c.Muted = c.Muted.After(t)
	r.muted[c.Name] = true
	return true
}

// muteContributor mutes the actions of a PromQL alarm for one contributor's change; they are muted until a time.
func (r *Registry) muteContributor(a *Alarm, x *ContributorChange, until time.Time) {
	for _, action := range a.Actions {
		if action.On == x.To && action.Policy == "" {
			r.emit(Acted{Alarm: a.Name, Action: action, Updated: a.Updated, Contributor: &x.Contributor, MutedUntil: until})
		}
	}
	a.HoldContributor(x)
	r.muted[a.Name] = true
}

// unmute runs the actions of alarms that are no longer muted and are still in a state whose actions were muted, but not of those that went
// back. AWS: CloudWatch user guide, alarm mute rules; DeleteAlarmMuteRule.
func (r *Registry) unmute() {
	if len(r.muted) == 0 {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(r.muted)) {
		if !r.mutedUntil(name).IsZero() {
			continue
		}
		delete(r.muted, name)
		if a := r.Metric[name]; a != nil {
			muted := a.Muted
			if a.Muted = nil; muted.Still(a.State) {
				r.act(a, muted.Last, "")
			}
			r.unmuteContributors(a)
		} else if c := r.Composite[name]; c != nil {
			muted := c.Muted
			if c.Muted = nil; muted.Still(c.State) {
				r.notifyComposite(c, muted.Last)
			}
		}
	}
}

// unmuteContributors does so for the contributors of a PromQL alarm.
func (r *Registry) unmuteContributors(a *Alarm) {
	muted := a.MutedContributors
	if a.MutedContributors = nil; !a.ActionsEnabled {
		return
	}
	for i := range muted {
		r.notifyContributor(a, &muted[i].Contributor, muted[i].Last)
	}
}

// mutingEnds returns when the first window ends that mutes an alarm with muted actions; zero where there is none. It changes nothing.
func (r *Registry) mutingEnds(now time.Time) time.Time {
	var first time.Time
	for name := range r.muted { //tidy:unordered the earliest of all
		for _, m := range r.muters[name] {
			if m.to.After(now) && (first.IsZero() || m.to.Before(first)) {
				first = m.to
			}
		}
	}
	return first
}
