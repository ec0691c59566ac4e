package tracking

import (
	"strings"
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
func (r *Rule) Alarms(k scaling.TargetKey, api scaling.API) []scaling.OwnAlarm {
	rule := r.alarmRule(k, api)
	rule.Comparison, rule.Threshold = alarm.GreaterThanThreshold, r.Settings.TargetValue
	rule.Period, rule.Periods = r.Settings.period(), 3
	if s := r.Settings.Predefined; s != nil && s.Metric.highResolution() {
		rule.Period = 10 * time.Second
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
func (r *Rule) alarmRule(k scaling.TargetKey, api scaling.API) alarm.Rule {
	if s := r.Settings.Customized; s != nil && len(s.Queries) > 0 {
		return alarm.Rule{Metrics: s.dataQueries(r.Settings.period())}
	} else if s != nil {
		rule := watch(s.Namespace, s.Name, s.Statistic, s.Dimensions...)
		rule.Unit = s.Unit
		return rule
	}
	endpoint, variant, _ := k.Variant()
	dimensions := []metric.Dimension{{Name: "EndpointName", Value: endpoint}, {Name: "VariantName", Value: variant}}
	if api == scaling.EC2AutoScaling { // GroupCPUUtilization: like EC2's CPUUtilization, it is 100 where all cores are busy
		return watch("/aws/sagemaker/Endpoints", "CPUUtilizationNormalized", Average, dimensions...)
	}
	if k.Dimension == scaling.ComponentCopies {
		dimensions = []metric.Dimension{{Name: "InferenceComponentName", Value: strings.TrimPrefix(k.ResourceID, "inference-component/")}}
	}
	name, statistic := r.Settings.Predefined.Metric.watched()
	return watch("AWS/SageMaker", name, statistic, dimensions...)
}

// watch returns a rule on a metric. One without dimensions has an empty list of them, not nil: traces tell these apart.
func watch(namespace, name string, s Statistic, dimensions ...metric.Dimension) alarm.Rule {
	return alarm.Rule{Metric: metric.NewID(namespace, name, append([]metric.Dimension{}, dimensions...)...), Statistic: s.metric()}
}

// highResolution: the metric comes every 10 s.
func (m PredefinedMetric) highResolution() bool {
	return m == VariantConcurrentRequestsPerModel || m == ComponentConcurrentRequestsPerCopy
}

// watched is the metric that a predefined one stands for, and its statistic. Invocations are counted a minute; of concurrency the
// greatest counts, which is not documented. AWS: SageMaker developer guide, endpoint automatic scaling policy; monitoring with CloudWatch.
func (m PredefinedMetric) watched() (string, Statistic) {
	switch m {
	case VariantConcurrentRequestsPerModel:
		return "ConcurrentRequestsPerModel", Maximum
	case ComponentInvocationsPerCopy:
		return "InvocationsPerCopy", Sum
	case ComponentConcurrentRequestsPerCopy:
		return "ConcurrentRequestsPerCopy", Maximum
	case VariantProvisionedConcurrencyUtilization:
		return "ServerlessProvisionedConcurrencyUtilization", Maximum
	default:
		return "InvocationsPerInstance", Sum
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
