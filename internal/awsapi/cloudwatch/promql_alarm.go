package cloudwatch

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/prometheus/prometheus/promql/parser"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/internal/prometheus/query"
)

// promQLRule reads the rule of a PromQL alarm. All its parameters except the interval are in EvaluationCriteria.
// AWS: PutMetricAlarm, API reference, EvaluationCriteria.
func promQLRule(in *sdk.PutMetricAlarmInput) (alarm.Rule, error) {
	var r alarm.Rule
	for _, p := range []struct {
		name  string
		given bool
	}{
		{"Namespace", in.Namespace != nil},
		{"MetricName", in.MetricName != nil},
		{"Dimensions", len(in.Dimensions) > 0},
		{"Period", in.Period != nil},
		{"Unit", in.Unit != ""},
		{"Statistic", in.Statistic != ""},
		{"ExtendedStatistic", in.ExtendedStatistic != nil},
		{"Metrics", len(in.Metrics) > 0},
		{"Threshold", in.Threshold != nil},
		{"ComparisonOperator", in.ComparisonOperator != ""},
		{"ThresholdMetricId", in.ThresholdMetricId != nil},
		{"EvaluationPeriods", in.EvaluationPeriods != nil},
		{"DatapointsToAlarm", in.DatapointsToAlarm != nil},
		{"TreatMissingData", in.TreatMissingData != nil},
		{"EvaluateLowSampleCountPercentile", in.EvaluateLowSampleCountPercentile != nil},
	} {
		if p.given {
			return r, awsapi.Validation("%s can not be specified together with EvaluationCriteria", p.name)
		}
	}
	criteria, ok := in.EvaluationCriteria.(*types.EvaluationCriteriaMemberPromQLCriteria)
	switch {
	case !ok:
		return r, awsapi.Validation("EvaluationCriteria must have a PromQLCriteria")
	case in.EvaluationInterval == nil:
		return r, missingParameter("The parameter EvaluationInterval is required.")
	}
	if s := *in.EvaluationInterval; s != 10 && s != 20 && s != 30 && (s < 60 || s%60 != 0) {
		return r, awsapi.Validation("EvaluationInterval must be 10, 20, 30 or a multiple of 60")
	}
	if err := checkPromQL(*criteria.Value.Query); err != nil {
		return r, err
	}
	r.PromQL = &alarm.PromQL{
		Query: *criteria.Value.Query, Interval: time.Duration(*in.EvaluationInterval) * time.Second,
		Pending: periodOf(criteria.Value.PendingPeriod), PendingSet: criteria.Value.PendingPeriod != nil,
		Recovery: periodOf(criteria.Value.RecoveryPeriod), RecoverySet: criteria.Value.RecoveryPeriod != nil,
	}
	r.Comparison = alarm.GreaterThanThreshold // scaling policies receive values above 0
	return r, nil
}

// checkPromQL checks that a query is valid PromQL and returns a vector. AWS: AlarmPromQLCriteria, API reference.
func checkPromQL(text string) error {
	e, err := query.Parse(text)
	if err != nil {
		return awsapi.Validation("The PromQL query is not valid: %s", err)
	}
	if e.Type() != parser.ValueTypeVector {
		return awsapi.Validation("The PromQL query must return a result of vector type, and this one returns a %s.", e.Type())
	}
	return nil
}

func periodOf(seconds *int32) time.Duration {
	return time.Duration(aws.ToInt32(seconds)) * time.Second
}

func describePromQL(out *types.MetricAlarm, q *alarm.PromQL) {
	criteria := types.AlarmPromQLCriteria{Query: aws.String(q.Query)}
	if q.PendingSet {
		criteria.PendingPeriod = aws.Int32(int32(q.Pending / time.Second))
	}
	if q.RecoverySet {
		criteria.RecoveryPeriod = aws.Int32(int32(q.Recovery / time.Second))
	}
	out.EvaluationCriteria = &types.EvaluationCriteriaMemberPromQLCriteria{Value: criteria}
	out.EvaluationInterval = aws.Int32(int32(q.Interval / time.Second))
}
