package e2e

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	aas "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker"
	sm "github.com/aws/aws-sdk-go-v2/service/sagemaker/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// managed is a resource as managed by Terraform: it is put as a whole, read, compared member by member, put again with changes, deleted.
// Steps are the inputs that are put one after the other; after each, the read state must equal the input.
type managed struct {
	name   string
	steps  []any
	put    func(in any, first bool) error
	read   func() (any, error) // the resource in the form of its input, without members added by the server; nil if it does not exist
	delete func() error
	gone   string // code or part of the text of the error for reading or deleting a missing resource; "": reads are empty
}

// drift compares what was put with what is read.
func drift(put, read any) string {
	return cmp.Diff(put, read, cmpopts.EquateEmpty(), cmp.Exporter(func(reflect.Type) bool { return true }),
		cmpopts.SortSlices(func(a, b sm.Tag) bool { return *a.Key < *b.Key }))
}

func absent(err error, what string) bool {
	var e smithy.APIError
	return errors.As(err, &e) && (e.ErrorCode() == what || e.ErrorMessage() == what)
}

// Create, read, update each member, read, and delete in dependency order: no drift, and nothing is left behind.
func TestTerraformLike(t *testing.T) {
	t.Parallel()
	s := start(t, t.TempDir(), "--clock-speed", "60")
	for round := range 2 { // deleted resources can be created again
		all := s.plan()
		for i, r := range all {
			for n, in := range r.steps {
				if err := r.put(in, n == 0); err != nil {
					t.Fatalf("round %d: putting %s, step %d: %v", round, r.name, n, err)
				}
				for range 2 { // reading changes nothing
					got, err := r.read()
					if err != nil {
						t.Fatalf("reading %s, step %d: %v", r.name, n, err)
					}
					if d := drift(in, got); d != "" {
						t.Errorf("%s, step %d: -put +read\n%s", r.name, n, d)
					}
				}
			}
			for _, other := range all[:i] { // earlier resources have not changed with it
				got, err := other.read()
				if err != nil {
					t.Fatalf("reading %s: %v", other.name, err)
				}
				if d := drift(other.steps[len(other.steps)-1], got); d != "" {
					t.Errorf("%s changed with %s: -put +read\n%s", other.name, r.name, d)
				}
			}
		}
		for i := len(all) - 1; i >= 0; i-- {
			r := all[i]
			if err := r.delete(); err != nil {
				t.Fatalf("deleting %s: %v", r.name, err)
			}
			s.until(r.name+" is gone", func() bool {
				got, err := r.read()
				if r.gone == "" {
					if err != nil {
						t.Fatalf("reading %s: %v", r.name, err)
					}
					return got == nil
				}
				return absent(err, r.gone)
			})
		}
		s.nothingIsLeft()
	}
}

// Deleting the endpoint also deletes its dependent resources, as on AWS.
func TestTerraformLikeCascade(t *testing.T) {
	t.Parallel()
	s := start(t, t.TempDir(), "--clock-speed", "60")
	all := s.plan()
	for _, r := range all {
		for n, in := range r.steps {
			if err := r.put(in, n == 0); err != nil {
				t.Fatalf("putting %s: %v", r.name, err)
			}
		}
	}
	for _, name := range []string{"endpoint", "endpoint config", "model", "alarm"} {
		for _, r := range all {
			if r.name != name {
				continue
			}
			if err := r.delete(); err != nil {
				t.Fatalf("deleting %s: %v", r.name, err)
			}
			s.until(name+" is gone", func() bool {
				got, err := r.read()
				return got == nil && (err == nil || absent(err, r.gone))
			})
		}
	}
	s.nothingIsLeft()
}

// nothingIsLeft checks every list of the APIs.
func (s *server) nothingIsLeft() {
	s.t.Helper()
	ctx := s.t.Context()
	count := func(what string, n int, err error) {
		s.t.Helper()
		if n != 0 || err != nil {
			s.t.Errorf("%d %s remain: %v", n, what, err)
		}
	}
	ns := types.ServiceNamespaceSagemaker
	if out, err := s.scaling().DescribeScalableTargets(ctx, &aas.DescribeScalableTargetsInput{ServiceNamespace: ns}); true {
		count("scalable targets", len(out.ScalableTargets), err)
	}
	if out, err := s.scaling().DescribeScalingPolicies(ctx, &aas.DescribeScalingPoliciesInput{ServiceNamespace: ns}); true {
		count("policies", len(out.ScalingPolicies), err)
	}
	if out, err := s.scaling().DescribeScheduledActions(ctx, &aas.DescribeScheduledActionsInput{ServiceNamespace: ns}); true {
		count("scheduled actions", len(out.ScheduledActions), err)
	}
	if out, err := s.cloudwatch().DescribeAlarms(ctx, &cloudwatch.DescribeAlarmsInput{
		AlarmTypes: []cw.AlarmType{cw.AlarmTypeMetricAlarm, cw.AlarmTypeCompositeAlarm},
	}); true {
		count("alarms", len(out.MetricAlarms)+len(out.CompositeAlarms), err)
	}
	if out, err := s.sagemaker().ListEndpoints(ctx, &sagemaker.ListEndpointsInput{}); true {
		count("endpoints", len(out.Endpoints), err)
	}
	if out, err := s.sagemaker().ListEndpointConfigs(ctx, &sagemaker.ListEndpointConfigsInput{}); true {
		count("endpoint configs", len(out.EndpointConfigs), err)
	}
	if out, err := s.sagemaker().ListModels(ctx, &sagemaker.ListModelsInput{}); true {
		count("models", len(out.Models), err)
	}
	for _, arn := range []string{"model/tf", "endpoint-config/tf-0", "endpoint-config/tf-1", "endpoint/tf"} {
		out, err := s.sagemaker().ListTags(ctx, &sagemaker.ListTagsInput{ResourceArn: aws.String("arn:aws:sagemaker:us-east-1:" + s.account() + ":" + arn)})
		if err == nil {
			count("tags of "+arn, len(out.Tags), nil)
		}
	}
	s.until("no model server runs", func() bool { return len(instances(s.t, s.dir)) == 0 })
}

func (s *server) account() string {
	s.t.Helper()
	out, err := s.sagemaker().CreateModel(s.t.Context(), &sagemaker.CreateModelInput{
		ModelName: aws.String("whose"), PrimaryContainer: &sm.ContainerDefinition{Image: aws.String("bellows/demo-model")},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.sagemaker().DeleteModel(s.t.Context(), &sagemaker.DeleteModelInput{ModelName: aws.String("whose")}); err != nil {
		s.t.Fatal(err)
	}
	var region, account string
	if _, err := fmt.Sscanf(*out.ModelArn, "arn:aws:sagemaker:%9s:%12s:", &region, &account); err != nil {
		s.t.Fatal(err)
	}
	return account
}

// plan lists the resources of the notebook in dependency order, each with an update of every updatable member.
func (s *server) plan() []managed {
	return []managed{
		s.managedModel(), s.managedConfig("tf-0", 1), s.managedConfig("tf-1", 2), s.managedEndpoint(), s.managedTarget(), s.managedTracking(), s.managedStep(),
		s.managedSchedule(), s.managedAlarm(),
	}
}

func (s *server) managedModel() managed {
	want := &sagemaker.CreateModelInput{
		ModelName: aws.String("tf"), ExecutionRoleArn: aws.String("arn:aws:iam::123456789012:role/x"), EnableNetworkIsolation: aws.Bool(false),
		PrimaryContainer: &sm.ContainerDefinition{
			Image: aws.String("bellows/demo-model"), Environment: map[string]string{"BELLOWS_DEMO_LATENCY_MS": "1"}, Mode: sm.ContainerModeSingleModel,
		},
		Tags: []sm.Tag{{Key: aws.String("a"), Value: aws.String("1")}, {Key: aws.String("b"), Value: aws.String("")}},
	}
	return managed{
		name: "model", steps: []any{want}, gone: `Could not find model "arn:aws:sagemaker:us-east-1:` + s.account() + `:model/tf".`,
		put: func(in any, _ bool) error {
			_, err := s.sagemaker().CreateModel(s.t.Context(), in.(*sagemaker.CreateModelInput))
			return err
		},
		read: func() (any, error) {
			out, err := s.sagemaker().DescribeModel(s.t.Context(), &sagemaker.DescribeModelInput{ModelName: want.ModelName})
			if err != nil {
				return nil, err
			}
			tags, err := s.sagemaker().ListTags(s.t.Context(), &sagemaker.ListTagsInput{ResourceArn: out.ModelArn})
			if err != nil {
				return nil, err
			}
			return &sagemaker.CreateModelInput{
				ModelName: out.ModelName, ExecutionRoleArn: out.ExecutionRoleArn, EnableNetworkIsolation: out.EnableNetworkIsolation,
				PrimaryContainer: out.PrimaryContainer, Containers: out.Containers, VpcConfig: out.VpcConfig, Tags: tags.Tags,
			}, nil
		},
		delete: func() error {
			_, err := s.sagemaker().DeleteModel(s.t.Context(), &sagemaker.DeleteModelInput{ModelName: want.ModelName})
			return err
		},
	}
}

func (s *server) managedConfig(name string, count int32) managed {
	want := &sagemaker.CreateEndpointConfigInput{
		EndpointConfigName: aws.String(name), Tags: []sm.Tag{{Key: aws.String("a"), Value: aws.String("1")}},
		ProductionVariants: []sm.ProductionVariant{{
			VariantName: aws.String("blue"), ModelName: aws.String("tf"), InitialInstanceCount: aws.Int32(count), InitialVariantWeight: aws.Float32(2),
			InstanceType: sm.ProductionVariantInstanceTypeMlM5Large, ContainerStartupHealthCheckTimeoutInSeconds: aws.Int32(120),
			RoutingConfig: &sm.ProductionVariantRoutingConfig{RoutingStrategy: sm.RoutingStrategyLeastOutstandingRequests},
		}},
	}
	return managed{
		name: "endpoint config", steps: []any{want},
		gone: `Could not find endpoint configuration "arn:aws:sagemaker:us-east-1:` + s.account() + `:endpoint-config/` + name + `".`,
		put: func(in any, _ bool) error {
			_, err := s.sagemaker().CreateEndpointConfig(s.t.Context(), in.(*sagemaker.CreateEndpointConfigInput))
			return err
		},
		read: func() (any, error) {
			out, err := s.sagemaker().DescribeEndpointConfig(s.t.Context(), &sagemaker.DescribeEndpointConfigInput{EndpointConfigName: want.EndpointConfigName})
			if err != nil {
				return nil, err
			}
			tags, err := s.sagemaker().ListTags(s.t.Context(), &sagemaker.ListTagsInput{ResourceArn: out.EndpointConfigArn})
			if err != nil {
				return nil, err
			}
			return &sagemaker.CreateEndpointConfigInput{
				EndpointConfigName: out.EndpointConfigName, ProductionVariants: out.ProductionVariants, Tags: tags.Tags, KmsKeyId: out.KmsKeyId,
				ShadowProductionVariants: out.ShadowProductionVariants, DataCaptureConfig: out.DataCaptureConfig, AsyncInferenceConfig: out.AsyncInferenceConfig,
			}, nil
		},
		delete: func() error {
			_, err := s.sagemaker().DeleteEndpointConfig(s.t.Context(), &sagemaker.DeleteEndpointConfigInput{EndpointConfigName: want.EndpointConfigName})
			return err
		},
	}
}

// endpointPut is an endpoint as managed by Terraform.
type endpointPut struct {
	Config string
	Tags   []sm.Tag
	Count  int32 // of instances in service, as in the config
}

func (s *server) managedEndpoint() managed {
	name := aws.String("tf")
	tags := []sm.Tag{{Key: aws.String("team"), Value: aws.String("ml")}}
	return managed{
		name: "endpoint", steps: []any{endpointPut{"tf-0", tags, 1}, endpointPut{"tf-1", tags, 2}},
		gone: `Could not find endpoint "arn:aws:sagemaker:us-east-1:` + s.account() + `:endpoint/tf".`,
		put: func(in any, first bool) error {
			want := in.(endpointPut)
			var err error
			if first {
				_, err = s.sagemaker().CreateEndpoint(s.t.Context(), &sagemaker.CreateEndpointInput{EndpointName: name, EndpointConfigName: &want.Config, Tags: want.Tags})
			} else {
				_, err = s.sagemaker().UpdateEndpoint(s.t.Context(), &sagemaker.UpdateEndpointInput{EndpointName: name, EndpointConfigName: &want.Config})
			}
			if err != nil {
				return err
			}
			s.settled(*name, int(want.Count))
			return nil
		},
		read: func() (any, error) {
			out, err := s.sagemaker().DescribeEndpoint(s.t.Context(), &sagemaker.DescribeEndpointInput{EndpointName: name})
			if err != nil {
				return nil, err
			}
			tags, err := s.sagemaker().ListTags(s.t.Context(), &sagemaker.ListTagsInput{ResourceArn: out.EndpointArn})
			if err != nil {
				return nil, err
			}
			return endpointPut{*out.EndpointConfigName, tags.Tags, *out.ProductionVariants[0].CurrentInstanceCount}, nil
		},
		delete: func() error {
			_, err := s.sagemaker().DeleteEndpoint(s.t.Context(), &sagemaker.DeleteEndpointInput{EndpointName: name})
			return err
		},
	}
}

const (
	tfNamespace = types.ServiceNamespaceSagemaker
	tfResource  = "endpoint/tf/variant/blue"
	tfDimension = types.ScalableDimensionSageMakerVariantDesiredInstanceCount
)

// targetPut is a scalable target as managed by Terraform; its tags are changed by tag operations.
type targetPut struct {
	Min, Max  int32
	Suspended types.SuspendedState
	Tags      map[string]string
}

func suspended(in, out, scheduled bool) types.SuspendedState {
	return types.SuspendedState{DynamicScalingInSuspended: &in, DynamicScalingOutSuspended: &out, ScheduledScalingSuspended: &scheduled}
}

func (s *server) managedTarget() managed {
	id := aws.String(tfResource)
	var arn *string
	return managed{
		name: "target",
		// Two instances are within each of the ranges, so the endpoint must not change.
		steps: []any{
			targetPut{1, 3, suspended(false, false, false), map[string]string{"a": "1"}}, targetPut{2, 3, suspended(false, false, false), map[string]string{"a": "1"}},
			targetPut{2, 5, suspended(false, false, false), map[string]string{"a": "1"}}, targetPut{2, 5, suspended(true, false, false), map[string]string{"a": "1"}},
			targetPut{2, 5, suspended(false, true, true), map[string]string{"a": "1"}}, targetPut{2, 5, suspended(true, true, true), map[string]string{"a": "2", "b": "3"}},
		},
		put: func(in any, first bool) error {
			want := in.(targetPut)
			call := &aas.RegisterScalableTargetInput{
				ServiceNamespace: tfNamespace, ResourceId: id, ScalableDimension: tfDimension, MinCapacity: &want.Min, MaxCapacity: &want.Max,
				SuspendedState: &want.Suspended,
			}
			if first {
				call.Tags = want.Tags
			}
			out, err := s.scaling().RegisterScalableTarget(s.t.Context(), call)
			if err != nil || first {
				return err
			}
			_, err = s.scaling().TagResource(s.t.Context(), &aas.TagResourceInput{ResourceARN: out.ScalableTargetARN, Tags: want.Tags})
			return err
		},
		read: func() (any, error) {
			out, err := s.scaling().DescribeScalableTargets(s.t.Context(), &aas.DescribeScalableTargetsInput{
				ServiceNamespace: tfNamespace, ResourceIds: []string{tfResource}, ScalableDimension: tfDimension,
			})
			if err != nil {
				return nil, err
			}
			if len(out.ScalableTargets) == 0 {
				if _, err := s.scaling().ListTagsForResource(s.t.Context(), &aas.ListTagsForResourceInput{ResourceARN: arn}); !absent(err, "ResourceNotFoundException") {
					return nil, fmt.Errorf("tags of a deregistered target: %w", err)
				}
				return nil, nil
			}
			x := out.ScalableTargets[0]
			arn = x.ScalableTargetARN
			tags, err := s.scaling().ListTagsForResource(s.t.Context(), &aas.ListTagsForResourceInput{ResourceARN: arn})
			if err != nil {
				return nil, err
			}
			return targetPut{*x.MinCapacity, *x.MaxCapacity, *x.SuspendedState, tags.Tags}, nil
		},
		delete: func() error {
			_, err := s.scaling().DeregisterScalableTarget(s.t.Context(), &aas.DeregisterScalableTargetInput{
				ServiceNamespace: tfNamespace, ResourceId: id, ScalableDimension: tfDimension,
			})
			return err
		},
	}
}

// managedPolicy returns a policy of either type in the form of PutScalingPolicy.
func (s *server) managedPolicy(name string, alarms int, steps ...*aas.PutScalingPolicyInput) managed {
	var all []any
	for _, in := range steps {
		in.ServiceNamespace, in.ResourceId, in.ScalableDimension, in.PolicyName = tfNamespace, aws.String(tfResource), tfDimension, &name
		all = append(all, in)
	}
	arn, owned := "", 0
	return managed{
		name: "policy " + name, steps: all,
		put: func(in any, first bool) error {
			out, err := s.scaling().PutScalingPolicy(s.t.Context(), in.(*aas.PutScalingPolicyInput))
			if err != nil {
				return err
			}
			if !first && *out.PolicyARN != arn {
				return fmt.Errorf("the ARN changed to %s", *out.PolicyARN)
			}
			arn, owned = *out.PolicyARN, len(out.Alarms)
			return nil
		},
		read: func() (any, error) {
			out, err := s.scaling().DescribeScalingPolicies(s.t.Context(), &aas.DescribeScalingPoliciesInput{
				ServiceNamespace: tfNamespace, ResourceId: aws.String(tfResource), ScalableDimension: tfDimension, PolicyNames: []string{name},
			})
			if err != nil || len(out.ScalingPolicies) == 0 {
				return nil, err
			}
			x := out.ScalingPolicies[0]
			if owned > alarms || *x.PolicyARN != arn {
				return nil, fmt.Errorf("%s owns %d alarms", *x.PolicyARN, owned)
			}
			return &aas.PutScalingPolicyInput{
				PolicyName: x.PolicyName, ResourceId: x.ResourceId, ScalableDimension: x.ScalableDimension, ServiceNamespace: x.ServiceNamespace,
				PolicyType: x.PolicyType, StepScalingPolicyConfiguration: x.StepScalingPolicyConfiguration,
				TargetTrackingScalingPolicyConfiguration: x.TargetTrackingScalingPolicyConfiguration,
				PredictiveScalingPolicyConfiguration:     x.PredictiveScalingPolicyConfiguration,
			}, nil
		},
		delete: func() error {
			_, err := s.scaling().DeleteScalingPolicy(s.t.Context(), &aas.DeleteScalingPolicyInput{
				ServiceNamespace: tfNamespace, ResourceId: aws.String(tfResource), ScalableDimension: tfDimension, PolicyName: &name,
			})
			return err
		},
	}
}

func (s *server) managedTracking() managed {
	predefined := &types.PredefinedMetricSpecification{PredefinedMetricType: types.MetricTypeSageMakerVariantInvocationsPerInstance}
	customized := &types.CustomizedMetricSpecification{
		Namespace: aws.String("App"), MetricName: aws.String("Queue"), Statistic: types.MetricStatisticMaximum, Unit: aws.String("Count"),
		Dimensions: []types.MetricDimension{{Name: aws.String("b"), Value: aws.String("2")}, {Name: aws.String("a"), Value: aws.String("1")}},
	}
	config := func(value float64, out, in int32, off bool, custom bool) *aas.PutScalingPolicyInput {
		c := &types.TargetTrackingScalingPolicyConfiguration{
			TargetValue: &value, ScaleOutCooldown: &out, ScaleInCooldown: &in, DisableScaleIn: &off, PredefinedMetricSpecification: predefined,
		}
		if custom {
			c.PredefinedMetricSpecification, c.CustomizedMetricSpecification = nil, customized
		}
		return &aas.PutScalingPolicyInput{PolicyType: types.PolicyTypeTargetTrackingScaling, TargetTrackingScalingPolicyConfiguration: c}
	}
	return s.managedPolicy("track", 2, config(70, 60, 120, false, false), config(70.5, 60, 120, false, false), config(70.5, 0, 120, false, false),
		config(70.5, 0, 300, false, false), config(70.5, 0, 300, true, false), config(70.5, 0, 300, true, true), config(70, 60, 120, false, false))
}

func (s *server) managedStep() managed {
	config := func(kind types.AdjustmentType, aggregate types.MetricAggregationType, cooldown, magnitude *int32, by int32) *aas.PutScalingPolicyInput {
		return &aas.PutScalingPolicyInput{PolicyType: types.PolicyTypeStepScaling, StepScalingPolicyConfiguration: &types.StepScalingPolicyConfiguration{
			AdjustmentType: kind, MetricAggregationType: aggregate, Cooldown: cooldown, MinAdjustmentMagnitude: magnitude,
			StepAdjustments: []types.StepAdjustment{
				{MetricIntervalLowerBound: aws.Float64(10.25), ScalingAdjustment: aws.Int32(2 * by)},
				{MetricIntervalLowerBound: aws.Float64(0), MetricIntervalUpperBound: aws.Float64(10.25), ScalingAdjustment: &by},
			},
		}}
	}
	change, percent := types.AdjustmentTypeChangeInCapacity, types.AdjustmentTypePercentChangeInCapacity
	return s.managedPolicy("step", 0, config(change, types.MetricAggregationTypeAverage, aws.Int32(60), nil, 1),
		config(change, types.MetricAggregationTypeMaximum, aws.Int32(60), nil, 1), config(change, types.MetricAggregationTypeMaximum, nil, nil, 1),
		config(change, types.MetricAggregationTypeMaximum, aws.Int32(0), nil, 3), config(percent, types.MetricAggregationTypeMinimum, aws.Int32(0), aws.Int32(2), 50),
		config(percent, "", aws.Int32(30), nil, 50))
}

func (s *server) managedSchedule() managed {
	name := aws.String("nightly")
	config := func(expression, zone string, begin, end int64, least, most *int32) *aas.PutScheduledActionInput {
		in := &aas.PutScheduledActionInput{
			ServiceNamespace: tfNamespace, ResourceId: aws.String(tfResource), ScalableDimension: tfDimension, ScheduledActionName: name,
			Schedule: &expression, ScalableTargetAction: &types.ScalableTargetAction{MinCapacity: least, MaxCapacity: most}, Timezone: &zone,
		}
		if begin != 0 {
			in.StartTime = aws.Time(time.Unix(begin, 0).UTC())
		}
		if end != 0 {
			in.EndTime = aws.Time(time.Unix(end, 0).UTC())
		}
		return in
	}
	const later, muchLater = 4_000_000_000, 4_100_000_000
	return managed{
		name: "scheduled action",
		steps: []any{
			config("cron(0 8 ? * MON-FRI 2150)", "Europe/Paris", 0, 0, aws.Int32(1), aws.Int32(4)),
			config("cron(0 9 L * ? 2150)", "Europe/Paris", 0, 0, aws.Int32(1), aws.Int32(4)),
			config("cron(0 9 L * ? 2150)", "America/New_York", 0, 0, aws.Int32(1), aws.Int32(4)),
			config("cron(0 9 L * ? 2150)", "America/New_York", later, 0, aws.Int32(1), aws.Int32(4)),
			config("cron(0 9 L * ? 2150)", "America/New_York", later, muchLater, aws.Int32(1), aws.Int32(4)),
			config("cron(0 9 L * ? 2150)", "America/New_York", 0, 0, aws.Int32(1), aws.Int32(4)),
			config("cron(0 9 L * ? 2150)", "America/New_York", 0, 0, nil, aws.Int32(4)),
			config("rate(99 days)", "UTC", 0, 0, aws.Int32(0), nil),
			config("at(2150-01-01T00:00:00)", "UTC", 0, 0, aws.Int32(0), nil),
		},
		put: func(in any, _ bool) error {
			_, err := s.scaling().PutScheduledAction(s.t.Context(), in.(*aas.PutScheduledActionInput))
			return err
		},
		read: func() (any, error) {
			out, err := s.scaling().DescribeScheduledActions(s.t.Context(), &aas.DescribeScheduledActionsInput{
				ServiceNamespace: tfNamespace, ResourceId: aws.String(tfResource), ScalableDimension: tfDimension, ScheduledActionNames: []string{*name},
			})
			if err != nil || len(out.ScheduledActions) == 0 {
				return nil, err
			}
			x := out.ScheduledActions[0]
			return &aas.PutScheduledActionInput{
				ServiceNamespace: x.ServiceNamespace, ResourceId: x.ResourceId, ScalableDimension: x.ScalableDimension, ScheduledActionName: x.ScheduledActionName,
				Schedule: x.Schedule, Timezone: x.Timezone, StartTime: x.StartTime, EndTime: x.EndTime, ScalableTargetAction: x.ScalableTargetAction,
			}, nil
		},
		delete: func() error {
			_, err := s.scaling().DeleteScheduledAction(s.t.Context(), &aas.DeleteScheduledActionInput{
				ServiceNamespace: tfNamespace, ResourceId: aws.String(tfResource), ScalableDimension: tfDimension, ScheduledActionName: name,
			})
			return err
		},
	}
}

func (s *server) managedAlarm() managed {
	base := func(change func(*cloudwatch.PutMetricAlarmInput)) *cloudwatch.PutMetricAlarmInput {
		in := &cloudwatch.PutMetricAlarmInput{
			AlarmName: aws.String("tf"), AlarmDescription: aws.String("a < b & c"), ActionsEnabled: aws.Bool(true), Namespace: aws.String("App"),
			MetricName: aws.String("Queue"), Dimensions: []cw.Dimension{{Name: aws.String("a"), Value: aws.String("1")}}, Statistic: cw.StatisticMaximum,
			Period: aws.Int32(60), EvaluationPeriods: aws.Int32(3), DatapointsToAlarm: aws.Int32(2), Threshold: aws.Float64(10.5),
			ComparisonOperator: cw.ComparisonOperatorGreaterThanThreshold, TreatMissingData: aws.String("notBreaching"),
		}
		change(in)
		return in
	}
	var policy string
	steps := []any{
		base(func(*cloudwatch.PutMetricAlarmInput) {}),
		base(func(in *cloudwatch.PutMetricAlarmInput) { in.Threshold = aws.Float64(-3) }),
		base(func(in *cloudwatch.PutMetricAlarmInput) {
			in.Period, in.EvaluationPeriods, in.DatapointsToAlarm = aws.Int32(300), aws.Int32(2), nil
		}),
		base(func(in *cloudwatch.PutMetricAlarmInput) { in.AlarmDescription, in.Unit = nil, cw.StandardUnitCount }),
		base(func(in *cloudwatch.PutMetricAlarmInput) {
			in.Statistic, in.ExtendedStatistic, in.EvaluateLowSampleCountPercentile = "", aws.String("p99.9"), aws.String("ignore")
		}),
		base(func(in *cloudwatch.PutMetricAlarmInput) {
			in.ComparisonOperator, in.TreatMissingData = cw.ComparisonOperatorLessThanOrEqualToThreshold, aws.String("breaching")
		}),
		base(func(in *cloudwatch.PutMetricAlarmInput) {
			in.ActionsEnabled = aws.Bool(false)
			in.OKActions = []string{"arn:aws:sns:us-east-1:123456789012:ok"}
			in.InsufficientDataActions = []string{"arn:aws:sns:us-east-1:123456789012:none", "arn:aws:sns:us-east-1:123456789012:two"}
		}),
		base(func(in *cloudwatch.PutMetricAlarmInput) { in.Dimensions, in.Namespace = nil, aws.String("Other") }),
	}
	// The last one invokes the step policy, whose ARN is known only after its creation.
	last := base(func(*cloudwatch.PutMetricAlarmInput) {})
	return managed{
		name: "alarm", steps: append(steps, last),
		put: func(in any, _ bool) error {
			call := in.(*cloudwatch.PutMetricAlarmInput)
			if call == last && policy == "" {
				out, err := s.scaling().DescribeScalingPolicies(s.t.Context(), &aas.DescribeScalingPoliciesInput{ServiceNamespace: tfNamespace, PolicyNames: []string{"step"}})
				if err != nil {
					return err
				}
				policy = *out.ScalingPolicies[0].PolicyARN
				last.AlarmActions = []string{policy}
			}
			_, err := s.cloudwatch().PutMetricAlarm(s.t.Context(), call)
			return err
		},
		read: func() (any, error) {
			out, err := s.cloudwatch().DescribeAlarms(s.t.Context(), &cloudwatch.DescribeAlarmsInput{AlarmNames: []string{"tf"}})
			if err != nil || len(out.MetricAlarms) == 0 {
				return nil, err
			}
			x := out.MetricAlarms[0]
			return &cloudwatch.PutMetricAlarmInput{
				AlarmName: x.AlarmName, AlarmDescription: x.AlarmDescription, ActionsEnabled: x.ActionsEnabled, Namespace: x.Namespace, MetricName: x.MetricName,
				Dimensions: x.Dimensions, Statistic: x.Statistic, ExtendedStatistic: x.ExtendedStatistic, Period: x.Period, Unit: x.Unit,
				EvaluationPeriods: x.EvaluationPeriods, DatapointsToAlarm: x.DatapointsToAlarm, Threshold: x.Threshold, ComparisonOperator: x.ComparisonOperator,
				TreatMissingData: x.TreatMissingData, EvaluateLowSampleCountPercentile: x.EvaluateLowSampleCountPercentile, OKActions: x.OKActions,
				AlarmActions: x.AlarmActions, InsufficientDataActions: x.InsufficientDataActions, Metrics: x.Metrics, ThresholdMetricId: x.ThresholdMetricId,
			}, nil
		},
		delete: func() error {
			_, err := s.cloudwatch().DeleteAlarms(s.t.Context(), &cloudwatch.DeleteAlarmsInput{AlarmNames: []string{"tf"}})
			return err
		},
	}
}
