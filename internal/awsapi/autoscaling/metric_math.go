package autoscaling

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"

	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/scaling/policy/tracking"
)

func metricStat(in *types.TargetTrackingMetricStat) *tracking.MetricStat {
	out := &tracking.MetricStat{Statistic: aws.ToString(in.Stat), Unit: aws.ToString(in.Unit)}
	if in.Metric != nil {
		out.Namespace, out.Name = aws.ToString(in.Metric.Namespace), aws.ToString(in.Metric.MetricName)
		for _, d := range in.Metric.Dimensions {
			out.Dimensions = append(out.Dimensions, metric.Dimension{Name: aws.ToString(d.Name), Value: aws.ToString(d.Value)})
		}
	}
	return out
}

// describeQueries renders the queries of metric math with explicit ReturnData. AWS: recorded.
func describeQueries(queries []tracking.MetricQuery) []types.TargetTrackingMetricDataQuery {
	out := make([]types.TargetTrackingMetricDataQuery, len(queries))
	for i, q := range queries {
		out[i] = types.TargetTrackingMetricDataQuery{
			Id: aws.String(q.ID), Expression: awsapi.Optional(q.Expression), Label: awsapi.Optional(q.Label),
			ReturnData: aws.Bool(q.ReturnData == nil || *q.ReturnData),
		}
		if s := q.Stat; s != nil {
			m := &types.TargetTrackingMetric{
				Namespace: aws.String(s.Namespace), MetricName: aws.String(s.Name), Dimensions: []types.TargetTrackingMetricDimension{},
			}
			for _, d := range s.Dimensions {
				m.Dimensions = append(m.Dimensions, types.TargetTrackingMetricDimension{Name: aws.String(d.Name), Value: aws.String(d.Value)})
			}
			out[i].MetricStat = &types.TargetTrackingMetricStat{Metric: m, Stat: aws.String(s.Statistic), Unit: awsapi.Optional(s.Unit)}
		}
	}
	return out
}
