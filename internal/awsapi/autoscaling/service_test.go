package autoscaling_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/scaling"
)

const (
	ns          = types.ServiceNamespaceSagemaker
	instances   = types.ScalableDimensionSageMakerVariantDesiredInstanceCount
	concurrency = types.ScalableDimensionSageMakerVariantDesiredProvisionedConcurrency
	validation  = "ValidationException"
	badToken    = "InvalidNextTokenException"
)

func (w *world) register(id *string, least, most int32) *sdk.RegisterScalableTargetOutput {
	w.t.Helper()
	out, err := w.client.RegisterScalableTarget(w.t.Context(), &sdk.RegisterScalableTargetInput{
		ServiceNamespace: ns, ResourceId: id, ScalableDimension: instances, MinCapacity: &least, MaxCapacity: &most,
	})
	w.ok(err)
	return out
}

func (w *world) step(id *string, name string, c *types.StepScalingPolicyConfiguration) error {
	_, err := w.client.PutScalingPolicy(w.t.Context(), &sdk.PutScalingPolicyInput{
		ServiceNamespace: ns, ResourceId: id, ScalableDimension: instances, PolicyName: &name, PolicyType: types.PolicyTypeStepScaling,
		StepScalingPolicyConfiguration: c,
	})
	return err
}

func oneStep() *types.StepScalingPolicyConfiguration {
	return &types.StepScalingPolicyConfiguration{
		AdjustmentType: types.AdjustmentTypeChangeInCapacity, Cooldown: aws.Int32(60), MetricAggregationType: types.MetricAggregationTypeMaximum,
		StepAdjustments: []types.StepAdjustment{{MetricIntervalLowerBound: aws.Float64(0), ScalingAdjustment: aws.Int32(1)}},
	}
}

// AWS: quotas of Application Auto Scaling, user guide.
func TestQuotas(t *testing.T) {
	w := newWorld(t)
	const each, endpoints = 10, 50
	for e := range endpoints {
		name := fmt.Sprintf("e%02d", e)
		w.endpoint(name, each)
		for v := range each {
			w.register(resource(name, v), 1, 3)
		}
	}
	w.endpoint("more", 1)
	_, err := w.client.RegisterScalableTarget(t.Context(), &sdk.RegisterScalableTargetInput{
		ServiceNamespace: ns, ResourceId: resource("more", 0), ScalableDimension: instances, MinCapacity: aws.Int32(1), MaxCapacity: aws.Int32(3),
	})
	w.refused(err, "LimitExceededException", "500 scalable targets")
	w.register(resource("e00", 0), 1, 4) // an update does not count as new

	var seen []string
	pages := sdk.NewDescribeScalableTargetsPaginator(w.client, &sdk.DescribeScalableTargetsInput{ServiceNamespace: ns})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		w.ok(err)
		if len(page.ScalableTargets) != 50 {
			t.Errorf("a page of %d", len(page.ScalableTargets))
		}
		for _, x := range page.ScalableTargets {
			seen = append(seen, *x.ResourceId)
		}
	}
	if slices.Sort(seen); len(slices.Compact(seen)) != each*endpoints {
		t.Errorf("%d targets", len(seen))
	}

	id := resource("e00", 0)
	for i := range scaling.PoliciesMax {
		w.ok(w.step(id, fmt.Sprint("p", i), oneStep()))
	}
	w.refused(w.step(id, "more", oneStep()), "LimitExceededException", "50 scaling policies")
	w.ok(w.step(id, "p0", oneStep()))

	steps := oneStep()
	steps.StepAdjustments = nil
	for i := range scaling.StepsMax + 1 {
		steps.StepAdjustments = append(steps.StepAdjustments, types.StepAdjustment{
			MetricIntervalLowerBound: aws.Float64(float64(i)), MetricIntervalUpperBound: aws.Float64(float64(i + 1)), ScalingAdjustment: aws.Int32(1),
		})
	}
	steps.StepAdjustments[scaling.StepsMax].MetricIntervalUpperBound = nil
	w.refused(w.step(id, "p0", steps), "LimitExceededException", "20 step adjustments")
	steps.StepAdjustments = steps.StepAdjustments[1:]
	w.ok(w.step(id, "p0", steps))

	for i := range scaling.SchedulesMax + 1 {
		_, err := w.client.PutScheduledAction(t.Context(), &sdk.PutScheduledActionInput{
			ServiceNamespace: ns, ResourceId: id, ScalableDimension: instances, ScheduledActionName: aws.String(fmt.Sprint("s", i)),
			Schedule: aws.String("rate(1 day)"), ScalableTargetAction: &types.ScalableTargetAction{MinCapacity: aws.Int32(1)},
		})
		if i < scaling.SchedulesMax {
			w.ok(err)
		} else {
			w.refused(err, "LimitExceededException", "200 scheduled actions")
		}
	}
}

// RegisterScalableTarget creates and updates. AWS: API reference; texts recorded.
func TestRegister(t *testing.T) {
	w := newWorld(t)
	w.endpoint("e", 2)
	base := func() *sdk.RegisterScalableTargetInput {
		return &sdk.RegisterScalableTargetInput{ServiceNamespace: ns, ResourceId: resource("e", 0), ScalableDimension: instances}
	}
	for _, c := range []struct {
		text   string
		change func(*sdk.RegisterScalableTargetInput)
	}{
		{"Minimum capacity must be specified", func(in *sdk.RegisterScalableTargetInput) { in.MaxCapacity = aws.Int32(2) }},
		{"Maximum capacity must be specified", func(in *sdk.RegisterScalableTargetInput) { in.MinCapacity = aws.Int32(2) }},
		{"Maximum capacity cannot be less than minimum capacity", func(in *sdk.RegisterScalableTargetInput) {
			in.MinCapacity, in.MaxCapacity = aws.Int32(2), aws.Int32(1)
		}},
		{"Minimum capacity cannot be less than 0", func(in *sdk.RegisterScalableTargetInput) {
			in.MinCapacity, in.MaxCapacity = aws.Int32(-1), aws.Int32(1)
		}},
		{"Unsupported service namespace, resource type or scalable dimension", func(in *sdk.RegisterScalableTargetInput) { in.ServiceNamespace = "ecs" }},
		{"Unsupported service namespace, resource type or scalable dimension", func(in *sdk.RegisterScalableTargetInput) { in.ResourceId = aws.String("service/a/b") }},
		{"Unsupported service namespace, resource type or scalable dimension", func(in *sdk.RegisterScalableTargetInput) {
			in.ScalableDimension = types.ScalableDimensionSageMakerInferenceComponentDesiredCopyCount
		}},
		{"is not served here yet: only sagemaker:variant:DesiredInstanceCount is.", func(in *sdk.RegisterScalableTargetInput) {
			in.ResourceId, in.ScalableDimension = aws.String("inference-component/c"), types.ScalableDimensionSageMakerInferenceComponentDesiredCopyCount
		}},
		{"Value 'ec3' at 'serviceNamespace' failed to satisfy constraint: Member must satisfy enum value set", func(in *sdk.RegisterScalableTargetInput) { in.ServiceNamespace = "ec3" }},
		{`Could not find endpoint "arn:aws:sagemaker:us-east-1:123456789012:endpoint/none".`, func(in *sdk.RegisterScalableTargetInput) {
			in.ResourceId, in.MinCapacity, in.MaxCapacity = resource("none", 0), aws.Int32(1), aws.Int32(2)
		}},
		{`Could not find variant "v7"`, func(in *sdk.RegisterScalableTargetInput) {
			in.ResourceId, in.MinCapacity, in.MaxCapacity = resource("e", 7), aws.Int32(1), aws.Int32(2)
		}},
		{"Value '' at 'roleARN' failed to satisfy constraint: Member must have length greater than or equal to 1", func(in *sdk.RegisterScalableTargetInput) { in.RoleARN = aws.String("") }},
		{"The role ARN 'me' is not valid", func(in *sdk.RegisterScalableTargetInput) {
			in.RoleARN, in.MinCapacity, in.MaxCapacity = aws.String("me"), aws.Int32(1), aws.Int32(2)
		}},
		{"Caller is an end user and not allowed to mutate system tags", func(in *sdk.RegisterScalableTargetInput) {
			in.Tags, in.MinCapacity, in.MaxCapacity = map[string]string{"aws:x": "y"}, aws.Int32(1), aws.Int32(2)
		}},
	} {
		in := base()
		c.change(in)
		_, err := w.client.RegisterScalableTarget(t.Context(), in)
		w.refused(err, validation, c.text)
	}
	if got := w.target(resource("e", 0)); got != nil {
		t.Fatalf("a refusal left a target: %+v", got)
	}

	in := base()
	in.MinCapacity, in.MaxCapacity, in.Tags = aws.Int32(0), aws.Int32(4), map[string]string{"a": "b"}
	in.RoleARN = aws.String("arn:aws:iam::123456789012:role/mine")
	in.SuspendedState = &types.SuspendedState{DynamicScalingInSuspended: aws.Bool(true)}
	out, err := w.client.RegisterScalableTarget(t.Context(), in)
	w.ok(err)
	w.now = w.now.Add(time.Hour)
	got := w.target(resource("e", 0))
	if !strings.HasSuffix(*got.RoleARN, "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint") || *got.ScalableTargetARN != *out.ScalableTargetARN ||
		*got.MinCapacity != 0 || *got.MaxCapacity != 4 || !*got.SuspendedState.DynamicScalingInSuspended || *got.SuspendedState.DynamicScalingOutSuspended ||
		*got.SuspendedState.ScheduledScalingSuspended || got.PredictedCapacity != nil {
		t.Errorf("%+v, %+v", got, got.SuspendedState)
	}
	_, err = w.client.RegisterScalableTarget(t.Context(), in)
	w.refused(err, validation, "The scalable target that you tried to tag already exists. To update tags on an existing scalable target, use the TagResource API.")

	// Only the key: nothing changes. One flag: the others stay. Zero to zero is a valid range.
	_, err = w.client.RegisterScalableTarget(t.Context(), base())
	w.ok(err)
	if after := w.target(resource("e", 0)); *after.MinCapacity != 0 || *after.MaxCapacity != 4 || !after.CreationTime.Equal(*got.CreationTime) || !*after.SuspendedState.DynamicScalingInSuspended {
		t.Errorf("%+v", after)
	}
	in = base()
	in.SuspendedState = &types.SuspendedState{ScheduledScalingSuspended: aws.Bool(true)}
	_, err = w.client.RegisterScalableTarget(t.Context(), in)
	w.ok(err)
	if s := w.target(resource("e", 0)).SuspendedState; !*s.DynamicScalingInSuspended || !*s.ScheduledScalingSuspended || *s.DynamicScalingOutSuspended {
		t.Errorf("%+v", s)
	}
	w.refusedRange(resource("e", 0), 5) // above the stored maximum
	w.register(resource("e", 0), 0, 0)

	// Registered again, it is another target.
	w.deregister(resource("e", 0))
	if again := w.register(resource("e", 0), 1, 2); *again.ScalableTargetARN == *out.ScalableTargetARN {
		t.Error("the new registration has the same ARN")
	}
}

func (w *world) refusedRange(id *string, least int32) {
	w.t.Helper()
	_, err := w.client.RegisterScalableTarget(w.t.Context(), &sdk.RegisterScalableTargetInput{
		ServiceNamespace: ns, ResourceId: id, ScalableDimension: instances, MinCapacity: &least,
	})
	w.refused(err, validation, "Maximum capacity cannot be less than minimum capacity")
}

func (w *world) target(id *string) *types.ScalableTarget {
	w.t.Helper()
	out, err := w.client.DescribeScalableTargets(w.t.Context(), &sdk.DescribeScalableTargetsInput{ServiceNamespace: ns, ResourceIds: []string{*id}})
	w.ok(err)
	if len(out.ScalableTargets) == 0 {
		return nil
	}
	return &out.ScalableTargets[0]
}

func (w *world) deregister(id *string) {
	w.t.Helper()
	_, err := w.client.DeregisterScalableTarget(w.t.Context(), &sdk.DeregisterScalableTargetInput{
		ServiceNamespace: ns, ResourceId: id, ScalableDimension: instances,
	})
	w.ok(err)
}

// lister is one of the four Describe operations, for tests of filters and pages.
type lister struct {
	name string
	most int
	list func(ctx context.Context, q filter) (n int, next *string, err error)
}

type filter struct {
	namespace types.ServiceNamespace
	id        *string
	dimension types.ScalableDimension
	names     []string
	most      *int32
	token     *string
	all       bool
}

func (w *world) listers() []lister {
	return []lister{
		{"targets", 50, func(ctx context.Context, q filter) (int, *string, error) {
			in := &sdk.DescribeScalableTargetsInput{ServiceNamespace: q.namespace, ScalableDimension: q.dimension, MaxResults: q.most, NextToken: q.token}
			if q.id != nil {
				in.ResourceIds = []string{*q.id}
			}
			out, err := w.client.DescribeScalableTargets(ctx, in)
			if err != nil {
				return 0, nil, err
			}
			return len(out.ScalableTargets), out.NextToken, nil
		}},
		{"policies", 10, func(ctx context.Context, q filter) (int, *string, error) {
			out, err := w.client.DescribeScalingPolicies(ctx, &sdk.DescribeScalingPoliciesInput{
				ServiceNamespace: q.namespace, ResourceId: q.id, ScalableDimension: q.dimension, MaxResults: q.most, NextToken: q.token, PolicyNames: q.names,
			})
			if err != nil {
				return 0, nil, err
			}
			return len(out.ScalingPolicies), out.NextToken, nil
		}},
		{"schedules", 50, func(ctx context.Context, q filter) (int, *string, error) {
			out, err := w.client.DescribeScheduledActions(ctx, &sdk.DescribeScheduledActionsInput{
				ServiceNamespace: q.namespace, ResourceId: q.id, ScalableDimension: q.dimension, MaxResults: q.most, NextToken: q.token, ScheduledActionNames: q.names,
			})
			if err != nil {
				return 0, nil, err
			}
			return len(out.ScheduledActions), out.NextToken, nil
		}},
		{"activities", 50, func(ctx context.Context, q filter) (int, *string, error) {
			out, err := w.client.DescribeScalingActivities(ctx, &sdk.DescribeScalingActivitiesInput{
				ServiceNamespace: q.namespace, ResourceId: q.id, ScalableDimension: q.dimension, MaxResults: q.most, NextToken: q.token, IncludeNotScaledActivities: &q.all,
			})
			if err != nil {
				return 0, nil, err
			}
			return len(out.ScalingActivities), out.NextToken, nil
		}},
	}
}

// All Describe operations filter and page in the same way: limits, texts, tokens bound to the operation and its filters.
func TestFiltersAndPages(t *testing.T) {
	w := newWorld(t)
	const targets = 60
	for e := range targets / 10 {
		w.endpoint(fmt.Sprint("e", e), 10)
	}
	for i := range targets {
		w.register(resource(fmt.Sprint("e", i/10), i%10), 1, 3)
	}
	id := resource("e0", 0)
	for i := range 12 {
		w.ok(w.step(id, fmt.Sprint("p", i), oneStep()))
	}
	for i := range targets {
		_, err := w.client.PutScheduledAction(t.Context(), &sdk.PutScheduledActionInput{
			ServiceNamespace: ns, ResourceId: id, ScalableDimension: instances, ScheduledActionName: aws.String(fmt.Sprint("s", i)),
			Schedule: aws.String("rate(1 day)"), ScalableTargetAction: &types.ScalableTargetAction{MaxCapacity: aws.Int32(3)},
		})
		w.ok(err)
	}
	w.pass(24 * time.Hour) // each scheduled action records an activity
	var foreign *string
	for _, l := range w.listers() {
		t.Run(l.name, func(t *testing.T) {
			list := func(q filter) (int, *string, error) { return l.list(t.Context(), q) }
			total := map[string]int{"targets": targets, "policies": 12, "schedules": targets, "activities": targets}[l.name]
			member := map[string]string{"targets": "ResourceIds"}[l.name]
			if member == "" {
				member = "ResourceId"
			}
			refused := func(q filter, code, text string) {
				t.Helper()
				_, _, err := list(q)
				w.refused(err, code, text)
			}
			refused(filter{namespace: ns, dimension: instances}, validation, member+" must be specified when ScalableDimension is specified")
			refused(filter{namespace: "ecs", id: id}, validation, "Unsupported service namespace, resource type or scalable dimension")
			refused(filter{namespace: "ecs", id: aws.String("service/a/b"), dimension: instances}, validation,
				"Unsupported service namespace, resource type or scalable dimension")
			if n, next, err := list(filter{namespace: "ecs"}); n != 0 || next != nil || err != nil {
				t.Errorf("of another service: %d, %v, %v", n, next, err)
			}
			refused(filter{namespace: ns, id: aws.String("table/x")}, validation, "Unsupported service namespace, resource type or scalable dimension")
			refused(filter{namespace: ns, id: id, dimension: "ecs:service:DesiredCount"}, validation, "Unsupported service namespace, resource type or scalable dimension")
			refused(filter{namespace: ns, token: aws.String("garbage")}, badToken, "The NextToken value is not valid.")
			if foreign == nil { // a token of another operation, from the second operation on
				foreign = aws.String("Z2FyYmFnZQ")
			}
			refused(filter{namespace: ns, token: foreign}, badToken, "The NextToken value is not valid.")
			if n, next, err := list(filter{namespace: ns, id: id, dimension: concurrency}); n != 0 || next != nil || err != nil {
				t.Errorf("of another dimension: %d, %v, %v", n, next, err)
			}
			if n, next, err := list(filter{namespace: ns, id: resource("none", 0)}); n != 0 || next != nil || err != nil {
				t.Errorf("of an unknown resource: %d, %v, %v", n, next, err)
			}
			if n, next, err := list(filter{namespace: ns, most: aws.Int32(0)}); n != 0 || next != nil || err != nil {
				t.Errorf("zero requested: %d, %v, %v", n, next, err)
			}
			if l.name == "activities" { // AWS: recorded
				if n, _, err := list(filter{namespace: ns, most: aws.Int32(-1)}); n != 0 || err != nil {
					t.Errorf("a negative number requested: %d, %v", n, err)
				}
			} else {
				refused(filter{namespace: ns, most: aws.Int32(-1)}, validation, "MaxResults cannot be less than 0")
			}
			for _, most := range []*int32{nil, aws.Int32(int32(l.most)), aws.Int32(1000), aws.Int32(7), aws.Int32(1)} {
				want := min(l.most, total)
				if most != nil {
					want = min(want, int(*most))
				}
				n, next, err := list(filter{namespace: ns, most: most})
				if err != nil || n != want || (next == nil) != (total <= want) {
					t.Errorf("MaxResults %v: %d of %d, token %v, %v", aws.ToInt32(most), n, total, next != nil, err)
				}
			}
			seen := 0
			var token *string
			for {
				n, next, err := list(filter{namespace: ns, most: aws.Int32(7), token: token})
				w.ok(err)
				if seen += n; next == nil {
					break
				}
				token = next
			}
			if seen != total {
				t.Errorf("%d of %d in pages of 7", seen, total)
			}
			// The page size may change between pages, the filters may not.
			if _, _, err := list(filter{namespace: ns, most: aws.Int32(2), token: token}); err != nil {
				t.Error(err)
			}
			refused(filter{namespace: ns, id: id, token: token}, badToken, "The NextToken value is not valid.")
			if l.name == "policies" || l.name == "schedules" {
				refused(filter{namespace: ns, names: []string{"p1", "s1"}, token: token}, badToken, "The NextToken value is not valid.")
				if n, _, err := list(filter{namespace: ns, names: []string{"p1", "s1", "none"}}); n != 1 || err != nil {
					t.Errorf("by name: %d, %v", n, err)
				}
			}
			if l.name == "activities" {
				if _, _, err := list(filter{namespace: ns, token: token, all: true}); err != nil {
					t.Errorf("with not-scaled activities: %v", err)
				}
			}
			foreign = token
		})
	}
}

// AWS: PutScalingPolicy: an empty step configuration keeps the steps and clears the rest.
func TestStepPolicyUpdates(t *testing.T) {
	w := newWorld(t)
	w.endpoint("e", 1)
	id := resource("e", 0)
	w.refused(w.step(id, "p", oneStep()), "ObjectNotFoundException", "No scalable target registered for service namespace: sagemaker, resource ID: "+
		"endpoint/e/variant/v0, scalable dimension: sagemaker:variant:DesiredInstanceCount")
	uuid := (*w.register(id, 1, 3).ScalableTargetARN)[len("arn:aws:application-autoscaling:us-east-1:123456789012:scalable-target/056m"):]
	put := func(change func(*sdk.PutScalingPolicyInput)) (*sdk.PutScalingPolicyOutput, error) {
		in := &sdk.PutScalingPolicyInput{ServiceNamespace: ns, ResourceId: id, ScalableDimension: instances, PolicyName: aws.String("p")}
		change(in)
		return w.client.PutScalingPolicy(t.Context(), in)
	}
	tracking := &types.TargetTrackingScalingPolicyConfiguration{TargetValue: aws.Float64(1), PredefinedMetricSpecification: &types.PredefinedMetricSpecification{
		PredefinedMetricType: types.MetricTypeSageMakerVariantInvocationsPerInstance,
	}}
	for _, c := range []struct {
		text   string
		change func(*sdk.PutScalingPolicyInput)
	}{
		{"Scaling policy type must be specified", func(in *sdk.PutScalingPolicyInput) { in.StepScalingPolicyConfiguration = oneStep() }},
		{"StepScaling policy configuration must be specified", func(in *sdk.PutScalingPolicyInput) { in.PolicyType = types.PolicyTypeStepScaling }},
		{"TargetTrackingScaling policy configuration must be specified", func(in *sdk.PutScalingPolicyInput) { in.PolicyType = types.PolicyTypeTargetTrackingScaling }},
		{"You must only provide a single scaling policy configuration, which must match the scaling policy type specified.", func(in *sdk.PutScalingPolicyInput) {
			in.PolicyType, in.StepScalingPolicyConfiguration, in.TargetTrackingScalingPolicyConfiguration = types.PolicyTypeStepScaling, oneStep(), tracking
		}},
		{"Adjustment type must be specified", func(in *sdk.PutScalingPolicyInput) {
			in.PolicyType, in.StepScalingPolicyConfiguration = types.PolicyTypeStepScaling, &types.StepScalingPolicyConfiguration{}
		}},
		{"There must be at least one step adjustment", func(in *sdk.PutScalingPolicyInput) {
			in.PolicyType = types.PolicyTypeStepScaling
			in.StepScalingPolicyConfiguration = &types.StepScalingPolicyConfiguration{AdjustmentType: types.AdjustmentTypeExactCapacity}
		}},
	} {
		_, err := put(c.change)
		w.refused(err, validation, c.text)
	}
	out, err := put(func(in *sdk.PutScalingPolicyInput) {
		in.PolicyType, in.StepScalingPolicyConfiguration = types.PolicyTypeStepScaling, oneStep()
	})
	w.ok(err)
	parts := strings.Split(*out.PolicyARN, ":")
	if strings.ReplaceAll(parts[6], "-", "") != uuid || len(out.Alarms) != 0 || !strings.HasSuffix(*out.PolicyARN, ":resource/sagemaker/endpoint/e/variant/v0:policyName/p") {
		t.Errorf("%s, alarms %v; target %s", *out.PolicyARN, out.Alarms, uuid)
	}
	policy := func() *types.StepScalingPolicyConfiguration {
		out, err := w.client.DescribeScalingPolicies(t.Context(), &sdk.DescribeScalingPoliciesInput{ServiceNamespace: ns})
		w.ok(err)
		return out.ScalingPolicies[0].StepScalingPolicyConfiguration
	}
	_, err = put(func(*sdk.PutScalingPolicyInput) {})
	w.ok(err)
	if s := policy(); *s.Cooldown != 60 || s.MetricAggregationType != types.MetricAggregationTypeMaximum || len(s.StepAdjustments) != 1 {
		t.Errorf("an omitted configuration changed %+v", s)
	}
	_, err = put(func(in *sdk.PutScalingPolicyInput) {
		in.StepScalingPolicyConfiguration = &types.StepScalingPolicyConfiguration{}
	})
	w.ok(err)
	if s := policy(); s.Cooldown != nil || s.MetricAggregationType != "" || s.MinAdjustmentMagnitude != nil || len(s.StepAdjustments) != 1 ||
		s.AdjustmentType != types.AdjustmentTypeChangeInCapacity {
		t.Errorf("%+v", s)
	}
	_, err = put(func(in *sdk.PutScalingPolicyInput) {
		in.StepScalingPolicyConfiguration = &types.StepScalingPolicyConfiguration{StepAdjustments: []types.StepAdjustment{}}
	})
	w.refused(err, validation, "There must be at least one step adjustment")
	_, err = put(func(in *sdk.PutScalingPolicyInput) {
		in.PolicyType, in.TargetTrackingScalingPolicyConfiguration = types.PolicyTypeTargetTrackingScaling, tracking
	})
	w.refused(err, validation, "You cannot change a StepScaling policy to a non StepScaling policy, or vice versa.")
	drop := &sdk.DeleteScalingPolicyInput{ServiceNamespace: ns, ResourceId: id, ScalableDimension: instances, PolicyName: aws.String("p")}
	_, err = w.client.DeleteScalingPolicy(t.Context(), drop)
	w.ok(err)
	_, err = w.client.DeleteScalingPolicy(t.Context(), drop)
	w.refused(err, "ObjectNotFoundException", "No scaling policy found for service namespace: sagemaker, resource ID: endpoint/e/variant/v0, "+
		"scalable dimension: sagemaker:variant:DesiredInstanceCount, policy name: p")
	w.deregister(id)
	_, err = w.client.DeleteScalingPolicy(t.Context(), drop)
	w.refused(err, "ObjectNotFoundException", "No scalable target found for service namespace: sagemaker")
}

// Tags of targets. AWS: recorded.
func TestTags(t *testing.T) {
	w := newWorld(t)
	w.endpoint("e", 1)
	arn := w.register(resource("e", 0), 1, 3).ScalableTargetARN
	tag := func(arn *string, tags map[string]string) error {
		_, err := w.client.TagResource(t.Context(), &sdk.TagResourceInput{ResourceARN: arn, Tags: tags})
		return err
	}
	untag := func(arn *string, keys ...string) error {
		_, err := w.client.UntagResource(t.Context(), &sdk.UntagResourceInput{ResourceARN: arn, TagKeys: append([]string{}, keys...)})
		return err
	}
	list := func(arn *string) (map[string]string, error) {
		out, err := w.client.ListTagsForResource(t.Context(), &sdk.ListTagsForResourceInput{ResourceARN: arn})
		if err != nil {
			return nil, err
		}
		return out.Tags, nil
	}
	if tags, err := list(arn); err != nil || tags == nil || len(tags) != 0 {
		t.Errorf("%v, %v", tags, err)
	}
	w.ok(tag(arn, map[string]string{"a": "1", "A": ""}))
	w.ok(tag(arn, map[string]string{"a": "2", "b": "3"}))
	w.ok(untag(arn, "b", "none"))
	if tags, err := list(arn); err != nil || fmt.Sprint(tags) != "map[A: a:2]" {
		t.Errorf("%v, %v", tags, err)
	}
	w.refused(tag(arn, map[string]string{}), validation, "Tags cannot be empty")
	w.refused(untag(arn), validation, "TagKeys cannot be null or empty")
	w.refused(tag(arn, map[string]string{"aws:x": "1"}), validation, "Caller is an end user and not allowed to mutate system tags")
	w.refused(tag(arn, map[string]string{"bellows:dry-run": "yes"}), validation, `The value of the tag bellows:dry-run is "yes": it must be "true" or "false".`)
	many := map[string]string{}
	for i := range 49 {
		many[fmt.Sprint(i)] = ""
	}
	w.refused(tag(arn, many), "TooManyTagsException", "50 tags")
	delete(many, "0")
	w.ok(tag(arn, many))
	w.refused(tag(aws.String("arn:x"), many), validation, "Member must satisfy regular expression pattern: ^arn:.+:application-autoscaling:.+:[0-9]+:scalable-target")
	w.deregister(resource("e", 0))
	for _, err := range []error{tag(arn, many), untag(arn, "a"), func() error { _, err := list(arn); return err }()} {
		w.refused(err, "ResourceNotFoundException", "Scalable Target not found")
	}
}

// Activities are listed newest first for six weeks, also after their target is deregistered. The same reason for not scaling is not recorded
// twice in a row, even across registrations.
func TestActivities(t *testing.T) {
	w := newWorld(t)
	w.endpoint("e", 1)
	id := resource("e", 0)
	w.register(id, 3, 5)
	w.ready("e")
	activities := func(all bool) []types.ScalingActivity {
		t.Helper()
		out, err := w.client.DescribeScalingActivities(t.Context(), &sdk.DescribeScalingActivitiesInput{
			ServiceNamespace: ns, ResourceId: id, ScalableDimension: instances, IncludeNotScaledActivities: &all,
		})
		w.ok(err)
		return out.ScalingActivities
	}
	got := activities(false)
	if len(got) != 1 || got[0].StatusCode != types.ScalingActivityStatusCodeSuccessful || *got[0].Cause != "minimum capacity was set to 3" ||
		*got[0].Description != "Setting desired instance count to 3." || got[0].Details != nil || got[0].EndTime == nil ||
		*got[0].StatusMessage != "Successfully set desired instance count to 3. Change successfully fulfilled by sagemaker." {
		t.Fatalf("%+v", got)
	}
	w.register(id, 4, 5)
	w.ready("e")
	w.pass(time.Second)
	w.alarm(id, 5) // at most 5, which 4 + 1 has already reached
	w.alarm(id, 5)
	w.alarm(id, 5)
	reasons := func() (out []string) {
		for _, a := range activities(true) {
			for _, r := range a.NotScaledReasons {
				out = append(out, *r.Code)
			}
		}
		return out
	}
	if got := reasons(); fmt.Sprint(got) != "[AlreadyAtMaxCapacity]" {
		t.Errorf("%v", got)
	}
	w.deregister(id)
	before := len(activities(true))
	w.register(id, 4, 5)
	w.alarm(id, 5)
	if got := reasons(); fmt.Sprint(got) != "[AlreadyAtMaxCapacity]" {
		t.Errorf("recorded again after a new registration: %v", got)
	}
	if n := len(activities(true)); n != before {
		t.Errorf("%d activities, then %d", before, n)
	}
	all := activities(true)
	if !slices.IsSortedFunc(all, func(a, b types.ScalingActivity) int { return b.StartTime.Compare(*a.StartTime) }) {
		t.Error("not newest first")
	}
	w.pass(6*7*24*time.Hour - time.Hour)
	if n := len(activities(true)); n != before {
		t.Errorf("%d of %d activities after nearly six weeks", n, before)
	}
	w.pass(time.Hour)
	if n := len(activities(true)); n != 0 {
		t.Errorf("%d activities after six weeks", n)
	}
}

// The statuses of an activity that another change ends: Overridden, not Failed. AWS: recorded.
func TestOverridden(t *testing.T) {
	w := newWorld(t)
	w.endpoint("e", 1)
	w.register(resource("e", 0), 3, 9)
	newest := func() string {
		t.Helper()
		out, err := w.client.DescribeScalingActivities(t.Context(), &sdk.DescribeScalingActivitiesInput{ServiceNamespace: ns, MaxResults: aws.Int32(1)})
		w.ok(err)
		a := out.ScalingActivities[0]
		return fmt.Sprintf("%s: %s, ended %v", a.StatusCode, aws.ToString(a.StatusMessage), a.EndTime != nil)
	}
	if got := newest(); got != "InProgress: Successfully set desired instance count to 3. Waiting for change to be fulfilled by sagemaker., ended false" {
		t.Error(got)
	}
	// One of three instances crashes while the third starts: the endpoint is in service again, the activity continues to wait.
	x, err := w.engine.Region(scope).Hosting.Endpoint("e")
	w.ok(err)
	v := x.Variant("v0")
	w.must(engine.Reported{Report: hosting.InstanceReport{ID: v.Instances[0].ID, State: hosting.FleetFailed, Reason: "It exited with code 1."}})
	w.must(engine.Reported{Report: hosting.InstanceReport{ID: v.Instances[2].ID, State: hosting.FleetReady, Address: "192.0.2.1:8080"}})
	if got := newest(); x.Status != hosting.InService || !strings.HasPrefix(got, "InProgress") {
		t.Fatalf("%v, %s", x.Status, got)
	}
	five := 5
	w.must(engine.UpdateEndpointWeightsAndCapacities{
		Key: engine.EndpointKey{Scope: scope, Endpoint: "e"}, Changes: []hosting.Change{{Variant: "v0", Desired: &five}},
	})
	if got := newest(); got != "Overridden: Successfully set desired instance count to 3. Found it was later changed to 5., ended true" {
		t.Error(got)
	}
}

// alarm invokes a policy that adds one instance with a breach, and starts instances.
func (w *world) alarm(id *string, most int) {
	w.t.Helper()
	w.ok(w.step(id, "out", oneStep()))
	t := w.engine.Region(scope).Targets.Targets[scaling.VariantTarget("e", "v0")]
	w.must(engine.PutMetricAlarm{Scope: scope, Alarm: alarm.Alarm{
		Name: "a", ActionsEnabled: true, Actions: []alarm.Action{{On: alarm.InAlarm, Target: t.ID36(), Policy: "out"}},
		Rule: alarm.Rule{
			Metric: metric.NewID("App", "m"), Statistic: metric.Statistic{Kind: metric.Sum}, Period: time.Minute, Periods: 1,
			Comparison: alarm.GreaterThanThreshold,
		},
	}})
	w.must(engine.SetAlarmState{Scope: scope, Name: "a", State: alarm.OK, Reason: "calm"})
	w.must(engine.SetAlarmState{
		Scope: scope, Name: "a", State: alarm.InAlarm, Reason: "breach", Facts: &alarm.Data{QueryDate: w.now, Datapoints: []float64{100}},
	})
	w.ready("e")
	if t.Max != most {
		w.t.Errorf("max is %d", t.Max)
	}
	w.pass(2 * time.Minute)
}
