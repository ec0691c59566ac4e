// Package autoscaling is Application Auto Scaling as an awsapi.Service: scalable targets, policies, scheduled actions, activities and
// tags. Each operation turns the SDK's input into an engine.Input, or reads a View, and its refusals into AWS's exceptions.
package autoscaling

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/internal/awsapi/sagemaker"
	"bellows.dev/bellows/scaling"
)

// API is Application Auto Scaling.
type API struct{ backend awsapi.Backend }

// New returns the service.
func New(b awsapi.Backend) *awsapi.Service {
	a := &API{b}
	s := &awsapi.Service{Name: "Application Auto Scaling", Signing: "application-autoscaling", Target: "AnyScaleFrontendService"}
	awsapi.Handle(s, "RegisterScalableTarget", a.registerScalableTarget)
	awsapi.Handle(s, "DescribeScalableTargets", a.describeScalableTargets)
	awsapi.Handle(s, "DeregisterScalableTarget", a.deregisterScalableTarget)
	awsapi.Handle(s, "PutScalingPolicy", a.putScalingPolicy)
	awsapi.Handle(s, "DescribeScalingPolicies", a.describeScalingPolicies)
	awsapi.Handle(s, "DeleteScalingPolicy", a.deleteScalingPolicy)
	awsapi.Handle(s, "DescribeScalingActivities", a.describeScalingActivities)
	awsapi.Handle(s, "PutScheduledAction", a.putScheduledAction)
	awsapi.Handle(s, "DescribeScheduledActions", a.describeScheduledActions)
	awsapi.Handle(s, "DeleteScheduledAction", a.deleteScheduledAction)
	awsapi.Handle(s, "GetPredictiveScalingForecast", a.getPredictiveScalingForecast)
	awsapi.Handle(s, "TagResource", a.tagResource)
	awsapi.Handle(s, "UntagResource", a.untagResource)
	awsapi.Handle(s, "ListTagsForResource", a.listTagsForResource)
	return s
}

// step takes an input and words the engine's refusals.
func (a *API) step(ctx context.Context, c awsapi.Call, in engine.Input) (engine.Result, error) {
	result, err := a.backend.Step(ctx, in)
	return result, refusal(c.Scope, err)
}

// targetKey reads the target that a request names. All three members are required ones.
func targetKey(c awsapi.Call, namespace types.ServiceNamespace, resourceID *string, dimension types.ScalableDimension) (scaling.TargetKey, error) {
	key, err := scaling.ParseTargetKey(string(namespace), *resourceID, string(dimension))
	if err != nil {
		return key, refusal(c.Scope, err)
	}
	return key, nil
}

func refusal(s engine.Scope, err error) error {
	var e *scaling.Error
	if !errors.As(err, &e) {
		return sagemaker.Refusal(s, err)
	}
	return &awsapi.Error{Code: e.Kind.String(), Message: e.Msg}
}

// region calls f with the call's region, an empty one where it has no state yet.
func (a *API) region(ctx context.Context, c awsapi.Call, f func(*engine.Region) error) error {
	return a.regionAt(ctx, c, func(_ time.Time, r *engine.Region) error { return f(r) })
}

// regionAt is region, with the policy time.
func (a *API) regionAt(ctx context.Context, c awsapi.Call, f func(time.Time, *engine.Region) error) error {
	var err error
	if failed := a.backend.View(ctx, func(now time.Time, e *engine.Engine) {
		r := e.Region(c.Scope)
		if r == nil {
			r = &engine.Region{Scope: c.Scope, Targets: scaling.NewRegistry()}
		}
		err = f(now, r)
	}); failed != nil {
		return failed
	}
	return refusal(c.Scope, err)
}

// limit returns how many items a page has: what is asked for, at most the service's maximum.
func limit(asked *int32, most int) (int, error) {
	switch {
	case asked == nil:
		return most, nil
	case *asked < 0:
		return 0, awsapi.Validation("MaxResults cannot be less than 0")
	default:
		return min(int(*asked), most), nil
	}
}

// badToken words a refused token.
func badToken(err error) error {
	if bad := (*awsapi.ErrToken)(nil); errors.As(err, &bad) {
		return &awsapi.Error{Code: "InvalidNextTokenException", Message: "The NextToken value is not valid."}
	}
	return err
}

// checkFilter checks a namespace, a dimension and resource IDs that select; noun names the IDs' member. Of another service's namespace
// there is nothing, which is no error: selected and History find none.
func checkFilter(namespace, dimension string, ids []string, noun string) error {
	if dimension != "" && len(ids) == 0 {
		return awsapi.Validation("%s must be specified when ScalableDimension is specified", noun)
	}
	if namespace != scaling.Namespace {
		ours := func(id string) bool { return scaling.CheckResourceID(id) == nil }
		if slices.ContainsFunc(ids, ours) || dimension != "" && !strings.HasPrefix(dimension, namespace+":") {
			return awsapi.Validation("Unsupported service namespace, resource type or scalable dimension")
		}
		return nil
	}
	for _, id := range ids {
		err := scaling.CheckResourceID(id)
		if dimension != "" {
			_, err = scaling.ParseTargetKey(namespace, id, dimension)
		}
		if err != nil {
			return refusal(engine.Scope{}, err)
		}
	}
	return nil
}

// one is a filter's one resource ID, or none.
func one(id *string) []string {
	if id == nil {
		return nil
	}
	return []string{*id}
}

// selected returns the registered targets that a filter leaves, by key.
func selected(r *engine.Region, namespace types.ServiceNamespace, ids []string, dimension types.ScalableDimension) []*scaling.Target {
	if namespace != types.ServiceNamespaceSagemaker {
		return nil
	}
	return slices.DeleteFunc(r.Targets.Sorted(), func(t *scaling.Target) bool {
		return (len(ids) > 0 && !slices.Contains(ids, t.Key.ResourceID)) || (dimension != "" && string(dimension) != t.Key.Dimension.String())
	})
}
