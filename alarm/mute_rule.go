package alarm

import (
	"errors"
	"time"

	"bellows.dev/bellows/schedule"
)

// MuteRule mutes the actions of alarms, scaling policies included, during the windows of its schedule; the alarms keep changing their
// states. Exported members are its snapshot. AWS: PutAlarmMuteRule.
type MuteRule struct {
	Name, Description string
	Expression        string        // when windows begin: cron(…) with the five fields of Unix cron, or at(yyyy-MM-ddThh:mm)
	Duration          time.Duration // of a window
	Length            string        // the duration as it was given: ISO 8601
	Zone              string        `json:",omitzero"`  // name of a time zone; "": UTC
	ZoneData          []byte        `json:",omitempty"` // the zone in TZif
	Alarms            []string      // names of alarms, which need not exist
	Start, Expire     time.Time     `json:",omitzero"` // the rule mutes from Start until Expire; zero: at once, and for good
	Tags              map[string]string
	Updated           time.Time

	schedule schedule.Schedule
	zone     *time.Location
	from, to time.Time // the present window, or the next one; zero where there is none
	done     bool      // there will be no more windows
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

// prepare parses the rule's schedule and time zone. It fails with *Error.
func (m *MuteRule) prepare() error {
	m.zone = time.UTC
	if m.Zone != "" {
		loc, err := time.LoadLocationFromTZData(m.Zone, m.ZoneData)
		if err != nil {
			return &Error{Msg: "The Timezone " + m.Zone + " is not valid"}
		}
		m.zone = loc
	}
	var err error
	text := m.Expression
	if n := len(text); n > len("cron()") && text[:len("cron(")] == "cron(" && text[n-1] == ')' {
		m.schedule, err = schedule.ParseUnix(text[len("cron(") : n-1])
	} else if n > 0 && text[n-1] == ')' {
		m.schedule, err = schedule.Parse(text[:n-1] + ":00)") // package schedule's at() has seconds
	} else {
		m.schedule, err = schedule.Parse(text)
	}
	if err == nil && m.schedule.Kind() == schedule.Rate {
		err = errors.New("a rate cannot say when to mute")
	}
	if err != nil {
		return &Error{Msg: "The schedule expression " + text + " is not valid: it must be cron(Minutes Hours Day-of-month Month Day-of-week) " +
			"or at(yyyy-MM-ddThh:mm)"}
	}
	return nil
}

// advance finds the window that now falls into, or else the next one.
func (m *MuteRule) advance(now time.Time) {
	if m.done || now.Before(m.to) {
		return
	}
	m.from, m.to, m.done = time.Time{}, time.Time{}, true
	after := now
	if m.Start.After(now) {
		after = m.Start
	}
	at, ok := m.schedule.Next(after.Add(-m.Duration), m.zone) // a window that began less than its length ago still runs
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

// mutes reports whether the rule mutes at now.
func (m *MuteRule) mutes(now time.Time) bool {
	m.advance(now)
	return !m.to.IsZero() && !now.Before(m.from)
}

// Status returns the rule's status. It changes nothing: it is for readers.
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
