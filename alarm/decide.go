package alarm

import "bellows.dev/bellows/metric"

// Verdict is the state that an evaluation makes, and the facts that it is based on.
type Verdict struct {
	State State

	// Real are the newest N periods that have samples, newest first; Breaches is how many of them breach.
	Real     []metric.Datapoint
	Breaches int

	// Filled is how many of N periods are missing where the treatment counts these as breaching or not breaching, whether or not they
	// affected the state. AWS: recorded.
	Filled int
}

// Decide returns the state that an evaluation range makes of an alarm in state current: slots are its periods, newest first. scratch is
// reused for Verdict.Real.
//
// CloudWatch looks at the newest N periods that have samples, anywhere in the range; the treatment of missing data matters only
// where there are fewer. Every row of AWS's tables is a test.
// AWS: CloudWatch user guide, configuring how alarms treat missing data.
func (r *Rule) Decide(slots []metric.Datapoint, current State, scratch []metric.Datapoint) Verdict {
	v := Verdict{Real: scratch[:0]}
	oldest := 0 // position of the oldest real period, counted from 1 at the newest slot
	for i, p := range slots {
		if p.Missing {
			continue
		}
		v.Real = append(v.Real, p)
		oldest = i + 1
		if r.Comparison.Breaches(p.Value, r.Threshold) {
			v.Breaches++
		}
		if len(v.Real) == r.Periods {
			break
		}
	}
	r.conclude(&v, current, oldest)
	return v
}

func (r *Rule) conclude(v *Verdict, current State, oldest int) {
	m, treat := r.toAlarm(), r.treatment()
	good, missing := len(v.Real)-v.Breaches, r.Periods-len(v.Real)
	if treat == Breaching || treat == NotBreaching {
		v.Filled = missing
	}
	switch {
	case v.Breaches >= m:
		v.State = InAlarm
	case good >= r.Periods-m+1: // too few periods are left for M breaches
		v.State = OK
	case treat == Breaching:
		v.State = OK
		if v.Breaches+missing >= m {
			v.State = InAlarm
		}
	case treat == NotBreaching:
		v.State = OK
	case good > 0:
		v.State = OK
	case treat == Ignore:
		v.State = current
	case len(v.Real) == 0:
		v.State = InsufficientData
	case oldest >= m: // every real period breaches, and the oldest is at least M periods old
		v.State = InAlarm
	default: // a recent breach alone makes no alarm: data of the periods around it may be late
		v.State = current
	}
}

// treatment returns how missing periods count. Where none is configured, alarms that only watch DynamoDB keep their state.
// AWS: CloudWatch user guide, alarms and missing data; recorded.
func (r *Rule) treatment() MissingData {
	const tables = "AWS/DynamoDB"
	if r.Missing != MissingUnset {
		return r.Missing
	}
	if r.Scalar() && r.Metric.Namespace != tables {
		return Missing
	}
	for i := range r.Metrics {
		if s := r.Metrics[i].Stat; s != nil && s.Metric.Namespace != tables {
			return Missing
		}
	}
	return Ignore
}
