package alarm

import (
	"fmt"
	"slices"
	"time"

	"bellows.dev/bellows/metric"
)

// Limits of alarms. AWS: PutMetricAlarm, EvaluationPeriods; AlarmPromQLCriteria, PendingPeriod and RecoveryPeriod.
const (
	spanMax       = 7 * day   // that an evaluation looks back, where periods are an hour or more; shorter ones: a day
	longPeriod    = time.Hour // from here on
	promQLMax     = day
	warmUpMax     = 366 * day // AWS has no maximum for it, nor for the periods of suppressors: ours
	suppressMax   = 366 * day
	zoneOffset    = 24 * 60 * 60 // seconds; no zone is as far from UTC
	intervalLeast = time.Second
)

func outOfRange(format string, args ...any) error { return &Error{Msg: fmt.Sprintf(format, args...)} }

// CheckPeriod checks a period of an alarm or of one of its queries. It fails with *Error. AWS: PutMetricAlarm, Period; recorded.
func CheckPeriod(d time.Duration) error {
	switch {
	case d == 10*time.Second, d == 20*time.Second, d == 30*time.Second, d >= time.Minute && d%time.Minute == 0:
		return nil
	default:
		return outOfRange("Period must be 10, 20, 30 or a multiple of 60")
	}
}

// CheckSpan checks the period and the numbers of periods of an alarm, and that it does not look back too far. It fails with *Error.
// AWS: PutMetricAlarm; recorded.
func (r *Rule) CheckSpan() error {
	if err := CheckPeriod(r.Period); err != nil {
		return err
	}
	switch longest := r.Periods > int(spanMax/r.Period); {
	case r.Periods < 1:
		return outOfRange("EvaluationPeriods must be greater than or equal to 1")
	case r.DatapointsToM < 0:
		return outOfRange("DatapointsToAlarm must be greater than or equal to 1")
	case r.DatapointsToM > r.Periods:
		return outOfRange("DatapointsToAlarm must be less than or equal to EvaluationPeriods")
	case r.Period < longPeriod && r.Periods > int(day/r.Period):
		return outOfRange("Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be <= 86400) for alarms using period < 3600")
	case longest:
		return outOfRange("Metrics cannot be checked across more than a week (EvaluationPeriods * Period must be <= 604800) for alarms using period >= 3600")
	}
	return nil
}

// check refuses a rule that an alarm cannot be evaluated by, with an *Error that names the member.
func (r *Rule) check() error {
	unset, valid := r.Statistic == (metric.Statistic{}), r.Statistic.Valid()
	switch {
	case unset && r.Scalar(), !unset && !valid:
		return outOfRange("Statistic is not valid")
	case !metric.IsFinite(r.Threshold):
		return outOfRange("Threshold must be a finite number")
	case r.PromQL == nil && r.Comparison == 0, r.Comparison < 0, r.Comparison > LessThanOrEqualToThreshold:
		return outOfRange("ComparisonOperator is not valid")
	case r.Missing < 0 || r.Missing > NotBreaching:
		return outOfRange("TreatMissingData is not valid")
	case r.WarmUp != nil && (r.WarmUp.For < 0 || r.WarmUp.For > warmUpMax):
		return outOfRange("WarmUpPeriodDurationInMinutes must be between 0 and %d", warmUpMax/time.Minute)
	case r.PromQL != nil:
		return r.PromQL.check()
	}
	if err := r.CheckSpan(); err != nil {
		return err
	}

	if c := r.Clock; c != nil && (!slices.Contains(WallClockPeriods, r.Period) || c.Offset <= -zoneOffset || c.Offset >= zoneOffset || !c.Valid()) {
		return outOfRange("An alarm with a WallClockWindow must have a Period of 60, 300, 3600, 86400 or 604800 and a valid Timezone")
	}
	return r.checkQueries()
}

// checkQueries checks the queries of the rule, if it has any, and that its period is that of the one it watches.
func (r *Rule) checkQueries() error {
	if len(r.Metrics) == 0 {
		return nil
	}
	for i := range r.Metrics {
		q := &r.Metrics[i]
		if q.Stat != nil && !q.Stat.Statistic.Valid() {
			return outOfRange("The Stat of the query %s is not valid", q.ID)
		}
		for _, p := range []struct {
			is     bool
			period time.Duration
		}{{q.Stat != nil, periodOf(q.Stat)}, {q.Period != 0, q.Period}} {
			if !p.is {
				continue
			}
			if err := CheckPeriod(p.period); err != nil {
				return err
			}
			if p.period > spanMax {
				return outOfRange("The Period of the query %s must be at most %d", q.ID, spanMax/time.Second)
			}
		}
	}
	program, watched, err := Expects(r.Metrics)
	if err != nil {
		return err
	}
	if program.Period(watched) != r.Period {
		return outOfRange("Period must be that of the query %s", r.Metrics[watched].ID)
	}
	return nil
}

func periodOf(s *metric.MetricStat) time.Duration {
	if s == nil {
		return 0
	}
	return s.Period
}

func (q *PromQL) check() error {
	switch {
	case q.Interval < intervalLeast || q.Interval > promQLMax:
		return outOfRange("EvaluationInterval must be between %d and %d", intervalLeast/time.Second, promQLMax/time.Second)
	case q.Pending < 0 || q.Pending > promQLMax:
		return outOfRange("PendingPeriod must be between 0 and %d", promQLMax/time.Second)
	case q.Recovery < 0 || q.Recovery > promQLMax:
		return outOfRange("RecoveryPeriod must be between 0 and %d", promQLMax/time.Second)
	}
	return nil
}

// checkActions checks in which states actions run.
func checkActions(actions []Action) error {
	for _, a := range actions {
		if a.On < OK || a.On > InsufficientData {
			return outOfRange("An action is for no state of an alarm")
		}
	}
	return nil
}

// checkPeriods checks how long the suppressor of a composite alarm is waited for.
func (c *Composite) checkPeriods() error {
	switch {
	case c.Wait < 0 || c.Wait > suppressMax:
		return outOfRange("ActionsSuppressorWaitPeriod must be between 0 and %d", suppressMax/time.Second)
	case c.Extension < 0 || c.Extension > suppressMax:
		return outOfRange("ActionsSuppressorExtensionPeriod must be between 0 and %d", suppressMax/time.Second)
	}
	return checkActions(c.Actions)
}

// lastYear is the last of the moments that can be encoded.
const lastYear = 9999

// check checks the numbers of a mute rule.
func (m *MuteRule) check() error {
	switch {
	case m.Duration < MuteDurationMin || m.Duration > MuteDurationMax:
		return outOfRange("Duration must be between 1 minute and 15 days")
	case m.Start.Year() < 0 || m.Start.Year() > lastYear:
		return outOfRange("StartDate must be in the years 0 to %d", lastYear)
	case m.Expire.Year() < 0 || m.Expire.Year() > lastYear:
		return outOfRange("ExpireDate must be in the years 0 to %d", lastYear)
	}
	return nil
}
