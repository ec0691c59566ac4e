// Package schedule reads the expressions of scheduled actions, at(), rate() and cron(), and says when they are due.
//
//	s, err := schedule.Parse("cron(30 6 ? * MON-FRI *)")
//	next, ok := s.Next(after, loc)
//
// A cron expression is EventBridge's: minutes, hours, day of month, month, day of week, year, with an optional field of seconds
// in front. Days of the week are 1 (Sunday) to 7; one of the two fields of days must be "?", "any".
//
// # Daylight saving
//
// A cron expression names times on a local clock. Where the clock goes forward, the times that it leaves out are skipped. Where it goes
// back, the times that it shows twice are due once, at the first. (AWS: EventBridge Scheduler user guide, daylight savings time.
// Application Auto Scaling's guide says only that changes are observed.) An at() is due once and is not lost: if its time is left out it
// is due when the clock jumps over it. A rate() is an interval of real time and knows no time zone.
package schedule
