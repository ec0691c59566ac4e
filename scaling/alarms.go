package scaling

import (
	"strings"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/metric"
)

// nameAlarms gives a target tracking policy new alarm names.
func (p *Policy) nameAlarms(k TargetKey, newID func() string) {
	p.AlarmHigh, p.AlarmLow = "TargetTracking-"+p.owner(k)+"-AlarmHigh-"+newID(), ""
	if !p.scaleInDisabled() {
		p.AlarmLow = "TargetTracking-" + p.owner(k) + "-AlarmLow-" + newID()
	}
}

func (p *Policy) scaleInDisabled() bool { return or(p.TargetTracking.DisableScaleIn, false) }

// Alarms returns the alarms that the policy of a target owns: those of a target tracking policy, high first; none of another type. Their
// only action invokes the policy; DatapointsToAlarm and TreatMissingData are left unset.
//
// High: 3 of 3 minutes above the target value. Low: 15 of 15 minutes below nine tenths of it. A high-resolution metric of SageMaker's
// comes every 10 s: high 3 of 3 of those, low as for any other.
// AWS: recorded; SageMaker developer guide, endpoint automatic scaling policy, for the speed of scale-in; user guide, target tracking: do
// not edit or delete these alarms.
func (p *Policy) Alarms(t *Target) []alarm.Alarm {
	if p.Type != TargetTrackingScaling {
		return nil
	}
	rule := p.alarmRule(t.Key)
	rule.Comparison, rule.Threshold = alarm.GreaterThanThreshold, p.TargetTracking.TargetValue
	rule.Period, rule.Periods = p.TargetTracking.period(), 3
	if s := p.TargetTracking.Predefined; s != nil && s.Metric.highResolution() {
		rule.Period = 10 * time.Second
	}
	out := []alarm.Alarm{p.alarm(t, p.AlarmHigh, rule)}
	if p.AlarmLow == "" {
		return out
	}
	rule.Comparison, rule.Threshold = alarm.LessThanThreshold, lowThreshold(p.TargetTracking.TargetValue)
	rule.Period, rule.Periods = time.Minute, 15
	if s := p.TargetTracking.Customized; s != nil && len(s.Queries) > 0 {
		rule.Metrics = s.dataQueries(mathPeriod)
	}
	return append(out, p.alarm(t, p.AlarmLow, rule))
}

// alarm returns an alarm of the policy's own. Its action identifies a group's policy by its own UUID, another by its target.
func (p *Policy) alarm(t *Target, name string, rule alarm.Rule) alarm.Alarm {
	target := p.UUID
	if !p.grouped() {
		target = t.ID36()
	}
	return alarm.Alarm{
		Name: name, Rule: rule, ActionsEnabled: true, Owned: true,
		Actions: []alarm.Action{{On: alarm.InAlarm, Target: target, Policy: p.Name}},
	}
}

// lowThreshold is nine tenths of a target value, in this order of arithmetic, which keeps whole numbers whole.
// (AWS: recorded: 50 → 45, 70 → 63, 80 → 72, 1.0 → 0.9. The guide promises only "usually more than 10 %" below.)
func lowThreshold(target float64) float64 { return target * 9 / 10 }

// alarmRule returns the metric that both alarms watch. Units are left open where the client named none.
func (p *Policy) alarmRule(k TargetKey) alarm.Rule {
	if s := p.TargetTracking.Customized; s != nil && len(s.Queries) > 0 {
		return alarm.Rule{Metrics: s.dataQueries(p.TargetTracking.period())}
	} else if s != nil {
		r := watch(s.Namespace, s.Name, s.Statistic, s.Dimensions...)
		r.Unit = s.Unit
		return r
	}
	endpoint, variant, _ := k.Variant()
	dimensions := []metric.Dimension{{Name: "EndpointName", Value: endpoint}, {Name: "VariantName", Value: variant}}
	if p.grouped() { // GroupCPUUtilization: like EC2's CPUUtilization, it is 100 where all cores are busy
		return watch("/aws/sagemaker/Endpoints", "CPUUtilizationNormalized", Average, dimensions...)
	}
	if k.Dimension == ComponentCopies {
		dimensions = []metric.Dimension{{Name: "InferenceComponentName", Value: strings.TrimPrefix(k.ResourceID, "inference-component/")}}
	}
	name, statistic := p.TargetTracking.Predefined.Metric.watched()
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
