package cloudwatch

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/metric"
)

// errNoJSON is the error of a text that is not JSON; SetAlarmState refuses such texts.
var errNoJSON = errors.New("StateReasonData is not JSON")

// historyDate is the time format of HistoryData. AWS: recorded.
const historyDate = "2006-01-02T15:04:05.000-0700"

// stateSide is one side of a StateUpdate's HistoryData. AWS: recorded.
func stateSide(state alarm.State, reason, data string) object {
	o := object{{"stateValue", state.String()}, {"stateReason", reason}}
	if data != "" {
		o.set("stateReasonData", verbatim(data))
	}
	return o
}

func stateUpdate(out *types.AlarmHistoryItem, e engine.AlarmTransition) object {
	if e.Composite {
		out.AlarmType = types.AlarmTypeCompositeAlarm
	}
	out.AlarmName, out.HistoryItemType = aws.String(e.Alarm), types.HistoryItemTypeStateUpdate
	out.HistorySummary = aws.String(fmt.Sprintf("Alarm updated from %s to %s", e.From, e.To))
	return object{
		{"version", "1.0"}, {"oldState", stateSide(e.From, e.OldReason, e.OldData)}, {"newState", stateSide(e.To, e.Reason, e.Data)},
	}
}

func unevaluated(out *types.AlarmHistoryItem, e engine.AlarmUnevaluated) object {
	out.AlarmName, out.HistoryItemType = aws.String(e.Alarm), types.HistoryItemTypeStateUpdate
	out.HistorySummary = aws.String("Alarm evaluation state updated to " + alarm.EvaluationError.String())
	return object{{"version", "1.0"}, {"evaluationState", alarm.EvaluationError.String()}, {"stateReason", e.Reason}}
}

func contributorUpdate(out *types.AlarmHistoryItem, e engine.ContributorTransition) object {
	out.AlarmName, out.HistoryItemType = aws.String(e.Alarm), types.HistoryItemTypeAlarmContributorStateUpdate
	out.AlarmContributorId, out.AlarmContributorAttributes = aws.String(e.Contributor.ID), e.Contributor.Attributes
	out.HistorySummary = aws.String(fmt.Sprintf("Alarm contributor updated from %s to %s", e.From, e.To))
	return object{
		{"version", "1.0"}, {"oldState", stateSide(e.From, e.OldReason, "")}, {"newState", stateSide(e.To, e.Contributor.Reason, "")},
	}
}

// acted renders the result of an action. AWS: recorded.
func acted(out *types.AlarmHistoryItem, r *engine.Region, e engine.AlarmActed) object {
	out.AlarmName, out.HistoryItemType = aws.String(e.Alarm), types.HistoryItemTypeAction
	if e.Composite {
		out.AlarmType = types.AlarmTypeCompositeAlarm
	}
	if e.Contributor != nil {
		out.HistoryItemType = types.HistoryItemTypeAlarmContributorAction
		out.AlarmContributorId, out.AlarmContributorAttributes = aws.String(e.Contributor.ID), e.Contributor.Attributes
	}
	arn := actionARN(r, e.Action)
	state, summary, failed := "Succeeded", "Successfully executed action "+arn, (*string)(nil)
	if e.Error != "" {
		state, summary, failed = "Failed", "Failed to execute action "+arn+". Received error: \""+e.Error+"\"", aws.String(e.Error)
		if e.Error == alarm.Unsafe {
			summary = e.Error
		}
	}
	muted := (*int64)(nil)
	if !e.MutedUntil.IsZero() {
		state, summary, muted = "Muted", "Muted action "+arn, aws.Int64(e.MutedUntil.UnixMilli())
	}
	out.HistorySummary = aws.String(summary)
	return object{
		{"actionState", state}, {"stateUpdateTimestamp", e.Updated.UnixMilli()}, {"notificationResource", arn}, {"publishedMessage", nil},
		{"error", failed}, {"muteWindowEndTimestamp", muted},
	}
}

// suppressed renders a change of the suppression of a composite alarm's actions.
func suppressed(out *types.AlarmHistoryItem, e engine.ActionsSuppressed) object {
	out.AlarmName, out.HistoryItemType, out.AlarmType = aws.String(e.Alarm), types.HistoryItemTypeAction, types.AlarmTypeCompositeAlarm
	summary := e.To.Reason()
	if e.To == 0 {
		summary = "Actions no longer suppressed by " + e.From.String()
	}
	out.HistorySummary = aws.String(summary)
	data := object{{"version", "1.0"}, {"actionsSuppressedBy", e.To.String()}, {"previouslyActionsSuppressedBy", e.From.String()}}
	if !e.Until.IsZero() {
		data.set("until", e.Until.UTC().Format(time.RFC3339))
	}
	return data
}

// configurationUpdate renders a change of an alarm's configuration; before is nil for a new alarm, after for a deleted one.
// AWS: recorded.
func configurationUpdate(out *types.AlarmHistoryItem, name string, before, after object) (object, error) {
	out.AlarmName, out.HistoryItemType = aws.String(name), types.HistoryItemTypeConfigurationUpdate
	data := object{{"version", "1.0"}}
	verb := "updated"
	switch {
	case before == nil:
		verb = "created"
		data = append(data, member{"type", "Create"}, member{"createdAlarm", after})
	case after == nil:
		verb = "deleted"
		data = append(data, member{"type", "Delete"}, member{"deletedAlarm", before})
	default:
		was, err := before.original(after)
		if err != nil {
			return nil, err
		}
		data = append(data, member{"type", "Update"}, member{"updatedAlarm", after}, member{"originalUpdatedFields", was})
	}
	out.HistorySummary = aws.String(fmt.Sprintf(`Alarm "%s" %s`, name, verb))
	return data, nil
}

// metricSide renders a metric alarm's configuration for its history, with members in AWS's order. AWS: recorded.
func metricSide(r *engine.Region, a *alarm.Alarm) object {
	if a == nil {
		return nil
	}
	d := describeAlarm(r, a)
	o := object{{"alarmName", a.Name}}
	o.setText("alarmDescription", aws.ToString(d.AlarmDescription))
	o.set("alarmArn", d.AlarmArn)
	o.set("alarmConfigurationUpdatedTimestamp", a.Configured)
	switch rule := &a.Rule; {
	case rule.PromQL != nil:
		criteria := object{{"query", rule.PromQL.Query}}
		if rule.PromQL.PendingSet {
			criteria.set("pendingPeriod", rule.PromQL.Pending/time.Second)
		}
		if rule.PromQL.RecoverySet {
			criteria.set("recoveryPeriod", rule.PromQL.Recovery/time.Second)
		}
		o.set("evaluationCriteria", object{{"promQLCriteria", criteria}})
		o.set("evaluationInterval", d.EvaluationInterval)
	case len(rule.Metrics) > 0:
		o.set("dimensions", []object{})
		o.set("metrics", historyQueries(rule.Metrics))
	default:
		o.set("namespace", rule.Metric.Namespace)
		o.set("metricName", rule.Metric.Name)
		o.set("extendedStatistic", historyStatistic(rule.Statistic))
		o.set("period", rule.Period/time.Second)
		o.setText("unit", rule.Unit)
		o.set("dimensions", historyDimensions(rule.Given()))
	}
	if a.Rule.PromQL == nil {
		o.set("threshold", a.Rule.Threshold)
		o.set("comparisonOperator", d.ComparisonOperator)
		o.set("evaluationPeriods", d.EvaluationPeriods)
		if d.DatapointsToAlarm != nil {
			o.set("datapointsToAlarm", d.DatapointsToAlarm)
		}
		o.setText("treatMissingData", a.Rule.Missing.String())
		o.setText("evaluateLowSampleCountPercentile", aws.ToString(d.EvaluateLowSampleCountPercentile))
	}
	o.setEvaluation(&a.Rule)
	o.set("stateValue", a.State.String())
	o.set("stateUpdatedTimestamp", a.Updated)
	o.setActions(a.ActionsEnabled, d.AlarmActions, d.InsufficientDataActions, d.OKActions)
	return o
}

// setEvaluation adds the evaluation window and warm-up period, with the members of DescribeAlarms. The form in AWS's history
// is not recorded.
func (o *object) setEvaluation(r *alarm.Rule) {
	switch {
	case r.Clock != nil:
		var wall object
		wall.setText("timezone", r.Clock.Timezone)
		o.set("evaluationWindow", object{{"wallClockWindow", wall}})
	case r.Slides:
		o.set("evaluationWindow", object{{"slidingWindow", object{}}})
	}
	if w := r.WarmUp; w != nil {
		warm := object{{"warmUpPeriodDurationInMinutes", w.For / time.Minute}}
		if w.WholeSet {
			warm.set("onlyStartEvaluatingAfterWarmUpPeriodEnds", w.Whole)
		}
		o.set("warmUpConfiguration", warm)
	}
}

// setActions adds the last members of both kinds of alarms.
func (o *object) setActions(enabled bool, onAlarm, onInsufficient, onOK []string) {
	*o = append(*o, member{"actionsEnabled", enabled}, member{"alarmActions", onAlarm}, member{"insufficientDataActions", onInsufficient},
		member{"okactions", onOK})
}

// historyStatistic returns a statistic's name for the history: the five basic ones are in capitals. AWS: recorded.
func historyStatistic(s metric.Statistic) string {
	if s.Kind < metric.Percentile {
		return strings.ToUpper(s.String())
	}
	return s.String()
}

func historyDimensions(in []metric.Dimension) []object {
	out := make([]object, len(in))
	for i, d := range in {
		out[i] = object{{"value", d.Value}, {"name", d.Name}}
	}
	return out
}

// historyQueries renders an alarm's Metrics for its history. AWS: recorded.
func historyQueries(queries []metric.DataQuery) []object {
	out := make([]object, len(queries))
	for i, q := range queries {
		var o object
		o.setText("expression", q.Expression)
		o.set("id", q.ID)
		o.setText("label", q.Label)
		if s := q.Stat; s != nil {
			stat := object{
				{"metric", object{{"dimensions", historyDimensions(s.Given())}, {"metricName", s.Metric.Name}, {"namespace", s.Metric.Namespace}}},
				{"period", s.Period / time.Second}, {"stat", s.Statistic.String()},
			}
			stat.setText("unit", s.Unit)
			o.set("metricStat", stat)
		}
		o.set("returnData", !q.Hidden)
		if q.Period > 0 {
			o.set("period", q.Period/time.Second)
		}
		o.setText("accountId", q.Account)
		out[i] = o
	}
	return out
}

// compositeSide renders a composite alarm's configuration for its history.
func compositeSide(r *engine.Region, c *alarm.Composite) object {
	if c == nil {
		return nil
	}
	d := describeComposite(r.Scope, c)
	o := object{{"alarmRule", c.Rule}, {"alarmName", c.Name}}
	o.setText("alarmDescription", c.Description)
	o.set("alarmArn", d.AlarmArn)
	o.set("alarmConfigurationUpdatedTimestamp", c.Configured)
	if c.Suppressor != "" {
		o = append(o, member{"actionsSuppressor", c.Suppressor}, member{"actionsSuppressorWaitPeriod", d.ActionsSuppressorWaitPeriod},
			member{"actionsSuppressorExtensionPeriod", d.ActionsSuppressorExtensionPeriod})
	}
	o.set("stateValue", c.State.String())
	o.set("stateUpdatedTimestamp", c.Updated)
	o.setActions(c.ActionsEnabled, d.AlarmActions, d.InsufficientDataActions, d.OKActions)
	return o
}
