package ec2autoscaling

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/internal/zone"
	"bellows.dev/bellows/scaling"
)

// batchMost is the maximum number of actions per call. AWS: API reference.
const batchMost = 50

func (a *API) putSchedule(
	ctx context.Context, c awsapi.Call, in *sdk.PutScheduledUpdateGroupActionInput,
) (*sdk.PutScheduledUpdateGroupActionOutput, error) {
	k, err := parseGroup(c.Scope, *in.AutoScalingGroupName)
	if err != nil {
		return nil, err
	}
	start := in.StartTime
	if start == nil {
		start = in.Time // AWS: the older name of StartTime
	}
	return &sdk.PutScheduledUpdateGroupActionOutput{}, a.schedule(ctx, c, k, types.ScheduledUpdateGroupActionRequest{
		ScheduledActionName: in.ScheduledActionName, StartTime: start, EndTime: in.EndTime, Recurrence: in.Recurrence, TimeZone: in.TimeZone,
		MinSize: in.MinSize, MaxSize: in.MaxSize, DesiredCapacity: in.DesiredCapacity,
	})
}

// schedule puts one scheduled action.
func (a *API) schedule(ctx context.Context, c awsapi.Call, k scaling.TargetKey, x types.ScheduledUpdateGroupActionRequest) error {
	put := scaling.GroupScheduleInput{
		Key: k, Name: *x.ScheduledActionName, Recurrence: aws.ToString(x.Recurrence), Zone: aws.ToString(x.TimeZone),
		Start: aws.ToTime(x.StartTime).UTC(), End: aws.ToTime(x.EndTime).UTC(),
		Range: scaling.Range{Min: awsapi.Integer(x.MinSize), Max: awsapi.Integer(x.MaxSize)}, Desired: awsapi.Integer(x.DesiredCapacity),
	}
	if put.Zone != "" {
		put.ZoneData, _ = zone.Data(put.Zone) // without data the engine refuses the zone
	}
	_, err := a.step(ctx, k, engine.PutGroupSchedule{Scope: c.Scope, Input: put})
	return err
}

// batchPut puts several actions independently and lists those that are refused.
func (a *API) batchPut(
	ctx context.Context, c awsapi.Call, in *sdk.BatchPutScheduledUpdateGroupActionInput,
) (*sdk.BatchPutScheduledUpdateGroupActionOutput, error) {
	if len(in.ScheduledUpdateGroupActions) > batchMost {
		return nil, awsapi.Validation("At most %d scheduled actions can be put at once", batchMost)
	}
	k, err := a.known(ctx, c, *in.AutoScalingGroupName)
	if err != nil {
		return nil, err
	}
	out := &sdk.BatchPutScheduledUpdateGroupActionOutput{FailedScheduledUpdateGroupActions: []types.FailedScheduledUpdateGroupActionRequest{}}
	for _, x := range in.ScheduledUpdateGroupActions {
		if err := listed(a.schedule(ctx, c, k, x), *x.ScheduledActionName, &out.FailedScheduledUpdateGroupActions); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (a *API) deleteSchedule(
	ctx context.Context, c awsapi.Call, in *sdk.DeleteScheduledActionInput,
) (*sdk.DeleteScheduledActionOutput, error) {
	k, err := parseGroup(c.Scope, *in.AutoScalingGroupName)
	if err != nil {
		return nil, err
	}
	_, err = a.step(ctx, k, engine.DeleteGroupSchedule{Scope: c.Scope, Key: k, Name: *in.ScheduledActionName})
	return &sdk.DeleteScheduledActionOutput{}, err
}

func (a *API) batchDelete(
	ctx context.Context, c awsapi.Call, in *sdk.BatchDeleteScheduledActionInput,
) (*sdk.BatchDeleteScheduledActionOutput, error) {
	if len(in.ScheduledActionNames) > batchMost {
		return nil, awsapi.Validation("At most %d scheduled actions can be deleted at once", batchMost)
	}
	k, err := a.known(ctx, c, *in.AutoScalingGroupName)
	if err != nil {
		return nil, err
	}
	out := &sdk.BatchDeleteScheduledActionOutput{FailedScheduledActions: []types.FailedScheduledUpdateGroupActionRequest{}}
	for _, name := range in.ScheduledActionNames {
		_, err := a.step(ctx, k, engine.DeleteGroupSchedule{Scope: c.Scope, Key: k, Name: name})
		if err := listed(err, name, &out.FailedScheduledActions); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// listed adds a refused action to the list; it returns other errors.
func listed(err error, name string, failed *[]types.FailedScheduledUpdateGroupActionRequest) error {
	var e *awsapi.Error
	if !errors.As(err, &e) {
		return err
	}
	code := e.Query
	if code == "" {
		code = e.Code
	}
	*failed = append(*failed, types.FailedScheduledUpdateGroupActionRequest{
		ScheduledActionName: aws.String(name), ErrorCode: aws.String(code), ErrorMessage: aws.String(e.Message),
	})
	return nil
}

// known returns the key of an existing group.
func (a *API) known(ctx context.Context, c awsapi.Call, name string) (k scaling.TargetKey, err error) {
	err = a.groups(ctx, c, func(_ *engine.Region, all []group) error {
		g, err := named(all, c.Scope, name)
		k = g.key
		return err
	})
	return k, err
}

func (a *API) describeSchedules(
	ctx context.Context, c awsapi.Call, in *sdk.DescribeScheduledActionsInput,
) (*sdk.DescribeScheduledActionsOutput, error) {
	n, err := limit(in.MaxRecords, 50, 100) // AWS: API reference
	if err != nil {
		return nil, err
	}
	type row struct {
		group  group
		action *scaling.GroupAction
	}
	out := &sdk.DescribeScheduledActionsOutput{ScheduledUpdateGroupActions: []types.ScheduledUpdateGroupAction{}}
	return out, a.settled(ctx, c, in.AutoScalingGroupName, func(_ *engine.Region, all []group) error {
		var rows []row
		for _, g := range all {
			for _, x := range g.settings().Schedules {
				if wanted(in, x) {
					rows = append(rows, row{g, x})
				}
			}
		}
		key := func(x row) string {
			return fmt.Sprintf("%s\x00%020d\x00%s", x.group.key.GroupName(), x.action.Created.UnixNano(), x.action.Name)
		}
		bind := fmt.Sprint("schedules", aws.ToString(in.AutoScalingGroupName), in.ScheduledActionNames, aws.ToTime(in.StartTime), aws.ToTime(in.EndTime))
		page, next, err := awsapi.Page(rows, key, false, aws.ToString(in.NextToken), bind, n)
		for _, x := range page {
			out.ScheduledUpdateGroupActions = append(out.ScheduledUpdateGroupActions, describeSchedule(c, x.group.key, x.action))
		}
		out.NextToken = awsapi.Optional(next)
		return err
	})
}

// wanted reports whether a request selects an action: by its name, or else by its next run.
// AWS: DescribeScheduledActions: the times are ignored where names are given.
func wanted(in *sdk.DescribeScheduledActionsInput, x *scaling.GroupAction) bool {
	if len(in.ScheduledActionNames) > 0 {
		return slices.Contains(in.ScheduledActionNames, x.Name)
	}
	return (in.StartTime == nil || !x.Next.Before(*in.StartTime)) && (in.EndTime == nil || !x.Next.After(*in.EndTime))
}

func describeSchedule(c awsapi.Call, k scaling.TargetKey, x *scaling.GroupAction) types.ScheduledUpdateGroupAction {
	out := types.ScheduledUpdateGroupAction{
		AutoScalingGroupName: aws.String(k.GroupName()), ScheduledActionName: aws.String(x.Name),
		ScheduledActionARN: aws.String(c.ARN("autoscaling", "scheduledUpdateGroupAction:"+x.ID+":"+groupPrefix+k.GroupName()+":scheduledActionName/"+x.Name)),
		StartTime:          aws.Time(x.Next), Time: aws.Time(x.Next), EndTime: when(x.End), TimeZone: awsapi.Optional(x.Zone),
		MinSize: optionalNumber(x.Range.Min), MaxSize: optionalNumber(x.Range.Max), DesiredCapacity: optionalNumber(x.Desired),
	}
	if x.Unix {
		out.Recurrence = aws.String(x.Schedule)
	}
	return out
}

func when(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func optionalNumber(n *int) *int32 {
	if n == nil {
		return nil
	}
	return number(*n)
}
