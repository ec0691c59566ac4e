package cloudwatch

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/awsapi"
)

func (a *API) putCompositeAlarm(
	ctx context.Context, c awsapi.Call, in *sdk.PutCompositeAlarmInput,
) (*sdk.PutCompositeAlarmOutput, error) {
	x, err := newComposite(c, in)
	if err != nil {
		return nil, err
	}
	_, err = a.backend.Step(ctx, engine.PutCompositeAlarm{Scope: c.Scope, Alarm: x})
	return &sdk.PutCompositeAlarmOutput{}, refusal(err)
}

// alarmPrefix returns the ARN of an alarm without its name.
func alarmPrefix(s engine.Scope) string { return awsapi.ARN(s, "cloudwatch", "alarm:") }

// newComposite checks PutCompositeAlarm's request; the engine checks the rule and the alarms that it refers to. Texts as recorded.
func newComposite(c awsapi.Call, in *sdk.PutCompositeAlarmInput) (alarm.Composite, error) {
	x := alarm.Composite{
		Name: *in.AlarmName, Description: aws.ToString(in.AlarmDescription), ActionsEnabled: in.ActionsEnabled == nil || *in.ActionsEnabled,
		Rule: *in.AlarmRule, Prefix: alarmPrefix(c.Scope), Suppressor: aws.ToString(in.ActionsSuppressor),
	}
	if err := awsapi.Only(in, "", "AlarmName", "AlarmDescription", "ActionsEnabled", "AlarmActions", "OKActions", "InsufficientDataActions",
		"AlarmRule", "ActionsSuppressor", "ActionsSuppressorWaitPeriod", "ActionsSuppressorExtensionPeriod", "Tags"); err != nil {
		return x, err
	}
	if err := checkName(x.Name); err != nil {
		return x, err
	}
	if err := suppressor(&x, in); err != nil {
		return x, err
	}
	var err error
	if x.Actions, err = actions(c.Scope, compositeVendors, in.OKActions, in.AlarmActions, in.InsufficientDataActions); err != nil {
		return x, err
	}
	x.Tags, err = newTags(in.Tags)
	return x, err
}

func suppressor(x *alarm.Composite, in *sdk.PutCompositeAlarmInput) error {
	for _, p := range []struct {
		name    string
		seconds *int32
		into    *time.Duration
	}{
		{"ActionsSuppressorWaitPeriod", in.ActionsSuppressorWaitPeriod, &x.Wait},
		{"ActionsSuppressorExtensionPeriod", in.ActionsSuppressorExtensionPeriod, &x.Extension},
	} {
		switch {
		case in.ActionsSuppressor == nil && p.seconds != nil:
			return awsapi.Validation("%s requires an ActionSuppressor", p.name)
		case in.ActionsSuppressor != nil && p.seconds == nil:
			return awsapi.Validation("%s must not be null", p.name)
		case p.seconds != nil && *p.seconds < 0:
			return awsapi.Validation("%s must not be negative", p.name)
		case p.seconds != nil:
			*p.into = time.Duration(*p.seconds) * time.Second
		}
	}
	if parts := strings.SplitN(x.Suppressor, ":", 7); parts[0] == "arn" && (len(parts) < 7 || parts[2] != "cloudwatch" || parts[5] != "alarm") {
		return awsapi.Validation("ActionsSuppressor must be a valid CloudWatch Alarm ARN or an Alarm name")
	}
	return nil
}

func describeComposite(s engine.Scope, x *alarm.Composite) types.CompositeAlarm {
	out := types.CompositeAlarm{
		AlarmName: aws.String(x.Name), AlarmArn: aws.String(alarmPrefix(s) + x.Name), AlarmDescription: awsapi.Optional(x.Description),
		AlarmConfigurationUpdatedTimestamp: aws.Time(x.Configured), ActionsEnabled: aws.Bool(x.ActionsEnabled), AlarmRule: aws.String(x.Rule),
		OKActions: arns(x.Actions, alarm.OK), AlarmActions: arns(x.Actions, alarm.InAlarm),
		InsufficientDataActions: arns(x.Actions, alarm.InsufficientData),
		StateValue:              types.StateValue(x.State.String()), StateReason: awsapi.Optional(x.Reason), StateReasonData: awsapi.Optional(x.Data),
		StateUpdatedTimestamp: aws.Time(x.Updated), StateTransitionedTimestamp: aws.Time(x.Transitioned),
		ActionsSuppressedBy: types.ActionsSuppressedBy(x.Suppressed.String()), ActionsSuppressedReason: awsapi.Optional(x.Suppressed.Reason()),
		ActionsSuppressor: awsapi.Optional(x.Suppressor),
	}
	if x.Suppressor != "" {
		out.ActionsSuppressorWaitPeriod = aws.Int32(int32(x.Wait / time.Second))
		out.ActionsSuppressorExtensionPeriod = aws.Int32(int32(x.Extension / time.Second))
	}
	return out
}

// arns returns the ARNs of the actions of a state, as given.
func arns(actions []alarm.Action, on alarm.State) []string {
	out := []string{}
	for _, a := range actions {
		if a.On == on && a.ARN != "" {
			out = append(out, a.ARN)
		}
	}
	return out
}

// describeAlarmContributors lists the contributors of a PromQL alarm that are in ALARM; other alarms have none.
// AWS: DescribeAlarmContributors, API reference.
func (a *API) describeAlarmContributors(
	ctx context.Context, c awsapi.Call, in *sdk.DescribeAlarmContributorsInput,
) (*sdk.DescribeAlarmContributorsOutput, error) {
	out := &sdk.DescribeAlarmContributorsOutput{AlarmContributors: []types.AlarmContributor{}}
	return out, a.region(ctx, c, func(_ time.Time, r *engine.Region) error {
		x := r.Alarms.Metric[*in.AlarmName]
		if x == nil {
			return unknownAlarm(*in.AlarmName)
		}
		all := slices.DeleteFunc(slices.Clone(x.Contributors), func(c alarm.Contributor) bool { return c.State != alarm.InAlarm })
		id := func(c alarm.Contributor) string { return c.ID }
		page, next, err := awsapi.Page(all, id, false, aws.ToString(in.NextToken), "contributors"+x.Name, recordsPage)
		for _, c := range page {
			out.AlarmContributors = append(out.AlarmContributors, types.AlarmContributor{
				ContributorId: aws.String(c.ID), ContributorAttributes: c.Attributes, StateReason: aws.String(c.Reason),
				StateTransitionedTimestamp: aws.Time(c.Transitioned),
			})
		}
		out.NextToken = awsapi.Optional(next)
		return err
	})
}

// unknownAlarm returns the error of an unknown alarm in operations that state the kind of the resource.
func unknownAlarm(name string) *awsapi.Error {
	return &awsapi.Error{
		Code: "ResourceNotFoundException", Status: 404, Message: "Unknown resource " + name,
		Members: map[string]string{"ResourceType": "Alarm", "ResourceId": name},
	}
}
