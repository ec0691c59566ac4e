package cloudwatch

import (
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/scaling"
)

// describeAlarm renders an alarm for DescribeAlarms; members that were never set are omitted.
func describeAlarm(r *engine.Region, x *alarm.Alarm) types.MetricAlarm {
	out := types.MetricAlarm{
		AlarmName: aws.String(x.Name), AlarmArn: aws.String(alarmPrefix(r.Scope) + x.Name),
		AlarmDescription: awsapi.Optional(x.Description), AlarmConfigurationUpdatedTimestamp: aws.Time(x.Configured), ActionsEnabled: aws.Bool(x.ActionsEnabled),
		OKActions: []string{}, AlarmActions: []string{}, InsufficientDataActions: []string{},
		StateValue: types.StateValue(x.State.String()), StateReason: awsapi.Optional(x.Reason), StateReasonData: awsapi.Optional(x.Data),
		StateUpdatedTimestamp: aws.Time(x.Updated), StateTransitionedTimestamp: aws.Time(x.Transitioned),
		EvaluationState: types.EvaluationState(x.Trouble.String()),
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
		kind := "scaling"
		if p := policyOf(r, x.Actions[0]); p != nil {
			kind = p.Type()
		}
		out.AlarmDescription = aws.String(fmt.Sprintf("DO NOT EDIT OR DELETE. For %s policy %s.", kind, actionARN(r, x.Actions[0])))
	}
	if !x.WarmingSince.IsZero() {
		out.EvaluationState = evaluationWarmsUp
	}
	describeRule(&out, &x.Rule)
	describeEvaluation(&out, &x.Rule)
	return out
}

func describeRule(out *types.MetricAlarm, r *alarm.Rule) {
	if r.PromQL != nil {
		describePromQL(out, r.PromQL)
		return
	}
	out.EvaluationPeriods, out.Threshold = aws.Int32(int32(r.Periods)), aws.Float64(r.Threshold)
	out.ComparisonOperator, out.TreatMissingData = types.ComparisonOperator(r.Comparison.String()), awsapi.Optional(r.Missing.String())
	if r.DatapointsToM > 0 {
		out.DatapointsToAlarm = aws.Int32(int32(r.DatapointsToM))
	}
	if len(r.Metrics) > 0 {
		out.Metrics, out.Dimensions = describeQueries(r.Metrics), []types.Dimension{} // recorded
		return
	}
	out.Namespace, out.MetricName = aws.String(r.Metric.Namespace), aws.String(r.Metric.Name)
	out.Dimensions, out.Unit = describeDimensions(r.Given()), types.StandardUnit(r.Unit)
	out.Period = aws.Int32(int32(r.Period / time.Second))
	if r.Statistic.Kind >= metric.Percentile {
		out.ExtendedStatistic = aws.String(r.Statistic.String())
	} else {
		out.Statistic = types.Statistic(r.Statistic.String())
	}
	switch {
	case r.IgnoreLowSample:
		out.EvaluateLowSampleCountPercentile = aws.String("ignore")
	case r.EvaluateLowSample:
		out.EvaluateLowSampleCountPercentile = aws.String("evaluate")
	}
}

// actionARN returns the ARN given by the user, or that of the policy that owns the alarm.
func actionARN(r *engine.Region, a alarm.Action) string {
	if a.ARN != "" {
		return a.ARN
	}
	if t, err := r.Targets.ByID(a.Target); err == nil {
		if p := t.Policy(a.Policy); p != nil {
			return awsapi.ActionARN(r.Scope, t, p)
		}
	}
	if t, p := r.Targets.ByPolicyID(a.Target); p != nil {
		return awsapi.GroupPolicyARN(r.Scope, t.Key, p.UUID, p.Name)
	}
	return awsapi.ARN(r.Scope, "autoscaling", "scalingPolicy::policyName/"+a.Policy) // the policy has been deleted
}

// policyOf returns the policy that an action invokes; nil if there is none.
func policyOf(r *engine.Region, a alarm.Action) *scaling.Policy {
	if t, err := r.Targets.ByID(a.Target); err == nil {
		return t.Policy(a.Policy)
	}
	_, p := r.Targets.ByPolicyID(a.Target)
	return p
}
