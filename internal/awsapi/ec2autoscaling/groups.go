package ec2autoscaling

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy/step"
)

// Page sizes. AWS: API reference.
const (
	groupsPage     = 50
	groupsPageMost = 100
)

func (a *API) describeGroups(
	ctx context.Context, c awsapi.Call, in *sdk.DescribeAutoScalingGroupsInput,
) (*sdk.DescribeAutoScalingGroupsOutput, error) {
	n, err := limit(in.MaxRecords, groupsPage, groupsPageMost)
	if err != nil {
		return nil, err
	}
	filters, err := tagFilters(in.Filters)
	if err != nil {
		return nil, err
	}
	out := &sdk.DescribeAutoScalingGroupsOutput{AutoScalingGroups: []types.AutoScalingGroup{}}
	return out, a.groups(ctx, c, func(_ *engine.Region, all []group) error {
		all = slices.DeleteFunc(all, func(g group) bool {
			named := slices.ContainsFunc(in.AutoScalingGroupNames, func(name string) bool {
				k, ok := scaling.ParseGroupName(name)
				return ok && k == g.key || name == g.arn(c.Scope) || name == g.arnNamed(c.Scope, g.key.VariantName())
			})
			return len(in.AutoScalingGroupNames) > 0 && !named || !filters(g.endpoint.Tags)
		})
		page, next, err := awsapi.Page(all, func(g group) string { return g.key.GroupName() }, false, aws.ToString(in.NextToken),
			fmt.Sprint("groups", in.AutoScalingGroupNames, texts(in.Filters)), n)
		for _, g := range page {
			out.AutoScalingGroups = append(out.AutoScalingGroups, describeGroup(c.Scope, g, in.IncludeInstances == nil || *in.IncludeInstances))
		}
		out.NextToken = awsapi.Optional(next)
		return err
	})
}

func texts(filters []types.Filter) []string {
	var out []string
	for _, f := range filters {
		out = append(out, aws.ToString(f.Name)+"="+strings.Join(f.Values, ","))
	}
	return out
}

// tagFilters reads the filters of DescribeAutoScalingGroups: all filters have to match, each with one of its values.
// AWS: DescribeAutoScalingGroups, Filters.
func tagFilters(filters []types.Filter) (func(hosting.Tags) bool, error) {
	for _, f := range filters {
		if name := aws.ToString(f.Name); name != "tag-key" && name != "tag-value" && !strings.HasPrefix(name, "tag:") {
			return nil, awsapi.Validation("Filter %s is not supported: tag-key, tag-value and tag:<key> are.", name)
		}
	}
	return func(tags hosting.Tags) bool {
		for _, f := range filters {
			if !slices.ContainsFunc(tags, func(t hosting.Tag) bool {
				switch name := aws.ToString(f.Name); name {
				case "tag-key":
					return slices.Contains(f.Values, t.Key)
				case "tag-value":
					return slices.Contains(f.Values, t.Value)
				default:
					return t.Key == strings.TrimPrefix(name, "tag:") && slices.Contains(f.Values, t.Value)
				}
			}) {
				return false
			}
		}
		return true
	}, nil
}

// zoneOf returns the single availability zone of a region.
func zoneOf(s engine.Scope) string { return s.Region + "a" }

func describeGroup(s engine.Scope, g group, instances bool) types.AutoScalingGroup {
	least, most, desired := g.bounds()
	settings := g.settings()
	out := types.AutoScalingGroup{
		AutoScalingGroupName: aws.String(g.key.GroupName()), AutoScalingGroupARN: aws.String(g.arn(s)),
		MinSize: number(least), MaxSize: number(most), DesiredCapacity: number(desired),
		AvailabilityZones: []string{zoneOf(s)}, HealthCheckType: aws.String("EC2"), HealthCheckGracePeriod: number(0),
		CreatedTime: aws.Time(g.endpoint.Created), SuspendedProcesses: []types.SuspendedProcess{}, Instances: []types.Instance{},
		TerminationPolicies: []string{"NewestInstance"}, NewInstancesProtectedFromScaleIn: aws.Bool(false), Tags: []types.TagDescription{},
	}
	cooldown := settings.Cooldown()
	out.DefaultCooldown = awsapi.Seconds(&cooldown)
	if settings != nil {
		out.DefaultInstanceWarmup = awsapi.Seconds(settings.DefaultWarmup)
		for _, p := range settings.Suspended {
			out.SuspendedProcesses = append(out.SuspendedProcesses, types.SuspendedProcess{
				ProcessName:      aws.String(p.Process.String()),
				SuspensionReason: aws.String("User suspended at " + p.Since.UTC().Format("2006-01-02T15:04:05Z")),
			})
		}
	}
	for _, t := range g.endpoint.Tags {
		out.Tags = append(out.Tags, types.TagDescription{
			Key: aws.String(t.Key), Value: aws.String(t.Value), ResourceId: out.AutoScalingGroupName, ResourceType: aws.String("auto-scaling-group"),
			PropagateAtLaunch: aws.Bool(false),
		})
	}
	if g.endpoint.Status == hosting.Deleting {
		out.Status = aws.String("Delete in progress")
	}
	if !instances {
		return out
	}
	for _, i := range g.instances() {
		out.Instances = append(out.Instances, types.Instance{
			InstanceId: aws.String(string(i.ID)), AvailabilityZone: aws.String(zoneOf(s)), LifecycleState: types.LifecycleState(i.State.String()),
			HealthStatus: aws.String(health(i)), ProtectedFromScaleIn: aws.Bool(false), InstanceType: aws.String(i.kind),
		})
	}
	return out
}

// member is an instance of a group.
type member struct {
	*hosting.Instance
	kind string // of the instance type
}

// instances lists a group's instances, including those being started for a new endpoint config and those of the old one.
func (g group) instances() []member {
	var out []member
	for _, v := range g.endpoint.All() {
		if v.Config.Name != g.variant.Config.Name {
			continue
		}
		for _, i := range v.Instances {
			out = append(out, member{i, v.Config.InstanceType})
		}
	}
	return out
}

// health returns EC2 Auto Scaling's health status: an instance that was in service and crashed is unhealthy until it is in service again.
func health(i member) string {
	if i.State == hosting.InstanceStarting && i.EverReady() {
		return "Unhealthy"
	}
	return "Healthy"
}

func (a *API) describeInstances(
	ctx context.Context, c awsapi.Call, in *sdk.DescribeAutoScalingInstancesInput,
) (*sdk.DescribeAutoScalingInstancesOutput, error) {
	n, err := limit(in.MaxRecords, 50, 50) // AWS: API reference
	if err != nil {
		return nil, err
	}
	out := &sdk.DescribeAutoScalingInstancesOutput{AutoScalingInstances: []types.AutoScalingInstanceDetails{}}
	return out, a.groups(ctx, c, func(_ *engine.Region, all []group) error {
		var rows []types.AutoScalingInstanceDetails
		for _, g := range all {
			for _, i := range g.instances() {
				if len(in.InstanceIds) > 0 && !slices.Contains(in.InstanceIds, string(i.ID)) {
					continue
				}
				rows = append(rows, types.AutoScalingInstanceDetails{
					InstanceId: aws.String(string(i.ID)), AutoScalingGroupName: aws.String(g.key.GroupName()), AvailabilityZone: aws.String(zoneOf(c.Scope)),
					LifecycleState: aws.String(i.State.String()), HealthStatus: aws.String(strings.ToUpper(health(i))),
					ProtectedFromScaleIn: aws.Bool(false), InstanceType: aws.String(i.kind),
				})
			}
		}
		page, next, err := awsapi.Page(rows, func(x types.AutoScalingInstanceDetails) string { return *x.InstanceId }, false,
			aws.ToString(in.NextToken), fmt.Sprint("instances", in.InstanceIds), n)
		out.AutoScalingInstances, out.NextToken = append(out.AutoScalingInstances, page...), awsapi.Optional(next)
		return err
	})
}

func (a *API) updateGroup(ctx context.Context, c awsapi.Call, in *sdk.UpdateAutoScalingGroupInput) (*sdk.UpdateAutoScalingGroupOutput, error) {
	if err := awsapi.Only(in, "", "AutoScalingGroupName", "MinSize", "MaxSize", "DesiredCapacity", "DefaultCooldown",
		"DefaultInstanceWarmup"); err != nil {
		return nil, err
	}
	k, err := parseGroup(c.Scope, *in.AutoScalingGroupName)
	if err != nil {
		return nil, err
	}
	u := scaling.GroupUpdate{
		Key: k, Min: awsapi.Integer(in.MinSize), Max: awsapi.Integer(in.MaxSize), Desired: awsapi.Integer(in.DesiredCapacity), DefaultCooldown: awsapi.Duration(in.DefaultCooldown),
	}
	if w := in.DefaultInstanceWarmup; w != nil && *w == -1 {
		u.ForgetWarmup = true // AWS: UpdateAutoScalingGroup, DefaultInstanceWarmup
	} else {
		u.DefaultWarmup = awsapi.Duration(w)
	}
	_, err = a.step(ctx, k, engine.UpdateGroup{Scope: c.Scope, Update: u})
	return &sdk.UpdateAutoScalingGroupOutput{}, err
}

func (a *API) setDesiredCapacity(ctx context.Context, c awsapi.Call, in *sdk.SetDesiredCapacityInput) (*sdk.SetDesiredCapacityOutput, error) {
	k, err := parseGroup(c.Scope, *in.AutoScalingGroupName)
	if err != nil {
		return nil, err
	}
	_, err = a.step(ctx, k, engine.SetDesiredCapacity{
		Scope: c.Scope, Key: k, Desired: int(*in.DesiredCapacity), HonorCooldown: aws.ToBool(in.HonorCooldown),
	})
	return &sdk.SetDesiredCapacityOutput{}, err
}

func (a *API) suspendProcesses(ctx context.Context, c awsapi.Call, in *sdk.SuspendProcessesInput) (*sdk.SuspendProcessesOutput, error) {
	return &sdk.SuspendProcessesOutput{}, a.processes(ctx, c, *in.AutoScalingGroupName, in.ScalingProcesses, true)
}

func (a *API) resumeProcesses(ctx context.Context, c awsapi.Call, in *sdk.ResumeProcessesInput) (*sdk.ResumeProcessesOutput, error) {
	return &sdk.ResumeProcessesOutput{}, a.processes(ctx, c, *in.AutoScalingGroupName, in.ScalingProcesses, false)
}

func (a *API) processes(ctx context.Context, c awsapi.Call, name string, processes []string, suspend bool) error {
	k, err := parseGroup(c.Scope, name)
	if err != nil {
		return err
	}
	set := engine.SetGroupProcesses{Scope: c.Scope, Key: k, Suspend: suspend}
	for _, text := range processes {
		p := scaling.ParseProcess(text)
		if p == 0 {
			return awsapi.Validation("%s is not a valid scaling process", text)
		}
		set.Processes = append(set.Processes, p)
	}
	_, err = a.step(ctx, k, set)
	return err
}

func (a *API) describeAdjustmentTypes(
	context.Context, awsapi.Call, *sdk.DescribeAdjustmentTypesInput,
) (*sdk.DescribeAdjustmentTypesOutput, error) {
	out := &sdk.DescribeAdjustmentTypesOutput{}
	for _, t := range []step.AdjustmentType{step.ChangeInCapacity, step.ExactCapacity, step.PercentChangeInCapacity} {
		out.AdjustmentTypes = append(out.AdjustmentTypes, types.AdjustmentType{AdjustmentType: aws.String(t.String())})
	}
	return out, nil
}

func (a *API) describeProcessTypes(
	context.Context, awsapi.Call, *sdk.DescribeScalingProcessTypesInput,
) (*sdk.DescribeScalingProcessTypesOutput, error) {
	out := &sdk.DescribeScalingProcessTypesOutput{}
	for _, p := range scaling.Processes() {
		out.Processes = append(out.Processes, types.ProcessType{ProcessName: aws.String(p.String())})
	}
	return out, nil
}
