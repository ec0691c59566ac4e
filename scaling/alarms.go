package scaling

import (
	"strings"
	"time"
)

// nameAlarms gives a target tracking policy new alarm names.
func (p *Policy) nameAlarms(k TargetKey, newID func() string) {
	p.AlarmHigh, p.AlarmLow = "TargetTracking-"+p.owner(k)+"-AlarmHigh-"+newID(), ""
	if !p.scaleInDisabled() {
		p.AlarmLow = "TargetTracking-" + p.owner(k) + "-AlarmLow-" + newID()
	}
}

func (p *Policy) scaleInDisabled() bool { return or(p.TargetTracking.DisableScaleIn, false) }

// Alarms returns the alarms that the policy wants: those of a target tracking policy, high first; none of a step scaling one.
//
// High: 3 of 3 minutes above the target value. Low: 15 of 15 minutes below nine tenths of it. A high-resolution metric of
// SageMaker's comes every 10 s: high 3 of 3 of those, low as ever.
// AWS: recorded; SageMaker developer guide, endpoint automatic scaling policy, for the speed of scale-in.
func (p *Policy) Alarms(k TargetKey) []AlarmSpec {
	if p.Type != TargetTrackingScaling {
		return nil
	}
	high := p.alarmMetric(k)
	high.Name, high.Comparison, high.Threshold = p.AlarmHigh, Greater, p.TargetTracking.TargetValue
	high.Period, high.EvaluationPeriods = p.TargetTracking.period(), 3
	if s := p.TargetTracking.Predefined; s != nil && s.Metric.highResolution() {
		high.Period = 10 * time.Second
	}
	if p.AlarmLow == "" {
		return []AlarmSpec{high}
	}
	low := high
	low.Name, low.Comparison, low.Threshold = p.AlarmLow, Less, lowThreshold(p.TargetTracking.TargetValue)
	low.Period, low.EvaluationPeriods = time.Minute, 15
	if s := p.TargetTracking.Customized; s != nil && len(s.Queries) > 0 {
		low.Queries = s.dataQueries(mathPeriod)
	}
	return []AlarmSpec{high, low}
}

// lowThreshold is nine tenths of a target value, in this order of arithmetic, which keeps whole numbers whole.
// (AWS: recorded: 50 → 45, 70 → 63, 80 → 72, 1.0 → 0.9. The guide promises only "usually more than 10 %" below.)
func lowThreshold(target float64) float64 { return target * 9 / 10 }

// alarmMetric returns what both alarms watch. Units are left open where the client named none.
func (p *Policy) alarmMetric(k TargetKey) AlarmSpec {
	if s := p.TargetTracking.Customized; s != nil && len(s.Queries) > 0 {
		return AlarmSpec{Queries: s.dataQueries(p.TargetTracking.period())}
	} else if s != nil {
		return AlarmSpec{Namespace: s.Namespace, Metric: s.Name, Dimensions: s.Dimensions, Statistic: s.Statistic, Unit: s.Unit}
	}
	endpoint, variant, _ := k.Variant()
	if p.grouped() { // GroupCPUUtilization: like EC2's CPUUtilization, it is 100 where all cores are busy
		return AlarmSpec{
			Namespace: "/aws/sagemaker/Endpoints", Metric: "CPUUtilizationNormalized", Statistic: Average,
			Dimensions: []MetricDimension{{"EndpointName", endpoint}, {"VariantName", variant}},
		}
	}
	a := AlarmSpec{Namespace: "AWS/SageMaker", Dimensions: []MetricDimension{{"EndpointName", endpoint}, {"VariantName", variant}}}
	if k.Dimension == ComponentCopies {
		a.Dimensions = []MetricDimension{{"InferenceComponentName", strings.TrimPrefix(k.ResourceID, "inference-component/")}}
	}
	a.Metric, a.Statistic = p.TargetTracking.Predefined.Metric.watched()
	return a
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
