package ec2autoscaling

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/scaling/policy/tracking"
)

// queries converts the queries of metric math to a specification. They share one period, since a series has only one.
func queries(in []types.TargetTrackingMetricDataQuery, out *tracking.CustomizedSpec) error {
	period := func(n *int32) error {
		if n == nil {
			return nil
		}
		d := time.Duration(*n) * time.Second
		if *n <= 0 || out.Period != 0 && out.Period != d {
			return awsapi.Validation("Period must be 10, 30 or 60, and the same in all queries")
		}
		out.Period = d
		return nil
	}
	for _, q := range in {
		if err := period(q.Period); err != nil {
			return err
		}
		x := tracking.MetricQuery{
			ID: aws.ToString(q.Id), Expression: aws.ToString(q.Expression), Label: aws.ToString(q.Label), ReturnData: q.ReturnData,
		}
		if s := q.MetricStat; s != nil {
			if err := period(s.Period); err != nil {
				return err
			}
			x.Stat = &tracking.MetricStat{Statistic: aws.ToString(s.Stat), Unit: aws.ToString(s.Unit)}
			if s.Metric != nil {
				x.Stat.Namespace, x.Stat.Name = aws.ToString(s.Metric.Namespace), aws.ToString(s.Metric.MetricName)
				for _, d := range s.Metric.Dimensions {
					x.Stat.Dimensions = append(x.Stat.Dimensions, metric.Dimension{Name: aws.ToString(d.Name), Value: aws.ToString(d.Value)})
				}
			}
		}
		out.Queries = append(out.Queries, x)
	}
	return nil
}

// describeQueries renders the queries of metric math with explicit ReturnData.
func describeQueries(m *tracking.CustomizedSpec) []types.TargetTrackingMetricDataQuery {
	var period *int32
	if m.Period != 0 {
		period = awsapi.Seconds(&m.Period)
	}
	out := make([]types.TargetTrackingMetricDataQuery, len(m.Queries))
	for i, q := range m.Queries {
		out[i] = types.TargetTrackingMetricDataQuery{
			Id: aws.String(q.ID), Expression: awsapi.Optional(q.Expression), Label: awsapi.Optional(q.Label), ReturnData: aws.Bool(q.ReturnData == nil || *q.ReturnData),
		}
		s := q.Stat
		if s == nil {
			out[i].Period = period
			continue
		}
		id := &types.Metric{Namespace: aws.String(s.Namespace), MetricName: aws.String(s.Name), Dimensions: []types.MetricDimension{}}
		for _, d := range s.Dimensions {
			id.Dimensions = append(id.Dimensions, types.MetricDimension{Name: aws.String(d.Name), Value: aws.String(d.Value)})
		}
		out[i].MetricStat = &types.TargetTrackingMetricStat{Metric: id, Stat: aws.String(s.Statistic), Unit: awsapi.Optional(s.Unit), Period: period}
	}
	return out
}
