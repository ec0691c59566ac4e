package autoscaling

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/internal/zone"
	"bellows.dev/bellows/scaling"
)

// schedulesPage is the default and maximum page size of DescribeScheduledActions. AWS: API reference.
const schedulesPage = 50

func (a *API) putScheduledAction(
	ctx context.Context, c awsapi.Call, in *sdk.PutScheduledActionInput,
) (*sdk.PutScheduledActionOutput, error) {
	key, err := a.targetKey(c, in.ServiceNamespace, in.ResourceId, in.ScalableDimension)
	if err != nil {
		return nil, err
	}
	put := scaling.ScheduleInput{
		Key: key, Name: *in.ScheduledActionName, Schedule: aws.ToString(in.Schedule), Zone: aws.ToString(in.Timezone),
		Start: aws.ToTime(in.StartTime).UTC(), End: aws.ToTime(in.EndTime).UTC(),
	}
	if put.Zone != "" {
		put.ZoneData, _ = zone.Data(put.Zone) // without data the engine refuses the zone
	}
	if x := in.ScalableTargetAction; x != nil {
		put.Range = &scaling.Range{Min: awsapi.Integer(x.MinCapacity), Max: awsapi.Integer(x.MaxCapacity)}
	}
	_, err = a.step(ctx, c, engine.PutScheduledAction{Scope: c.Scope, Input: put})
	return &sdk.PutScheduledActionOutput{}, err
}

func (a *API) deleteScheduledAction(
	ctx context.Context, c awsapi.Call, in *sdk.DeleteScheduledActionInput,
) (*sdk.DeleteScheduledActionOutput, error) {
	key, err := a.targetKey(c, in.ServiceNamespace, in.ResourceId, in.ScalableDimension)
	if err != nil {
		return nil, err
	}
	_, err = a.step(ctx, c, engine.DeleteScheduledAction{Scope: c.Scope, Key: key, Name: *in.ScheduledActionName})
	return &sdk.DeleteScheduledActionOutput{}, err
}

func (a *API) describeScheduledActions(
	ctx context.Context, c awsapi.Call, in *sdk.DescribeScheduledActionsInput,
) (*sdk.DescribeScheduledActionsOutput, error) {
	ids := one(in.ResourceId)
	if err := a.checkFilter(string(in.ServiceNamespace), string(in.ScalableDimension), ids, "ResourceId"); err != nil {
		return nil, err
	}
	n, err := limit(in.MaxResults, schedulesPage)
	if err != nil {
		return nil, err
	}
	type row struct {
		target *scaling.Target
		action *scaling.ScheduledAction
	}
	out := &sdk.DescribeScheduledActionsOutput{ScheduledActions: []types.ScheduledAction{}}
	return out, a.region(ctx, c, func(r *engine.Region) error {
		var rows []row
		for _, t := range selected(r, in.ServiceNamespace, ids, in.ScalableDimension) {
			for _, x := range t.Schedules {
				if len(in.ScheduledActionNames) == 0 || slices.Contains(in.ScheduledActionNames, x.Name) {
					rows = append(rows, row{t, x})
				}
			}
		}
		key := func(x row) string {
			return fmt.Sprintf("%s\x00%020d\x00%s", x.target.Key.ResourceID, x.action.Created.UnixNano(), x.action.Name)
		}
		bind := fmt.Sprintf("schedules %q %q %q", ids, in.ScalableDimension, in.ScheduledActionNames)
		page, next, err := awsapi.Page(rows, key, false, aws.ToString(in.NextToken), bind, n)
		for _, x := range page {
			out.ScheduledActions = append(out.ScheduledActions, describeSchedule(c, x.target, x.action))
		}
		out.NextToken = awsapi.Optional(next)
		return badToken(err)
	})
}

func describeSchedule(c awsapi.Call, t *scaling.Target, x *scaling.ScheduledAction) types.ScheduledAction {
	return types.ScheduledAction{
		ScheduledActionName: aws.String(x.Name), ScheduledActionARN: aws.String(scheduleARN(c, t, x.Name)),
		ServiceNamespace: types.ServiceNamespaceSagemaker, Schedule: aws.String(x.Schedule), Timezone: awsapi.Optional(x.Zone),
		ResourceId: aws.String(t.Key.ResourceID), ScalableDimension: types.ScalableDimension(t.Key.Dimension),
		StartTime: when(x.Start), EndTime: when(x.End), CreationTime: aws.Time(x.Created),
		ScalableTargetAction: &types.ScalableTargetAction{MinCapacity: number(x.Range.Min), MaxCapacity: number(x.Range.Max)},
	}
}

// scheduleARN returns the ARN of a scheduled action: like those of policies, it contains the target's UUID. AWS: recorded.
func scheduleARN(c awsapi.Call, t *scaling.Target, name string) string {
	return c.ARN("autoscaling", "scheduledAction:"+t.UUID+":resource/"+t.Key.Dimension.Namespace()+"/"+t.Key.ResourceID+":scheduledActionName/"+name)
}

func when(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func number(n *int) *int32 {
	if n == nil {
		return nil
	}
	return aws.Int32(int32(*n))
}
