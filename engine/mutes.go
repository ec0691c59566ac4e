package engine

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"bellows.dev/bellows/alarm"
	timing "bellows.dev/bellows/scaling/schedule"
)

// MuteRule mutes the actions of alarms, those of scaling policies too, while a window of its schedule lasts: the alarms go on changing
// their states. Exported members are its snapshot. AWS: PutAlarmMuteRule.
type MuteRule struct {
	Name, Description string
	Expression        string        // cron(…) with the five fields of a Unix cron expression, or at(yyyy-MM-ddThh:mm)
	Duration          time.Duration // of a window
	Length            string        // the duration as it was given: ISO 8601
	Zone              string        `json:",omitzero"` // "": UTC
	ZoneData          []byte        `json:",omitempty"`
	Alarms            []string      // names; there need be none of a name
	Start, Expire     time.Time     `json:",omitzero"` // the rule mutes from and until then; zero: at once, for good
	Tags              map[string]string
	Updated           time.Time

	schedule timing.Schedule
	zone     *time.Location
	from, to time.Time // the window that runs, or comes next; zero where there is none
	done     bool      // there will be none any more
}

// Statuses of mute rules. AWS: AlarmMuteRuleStatus.
const (
	MuteScheduled = "SCHEDULED"
	MuteActive    = "ACTIVE"
	MuteExpired   = "EXPIRED"
)

// Limits of a mute rule's windows, AWS's, and of rules, ours. AWS: Schedule, Duration.
const (
	MuteDurationMin = time.Minute
	MuteDurationMax = 15 * 24 * time.Hour
	MuteRulesMax    = 1000
)

// PutMuteRule makes a mute rule or replaces it; an existing one keeps its tags. It fails with *alarm.Error or ErrTooManyMuteRules.
type PutMuteRule struct {
	Scope Scope
	Rule  MuteRule
}

// DeleteMuteRule removes a mute rule and ends its muting; one that is not there is ignored.
type DeleteMuteRule struct {
	Scope Scope
	Name  string
}

// ErrTooManyMuteRules says that there are MuteRulesMax rules already.
var ErrTooManyMuteRules = errors.New("engine: too many mute rules")

// prepare reads the rule's schedule.
func (m *MuteRule) prepare() error {
	m.zone = time.UTC
	if m.Zone != "" {
		loc, err := time.LoadLocationFromTZData(m.Zone, m.ZoneData)
		if err != nil {
			return &alarm.Error{Msg: "The Timezone " + m.Zone + " is not valid"}
		}
		m.zone = loc
	}
	var err error
	text := m.Expression
	if n := len(text); n > len("cron()") && text[:len("cron(")] == "cron(" && text[n-1] == ')' {
		m.schedule, err = timing.ParseUnix(text[len("cron(") : n-1])
	} else if n > 0 && text[n-1] == ')' {
		m.schedule, err = timing.Parse(text[:n-1] + ":00)") // at() wants seconds
	} else {
		m.schedule, err = timing.Parse(text)
	}
	if err == nil && m.schedule.Kind() == timing.Rate {
		err = errors.New("a rate cannot say when to mute")
	}
	if err != nil {
		return &alarm.Error{Msg: "The schedule expression " + text + " is not valid: it must be cron(Minutes Hours Day-of-month Month Day-of-week) " +
			"or at(yyyy-MM-ddThh:mm)"}
	}
	return nil
}

// advance finds the window that a moment falls into, or the next one.
func (m *MuteRule) advance(now time.Time) {
	if m.done || now.Before(m.to) {
		return
	}
	m.from, m.to, m.done = time.Time{}, time.Time{}, true
	after := now
	if m.Start.After(now) {
		after = m.Start
	}
	at, ok := m.schedule.Next(after.Add(-m.Duration), m.zone) // a window that began less than its length ago runs
	if !ok {
		return
	}
	from, to := at, at.Add(m.Duration)
	if from.Before(m.Start) {
		from = m.Start
	}
	if !m.Expire.IsZero() && m.Expire.Before(to) {
		to = m.Expire
	}
	if from.Before(to) && now.Before(to) {
		m.from, m.to, m.done = from, to, false
	}
}

// mutes reports whether a window runs.
func (m *MuteRule) mutes(now time.Time) bool {
	m.advance(now)
	return !m.to.IsZero() && !now.Before(m.from)
}

// Status is the rule's status at a moment. It changes nothing: it is for readers.
func (m *MuteRule) Status(now time.Time) string {
	x := *m
	switch {
	case x.mutes(now):
		return MuteActive
	case x.to.IsZero():
		return MuteExpired
	default:
		return MuteScheduled
	}
}

// Recurring reports whether the rule mutes more than once.
func (m *MuteRule) Recurring() bool { return m.schedule.Recurring() }

func (in PutMuteRule) apply(e *Engine) (Result, error) {
	rule := in.Rule
	if err := rule.prepare(); err != nil {
		return nil, err
	}
	if x := e.regions[in.Scope]; x != nil && x.Mutes[rule.Name] == nil && len(x.Mutes) >= MuteRulesMax {
		return nil, ErrTooManyMuteRules
	}
	r := e.region(in.Scope)
	if old := r.Mutes[rule.Name]; old != nil {
		rule.Tags = old.Tags
	}
	rule.Updated = e.now
	if r.Mutes == nil {
		r.Mutes = map[string]*MuteRule{}
	}
	r.Mutes[rule.Name] = &rule
	r.indexMutes()
	return nil, nil
}

func (in DeleteMuteRule) apply(e *Engine) (Result, error) {
	if r := e.regions[in.Scope]; r != nil {
		delete(r.Mutes, in.Name)
		r.indexMutes()
	}
	return nil, nil
}

// indexMutes notes which rules name an alarm, and which alarms have actions that were muted.
func (r *Region) indexMutes() {
	r.mutedBy = map[string][]*MuteRule{}
	for _, name := range slices.Sorted(maps.Keys(r.Mutes)) {
		for _, a := range r.Mutes[name].Alarms {
			r.mutedBy[a] = append(r.mutedBy[a], r.Mutes[name])
		}
	}
}

// mutedUntil returns the end of the window that mutes an alarm's actions, the latest of several; zero where none does.
func (r *Region) mutedUntil(name string, now time.Time) time.Time {
	var until time.Time
	for _, m := range r.mutedBy[name] {
		if m.mutes(now) && m.to.After(until) {
			until = m.to
		}
	}
	return until
}

// mute holds back the actions of an alarm for a transition, zero for none; false where no rule mutes the alarm.
func (e *Engine) mute(r *Region, a *alarm.Alarm, t alarm.Transition) bool {
	if len(r.mutedBy) == 0 {
		return false
	}
	until := r.mutedUntil(a.Name, e.now)
	if until.IsZero() {
		return false
	}
	if t.To != 0 && a.ActionsEnabled {
		for _, action := range a.Actions {
			if action.On == t.To {
				e.emit(AlarmActed{Scope: r.Scope, Alarm: a.Name, Action: action, Updated: a.Updated, MutedUntil: until})
			}
		}
		a.Muted = a.Muted.After(t)
		r.muting[a.Name] = true
	}
	return true
}

// muteComposite is mute for a composite alarm's actions.
func (e *Engine) muteComposite(r *Region, c *alarm.Composite, t alarm.Transition) bool {
	until := r.mutedUntil(c.Name, e.now)
	if until.IsZero() {
		return false
	}
	for _, action := range c.Due() {
		e.emit(AlarmActed{Scope: r.Scope, Alarm: c.Name, Action: action, Updated: c.Updated, Composite: true, MutedUntil: until})
	}
	c.Muted = c.Muted.After(t)
	r.muting[c.Name] = true
	return true
}

// unmute runs the actions of alarms whose muting has ended and that are still in a state whose actions were muted; not of those that went
// back. AWS: CloudWatch user guide, alarm mute rules; DeleteAlarmMuteRule.
func (e *Engine) unmute(r *Region) {
	if len(r.muting) == 0 {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(r.muting)) {
		if !r.mutedUntil(name, e.now).IsZero() {
			continue
		}
		delete(r.muting, name)
		if a := r.Alarms[name]; a != nil {
			held := a.Muted
			if a.Muted = nil; held.Still(a.State) {
				e.act(r, a, held.Last, "")
			}
			e.unmuteContributors(r, a)
		} else if c := r.Composites[name]; c != nil {
			held := c.Muted
			if c.Muted = nil; held.Still(c.State) {
				e.notifyComposite(r, c, held.Last)
			}
		}
	}
}

// unmuteContributors does so for the contributors of a PromQL alarm.
func (e *Engine) unmuteContributors(r *Region, a *alarm.Alarm) {
	held := a.MutedContributors
	if a.MutedContributors = nil; !a.ActionsEnabled {
		return
	}
	for i := range held {
		e.notifyContributor(r, a, &held[i].Contributor, held[i].Last)
	}
}

// mutingEnds is when the first window ends that mutes an alarm with muted actions; zero where there is none. It changes nothing.
func (r *Region) mutingEnds(now time.Time) time.Time {
	var first time.Time
	for name := range r.muting { //tidy:unordered the earliest of all
		for _, m := range r.mutedBy[name] {
			if m.to.After(now) && (first.IsZero() || m.to.Before(first)) {
				first = m.to
			}
		}
	}
	return first
}

// restoreMutes makes what is not in a snapshot.
func (r *Region) restoreMutes() error {
	for _, name := range slices.Sorted(maps.Keys(r.Mutes)) {
		if err := r.Mutes[name].prepare(); err != nil {
			return fmt.Errorf("mute rule %s: %w", name, err)
		}
	}
	r.indexMutes()
	for name, a := range r.Alarms { //tidy:unordered put into a map
		if a.Muted != nil || len(a.MutedContributors) > 0 {
			r.muting[name] = true
		}
	}
	for name, c := range r.Composites { //tidy:unordered put into a map
		if c.Muted != nil {
			r.muting[name] = true
		}
	}
	return nil
}
