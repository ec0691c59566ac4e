// Package ec2autoscaling implements EC2 Auto Scaling as an awsapi.Service: every production variant is an Auto Scaling group, named
// ENDPOINT.VARIANT, with its bounds, policies, activities and instances. Each operation converts the SDK's input to an engine.Input, or
// reads a View, and converts refusals to AWS's errors.
package ec2autoscaling

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/scaling"
)

// API implements the operations of EC2 Auto Scaling.
type API struct{ backend awsapi.Backend }

// New returns the service.
func New(b awsapi.Backend) *awsapi.Service {
	a := &API{b}
	s := &awsapi.Service{
		Name: "EC2 Auto Scaling", Signing: "autoscaling", Target: "AutoScaling_2011_01_01", Version: "2011-01-01",
		Namespace: "http://autoscaling.amazonaws.com/doc/2011-01-01/",
	}
	awsapi.Handle(s, "DescribeAutoScalingGroups", a.describeGroups)
	awsapi.Handle(s, "DescribeAutoScalingInstances", a.describeInstances)
	awsapi.Handle(s, "UpdateAutoScalingGroup", a.updateGroup)
	awsapi.Handle(s, "SetDesiredCapacity", a.setDesiredCapacity)
	awsapi.Handle(s, "SuspendProcesses", a.suspendProcesses)
	awsapi.Handle(s, "ResumeProcesses", a.resumeProcesses)
	awsapi.Handle(s, "PutScalingPolicy", a.putScalingPolicy)
	awsapi.Handle(s, "DescribePolicies", a.describePolicies)
	awsapi.Handle(s, "DeletePolicy", a.deletePolicy)
	awsapi.Handle(s, "ExecutePolicy", a.executePolicy)
	awsapi.Handle(s, "DescribeScalingActivities", a.describeScalingActivities)
	awsapi.Handle(s, "PutScheduledUpdateGroupAction", a.putSchedule)
	awsapi.Handle(s, "BatchPutScheduledUpdateGroupAction", a.batchPut)
	awsapi.Handle(s, "DescribeScheduledActions", a.describeSchedules)
	awsapi.Handle(s, "DeleteScheduledAction", a.deleteSchedule)
	awsapi.Handle(s, "BatchDeleteScheduledAction", a.batchDelete)
	awsapi.Handle(s, "DescribeAdjustmentTypes", a.describeAdjustmentTypes)
	awsapi.Handle(s, "DescribeScalingProcessTypes", a.describeProcessTypes)
	for _, operation := range []string{
		"CreateAutoScalingGroup", "DeleteAutoScalingGroup", "CreateLaunchConfiguration", "AttachInstances", "DetachInstances", "EnterStandby",
		"ExitStandby", "TerminateInstanceInAutoScalingGroup", "StartInstanceRefresh", "PutWarmPool", "PutLifecycleHook", "AttachLoadBalancers",
		"AttachLoadBalancerTargetGroups", "CreateOrUpdateTags", "DeleteTags",
	} {
		awsapi.Handle(s, operation, noGroupOfEC2)
	}
	return s
}

// noGroupOfEC2 refuses operations that apply only to groups of EC2 instances.
func noGroupOfEC2(_ context.Context, c awsapi.Call, _ *struct{}) (*struct{}, error) {
	return nil, awsapi.Validation("%s is not supported: the Auto Scaling groups of this server are the production variants of its endpoints. "+
		"Create, update, tag and delete them through the SageMaker API.", c.Operation)
}

// step applies an input and converts the engine's refusals to the service's errors.
func (a *API) step(ctx context.Context, key scaling.TargetKey, in engine.Input) (engine.Result, error) {
	result, err := a.backend.Step(ctx, in)
	return result, refusal(key, err)
}

// refusal converts the engine's refusals to the service's errors.
func refusal(key scaling.TargetKey, err error) error {
	var refused *hosting.Error
	if errors.As(err, &refused) && refused.Kind == hosting.KindNotFound {
		return unknownGroup(key.GroupName())
	}
	if errors.As(err, &refused) && refused.Kind == hosting.KindLimit {
		return &awsapi.Error{Code: "LimitExceeded", Message: refused.Msg}
	}
	var e *scaling.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Kind {
	case scaling.KindLimitExceeded:
		return &awsapi.Error{Code: "LimitExceeded", Message: e.Msg}
	case scaling.KindActivityInProgress, scaling.KindAlreadyExists:
		return &awsapi.Error{Code: e.Kind.String(), Message: e.Msg}
	default:
		return awsapi.Validation("%s", e.Msg)
	}
}

func unknownGroup(name string) error {
	return awsapi.Validation("AutoScalingGroup name not found - AutoScalingGroup: %s not found", name)
}

// group is a variant as an Auto Scaling group, with its settings.
type group struct {
	key      scaling.TargetKey
	endpoint *hosting.Endpoint
	variant  *hosting.Variant
	target   *scaling.Target // nil if nothing is set
}

func (g group) settings() *scaling.Group {
	if g.target == nil {
		return nil
	}
	return g.target.Group
}

// bounds returns the group's range and desired capacity.
func (g group) bounds() (least, most, desired int) {
	desired = g.variant.Desired
	if g.target == nil {
		return desired, desired, desired
	}
	least, most = g.target.Bounds(desired)
	return least, most, g.target.Wanted(desired)
}

// arn returns the group's ARN.
func (g group) arn(s engine.Scope) string { return g.arnNamed(s, g.key.GroupName()) }

// arnNamed returns the group's ARN with a name in its current or former form. Its identifier is derived from constant properties of the
// endpoint, since a group has no state until something is set.
func (g group) arnNamed(s engine.Scope, name string) string {
	h := fnv.New128a()
	fmt.Fprintf(h, "%s\x00%s\x00%s\x00%d", s.Account, s.Region, g.key.VariantName(), g.endpoint.Created.UnixNano()) // writing to a hash cannot fail
	b := h.Sum(nil)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80 // the format of a random UUID
	id := fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
	return awsapi.ARN(s, "autoscaling", "autoScalingGroup:"+id+":"+groupPrefix+name)
}

const groupPrefix = "autoScalingGroupName/"

// groups calls f with the state of a region, an empty one if there is none yet, and its groups.
func (a *API) groups(ctx context.Context, c awsapi.Call, f func(r *engine.Region, all []group) error) error {
	var err error
	if failed := a.backend.View(ctx, func(_ time.Time, e *engine.Engine) {
		r := e.Region(c.Scope)
		if r == nil {
			err = f(engine.EmptyRegion(c.Scope), nil)
			return
		}
		var all []group
		for _, x := range r.Hosting.Endpoints {
			for _, v := range x.Variants {
				k := scaling.VariantTarget(x.Name, v.Config.Name)
				all = append(all, group{k, x, v, r.Targets.Of(k)})
			}
		}
		err = f(r, all)
	}); failed != nil {
		return failed
	}
	return badToken(err)
}

// settled calls f with a region and its groups that have settings; if a name is given, only with that group, which must exist.
func (a *API) settled(ctx context.Context, c awsapi.Call, name *string, f func(r *engine.Region, all []group) error) error {
	return a.groups(ctx, c, func(r *engine.Region, all []group) error {
		if name != nil {
			g, err := named(all, c.Scope, *name)
			if err != nil {
				return err
			}
			all = []group{g}
		}
		return f(r, slices.DeleteFunc(all, func(g group) bool { return g.settings() == nil }))
	})
}

// parseGroup parses a group's name or ARN.
func parseGroup(s engine.Scope, name string) (scaling.TargetKey, error) {
	if rest, found := strings.CutPrefix(name, awsapi.ARN(s, "autoscaling", "autoScalingGroup:")); found {
		_, name, _ = strings.Cut(rest, ":"+groupPrefix)
	}
	k, ok := scaling.ParseGroupName(name)
	if !ok {
		return k, unknownGroup(name)
	}
	return k, nil
}

// named returns the group of a name, or an error if there is none.
func named(all []group, s engine.Scope, name string) (group, error) {
	k, err := parseGroup(s, name)
	if err != nil {
		return group{}, err
	}
	for _, g := range all {
		if g.key == k {
			return g, nil
		}
	}
	return group{}, unknownGroup(name)
}

// limit returns the page size: the requested one, at most the operation's maximum.
func limit(asked *int32, usual, most int) (int, error) {
	switch {
	case asked == nil:
		return usual, nil
	case *asked < 1:
		return 0, awsapi.Validation("MaxRecords must be greater than or equal to 1")
	default:
		return min(int(*asked), most), nil
	}
}

// badToken returns the error of an invalid token.
func badToken(err error) error {
	if bad := (*awsapi.ErrToken)(nil); errors.As(err, &bad) {
		return &awsapi.Error{Code: "InvalidNextToken", Message: "The NextToken value is not valid."}
	}
	return err
}

func number(n int) *int32 {
	i := int32(n)
	return &i
}
