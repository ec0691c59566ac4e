package alarm

import "time"

// SuppressedBy is what holds a composite alarm's actions back.
type SuppressedBy int

// What holds actions back; zero where nothing does.
const (
	ByWaitPeriod      SuppressedBy = iota + 1 // the suppressor may yet go into ALARM
	ByExtensionPeriod                         // the suppressor left ALARM a short while ago
	ByAlarm                                   // the suppressor is in ALARM
)

// String returns CloudWatch's name; "" where nothing holds actions back.
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

// Reason words it as CloudWatch does; "" where nothing holds actions back. AWS: recorded.
func (s SuppressedBy) Reason() string {
	if s == 0 {
		return ""
	}
	return "Actions suppressed by " + s.String()
}

// Hold decides about the actions of a change of state that has just been; inAlarm says whether the suppressor is in ALARM. It reports
// whether they run now. Where they do not, they are held back: while the suppressor is in ALARM, else for a wait period, which begins
// anew with each change and ends an extension period.
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

// SuppressorMoved takes a change of the suppressor's state. Once it is in ALARM it holds actions back itself, and a period that runs
// is dropped; when it leaves, an extension period begins. Where there is none, the actions that were held back are to run now: it
// returns the change of state that they belong to.
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

// Expire ends a period whose time has come: the actions of the present state that were held back are to run now. AWS: user guide:
// composite alarms take actions based on their current states when the periods become inactive.
func (c *Composite) Expire(now time.Time) (Transition, bool) {
	if c.Until.IsZero() || now.Before(c.Until) {
		return Transition{}, false
	}
	return c.release(now)
}

// Reperiod gives a wait or extension period that runs the length of a new configuration, counted from its beginning; old is the alarm as it
// was configured before.
func (c *Composite) Reperiod(old *Composite) {
	switch {
	case c.Until.IsZero():
	case c.Suppressed == ByWaitPeriod:
		c.Until = c.Until.Add(c.Wait - old.Wait)
	case c.Suppressed == ByExtensionPeriod:
		c.Until = c.Until.Add(c.Extension - old.Extension)
	}
}

// Resettle begins anew under another suppressor, or none: a period that runs is dropped. AWS: user guide, alarm suppression.
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

// suppress notes what holds actions back. AWS: StateUpdatedTimestamp tracks any update of the state, even where its value stays: recorded.
func (c *Composite) suppress(now time.Time, by SuppressedBy, until time.Time) {
	if c.Suppressed != by {
		c.Updated = now
	}
	c.Suppressed, c.Until = by, until
}
