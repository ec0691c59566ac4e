package demo

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	scalingtypes "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cloudwatchtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker/types"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/config"
	"bellows.dev/bellows/internal/explain"
	"bellows.dev/bellows/internal/server"
	"bellows.dev/bellows/plural"
)

// The demo's endpoint. The variant's name is the notebook's.
const (
	endpointName = "iris"
	variantName  = "AllTraffic"
	resourceID   = "endpoint/" + endpointName + "/variant/" + variantName
	capacityMin  = 1
	capacityMax  = 4
	targetValue  = 60.0 // invocations a minute of policy time and instance
)

// demonstration plays the notebook's steps against a running server.
type demonstration struct {
	server  *server.Server
	view    *view
	speed   float64
	scope   engine.Scope
	clients clients
}

// play deploys, scales out and in, updates by hand, and cleans up.
func (d *demonstration) play(ctx context.Context) error {
	if err := d.deploy(ctx); err != nil {
		return err
	}
	if err := d.attach(ctx); err != nil {
		return err
	}
	l := newLoad(d.clients.runtime)
	d.view.load = l
	loading, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.run(loading)
	}()
	watching := make(chan struct{})
	go func() {
		defer close(watching)
		d.view.watch(loading, d.server)
	}()
	err := d.waves(ctx, l)
	if err == nil {
		err = d.byHand(ctx)
	}
	stop()
	<-done
	<-watching
	if err != nil {
		return err
	}
	if err := d.report(ctx, l); err != nil {
		return err
	}
	return d.cleanUp(ctx)
}

func (d *demonstration) deploy(ctx context.Context) error {
	d.view.note("CreateModel, CreateEndpointConfig, CreateEndpoint: one instance of " + config.DemoImage)
	if _, err := d.clients.sagemaker.CreateModel(ctx, &sagemaker.CreateModelInput{
		ModelName: aws.String(endpointName), PrimaryContainer: &types.ContainerDefinition{
			Image: aws.String(config.DemoImage), Environment: map[string]string{"BELLOWS_DEMO_LATENCY_MS": "5", "BELLOWS_DEMO_START_DELAY_MS": "1000"},
		},
	}); err != nil {
		return err
	}
	if _, err := d.clients.sagemaker.CreateEndpointConfig(ctx, &sagemaker.CreateEndpointConfigInput{
		EndpointConfigName: aws.String(endpointName), ProductionVariants: []types.ProductionVariant{{
			VariantName: aws.String(variantName), ModelName: aws.String(endpointName), InitialInstanceCount: aws.Int32(1),
			InstanceType:  types.ProductionVariantInstanceTypeMlM5Large,
			RoutingConfig: &types.ProductionVariantRoutingConfig{RoutingStrategy: types.RoutingStrategyLeastOutstandingRequests},
		}},
	}); err != nil {
		return err
	}
	if _, err := d.clients.sagemaker.CreateEndpoint(ctx, &sagemaker.CreateEndpointInput{
		EndpointName: aws.String(endpointName), EndpointConfigName: aws.String(endpointName),
	}); err != nil {
		return err
	}
	return d.settled(ctx)
}

// settled waits until the endpoint is in service.
func (d *demonstration) settled(ctx context.Context) error {
	return d.until(ctx, "the endpoint to be in service", func() (bool, error) {
		out, err := d.clients.sagemaker.DescribeEndpoint(ctx, &sagemaker.DescribeEndpointInput{EndpointName: aws.String(endpointName)})
		if err == nil && out.EndpointStatus == types.EndpointStatusFailed {
			err = errors.New(aws.ToString(out.FailureReason))
		}
		return err == nil && out.EndpointStatus == types.EndpointStatusInService, err
	})
}

func (d *demonstration) until(ctx context.Context, what string, is func() (bool, error)) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, err := is()
		if err != nil {
			return fmt.Errorf("waiting for %s: %w", what, err)
		}
		if ok {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", what, ctx.Err())
		case <-tick.C:
		}
	}
}

// attach registers the variant and puts the notebook's three policies, and the alarm for the third that the notebook does not make.
func (d *demonstration) attach(ctx context.Context) error {
	d.view.note(fmt.Sprintf("RegisterScalableTarget %d to %d; target tracking on invocations and on CPU, step scaling on overhead latency",
		capacityMin, capacityMax))
	if _, err := d.clients.scaling.RegisterScalableTarget(ctx, &applicationautoscaling.RegisterScalableTargetInput{
		ServiceNamespace: scalingtypes.ServiceNamespaceSagemaker, ResourceId: aws.String(resourceID),
		ScalableDimension: scalingtypes.ScalableDimensionSageMakerVariantDesiredInstanceCount,
		MinCapacity:       aws.Int32(capacityMin), MaxCapacity: aws.Int32(capacityMax),
	}); err != nil {
		return err
	}
	var overhead string
	for _, p := range d.policies() {
		p.ServiceNamespace, p.ResourceId = scalingtypes.ServiceNamespaceSagemaker, aws.String(resourceID)
		p.ScalableDimension = scalingtypes.ScalableDimensionSageMakerVariantDesiredInstanceCount
		out, err := d.clients.scaling.PutScalingPolicy(ctx, &p)
		if err != nil {
			return err
		}
		overhead = aws.ToString(out.PolicyARN)
	}
	_, err := d.clients.cloudwatch.PutMetricAlarm(ctx, &cloudwatch.PutMetricAlarmInput{
		AlarmName: aws.String("OverheadLatency-high"), Namespace: aws.String("AWS/SageMaker"), MetricName: aws.String("OverheadLatency"),
		Dimensions: []cloudwatchtypes.Dimension{
			{Name: aws.String("EndpointName"), Value: aws.String(endpointName)}, {Name: aws.String("VariantName"), Value: aws.String(variantName)},
		},
		Statistic: cloudwatchtypes.StatisticAverage, Period: aws.Int32(60), EvaluationPeriods: aws.Int32(3), Threshold: aws.Float64(100_000),
		ComparisonOperator: cloudwatchtypes.ComparisonOperatorGreaterThanThreshold, AlarmActions: []string{overhead},
	})
	return err
}

func (d *demonstration) policies() []applicationautoscaling.PutScalingPolicyInput {
	return []applicationautoscaling.PutScalingPolicyInput{
		{
			PolicyName: aws.String("Invocations-ScalingPolicy"), PolicyType: scalingtypes.PolicyTypeTargetTrackingScaling,
			TargetTrackingScalingPolicyConfiguration: &scalingtypes.TargetTrackingScalingPolicyConfiguration{
				TargetValue: aws.Float64(targetValue), ScaleInCooldown: aws.Int32(120), ScaleOutCooldown: aws.Int32(60),
				PredefinedMetricSpecification: &scalingtypes.PredefinedMetricSpecification{
					PredefinedMetricType: scalingtypes.MetricTypeSageMakerVariantInvocationsPerInstance,
				},
			},
		},
		{
			PolicyName: aws.String("CPUUtil-ScalingPolicy"), PolicyType: scalingtypes.PolicyTypeTargetTrackingScaling,
			TargetTrackingScalingPolicyConfiguration: &scalingtypes.TargetTrackingScalingPolicyConfiguration{
				TargetValue: aws.Float64(90), ScaleInCooldown: aws.Int32(120), ScaleOutCooldown: aws.Int32(60),
				CustomizedMetricSpecification: &scalingtypes.CustomizedMetricSpecification{
					MetricName: aws.String("CPUUtilization"), Namespace: aws.String("/aws/sagemaker/Endpoints"),
					Statistic: scalingtypes.MetricStatisticAverage, Unit: aws.String("Percent"),
					Dimensions: []scalingtypes.MetricDimension{
						{Name: aws.String("EndpointName"), Value: aws.String(endpointName)},
						{Name: aws.String("VariantName"), Value: aws.String(variantName)},
					},
				},
			},
		},
		{
			PolicyName: aws.String("OverheadLatency-ScalingPolicy"), PolicyType: scalingtypes.PolicyTypeStepScaling,
			StepScalingPolicyConfiguration: &scalingtypes.StepScalingPolicyConfiguration{
				AdjustmentType: scalingtypes.AdjustmentTypeChangeInCapacity, Cooldown: aws.Int32(120),
				MetricAggregationType: scalingtypes.MetricAggregationTypeAverage,
				StepAdjustments:       []scalingtypes.StepAdjustment{{MetricIntervalLowerBound: aws.Float64(0), ScalingAdjustment: aws.Int32(1)}},
			},
		},
	}
}

// waves raises and lowers the load, and waits until capacity has followed.
func (d *demonstration) waves(ctx context.Context, l *load) error {
	perSecond := targetValue / 60 * d.speed // what one instance should get
	low, high := perSecond/6, perSecond*capacityMax
	d.view.note(fmt.Sprintf("The load rises from %.0f to %.0f requests/s", low, high))
	if err := l.ramp(ctx, low, high, d.policy(4*time.Minute)); err != nil {
		return err
	}
	most := 0
	if err := d.until(ctx, "capacity to go out", func() (bool, error) {
		n, err := d.current(ctx)
		most = max(most, n)
		return n == capacityMax, err
	}); err != nil {
		return err
	}
	d.view.note(fmt.Sprintf("%s. The load falls; fifteen quiet minutes scale in", plural.Of(most, "instance serves", "instances serve")))
	if err := l.ramp(ctx, high, low, d.policy(2*time.Minute)); err != nil {
		return err
	}
	return d.until(ctx, "capacity to come in", func() (bool, error) {
		n, err := d.current(ctx)
		return n == capacityMin, err
	})
}

// policy converts a duration of policy time to wall time.
func (d *demonstration) policy(t time.Duration) time.Duration {
	return time.Duration(math.Round(float64(t) / d.speed))
}

func (d *demonstration) current(ctx context.Context) (int, error) {
	out, err := d.clients.sagemaker.DescribeEndpoint(ctx, &sagemaker.DescribeEndpointInput{EndpointName: aws.String(endpointName)})
	if err != nil {
		return 0, err
	}
	return int(aws.ToInt32(out.ProductionVariants[0].CurrentInstanceCount)), nil
}

// byHand changes the capacity without a policy, the notebook's third way to scale.
func (d *demonstration) byHand(ctx context.Context) error {
	if err := d.settled(ctx); err != nil {
		return err
	}
	d.view.note("UpdateEndpointWeightsAndCapacities: 2 instances by hand")
	if _, err := d.clients.sagemaker.UpdateEndpointWeightsAndCapacities(ctx, &sagemaker.UpdateEndpointWeightsAndCapacitiesInput{
		EndpointName:                aws.String(endpointName),
		DesiredWeightsAndCapacities: []types.DesiredWeightAndCapacity{{VariantName: aws.String(variantName), DesiredInstanceCount: aws.Int32(2)}},
	}); err != nil {
		return err
	}
	return d.settled(ctx)
}

// report lists the policies and activities, as the notebook does.
func (d *demonstration) report(ctx context.Context, l *load) error {
	policies, err := d.clients.scaling.DescribeScalingPolicies(ctx, &applicationautoscaling.DescribeScalingPoliciesInput{
		ServiceNamespace: scalingtypes.ServiceNamespaceSagemaker,
	})
	if err != nil {
		return err
	}
	for _, p := range policies.ScalingPolicies {
		d.view.note(fmt.Sprintf("policy %s (%s), alarms: %d", *p.PolicyName, p.PolicyType, len(p.Alarms)))
	}
	activities, err := d.clients.scaling.DescribeScalingActivities(ctx, &applicationautoscaling.DescribeScalingActivitiesInput{
		ServiceNamespace: scalingtypes.ServiceNamespaceSagemaker,
	})
	if err != nil {
		return err
	}
	for _, a := range activities.ScalingActivities {
		d.view.note(fmt.Sprintf("activity %s %s: %s %s", a.StartTime.Format("15:04:05"), a.StatusCode, *a.Description, shortAlarm(*a.Cause)))
	}
	if err := d.why(ctx); err != nil {
		return err
	}
	sent, failed := l.sent()
	d.view.note(fmt.Sprintf("%s, %d failed", plural.Of(int(sent), "request"), failed))
	if failed > 0 {
		return fmt.Errorf("%d of %s failed: %w", failed, plural.Of(int(sent), "request"), l.failure())
	}
	return nil
}

// why prints the reason of each change, and what each policy recommends now.
func (d *demonstration) why(ctx context.Context) error {
	d.view.note(fmt.Sprintf("Why? This is of what `bellows explain %s/%s` says:", endpointName, variantName))
	x, err := explain.Explain(ctx, d.server.Past(), explain.Query{
		Scope: d.scope, Endpoint: endpointName, Variant: variantName, Since: 24 * time.Hour,
	})
	if err != nil {
		return err
	}
	x.Story = slices.DeleteFunc(x.Story, func(l explain.Line) bool {
		return l.Kind != explain.KindChange && (l.Kind != explain.KindDecision || l.Idle)
	})
	var text strings.Builder
	if err := x.Render(&text); err != nil {
		return err
	}
	for line := range strings.Lines(text.String()) {
		d.view.note(strings.TrimRight(line, "\n"))
	}
	return nil
}

func (d *demonstration) cleanUp(ctx context.Context) error {
	d.view.note("Clean-up: policies, target, alarm, endpoint, config, model")
	for _, p := range d.policies() {
		if _, err := d.clients.scaling.DeleteScalingPolicy(ctx, &applicationautoscaling.DeleteScalingPolicyInput{
			PolicyName: p.PolicyName, ServiceNamespace: scalingtypes.ServiceNamespaceSagemaker, ResourceId: aws.String(resourceID),
			ScalableDimension: scalingtypes.ScalableDimensionSageMakerVariantDesiredInstanceCount,
		}); err != nil {
			return err
		}
	}
	if _, err := d.clients.cloudwatch.DeleteAlarms(ctx, &cloudwatch.DeleteAlarmsInput{AlarmNames: []string{"OverheadLatency-high"}}); err != nil {
		return err
	}
	if err := d.settled(ctx); err != nil {
		return err
	}
	if _, err := d.clients.sagemaker.DeleteEndpoint(ctx, &sagemaker.DeleteEndpointInput{EndpointName: aws.String(endpointName)}); err != nil {
		return err
	}
	if err := d.until(ctx, "the endpoint to be gone", func() (bool, error) {
		out, err := d.clients.sagemaker.ListEndpoints(ctx, &sagemaker.ListEndpointsInput{})
		return err == nil && len(out.Endpoints) == 0, err
	}); err != nil {
		return err
	}
	_, err := d.clients.sagemaker.DeleteEndpointConfig(ctx, &sagemaker.DeleteEndpointConfigInput{EndpointConfigName: aws.String(endpointName)})
	_, err2 := d.clients.sagemaker.DeleteModel(ctx, &sagemaker.DeleteModelInput{ModelName: aws.String(endpointName)})
	alarms, err3 := d.clients.cloudwatch.DescribeAlarms(ctx, &cloudwatch.DescribeAlarmsInput{})
	if err := errors.Join(err, err2, err3); err != nil {
		return err
	}
	if n := len(alarms.MetricAlarms); n > 0 {
		return fmt.Errorf("%s left after the clean-up", plural.Are(n, "alarm"))
	}
	return nil
}
