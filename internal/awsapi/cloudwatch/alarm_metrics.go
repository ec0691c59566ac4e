package cloudwatch

import (
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
	"bellows.dev/bellows/metric/expr"
)

// AWS: PutMetricAlarm, API reference, Metrics; user guide, metric math: an alarm has up to ten metrics and up to ten expressions.
const alarmEachMax = 10

// badThresholdMetric returns the error for ThresholdMetricId: it must name an anomaly detection band, which is not supported.
func badThresholdMetric() error {
	return awsapi.Validation("Metrics list must contain exactly one metric matching the ThresholdMetricId parameter")
}

// band refuses an alarm that compares a metric with an anomaly detection band, which is not supported. If AWS would refuse the alarm as well,
// the text is AWS's. AWS: both texts are recorded.
func band(id string, queries []metric.DataQuery) error {
	matching, watched := 0, 0
	for _, q := range queries {
		if q.ID == id {
			matching++
		}
		if !q.Hidden {
			watched++
		}
	}
	switch {
	case matching != 1:
		return badThresholdMetric()
	case watched != 2:
		return awsapi.Validation("Exactly two elements of the metrics list should return data.")
	}
	if _, err := expr.Compile(queries); err != nil { // it contains ANOMALY_DETECTION_BAND
		return awsapi.Validation("%s", err)
	}
	return badThresholdMetric()
}

// mathRule reads an alarm on the result of a Metrics list. Most texts are recorded.
func mathRule(s engine.Scope, in *sdk.PutMetricAlarmInput) (alarm.Rule, error) {
	var r alarm.Rule
	if err := noScalars(in); err != nil {
		return r, err
	}
	queries, err := dataQueries(s, in.Metrics)
	if err != nil {
		return r, err
	}
	if in.ThresholdMetricId != nil {
		return r, band(*in.ThresholdMetricId, queries)
	}
	program, watched, err := alarm.Expects(queries)
	if err != nil {
		return r, awsapi.Validation("%s", err)
	}
	if err := needed(in); err != nil {
		return r, err
	}
	r = alarm.Rule{
		Metrics: queries, Period: program.Period(watched), Periods: int(*in.EvaluationPeriods), DatapointsToM: int(aws.ToInt32(in.DatapointsToAlarm)),
		Threshold: *in.Threshold,
	}
	if err := checkValue(r.Threshold, "Threshold"); err != nil {
		return r, err
	}
	if err := r.CheckSpan(); err != nil {
		return r, refusal(err)
	}
	return r, choices(&r, in)
}

// noScalars refuses members that a Metrics list replaces. AWS: recorded.
func noScalars(in *sdk.PutMetricAlarmInput) error {
	for _, p := range []struct {
		name  string
		given bool
	}{
		{"MetricName", in.MetricName != nil},
		{"Namespace", in.Namespace != nil},
		{"Statistic", in.Statistic != ""},
		{"ExtendedStatistic", in.ExtendedStatistic != nil},
		{"Dimensions", len(in.Dimensions) > 0},
		{"Period", in.Period != nil},
		{"Unit", in.Unit != ""},
	} {
		if p.given {
			return awsapi.Validation("%s should not be set if list of Metrics is set.", p.name)
		}
	}
	return nil
}

// dataQueries reads the queries of an alarm. Most texts are AWS's.
func dataQueries(s engine.Scope, in []types.MetricDataQuery) ([]metric.DataQuery, error) {
	var out []metric.DataQuery
	metrics := 0
	for _, q := range in {
		id := aws.ToString(q.Id)
		switch {
		case !queryID.MatchString(id):
			return nil, awsapi.Validation("Invalid metrics list: the Id %q must begin with a small letter and have letters, digits and _ only", id)
		case q.MetricStat != nil && q.Expression != nil:
			return nil, awsapi.Validation("The parameters MetricDataQuery Expression and MetricStat are mutually exclusive and you have specified both.")
		case q.MetricStat == nil && q.Expression == nil:
			return nil, awsapi.Validation("Period must not be null")
		case q.AccountId != nil && *q.AccountId != s.Account:
			return nil, awsapi.Validation("Invalid metrics list: the query %s asks for another account's metrics, which this server does not have", id)
		}
		x := metric.DataQuery{
			ID: id, Label: aws.ToString(q.Label), Expression: aws.ToString(q.Expression), Hidden: q.ReturnData != nil && !*q.ReturnData,
			Account: aws.ToString(q.AccountId), Period: periodOf(q.Period),
		}
		if q.Period != nil && q.MetricStat != nil {
			return nil, awsapi.Validation("Invalid metrics list: the Period of the query %s belongs into its MetricStat", id)
		}
		if q.Period != nil {
			if err := alarm.CheckPeriod(periodOf(q.Period)); err != nil {
				return nil, refusal(err)
			}
		}
		if q.MetricStat != nil {
			metrics++
			stat, err := metricStat(q.MetricStat)
			if err != nil {
				return nil, err
			}
			x.Stat = stat
		}
		out = append(out, x)
	}
	switch {
	case metrics > alarmEachMax:
		return nil, awsapi.Validation("Too many metrics in alarm, maximum is %d", alarmEachMax)
	case len(out)-metrics > alarmEachMax:
		return nil, awsapi.Validation("Too many expressions in alarm, maximum is %d", alarmEachMax)
	case metrics == 0 && !slices.ContainsFunc(out, func(q metric.DataQuery) bool { return q.Period > 0 }): // recorded
		return nil, awsapi.Validation("Period must not be null")
	}
	return out, nil
}

func metricStat(in *types.MetricStat) (*metric.MetricStat, error) {
	if in.Metric == nil || in.Metric.MetricName == nil || in.Metric.Namespace == nil || in.Period == nil || in.Stat == nil {
		return nil, awsapi.Validation("Invalid metrics list: a MetricStat must have a Metric with Namespace and MetricName, a Period and a Stat")
	}
	if strings.IndexFunc(*in.Metric.Namespace, func(r rune) bool { return r > 127 }) >= 0 {
		return nil, awsapi.Validation("Namespace must not contain Non-ASCII characters.")
	}
	if err := checkDimensions(in.Metric.Dimensions, "PutMetricAlarm"); err != nil {
		return nil, err
	}
	if err := alarm.CheckPeriod(periodOf(in.Period)); err != nil {
		return nil, refusal(err)
	}
	statistic, err := metric.ParseStatistic(*in.Stat)
	if err != nil {
		return nil, awsapi.Validation("Invalid metrics list")
	}
	given := dimensions(in.Metric.Dimensions)
	return &metric.MetricStat{
		Metric: metric.NewID(*in.Metric.Namespace, *in.Metric.MetricName, given...), Order: metric.Unsorted(given),
		Statistic: statistic, Unit: string(in.Unit), Period: periodOf(in.Period),
	}, nil
}

// describeQueries renders an alarm's Metrics as given, with explicit ReturnData.
func describeQueries(queries []metric.DataQuery) []types.MetricDataQuery {
	out := make([]types.MetricDataQuery, len(queries))
	for i, q := range queries {
		out[i] = types.MetricDataQuery{
			Id: aws.String(q.ID), Label: awsapi.Optional(q.Label), Expression: awsapi.Optional(q.Expression), ReturnData: aws.Bool(!q.Hidden),
			AccountId: awsapi.Optional(q.Account),
		}
		if q.Period > 0 {
			out[i].Period = aws.Int32(int32(q.Period / time.Second))
		}
		if s := q.Stat; s != nil {
			out[i].MetricStat = &types.MetricStat{
				Metric: &types.Metric{
					Namespace: aws.String(s.Metric.Namespace), MetricName: aws.String(s.Metric.Name), Dimensions: describeDimensions(s.Given()),
				},
				Period: aws.Int32(int32(s.Period / time.Second)), Stat: aws.String(s.Statistic.String()), Unit: types.StandardUnit(s.Unit),
			}
		}
	}
	return out
}
