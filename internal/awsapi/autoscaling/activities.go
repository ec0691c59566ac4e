package autoscaling

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/internal/log"
	"bellows.dev/bellows/scaling"
)

// activitiesPage is the default and maximum page size of DescribeScalingActivities. AWS: API reference.
const activitiesPage = 50

func (a *API) describeScalingActivities(
	ctx context.Context, c awsapi.Call, in *sdk.DescribeScalingActivitiesInput,
) (*sdk.DescribeScalingActivitiesOutput, error) {
	ids := one(in.ResourceId)
	if err := a.checkFilter(string(in.ServiceNamespace), string(in.ScalableDimension), ids, "ResourceId"); err != nil {
		return nil, err
	}
	out := &sdk.DescribeScalingActivitiesOutput{ScalingActivities: []types.ScalingActivity{}}
	if in.MaxResults != nil && *in.MaxResults <= 0 || in.ServiceNamespace != types.ServiceNamespaceSagemaker { // AWS: recorded: the number is not refused
		return out, nil
	}
	n, err := limit(in.MaxResults, activitiesPage)
	if err != nil {
		return nil, err
	}
	// AWS: recorded: a token is also valid for other dimensions and the other value of IncludeNotScaledActivities.
	bind := fmt.Sprintf("activities %q", ids)
	token, err := awsapi.Open(aws.ToString(in.NextToken), bind)
	if err != nil {
		return nil, badToken(err)
	}
	q := log.EventQuery{
		Scope: engine.ScopeName(c.Scope), Table: log.TableActivity, Key: aws.ToString(in.ResourceId), Token: token,
		Types: []string{log.TypeScaled},
	}
	if aws.ToBool(in.IncludeNotScaledActivities) {
		q.Types = append(q.Types, log.TypeNotScaled)
	}
	if err := a.backend.View(ctx, func(now time.Time, _ *engine.Engine) { q.From = now.Add(-scaling.HistoryKept) }); err != nil {
		return nil, err
	}
	for len(out.ScalingActivities) < n {
		q.Limit = n - len(out.ScalingActivities)
		items, next, err := a.backend.Events(ctx, q)
		if err != nil {
			return nil, badToken(err)
		}
		for _, x := range items {
			e, ok := x.Event.(engine.ActivityChanged)
			if ok && (in.ScalableDimension == "" || string(in.ScalableDimension) == string(e.Activity.Key.Dimension)) {
				out.ScalingActivities = append(out.ScalingActivities, describeActivity(e.Activity))
			}
		}
		if out.NextToken = nil; next == "" {
			break
		}
		q.Token, out.NextToken = next, aws.String(awsapi.Seal(next, bind))
	}
	return out, nil
}

func describeActivity(x scaling.Activity) types.ScalingActivity {
	out := types.ScalingActivity{
		ActivityId: aws.String(x.ID), ServiceNamespace: types.ServiceNamespace(x.Key.Dimension.Namespace()), ResourceId: aws.String(x.Key.ResourceID),
		ScalableDimension: types.ScalableDimension(x.Key.Dimension), Description: aws.String(x.Description()),
		Cause: aws.String(x.Cause.String()), StartTime: aws.Time(x.Start), StatusCode: types.ScalingActivityStatusCode(x.Status.String()),
		StatusMessage: awsapi.Optional(x.StatusMessage()),
	}
	if !x.End.IsZero() {
		out.EndTime = aws.Time(x.End)
	}
	if x.NotScaled.Code != 0 {
		r := types.NotScaledReason{Code: aws.String(x.NotScaled.Code.String())}
		switch n := aws.Int32(int32(x.NotScaled.Capacity)); x.NotScaled.Code {
		case scaling.AlreadyAtMaxCapacity:
			r.MaxCapacity = n
		case scaling.AlreadyAtMinCapacity:
			r.MinCapacity = n
		case scaling.AlreadyAtDesiredCapacity, scaling.AutoScalingAnticipatedFlapping:
			r.CurrentCapacity = n
		case scaling.TargetServicePutResourceAsUnscalable: // has no number
		}
		out.NotScaledReasons = []types.NotScaledReason{r}
	}
	return out
}
