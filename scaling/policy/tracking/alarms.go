package tracking

import (
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/scaling"
)

// NameAlarms implements scaling.AlarmOwner.
func (r *Rule) NameAlarms(owner string, newID func() string) {
	r.AlarmHigh, r.AlarmLow = "TargetTracking-"+owner+"-AlarmHigh-"+newID(), ""
	if !r.scaleInDisabled() {
		r.AlarmLow = "TargetTracking-" + owner + "-AlarmLow-" + newID()
	}
}

// AlarmNames implements scaling.AlarmOwner: AlarmHigh, or both.
func (r *Rule) AlarmNames() []string {
	var names []string
	for _, n := range [...]string{r.AlarmHigh, r.AlarmLow} {
		if n != "" {
			names = append(names, n)
		}
	}
	return names
}

// Alarms implements scaling.AlarmOwner: high first. DatapointsToAlarm and TreatMissingData are left unset.
//
// High: 3 of 3 minutes above the target value. Low: 15 of 15 minutes below nine tenths of it. A high-resolution metric of SageMaker's
// comes every 10 s: high 3 of 3 of those, low as for any other.
// AWS: recorded; SageMaker developer guide, endpoint automatic scaling policy, for the speed of scale-in; user guide, target tracking: do
// not edit or delete these alarms.
func (r *Rule) Alarms(k scaling.TargetKey, m scaling.Metrics, api scaling.API) []scaling.OwnAlarm {
	rule := r.alarmRule(k, m, api)
	rule.Comparison, rule.Threshold = alarm.GreaterThanThreshold, r.Settings.TargetValue
	rule.Period, rule.Periods = r.Settings.period(), 3
	if s := r.Settings.Predefined; s != nil {
		if x, found := s.Metric.of(m); found {
			rule.Period = x.Period
		}
	}
	out := []scaling.OwnAlarm{{Name: r.AlarmHigh, Rule: rule}}
	if r.AlarmLow == "" {
		return out
	}
	rule.Comparison, rule.Threshold = alarm.LessThanThreshold, lowThreshold(r.Settings.TargetValue)
	rule.Period, rule.Periods = time.Minute, 15
	if s := r.Settings.Customized; s != nil && len(s.Queries) > 0 {
		rule.Metrics = s.dataQueries(mathPeriod)
	}
	return append(out, scaling.OwnAlarm{Name: r.AlarmLow, Rule: rule})
}

// lowThreshold is nine tenths of a target value, in this order of arithmetic, which keeps whole numbers whole.
// (AWS: recorded: 50 → 45, 70 → 63, 80 → 72, 1.0 → 0.9. The guide promises only "usually more than 10 %" below.)
func lowThreshold(target float64) float64 { return target * 9 / 10 }

// alarmRule returns the metric that both alarms watch. Units are left open where the client named none.
func (r *Rule) alarmRule(k scaling.TargetKey, m scaling.Metrics, api scaling.API) alarm.Rule {
	if s := r.Settings.Customized; s != nil && len(s.Queries) > 0 {
		return alarm.Rule{Metrics: s.dataQueries(r.Settings.period())}
	} else if s != nil {
		rule := watch(s.Namespace, s.Name, s.Statistic.metric().Kind, s.Dimensions...)
		rule.Unit = s.Unit
		return rule
	}
	dimensions := m.MetricDimensions(k.ResourceID)
	if api == scaling.EC2AutoScaling { // GroupCPUUtilization: like EC2's CPUUtilization, it is 100 where all cores are busy
		return watch("/aws/sagemaker/Endpoints", "CPUUtilizationNormalized", metric.Average, dimensions...)
	}
	x, _ := r.Settings.Predefined.Metric.of(m)
	return watch(x.Namespace, x.Metric, x.Statistic, dimensions...)
}

// watch returns a rule on a metric. One without dimensions has an empty list of them, not nil: traces tell these apart.
func watch(namespace, name string, kind metric.StatisticKind, dimensions ...metric.Dimension) alarm.Rule {
	return alarm.Rule{
		Metric: metric.NewID(namespace, name, append([]metric.Dimension{}, dimensions...)...), Statistic: metric.Statistic{Kind: kind},
	}
}

// How long before its timestamp the oldest of what a sample describes may have happened.
const (
	gatewaySpan = 2 * time.Second // gateways report each second
	otherSpan   = time.Minute     // utilisation is measured over a minute; what clients publish is taken to be, too
)

// MeasuringSpan implements scaling.Measured: a period that begins less than that after a change of capacity may hold samples from before it.
func (r *Rule) MeasuringSpan() time.Duration {
	const gateway = "AWS/SageMaker"
	if s := r.Settings.Predefined; s != nil {
		if s.Metric == GroupCPUUtilization {
			return otherSpan
		}
		return gatewaySpan
	}
	s := r.Settings.Customized
	if len(s.Queries) == 0 && s.Namespace != gateway {
		return otherSpan
	}
	for i := range s.Queries {
		if x := s.Queries[i].Stat; x != nil && x.Namespace != gateway {
			return otherSpan
		}
	}
	return gatewaySpan
}
