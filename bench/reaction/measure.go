package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	aas "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"bellows.dev/bellows/bench/loadgen"
	"bellows.dev/bellows/bench/target"
)

// Target values of the policies, per instance.
const (
	concurrencyTarget = 4   // concurrent invocations: 40 requests per second of 200 ms are 8
	invocationsTarget = 600 // invocations per minute: 20 requests per second are 1,200
)

// bench is a server under measurement.
type bench struct {
	server *target.Server
	speed  float64
}

func resource(endpoint string) *string {
	return aws.String("endpoint/" + endpoint + "/variant/AllTraffic")
}

// measure creates an endpoint with the row's policy and sends its load step.
func (b *bench) measure(ctx context.Context, r *row) error {
	env := map[string]string{"BELLOWS_DEMO_LATENCY_MS": strconv.Itoa(int(latency.Milliseconds()))}
	if err := b.server.Deploy(ctx, r.endpoint, 1, env); err != nil {
		return err
	}
	if _, err := aas.NewFromConfig(b.server.Config).RegisterScalableTarget(ctx, &aas.RegisterScalableTargetInput{
		ServiceNamespace: types.ServiceNamespaceSagemaker, ResourceId: resource(r.endpoint),
		ScalableDimension: types.ScalableDimensionSageMakerVariantDesiredInstanceCount, MinCapacity: aws.Int32(1), MaxCapacity: aws.Int32(3),
	}); err != nil {
		return err
	}
	if err := r.put(ctx, b, r.endpoint); err != nil {
		return err
	}
	return b.step(ctx, r)
}

// step waits for the beginning of a period, sends the load, and waits for the scaling activity.
func (b *bench) step(ctx context.Context, r *row) error {
	zero, err := b.now(ctx)
	if err != nil {
		return err
	}
	began := time.Now()
	policy := func() time.Time { return zero.Add(time.Duration(float64(time.Since(began)) * b.speed)) }
	wait := policy().Truncate(r.period).Add(r.period + 50*time.Millisecond).Sub(policy())
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(time.Duration(float64(wait) / b.speed)):
	}
	first := policy()
	loading, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() {
		_, err := loadgen.Run(loading, loadgen.Options{
			URL: b.server.URL + "/endpoints/" + r.endpoint + "/invocations", Connections: 64, Rate: r.rate, Duration: time.Hour,
			Header: map[string]string{"Content-Type": "text/csv"}, Body: []byte("6.1,2.8,4.7,1.2\n"),
		})
		done <- err
	}()
	a, err := b.activity(ctx, r)
	stop()
	if err = errors.Join(err, <-done); err != nil {
		return err
	}
	r.decision, r.served, r.to = a.StartTime.Sub(first), a.EndTime.Sub(first), *a.Description
	return nil
}

// now returns the server's policy time, which it reads from an alarm that it has just put.
func (b *bench) now(ctx context.Context) (time.Time, error) {
	c := cloudwatch.NewFromConfig(b.server.Config)
	name := "what-time-is-it"
	if _, err := c.PutMetricAlarm(ctx, &cloudwatch.PutMetricAlarmInput{
		AlarmName: aws.String(name), Namespace: aws.String("Bench"), MetricName: aws.String(strconv.FormatInt(time.Now().UnixNano(), 36)), Statistic: cw.StatisticSum,
		Period: aws.Int32(60), EvaluationPeriods: aws.Int32(1), Threshold: aws.Float64(1), ComparisonOperator: cw.ComparisonOperatorGreaterThanThreshold,
	}); err != nil {
		return time.Time{}, err
	}
	out, err := c.DescribeAlarms(ctx, &cloudwatch.DescribeAlarmsInput{AlarmNames: []string{name}})
	if err != nil || len(out.MetricAlarms) != 1 {
		return time.Time{}, fmt.Errorf("reading the policy time: %w", err)
	}
	return *out.MetricAlarms[0].AlarmConfigurationUpdatedTimestamp, nil
}

// activity waits until the endpoint's first activity has succeeded.
func (b *bench) activity(ctx context.Context, r *row) (types.ScalingActivity, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	c := aas.NewFromConfig(b.server.Config)
	for tick := time.NewTicker(100 * time.Millisecond); ; {
		out, err := c.DescribeScalingActivities(ctx, &aas.DescribeScalingActivitiesInput{
			ServiceNamespace: types.ServiceNamespaceSagemaker, ResourceId: resource(r.endpoint),
			ScalableDimension: types.ScalableDimensionSageMakerVariantDesiredInstanceCount,
		})
		if err != nil {
			return types.ScalingActivity{}, err
		}
		if n := len(out.ScalingActivities); n > 0 && out.ScalingActivities[n-1].StatusCode == types.ScalingActivityStatusCodeSuccessful {
			return out.ScalingActivities[n-1], nil
		}
		select {
		case <-ctx.Done():
			return types.ScalingActivity{}, ctx.Err()
		case <-tick.C:
		}
	}
}

func (b *bench) track(ctx context.Context, endpoint string, metric types.MetricType, value float64) error {
	_, err := aas.NewFromConfig(b.server.Config).PutScalingPolicy(ctx, &aas.PutScalingPolicyInput{
		PolicyName: aws.String("track"), ServiceNamespace: types.ServiceNamespaceSagemaker, ResourceId: resource(endpoint),
		ScalableDimension: types.ScalableDimensionSageMakerVariantDesiredInstanceCount, PolicyType: types.PolicyTypeTargetTrackingScaling,
		TargetTrackingScalingPolicyConfiguration: &types.TargetTrackingScalingPolicyConfiguration{
			TargetValue: aws.Float64(value), PredefinedMetricSpecification: &types.PredefinedMetricSpecification{PredefinedMetricType: metric},
		},
	})
	return err
}

func concurrency(ctx context.Context, b *bench, endpoint string) error {
	return b.track(ctx, endpoint, types.MetricTypeSageMakerVariantConcurrentRequestsPerModelHighResolution, concurrencyTarget)
}

func invocations(ctx context.Context, b *bench, endpoint string) error {
	return b.track(ctx, endpoint, types.MetricTypeSageMakerVariantInvocationsPerInstance, invocationsTarget)
}

// stepScaling puts a step scaling policy and a high-resolution alarm on concurrency.
func stepScaling(ctx context.Context, b *bench, endpoint string) error {
	out, err := aas.NewFromConfig(b.server.Config).PutScalingPolicy(ctx, &aas.PutScalingPolicyInput{
		PolicyName: aws.String("step"), ServiceNamespace: types.ServiceNamespaceSagemaker, ResourceId: resource(endpoint),
		ScalableDimension: types.ScalableDimensionSageMakerVariantDesiredInstanceCount, PolicyType: types.PolicyTypeStepScaling,
		StepScalingPolicyConfiguration: &types.StepScalingPolicyConfiguration{
			AdjustmentType: types.AdjustmentTypeChangeInCapacity, MetricAggregationType: types.MetricAggregationTypeMaximum,
			StepAdjustments: []types.StepAdjustment{
				{MetricIntervalLowerBound: aws.Float64(0), MetricIntervalUpperBound: aws.Float64(16), ScalingAdjustment: aws.Int32(1)},
				{MetricIntervalLowerBound: aws.Float64(16), ScalingAdjustment: aws.Int32(2)},
			},
		},
	})
	if err != nil {
		return err
	}
	_, err = cloudwatch.NewFromConfig(b.server.Config).PutMetricAlarm(ctx, &cloudwatch.PutMetricAlarmInput{
		AlarmName: aws.String(endpoint), Namespace: aws.String("AWS/SageMaker"), MetricName: aws.String("ConcurrentRequestsPerModel"), Statistic: cw.StatisticMaximum,
		Dimensions: []cw.Dimension{
			{Name: aws.String("EndpointName"), Value: aws.String(endpoint)}, {Name: aws.String("VariantName"), Value: aws.String("AllTraffic")},
		},
		Period: aws.Int32(10), EvaluationPeriods: aws.Int32(1), Threshold: aws.Float64(concurrencyTarget),
		ComparisonOperator: cw.ComparisonOperatorGreaterThanThreshold, AlarmActions: []string{*out.PolicyARN},
	})
	return err
}
