// Package autoscaling implements Application Auto Scaling as an awsapi.Service: scalable targets, policies, scheduled actions, activities and
// tags. Each operation converts the SDK's input to an engine.Input, or reads a View, and converts refusals to AWS's exceptions.
package autoscaling

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/engine/dimension"
	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/scaling"
)

// API implements the operations of Application Auto Scaling.
type API struct {
	backend    awsapi.Backend
	dimensions dimension.List
}

// New returns the service.
func New(b awsapi.Backend) *awsapi.Service {
	a := &API{b, dimension.All()}
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

// step applies an input and converts the engine's refusals to the service's errors.
func (a *API) step(ctx context.Context, c awsapi.Call, in engine.Input) (engine.Result, error) {
	result, err := a.backend.Step(ctx, in)
	return result, awsapi.ScalingRefusal(c.Scope, err)
}

// targetKey parses the scalable target that a request names. All three members are required.
func (a *API) targetKey(c awsapi.Call, namespace types.ServiceNamespace, resourceID *string, dimension types.ScalableDimension) (scaling.TargetKey, error) {
	key, err := a.dimensions.Parse(string(namespace), *resourceID, string(dimension))
	if err != nil {
		return key, awsapi.ScalingRefusal(c.Scope, err)
	}
	return key, nil
}

// region calls f with the state of the call's region, an empty one if there is none yet.
func (a *API) region(ctx context.Context, c awsapi.Call, f func(*engine.Region) error) error {
	return a.regionAt(ctx, c, func(_ time.Time, r *engine.Region) error { return f(r) })
}

// regionAt is like region and also passes the policy time.
func (a *API) regionAt(ctx context.Context, c awsapi.Call, f func(time.Time, *engine.Region) error) error {
	var err error
	if failed := a.backend.View(ctx, func(now time.Time, e *engine.Engine) {
		r := e.Region(c.Scope)
		if r == nil {
			r = engine.EmptyRegion(c.Scope)
		}
		err = f(now, r)
	}); failed != nil {
		return failed
	}
	return awsapi.ScalingRefusal(c.Scope, err)
}

// limit returns the page size: the requested one, at most the service's maximum.
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

// badToken returns the error of an invalid token.
func badToken(err error) error {
	if bad := (*awsapi.ErrToken)(nil); errors.As(err, &bad) {
		return &awsapi.Error{Code: "InvalidNextTokenException", Message: "The NextToken value is not valid."}
	}
	return err
}

// checkFilter checks the namespace, dimension and resource IDs of a filter; noun is the member of the IDs. Another service's namespace is not
// an error: selected and History find nothing.
func (a *API) checkFilter(namespace, dimension string, ids []string, noun string) error {
	if dimension != "" && len(ids) == 0 {
		return awsapi.Validation("%s must be specified when ScalableDimension is specified", noun)
	}
	if !a.dimensions.HasNamespace(namespace) {
		ours := func(id string) bool { return a.dimensions.CheckResourceID(id) == nil }
		if slices.ContainsFunc(ids, ours) || dimension != "" && !strings.HasPrefix(dimension, namespace+":") {
			return awsapi.Validation("Unsupported service namespace, resource type or scalable dimension")
		}
		return nil
	}
	for _, id := range ids {
		err := a.dimensions.CheckResourceID(id)
		if dimension != "" {
			_, err = a.dimensions.Parse(namespace, id, dimension)
		}
		if err != nil {
			return awsapi.ScalingRefusal(engine.Scope{}, err)
		}
	}
	return nil
}

// one returns a filter's single resource ID as a list, empty if it is nil.
func one(id *string) []string {
	if id == nil {
		return nil
	}
	return []string{*id}
}

// selected returns the registered targets that match a filter, by key.
func selected(r *engine.Region, namespace types.ServiceNamespace, ids []string, dimension types.ScalableDimension) []*scaling.Target {
	return slices.DeleteFunc(r.Targets.Sorted(), func(t *scaling.Target) bool {
		return t.Key.Dimension.Namespace() != string(namespace) || (len(ids) > 0 && !slices.Contains(ids, t.Key.ResourceID)) || (dimension != "" && string(dimension) != string(t.Key.Dimension))
	})
}
