package cloudwatch

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/metric"
)

func (a *API) putMetricAlarm(ctx context.Context, c awsapi.Call, in *sdk.PutMetricAlarmInput) (*sdk.PutMetricAlarmOutput, error) {
	x, err := newAlarm(c.Scope, in)
	if err != nil {
		return nil, err
	}
	_, err = a.backend.Step(ctx, engine.PutMetricAlarm{Scope: c.Scope, Alarm: x})
	return &sdk.PutMetricAlarmOutput{}, err
}

// newAlarm checks PutMetricAlarm's request. Texts as recorded.
func newAlarm(s engine.Scope, in *sdk.PutMetricAlarmInput) (alarm.Alarm, error) {
	x := alarm.Alarm{
		Name: *in.AlarmName, Description: aws.ToString(in.AlarmDescription), ActionsEnabled: in.ActionsEnabled == nil || *in.ActionsEnabled,
	}
	if err := awsapi.Only(in, "", "AlarmName", "AlarmDescription", "ActionsEnabled", "AlarmActions", "OKActions", "InsufficientDataActions",
		"MetricName", "Namespace", "Dimensions", "Statistic", "ExtendedStatistic", "Period", "Unit", "EvaluationPeriods",
		"DatapointsToAlarm", "Threshold", "ComparisonOperator", "TreatMissingData", "EvaluateLowSampleCountPercentile", "Tags"); err != nil {
		return x, err
	}
	if strings.IndexFunc(x.Name, func(r rune) bool { return r < 32 || r == 127 }) >= 0 {
		return x, invalidValue("The parameter AlarmName must not contain ASCII control characters.")
	}
	var err error
	if x.Rule, err = rule(in); err != nil {
		return x, err
	}
	if x.Actions, err = actions(s, in); err != nil {
		return x, err
	}
	if len(in.Tags) > 0 {
		x.Tags = map[string]string{}
		for _, t := range in.Tags {
			x.Tags[aws.ToString(t.Key)] = aws.ToString(t.Value)
		}
	}
	return x, nil
}

func rule(in *sdk.PutMetricAlarmInput) (alarm.Rule, error) {
	var r alarm.Rule
	switch {
	case in.MetricName == nil || in.Namespace == nil:
		return r, missingParameter("The parameters MetricName and Namespace are required.")
	case in.Statistic != "" && in.ExtendedStatistic != nil:
		return r, invalidCombination("PutMetricAlarm request can not be made with both Statistic and ExtendedStatistic parameters. " +
			"Only one of them should be present")
	case in.Statistic == "" && in.ExtendedStatistic == nil:
		return r, missingParameter("PutMetricAlarm request should have a Statistic parameter")
	case in.Period == nil:
		return r, missingParameter("PutMetricAlarm request should have a Period parameter")
	case in.Threshold == nil:
		return r, missingParameter("PutMetricAlarm request should have valid Threshold parameter")
	}
	if err := checkDimensions(in.Dimensions, "PutMetricAlarm"); err != nil {
		return r, err
	}
	r = alarm.Rule{
		Metric: metric.NewID(*in.Namespace, *in.MetricName, dimensions(in.Dimensions)...), Unit: string(in.Unit),
		Period: time.Duration(*in.Period) * time.Second, Periods: int(*in.EvaluationPeriods), DatapointsToM: int(aws.ToInt32(in.DatapointsToAlarm)),
		Threshold: *in.Threshold,
	}
	if err := checkValue(r.Threshold, "Threshold"); err != nil {
		return r, err
	}
	if err := checkSpan(int(*in.Period), r); err != nil {
		return r, err
	}
	var err error
	if r.Statistic, err = metric.ParseStatistic(string(in.Statistic) + aws.ToString(in.ExtendedStatistic)); err != nil {
		return r, invalidValue("%s", err)
	}
	return r, choices(&r, in)
}

// checkSpan checks how long and how far back an alarm looks.
func checkSpan(seconds int, r alarm.Rule) error {
	switch {
	case seconds != 10 && seconds != 20 && seconds != 30 && (seconds < 60 || seconds%60 != 0):
		return awsapi.Validation("Period must be 10, 20, 30 or a multiple of 60")
	case r.DatapointsToM > r.Periods:
		return awsapi.Validation("DatapointsToAlarm must be less than or equal to EvaluationPeriods")
	case seconds < 3600 && seconds*r.Periods > 86_400:
		return awsapi.Validation("Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be <= 86400).")
	case seconds*r.Periods > 604_800:
		return awsapi.Validation("Metrics cannot be checked across more than seven days (EvaluationPeriods * Period must be <= 604800).")
	}
	return nil
}

// choices reads the members that are one of several words.
func choices(r *alarm.Rule, in *sdk.PutMetricAlarmInput) error {
	for _, c := range []alarm.Comparison{
		alarm.GreaterThanOrEqualToThreshold, alarm.GreaterThanThreshold, alarm.LessThanThreshold, alarm.LessThanOrEqualToThreshold,
	} {
		if c.String() == string(in.ComparisonOperator) {
			r.Comparison = c
		}
	}
	if r.Comparison == 0 {
		return awsapi.Validation("The comparison operator %s is for anomaly detection, which this server does not do.", in.ComparisonOperator)
	}
	if in.TreatMissingData != nil {
		for _, m := range []alarm.MissingData{alarm.Missing, alarm.Ignore, alarm.Breaching, alarm.NotBreaching} {
			if m.String() == *in.TreatMissingData {
				r.Missing = m
			}
		}
		if r.Missing == alarm.MissingUnset {
			return awsapi.Validation("Supported values for TreatMissingData are breaching, notBreaching, ignore, and missing.")
		}
	}
	if low := in.EvaluateLowSampleCountPercentile; low != nil {
		if r.Statistic.Kind != metric.Percentile {
			return awsapi.Validation("Option evaluateLowSampleCountPercentile can not be applied with statistic %s. This option is enabled only "+
				"for percentile statistics.", r.Statistic)
		}
		if *low != "evaluate" && *low != "ignore" {
			return awsapi.Validation("Supported values for EvaluateLowSampleCountPercentile are evaluate and ignore.")
		}
		r.IgnoreLowSample = *low == "ignore"
	}
	return nil
}

// vendors are the services that an alarm's action may belong to. AWS: recorded.
var vendors = []string{"automate", "sns", "autoscaling", "ssm", "ssm-incidents", "lambda", "aiops"}

// actionsMax is how many actions an alarm may have for a state. AWS: PutMetricAlarm, API reference.
const actionsMax = 5

func actions(s engine.Scope, in *sdk.PutMetricAlarmInput) ([]alarm.Action, error) {
	var out []alarm.Action
	for _, list := range []struct {
		on   alarm.State
		name string
		arns []string
	}{
		{alarm.OK, "OKActions", in.OKActions}, {alarm.InAlarm, "AlarmActions", in.AlarmActions},
		{alarm.InsufficientData, "InsufficientDataActions", in.InsufficientDataActions},
	} {
		if len(list.arns) > actionsMax {
			return nil, awsapi.Validation("The collection %s must not have a size greater than %d.", list.name, actionsMax)
		}
		for _, text := range list.arns {
			x, err := action(s, text)
			if err != nil {
				return nil, err
			}
			x.On = list.on
			if slices.Contains(out, x) {
				return nil, awsapi.Validation("The collection %s must not have duplicates.", list.name)
			}
			out = append(out, x)
		}
	}
	return out, nil
}

// action reads an ARN. Whether its target exists is not checked: AWS does not.
func action(s engine.Scope, text string) (alarm.Action, error) {
	parts := strings.SplitN(text, ":", 6)
	if len(parts) < 6 || parts[0] != "arn" || parts[5] == "" {
		return alarm.Action{}, awsapi.Validation("Invalid arn syntax: %s", text)
	}
	if !slices.Contains(vendors, parts[2]) {
		return alarm.Action{}, awsapi.Validation("Unsupported AWS vendor %s", parts[2])
	}
	if parts[3] != s.Region && parts[3] != "" {
		return alarm.Action{}, awsapi.Validation("Invalid region %s specified. Only %s is supported.", parts[3], s.Region)
	}
	x := alarm.Action{ARN: text}
	if target, policy, ok := awsapi.ParsePolicyARN(s, text); ok {
		x.Target, x.Policy = target, policy
	}
	return x, nil
}

// describeAlarm renders an alarm as DescribeAlarms does: members that were never set are left out.
func describeAlarm(r *engine.Region, x *alarm.Alarm) types.MetricAlarm {
	out := types.MetricAlarm{
		AlarmName: aws.String(x.Name), AlarmArn: aws.String(awsapi.ARN(r.Scope, "cloudwatch", "alarm:"+x.Name)),
		AlarmDescription: optional(x.Description), AlarmConfigurationUpdatedTimestamp: aws.Time(x.Configured), ActionsEnabled: aws.Bool(x.ActionsEnabled),
		OKActions: []string{}, AlarmActions: []string{}, InsufficientDataActions: []string{},
		StateValue: types.StateValue(x.State.String()), StateReason: aws.String(x.Reason), StateReasonData: optional(x.Data),
		StateUpdatedTimestamp: aws.Time(x.Updated), StateTransitionedTimestamp: aws.Time(x.Transitioned),
		Namespace: aws.String(x.Rule.Metric.Namespace), MetricName: aws.String(x.Rule.Metric.Name),
		Dimensions: describeDimensions(x.Rule.Metric.Dimensions), Period: aws.Int32(int32(x.Rule.Period / time.Second)),
		Unit: types.StandardUnit(x.Rule.Unit), EvaluationPeriods: aws.Int32(int32(x.Rule.Periods)), Threshold: aws.Float64(x.Rule.Threshold),
		ComparisonOperator: types.ComparisonOperator(x.Rule.Comparison.String()), TreatMissingData: optional(x.Rule.Missing.String()),
	}
	if x.Rule.DatapointsToM > 0 {
		out.DatapointsToAlarm = aws.Int32(int32(x.Rule.DatapointsToM))
	}
	if x.Rule.Statistic.Kind >= metric.Percentile {
		out.ExtendedStatistic = aws.String(x.Rule.Statistic.String())
	} else {
		out.Statistic = types.Statistic(x.Rule.Statistic.String())
	}
	if x.Rule.IgnoreLowSample {
		out.EvaluateLowSampleCountPercentile = aws.String("ignore")
	}
	for _, a := range x.Actions {
		arn := actionARN(r, a)
		switch a.On {
		case alarm.OK:
			out.OKActions = append(out.OKActions, arn)
		case alarm.InAlarm:
			out.AlarmActions = append(out.AlarmActions, arn)
		case alarm.InsufficientData:
			out.InsufficientDataActions = append(out.InsufficientDataActions, arn)
		}
	}
	if x.Owned && len(x.Actions) > 0 {
		out.AlarmDescription = aws.String(fmt.Sprintf("DO NOT EDIT OR DELETE. For TargetTrackingScaling policy %s.", actionARN(r, x.Actions[0])))
	}
	return out
}

// actionARN is the ARN a user gave, or that of the policy which owns the alarm.
func actionARN(r *engine.Region, a alarm.Action) string {
	if a.ARN != "" {
		return a.ARN
	}
	if t, err := r.Targets.ByID(a.Target); err == nil {
		if p := t.Policy(a.Policy); p != nil {
			return awsapi.ActionARN(r.Scope, t, p)
		}
	}
	return awsapi.ARN(r.Scope, "autoscaling", "scalingPolicy::policyName/"+a.Policy) // deleted since
}
