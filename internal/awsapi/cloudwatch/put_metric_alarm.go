package cloudwatch

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/metric"
)

func (a *API) putMetricAlarm(ctx context.Context, c awsapi.Call, in *sdk.PutMetricAlarmInput) (*sdk.PutMetricAlarmOutput, error) {
	x, err := newAlarm(c.Scope, in)
	if err != nil {
		return nil, err
	}
	_, err = a.backend.Step(ctx, engine.PutMetricAlarm{Scope: c.Scope, Alarm: x, Past: a.recalled(ctx, c.Scope, x.Rule)})
	return &sdk.PutMetricAlarmOutput{}, refusal(err)
}

// recalled returns the samples that a new alarm reads and that are not in memory.
func (a *API) recalled(ctx context.Context, s engine.Scope, r alarm.Rule) (out []engine.PastSamples) {
	if a.past == nil || r.PromQL != nil {
		return nil
	}
	recall := func(id metric.ID) {
		if slices.ContainsFunc(out, func(p engine.PastSamples) bool { return p.ID.Key() == id.Key() }) {
			return
		}
		if samples, any := a.past.Recall(ctx, s, id, r.Reach()); any {
			out = append(out, samples)
		}
	}
	if len(r.Metrics) == 0 {
		recall(r.Metric)
	}
	for _, q := range r.Metrics {
		if q.Stat != nil {
			recall(q.Stat.Metric)
		}
	}
	return out
}

// newAlarm checks PutMetricAlarm's request. Texts as recorded.
func newAlarm(s engine.Scope, in *sdk.PutMetricAlarmInput) (alarm.Alarm, error) {
	x := alarm.Alarm{
		Name: *in.AlarmName, Description: aws.ToString(in.AlarmDescription), ActionsEnabled: in.ActionsEnabled == nil || *in.ActionsEnabled,
	}
	if err := awsapi.Only(in, "", "AlarmName", "AlarmDescription", "ActionsEnabled", "AlarmActions", "OKActions", "InsufficientDataActions",
		"MetricName", "Namespace", "Dimensions", "Statistic", "ExtendedStatistic", "Period", "Unit", "EvaluationPeriods",
		"DatapointsToAlarm", "Threshold", "ComparisonOperator", "TreatMissingData", "EvaluateLowSampleCountPercentile", "Tags",
		"EvaluationCriteria", "EvaluationInterval", "Metrics", "ThresholdMetricId", "EvaluationWindow", "WarmUpConfiguration"); err != nil {
		return x, err
	}
	if err := checkName(x.Name); err != nil {
		return x, err
	}
	var err error
	switch {
	case in.EvaluationCriteria != nil:
		x.Rule, err = promQLRule(in)
	case in.EvaluationInterval != nil:
		err = awsapi.Validation("EvaluationInterval can only be specified together with EvaluationCriteria")
	case len(in.Metrics) > 0:
		x.Rule, err = mathRule(s, in)
	default:
		x.Rule, err = rule(in)
	}
	if err == nil {
		err = evaluation(&x.Rule, in)
	}
	if err != nil {
		return x, err
	}
	if x.Actions, err = actions(s, vendors, in.OKActions, in.AlarmActions, in.InsufficientDataActions); err != nil {
		return x, err
	}
	x.Tags, err = newTags(in.Tags)
	return x, err
}

// checkName refuses control characters in a name; the API model limits its length. AWS: PutMetricAlarm, API reference.
func checkName(name string) error {
	if strings.IndexFunc(name, func(r rune) bool { return r < 32 || r == 127 }) >= 0 {
		return invalidValue("The parameter AlarmName must not contain ASCII control characters.")
	}
	return nil
}

func rule(in *sdk.PutMetricAlarmInput) (alarm.Rule, error) {
	var r alarm.Rule
	switch {
	case in.ThresholdMetricId != nil:
		return r, badThresholdMetric()
	case in.MetricName == nil || in.Namespace == nil:
		return r, missingParameter("The parameters MetricName and Namespace are required.")
	case strings.IndexFunc(*in.Namespace, func(r rune) bool { return r > 127 }) >= 0:
		return r, awsapi.Validation("Namespace must not contain Non-ASCII characters.")
	case in.Statistic != "" && in.ExtendedStatistic != nil:
		return r, awsapi.Validation("PutMetricAlarm request can not be made with both Statistic and ExtendedStatistic parameters. " +
			"Only one of them should be present")
	case in.Statistic == "" && in.ExtendedStatistic == nil:
		return r, awsapi.Validation("PutMetricAlarm request should have a Statistic parameter")
	case in.Period == nil:
		return r, awsapi.Validation("PutMetricAlarm request should have a Period parameter")
	}
	if err := needed(in); err != nil {
		return r, err
	}
	if err := checkDimensions(in.Dimensions, "PutMetricAlarm"); err != nil {
		return r, err
	}
	given := dimensions(in.Dimensions)
	r = alarm.Rule{
		Metric: metric.NewID(*in.Namespace, *in.MetricName, given...), Order: metric.Unsorted(given), Unit: string(in.Unit),
		Period: time.Duration(*in.Period) * time.Second, Periods: int(*in.EvaluationPeriods), DatapointsToM: int(aws.ToInt32(in.DatapointsToAlarm)),
		Threshold: *in.Threshold,
	}
	if err := checkValue(r.Threshold, "Threshold"); err != nil {
		return r, err
	}
	if err := r.CheckSpan(); err != nil {
		return r, refusal(err)
	}
	var err error
	if r.Statistic, err = metric.ParseStatistic(string(in.Statistic) + aws.ToString(in.ExtendedStatistic)); err != nil {
		return r, invalidValue("%s", err)
	}
	return r, choices(&r, in)
}

// ranges reports whether an operator compares with an anomaly detection band.
func ranges(o types.ComparisonOperator) bool {
	return o == types.ComparisonOperatorLessThanLowerOrGreaterThanUpperThreshold || o == types.ComparisonOperatorLessThanLowerThreshold ||
		o == types.ComparisonOperatorGreaterThanUpperThreshold
}

// needed checks the parameters that all alarms on values require.
func needed(in *sdk.PutMetricAlarmInput) error {
	switch {
	case in.EvaluationPeriods == nil:
		return missingParameter("The parameter EvaluationPeriods is required.")
	case in.ComparisonOperator == "":
		return missingParameter("The parameter ComparisonOperator is required.")
	case ranges(in.ComparisonOperator) && in.ThresholdMetricId == nil:
		return awsapi.Validation("ComparisonOperators for ranges require ThresholdMetricId to be set")
	case in.Threshold == nil:
		return awsapi.Validation("PutMetricAlarm request should have valid Threshold parameter")
	}
	return nil
}

// choices reads the members that are enumerations.
func choices(r *alarm.Rule, in *sdk.PutMetricAlarmInput) error {
	for _, c := range []alarm.Comparison{
		alarm.GreaterThanOrEqualToThreshold, alarm.GreaterThanThreshold, alarm.LessThanThreshold, alarm.LessThanOrEqualToThreshold,
	} {
		if c.String() == string(in.ComparisonOperator) {
			r.Comparison = c
		}
	}
	if r.Comparison == 0 {
		return awsapi.Validation("The comparison operator %s is for anomaly detection, which this server does not do.", in.ComparisonOperator)
	}
	if in.TreatMissingData != nil {
		for _, m := range []alarm.MissingData{alarm.Missing, alarm.Ignore, alarm.Breaching, alarm.NotBreaching} {
			if m.String() == *in.TreatMissingData {
				r.Missing = m
			}
		}
		if r.Missing == alarm.MissingUnset {
			return awsapi.Validation("Supported values for TreatMissingData are breaching, notBreaching, ignore, and missing.")
		}
	}
	if low := in.EvaluateLowSampleCountPercentile; low != nil {
		if len(r.Metrics) > 0 {
			return awsapi.Validation("Option evaluateLowSampleCountPercentile can not be applied with a Metrics list. This option is enabled " +
				"only for percentile statistics.")
		}
		if r.Statistic.Kind != metric.Percentile {
			return awsapi.Validation("Option evaluateLowSampleCountPercentile can not be applied with statistic %s. This option is enabled only "+
				"for percentile statistics.", r.Statistic)
		}
		if *low != "evaluate" && *low != "ignore" {
			return awsapi.Validation("Supported values for EvaluateLowSampleCountPercentile are evaluate and ignore.")
		}
		r.IgnoreLowSample, r.EvaluateLowSample = *low == "ignore", *low == "evaluate"
	}
	return nil
}
