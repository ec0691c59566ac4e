package listing

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"

	"bellows.dev/bellows/internal/client"
	"bellows.dev/bellows/internal/term"
)

// AmbiguousError is the error of an endpoint with several variants where one must be named.
type AmbiguousError struct {
	Endpoint string
	Variants []string
}

// Error implements error.
func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("%s has several variants: name one of %s/%s", e.Endpoint, e.Endpoint, strings.Join(e.Variants, ", "+e.Endpoint+"/"))
}

// OneVariant returns the variant that is named, or the only one of the endpoint.
func OneVariant(ctx context.Context, c *client.Client, endpoint, variant string) (string, error) {
	all, err := variantsOf(ctx, c, endpoint, variant)
	switch {
	case err != nil:
		return "", err
	case len(all) != 1:
		return "", &AmbiguousError{endpoint, all}
	}
	return all[0], nil
}

// policyAnswer is what the command prints as JSON: AWS's members. Settings is Bellows' own: those of policies that can be written as settings.
type policyAnswer struct {
	ScalingPolicies []Policy
}

// Policy is a scaling policy, with its settings where it can be written so.
type Policy struct {
	types.ScalingPolicy
	Settings map[string]string `json:",omitempty"`
}

// ReadPolicies returns the scaling policies of an endpoint's variants or of one; of all with "".
func ReadPolicies(ctx context.Context, c *client.Client, endpoint, variant string) ([]Policy, error) {
	all := []Policy{}
	pages := applicationautoscaling.NewDescribeScalingPoliciesPaginator(c.Scaling, &applicationautoscaling.DescribeScalingPoliciesInput{
		ServiceNamespace: types.ServiceNamespaceSagemaker, ResourceId: resource(endpoint, variant),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, p := range page.ScalingPolicies {
			if ofEndpoint(aws.ToString(p.ResourceId), endpoint) {
				all = append(all, Policy{ScalingPolicy: p})
			}
		}
	}
	if c.AWS() {
		return all, nil
	}
	settings, err := c.Policies(ctx, aws.ToString(resource(endpoint, variant)))
	if err != nil {
		return nil, err
	}
	for _, s := range settings {
		for i := range all {
			if aws.ToString(all[i].PolicyARN) == s.ARN {
				all[i].Settings = s.Settings
			}
		}
	}
	return all, nil
}

// Policies lists scaling policies.
func Policies(ctx context.Context, c *client.Client, endpoint, variant string) (term.Answer, error) {
	all, err := ReadPolicies(ctx, c, endpoint, variant)
	if err != nil {
		return term.Answer{}, err
	}
	t := term.Table{
		Header: []string{"TARGET", "POLICY", "TYPE", "CONFIGURATION", "ALARMS"},
		Empty:  "There is no scaling policy. `bellows policies put` makes one, and so does `bellows deploy --target`.",
	}
	for _, p := range all {
		t.Rows = append(t.Rows, []term.Cell{
			term.Plain(variantOf(aws.ToString(p.ResourceId))), term.Plain(aws.ToString(p.PolicyName)), term.Plain(string(p.PolicyType)),
			term.Plain(p.configuration()), term.Number("%d", len(p.Alarms)),
		})
	}
	return term.Answer{JSON: policyAnswer{all}, Blocks: []term.Block{t}}, nil
}

// configuration writes what the policy does, in short.
func (p Policy) configuration() string {
	switch {
	case p.TargetTrackingScalingPolicyConfiguration != nil:
		return tracking(p.TargetTrackingScalingPolicyConfiguration)
	case p.StepScalingPolicyConfiguration != nil:
		return steps(p.StepScalingPolicyConfiguration)
	case p.PredictiveScalingPolicyConfiguration != nil:
		return "forecasts, mode " + cmp.Or(string(p.PredictiveScalingPolicyConfiguration.Mode), "ForecastOnly")
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(p.Settings)) {
		parts = append(parts, name+"="+p.Settings[name])
	}
	return strings.Join(parts, " ")
}

func tracking(t *types.TargetTrackingScalingPolicyConfiguration) string {
	metric := ""
	switch s := t.CustomizedMetricSpecification; {
	case t.PredefinedMetricSpecification != nil:
		metric = string(t.PredefinedMetricSpecification.PredefinedMetricType)
	case s != nil && len(s.Metrics) > 0:
		metric = "an expression"
	case s != nil:
		metric = strings.TrimSpace(string(s.Statistic) + " of " + aws.ToString(s.MetricName))
	}
	text := fmt.Sprintf("keep %s at %g", metric, aws.ToFloat64(t.TargetValue))
	if aws.ToBool(t.DisableScaleIn) {
		text += ", no scale-in"
	}
	return text + cooldown("out", t.ScaleOutCooldown) + cooldown("in", t.ScaleInCooldown)
}

func cooldown(direction string, seconds *int32) string {
	if seconds == nil {
		return ""
	}
	return fmt.Sprintf(", %s cooldown %ds", direction, *seconds)
}

func steps(s *types.StepScalingPolicyConfiguration) string {
	var parts []string
	for _, a := range s.StepAdjustments {
		parts = append(parts, fmt.Sprintf("%s to %s: %+d", bound(a.MetricIntervalLowerBound, "-∞"), bound(a.MetricIntervalUpperBound, "∞"), aws.ToInt32(a.ScalingAdjustment)))
	}
	return string(s.AdjustmentType) + " by steps " + strings.Join(parts, "; ") + cooldown("", s.Cooldown)
}

func bound(v *float64, otherwise string) string {
	if v == nil {
		return otherwise
	}
	return fmt.Sprintf("%g", *v)
}

// scheduleAnswer is what the command prints as JSON.
type scheduleAnswer struct {
	ScheduledActions []types.ScheduledAction
}

// Schedules lists scheduled actions.
func Schedules(ctx context.Context, c *client.Client, endpoint, variant string) (term.Answer, error) {
	all := []types.ScheduledAction{}
	pages := applicationautoscaling.NewDescribeScheduledActionsPaginator(c.Scaling, &applicationautoscaling.DescribeScheduledActionsInput{
		ServiceNamespace: types.ServiceNamespaceSagemaker, ResourceId: resource(endpoint, variant),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return term.Answer{}, err
		}
		for _, a := range page.ScheduledActions {
			if ofEndpoint(aws.ToString(a.ResourceId), endpoint) {
				all = append(all, a)
			}
		}
	}
	t := term.Table{
		Header: []string{"TARGET", "ACTION", "SCHEDULE", "TIME ZONE", "SETS", "FROM", "UNTIL"},
		Empty:  "There is no scheduled action. `aws application-autoscaling put-scheduled-action` makes one.",
	}
	for _, a := range all {
		sets := ""
		if x := a.ScalableTargetAction; x != nil {
			sets = strings.TrimSpace(named("min", x.MinCapacity) + named(" max", x.MaxCapacity))
		}
		t.Rows = append(t.Rows, []term.Cell{
			term.Plain(variantOf(aws.ToString(a.ResourceId))), term.Plain(aws.ToString(a.ScheduledActionName)), term.Plain(aws.ToString(a.Schedule)),
			term.Plain(cmp.Or(aws.ToString(a.Timezone), "UTC")), term.Plain(sets), term.Plain(moment(a.StartTime)), term.Plain(moment(a.EndTime)),
		})
	}
	return term.Answer{JSON: scheduleAnswer{all}, Blocks: []term.Block{t}}, nil
}

func named(name string, n *int32) string {
	if n == nil {
		return ""
	}
	return fmt.Sprintf("%s %d", name, *n)
}

// ActivitiesQuery selects scaling activities.
type ActivitiesQuery struct {
	Endpoint, Variant string // of all with ""
	NotScaled         bool   // also those that changed nothing, with their reasons
	Limit             int    // the newest; 0: all
}

// activityAnswer is what the command prints as JSON.
type activityAnswer struct {
	ScalingActivities []types.ScalingActivity
}

// ReadActivities returns scaling activities, the newest first.
func ReadActivities(ctx context.Context, c *client.Client, q ActivitiesQuery) ([]types.ScalingActivity, error) {
	all := []types.ScalingActivity{}
	in := &applicationautoscaling.DescribeScalingActivitiesInput{
		ServiceNamespace: types.ServiceNamespaceSagemaker, ResourceId: resource(q.Endpoint, q.Variant), IncludeNotScaledActivities: aws.Bool(q.NotScaled),
	}
	for pages := applicationautoscaling.NewDescribeScalingActivitiesPaginator(c.Scaling, in); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, a := range page.ScalingActivities {
			if ofEndpoint(aws.ToString(a.ResourceId), q.Endpoint) {
				all = append(all, a)
			}
			if q.Limit > 0 && len(all) == q.Limit {
				return all, nil
			}
		}
	}
	return all, nil
}

// Activities lists scaling activities.
func Activities(ctx context.Context, c *client.Client, q ActivitiesQuery) (term.Answer, error) {
	all, err := ReadActivities(ctx, c, q)
	if err != nil {
		return term.Answer{}, err
	}
	t := term.Table{
		Header: []string{"STARTED", "TARGET", "STATUS", "TOOK", "WHAT", "WHY"},
		Empty:  "Nothing has scaled. `bellows explain ENDPOINT/VARIANT` says why not.",
	}
	for _, a := range all {
		took := ""
		if a.EndTime != nil && a.StartTime != nil {
			took = a.EndTime.Sub(*a.StartTime).Round(time.Second).String()
		}
		why := aws.ToString(a.Cause)
		if m := aws.ToString(a.StatusMessage); a.StatusCode == types.ScalingActivityStatusCodeFailed && m != "" {
			why = m
		}
		t.Rows = append(t.Rows, []term.Cell{
			term.Plain(moment(a.StartTime)), term.Plain(variantOf(aws.ToString(a.ResourceId))), term.Status(string(a.StatusCode)), {Text: took, Right: true},
			term.Plain(aws.ToString(a.Description)), term.Plain(why),
		})
	}
	return term.Answer{JSON: activityAnswer{all}, Blocks: []term.Block{t}}, nil
}

// PolicyTypes lists the policy types that can be put as settings.
func PolicyTypes(ctx context.Context, c *client.Client) (term.Answer, error) {
	all, err := c.PolicyTypes(ctx)
	if err != nil {
		return term.Answer{}, err
	}
	t := term.Table{Header: []string{"TYPE", "SETTING", "REQUIRED", "MEANING"}}
	for _, kind := range all {
		name := kind.Name
		for _, s := range kind.Settings {
			need := ""
			if s.Required {
				need = "yes"
			}
			t.Rows = append(t.Rows, []term.Cell{term.Plain(name), term.Plain(s.Name), term.Plain(need), term.Plain(s.Help)})
		}
		if len(kind.Settings) == 0 {
			t.Rows = append(t.Rows, []term.Cell{term.Plain(name), {}, {}, {}})
		}
	}
	return term.Answer{JSON: all, Blocks: []term.Block{t}}, nil
}
