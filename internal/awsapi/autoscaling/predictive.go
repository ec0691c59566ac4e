package autoscaling

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy/predictive"
)

// AWS: GetPredictiveScalingForecast.
const (
	forecastRange = 30 * 24 * time.Hour
	forecastPast  = 365 * 24 * time.Hour
)

func predictiveConfig(in *types.PredictiveScalingPolicyConfiguration) (*predictive.Config, error) {
	if in == nil {
		return nil, nil
	}
	out := &predictive.Config{
		Mode: predictive.ParseMode(string(in.Mode)), Buffer: awsapi.Duration(in.SchedulingBufferTime),
		Breach: predictive.ParseBreachBehavior(string(in.MaxCapacityBreachBehavior)), MaxBuffer: awsapi.Integer(in.MaxCapacityBuffer),
	}
	for i := range in.MetricSpecifications {
		s, err := predictiveSpec(&in.MetricSpecifications[i])
		if err != nil {
			return nil, err
		}
		out.Specs = append(out.Specs, s)
	}
	return out, nil
}

func predictiveSpec(in *types.PredictiveScalingMetricSpecification) (predictive.Spec, error) {
	out := predictive.Spec{TargetValue: aws.ToFloat64(in.TargetValue)}
	named := func(name, label *string) *predictive.Metric {
		return &predictive.Metric{Type: aws.ToString(name), ResourceLabel: aws.ToString(label)}
	}
	if x := in.PredefinedMetricPairSpecification; x != nil {
		out.Pair = named(x.PredefinedMetricType, x.ResourceLabel)
	}
	if x := in.PredefinedScalingMetricSpecification; x != nil {
		out.Scaling = named(x.PredefinedMetricType, x.ResourceLabel)
	}
	if x := in.PredefinedLoadMetricSpecification; x != nil {
		out.Load = named(x.PredefinedMetricType, x.ResourceLabel)
	}
	for _, x := range []struct {
		in     *types.PredictiveScalingCustomizedMetricSpecification
		out    *[]metric.DataQuery
		member string
	}{
		{in.CustomizedScalingMetricSpecification, &out.CustomScaling, "CustomizedScalingMetricSpecification"},
		{in.CustomizedLoadMetricSpecification, &out.CustomLoad, "CustomizedLoadMetricSpecification"},
		{in.CustomizedCapacityMetricSpecification, &out.CustomCapacity, "CustomizedCapacityMetricSpecification"},
	} {
		if x.in == nil {
			continue
		}
		if len(x.in.MetricDataQueries) == 0 {
			return out, awsapi.Validation("%s must have at least one MetricDataQuery.", x.member)
		}
		for i := range x.in.MetricDataQueries {
			q, err := dataQuery(&x.in.MetricDataQueries[i])
			if err != nil {
				return out, err
			}
			*x.out = append(*x.out, q)
		}
	}
	return out, nil
}

func dataQuery(in *types.PredictiveScalingMetricDataQuery) (metric.DataQuery, error) {
	out := metric.DataQuery{
		ID: aws.ToString(in.Id), Label: aws.ToString(in.Label), Expression: aws.ToString(in.Expression),
		Hidden: in.ReturnData != nil && !*in.ReturnData,
	}
	s := in.MetricStat
	if s == nil {
		return out, nil
	}
	stat, err := metric.ParseStatistic(aws.ToString(s.Stat))
	if err != nil {
		return out, awsapi.Validation("%s", err)
	}
	var dimensions []metric.Dimension
	for _, d := range s.Metric.Dimensions {
		dimensions = append(dimensions, metric.Dimension{Name: aws.ToString(d.Name), Value: aws.ToString(d.Value)})
	}
	id := metric.NewID(aws.ToString(s.Metric.Namespace), aws.ToString(s.Metric.MetricName), dimensions...)
	out.Stat = &metric.MetricStat{Metric: id, Statistic: stat, Unit: aws.ToString(s.Unit)}
	return out, nil
}

func describePredictive(c *predictive.Config) *types.PredictiveScalingPolicyConfiguration {
	out := &types.PredictiveScalingPolicyConfiguration{
		Mode: types.PredictiveScalingMode(c.Mode.String()), SchedulingBufferTime: awsapi.Seconds(c.Buffer),
		MaxCapacityBreachBehavior: types.PredictiveScalingMaxCapacityBreachBehavior(c.Breach.String()),
	}
	if c.MaxBuffer != nil {
		out.MaxCapacityBuffer = aws.Int32(int32(*c.MaxBuffer))
	}
	for i := range c.Specs {
		out.MetricSpecifications = append(out.MetricSpecifications, describeSpec(&c.Specs[i]))
	}
	return out
}

func describeSpec(s *predictive.Spec) types.PredictiveScalingMetricSpecification {
	out := types.PredictiveScalingMetricSpecification{
		TargetValue:                           aws.Float64(s.TargetValue),
		CustomizedScalingMetricSpecification:  describePredictiveQueries(s.CustomScaling),
		CustomizedLoadMetricSpecification:     describePredictiveQueries(s.CustomLoad),
		CustomizedCapacityMetricSpecification: describePredictiveQueries(s.CustomCapacity),
	}
	if s.Pair != nil {
		out.PredefinedMetricPairSpecification = &types.PredictiveScalingPredefinedMetricPairSpecification{PredefinedMetricType: &s.Pair.Type}
	}
	if s.Scaling != nil {
		out.PredefinedScalingMetricSpecification = &types.PredictiveScalingPredefinedScalingMetricSpecification{PredefinedMetricType: &s.Scaling.Type}
	}
	if s.Load != nil {
		out.PredefinedLoadMetricSpecification = &types.PredictiveScalingPredefinedLoadMetricSpecification{PredefinedMetricType: &s.Load.Type}
	}
	return out
}

func describePredictiveQueries(queries []metric.DataQuery) *types.PredictiveScalingCustomizedMetricSpecification {
	if len(queries) == 0 {
		return nil
	}
	out := &types.PredictiveScalingCustomizedMetricSpecification{}
	for _, q := range queries {
		x := types.PredictiveScalingMetricDataQuery{
			Id: aws.String(q.ID), Label: awsapi.Optional(q.Label), Expression: awsapi.Optional(q.Expression), ReturnData: aws.Bool(!q.Hidden),
		}
		if q.Stat != nil {
			x.MetricStat = &types.PredictiveScalingMetricStat{
				Metric: &types.PredictiveScalingMetric{
					Namespace: aws.String(q.Stat.Metric.Namespace), MetricName: aws.String(q.Stat.Metric.Name),
					Dimensions: []types.PredictiveScalingMetricDimension{},
				},
				Stat: aws.String(q.Stat.Statistic.String()), Unit: awsapi.Optional(q.Stat.Unit),
			}
			for _, d := range q.Stat.Metric.Dimensions {
				x.MetricStat.Metric.Dimensions = append(x.MetricStat.Metric.Dimensions,
					types.PredictiveScalingMetricDimension{Name: aws.String(d.Name), Value: aws.String(d.Value)})
			}
		}
		out.MetricDataQueries = append(out.MetricDataQueries, x)
	}
	return out
}

func (a *API) getPredictiveScalingForecast(
	ctx context.Context, c awsapi.Call, in *sdk.GetPredictiveScalingForecastInput,
) (*sdk.GetPredictiveScalingForecastOutput, error) {
	key, err := a.targetKey(c, in.ServiceNamespace, in.ResourceId, in.ScalableDimension)
	if err != nil {
		return nil, err
	}
	from, until := *in.StartTime, *in.EndTime
	switch {
	case !from.Before(until):
		return nil, awsapi.Validation("StartTime must be before EndTime")
	case until.Sub(from) > forecastRange:
		return nil, awsapi.Validation("The time range between StartTime and EndTime cannot exceed 30 days")
	}
	out := &sdk.GetPredictiveScalingForecastOutput{}
	var refused error
	err = a.backend.View(ctx, func(now time.Time, e *engine.Engine) {
		var p *scaling.Policy
		var rule *predictive.Rule
		if r := e.Region(c.Scope); r != nil && r.Targets.Targets[key] != nil {
			if p = r.Targets.Targets[key].Policy(*in.PolicyName); p != nil {
				rule, _ = p.Rule.(*predictive.Rule)
			}
		}
		switch {
		case p == nil:
			refused = awsapi.Validation("No scaling policy found for %s, policy name: %s", key, *in.PolicyName)
		case rule == nil:
			refused = awsapi.Validation("Policy %s is not a predictive scaling policy", *in.PolicyName)
		case from.Before(now.Add(-forecastPast)):
			refused = awsapi.Validation("StartTime cannot be more than one year before the current time")
		default:
			fillForecast(out, rule, from, until)
		}
	})
	if err != nil {
		return nil, err
	}
	return out, refused
}

// fillForecast lists the hours that begin within a range. AWS: GetPredictiveScalingForecast: StartTime inclusive, EndTime exclusive.
func fillForecast(out *sdk.GetPredictiveScalingForecastOutput, r *predictive.Rule, from, until time.Time) {
	spec := describeSpec(&r.Settings.Specs[0])
	load := types.LoadForecast{MetricSpecification: &spec, Timestamps: []time.Time{}, Values: []float64{}}
	capacity := &types.CapacityForecast{Timestamps: []time.Time{}, Values: []float64{}}
	for _, h := range r.Outlook.Hours {
		if h.Start.Before(from) || !h.Start.Before(until) {
			continue
		}
		load.Timestamps, load.Values = append(load.Timestamps, h.Start), append(load.Values, h.Load)
		capacity.Timestamps, capacity.Values = append(capacity.Timestamps, h.Start), append(capacity.Values, float64(h.Capacity))
	}
	out.LoadForecast, out.CapacityForecast = []types.LoadForecast{load}, capacity
	if !r.Outlook.Updated.IsZero() {
		out.UpdateTime = aws.Time(r.Outlook.Updated)
	}
}
