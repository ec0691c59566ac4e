package engine

import (
	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/scaling"
)

// owned is the alarm that a target tracking policy wants.
func owned(c scaling.PolicyChange, s scaling.AlarmSpec) alarm.Alarm {
	dimensions := make([]metric.Dimension, 0, len(s.Dimensions))
	for _, d := range s.Dimensions {
		dimensions = append(dimensions, metric.Dimension{Name: d.Name, Value: d.Value})
	}
	compare := alarm.LessThanThreshold
	if s.Comparison.High() {
		compare = alarm.GreaterThanThreshold
	}
	rule := alarm.Rule{Period: s.Period, Periods: s.EvaluationPeriods, Threshold: s.Threshold, Comparison: compare}
	if len(s.Queries) > 0 {
		rule.Metrics = s.Queries
	} else {
		rule.Metric, rule.Statistic, rule.Unit = metric.NewID(s.Namespace, s.Metric, dimensions...), statistic(s.Statistic), s.Unit
	}
	return alarm.Alarm{
		Name: s.Name, ActionsEnabled: true, Owned: true,
		Actions: []alarm.Action{{On: alarm.InAlarm, Target: c.ActionTarget(), Policy: c.Policy.Name}},
		Rule:    rule,
	}
}

func statistic(s scaling.Statistic) metric.Statistic {
	switch s {
	case scaling.Average:
		return metric.Statistic{Kind: metric.Average}
	case scaling.Minimum:
		return metric.Statistic{Kind: metric.Minimum}
	case scaling.Maximum:
		return metric.Statistic{Kind: metric.Maximum}
	case scaling.SampleCount:
		return metric.Statistic{Kind: metric.SampleCount}
	default:
		return metric.Statistic{Kind: metric.Sum}
	}
}
