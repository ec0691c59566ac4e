package alarm

import "time"

// SuppressedBy is what suppresses a composite alarm's actions.
type SuppressedBy int

// What suppresses actions; zero where nothing does.
const (
	ByWaitPeriod      SuppressedBy = iota + 1 // the suppressor may yet go into ALARM
	ByExtensionPeriod                         // the suppressor left ALARM a short while ago
	ByAlarm                                   // the suppressor is in ALARM
)

// String returns CloudWatch's name; "" where nothing suppresses actions.
func (s SuppressedBy) String() string {
	switch s {
	case ByWaitPeriod:
		return "WaitPeriod"
	case ByExtensionPeriod:
		return "ExtensionPeriod"
	case ByAlarm:
		return "Alarm"
	default:
		return ""
	}
}

// Reason returns CloudWatch's text; "" where nothing suppresses actions. AWS: recorded.
func (s SuppressedBy) Reason() string {
	if s == 0 {
		return ""
	}
	return "Actions suppressed by " + s.String()
}

// Hold decides whether the actions of a change of state run now; inAlarm says whether the suppressor is in ALARM. Otherwise they are
// suppressed while the suppressor is in ALARM, or else for a wait period, which begins again with each change and ends an extension period.
// AWS: CloudWatch user guide, alarm suppression, examples 1 to 6.
func (c *Composite) Hold(now time.Time, t Transition, inAlarm bool) bool {
	switch {
	case c.Suppressor != "" && inAlarm:
		c.suppress(now, ByAlarm, time.Time{})
	case c.Suppressor != "" && c.Wait > 0:
		c.suppress(now, ByWaitPeriod, now.Add(c.Wait))
	default:
		c.suppress(now, 0, time.Time{})
		c.Held = nil
		return true
	}
	c.Held = &t
	return false
}

// SuppressorMoved follows a change of the suppressor's state. In ALARM it suppresses actions itself, and ends a wait or extension period;
// when it leaves ALARM, an extension period begins. Where none is configured, suppressed actions run now: it returns the change of state
// that they belong to, and true.
func (c *Composite) SuppressorMoved(now time.Time, inAlarm bool) (Transition, bool) {
	switch {
	case inAlarm:
		c.suppress(now, ByAlarm, time.Time{})
		return Transition{}, false
	case c.Suppressed != ByAlarm:
		return Transition{}, false
	case c.Extension > 0:
		c.suppress(now, ByExtensionPeriod, now.Add(c.Extension))
		return Transition{}, false
	default:
		return c.release(now)
	}
}

// Expire ends a wait or extension period that is over: the actions of the present state that were suppressed run now. AWS: user guide:
// composite alarms take actions based on their current states when the periods become inactive.
func (c *Composite) Expire(now time.Time) (Transition, bool) {
	if c.Until.IsZero() || now.Before(c.Until) {
		return Transition{}, false
	}
	return c.release(now)
}

// Reperiod gives the present wait or extension period the length of a new configuration, counted from its beginning; old is the alarm with
// the earlier one.
func (c *Composite) Reperiod(old *Composite) {
	switch {
	case c.Until.IsZero():
	case c.Suppressed == ByWaitPeriod:
		c.Until = c.Until.Add(c.Wait - old.Wait)
	case c.Suppressed == ByExtensionPeriod:
		c.Until = c.Until.Add(c.Extension - old.Extension)
	}
}

// Resettle starts over with another suppressor, or none: a wait or extension period ends. AWS: user guide, alarm suppression.
func (c *Composite) Resettle(now time.Time, inAlarm bool) (Transition, bool) {
	if c.Suppressor != "" && inAlarm {
		c.suppress(now, ByAlarm, time.Time{})
		return Transition{}, false
	}
	return c.release(now)
}

func (c *Composite) release(now time.Time) (Transition, bool) {
	c.suppress(now, 0, time.Time{})
	held := c.Held
	c.Held = nil
	if held == nil {
		return Transition{}, false
	}
	return *held, true
}

// suppress sets what suppresses actions. AWS: StateUpdatedTimestamp tracks any update of the state, even where its value stays: recorded.
func (c *Composite) suppress(now time.Time, by SuppressedBy, until time.Time) {
	if c.Suppressed != by {
		c.Updated = now
	}
	c.Suppressed, c.Until = by, until
}
