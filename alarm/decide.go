package alarm

import "bellows.dev/bellows/metric"

// Verdict is a state and the facts it was decided on.
type Verdict struct {
	State State

	// Real are the newest N periods that have samples, newest first; Breaches of them breach.
	Real     []metric.Datapoint
	Breaches int

	// Filled is how many periods of N are missing where the treatment counts them as breaching or not breaching, whether they decided or
	// the real ones did. AWS: recorded.
	Filled int
}

// Decide tells the state from an evaluation range: slots are its periods, newest first. scratch is reused for Verdict.Real.
//
// CloudWatch looks at the newest N periods that have samples, wherever in the range they are; only where there are fewer does
// the treatment of missing data matter. Checked against every row of its tables.
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
	case good >= r.Periods-m+1: // M breaches can no longer be had
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
	case oldest >= m: // every real period breaches, and the oldest is no news
		v.State = InAlarm
	default: // one fresh breach is no alarm yet: the periods around it may only be late
		v.State = current
	}
}

// treatment is how missing periods count. Alarms on tables' metrics alone keep their state where nothing else is asked for.
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
