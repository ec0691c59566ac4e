package ec2autoscaling

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/internal/log"
	"bellows.dev/bellows/scaling"
)

// activitiesPage is the default and maximum page size of DescribeScalingActivities. AWS: API reference.
const activitiesPage = 100

func (a *API) describeScalingActivities(
	ctx context.Context, c awsapi.Call, in *sdk.DescribeScalingActivitiesInput,
) (*sdk.DescribeScalingActivitiesOutput, error) {
	n, err := limit(in.MaxRecords, activitiesPage, activitiesPage)
	if err != nil {
		return nil, err
	}
	bind := fmt.Sprintf("group activities %q %q %q %t", aws.ToString(in.AutoScalingGroupName), in.ActivityIds, texts(in.Filters),
		aws.ToBool(in.IncludeDeletedGroups))
	token, err := awsapi.Open(aws.ToString(in.NextToken), bind)
	if err != nil {
		return nil, badToken(err)
	}
	q := log.EventQuery{Scope: engine.ScopeName(c.Scope), Table: log.TableGroup, IDs: in.ActivityIds, Token: token}
	if err := filter(&q, in.Filters); err != nil {
		return nil, err
	}
	if err := a.backend.View(ctx, func(now time.Time, _ *engine.Engine) {
		if kept := now.Add(-scaling.HistoryKept); q.From.Before(kept) {
			q.From = kept
		}
	}); err != nil {
		return nil, err
	}
	there := map[scaling.TargetKey]group{}
	if err := a.groups(ctx, c, func(_ *engine.Region, all []group) error {
		for _, g := range all {
			there[g.key] = g
		}
		return nil
	}); err != nil {
		return nil, err
	}
	deleted := aws.ToBool(in.IncludeDeletedGroups)
	if in.AutoScalingGroupName != nil {
		k, err := parseGroup(c.Scope, *in.AutoScalingGroupName)
		if err != nil {
			return nil, err
		}
		if _, found := there[k]; !found && !deleted {
			return nil, unknownGroup(*in.AutoScalingGroupName)
		}
		q.Key = k.VariantName()
	}
	arn := func(x scaling.InstanceActivity) string {
		g, found := there[x.Group]
		if !found || x.Start.Before(g.endpoint.Created) { // of an earlier group of the same name
			return ""
		}
		return g.arn(c.Scope)
	}
	keep := func(x scaling.InstanceActivity) bool { return deleted || arn(x) != "" }
	page, next, err := a.activityPage(ctx, q, n, keep)
	if err != nil {
		return nil, badToken(err)
	}
	out := &sdk.DescribeScalingActivitiesOutput{Activities: []types.Activity{}}
	if next != "" {
		out.NextToken = aws.String(awsapi.Seal(next, bind))
	}
	for _, x := range page {
		out.Activities = append(out.Activities, describeActivity(c, x, arn(x)))
	}
	return out, nil
}

// activityPage returns the first n activities that keep accepts, and a token for further ones, "" if there are none: no page is empty
// while others follow.
func (a *API) activityPage(
	ctx context.Context, q log.EventQuery, n int, keep func(scaling.InstanceActivity) bool,
) (page []scaling.InstanceActivity, next string, err error) {
	q.Limit = activitiesPage
	for {
		items, more, err := a.backend.Events(ctx, q)
		if err != nil {
			return nil, "", err
		}
		for _, x := range items {
			e, ok := x.Event.(engine.InstanceActivityChanged)
			switch {
			case !ok || !keep(e.Activity):
			case len(page) == n:
				return page, next, nil
			default:
				page, next = append(page, e.Activity), x.After
			}
		}
		if more == "" {
			return page, "", nil
		}
		q.Token = more
	}
}

// filter reads the filters of DescribeScalingActivities. AWS: API reference, Filters.
func filter(q *log.EventQuery, filters []types.Filter) error {
	for _, f := range filters {
		name := aws.ToString(f.Name)
		if name == "Status" {
			q.Types = append(q.Types, f.Values...)
			continue
		}
		if !slices.Contains([]string{"StartTimeLowerBound", "StartTimeUpperBound"}, name) {
			return awsapi.Validation("Filter %s is not supported: StartTimeLowerBound, StartTimeUpperBound and Status are.", name)
		}
		if len(f.Values) != 1 {
			return awsapi.Validation("Filter %s must have one value", name)
		}
		at, err := time.Parse(time.RFC3339, f.Values[0])
		if err != nil {
			return awsapi.Validation("Filter %s must be a time such as 2026-11-23T19:00:00Z, but was %s", name, f.Values[0])
		}
		if name == "StartTimeLowerBound" {
			q.From = at
		} else {
			q.To = at.Add(time.Millisecond) // the bound is inclusive, and responses have times in milliseconds
		}
	}
	return nil
}

func describeActivity(c awsapi.Call, x scaling.InstanceActivity, groupARN string) types.Activity {
	out := types.Activity{
		ActivityId: aws.String(x.ID), AutoScalingGroupName: aws.String(x.Group.GroupName()), AutoScalingGroupARN: awsapi.Optional(groupARN),
		Description: aws.String(x.Description()), Cause: aws.String(x.CauseText()), StartTime: aws.Time(x.Start),
		StatusCode: types.ScalingActivityStatusCode(x.Status.String()), StatusMessage: awsapi.Optional(x.Reason), Progress: number(x.Progress()),
		Details: aws.String(`{"Availability Zone":"` + zoneOf(c.Scope) + `"}`),
	}
	if !x.End.IsZero() {
		out.EndTime = aws.Time(x.End)
	}
	if groupARN == "" {
		out.AutoScalingGroupState = aws.String("Deleted")
	}
	return out
}
