package cloudwatch

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/metric"
)

// stateData is one side of a StateUpdate's HistoryData. AWS: recorded.
type stateData struct {
	StateValue      string          `json:"stateValue"`
	StateReason     string          `json:"stateReason"`
	StateReasonData json.RawMessage `json:"stateReasonData,omitempty"`
}

type stateChange struct {
	Version  string    `json:"version"`
	OldState stateData `json:"oldState"`
	NewState stateData `json:"newState"`
}

func stateUpdate(out *types.AlarmHistoryItem, e engine.AlarmTransition) any {
	if e.Composite {
		out.AlarmType = types.AlarmTypeCompositeAlarm
	}
	out.AlarmName, out.HistoryItemType = aws.String(e.Alarm), types.HistoryItemTypeStateUpdate
	out.HistorySummary = aws.String(fmt.Sprintf("Alarm updated from %s to %s", e.From, e.To))
	return stateChange{
		"1.0", stateData{e.From.String(), e.OldReason, json.RawMessage(e.OldData)}, stateData{e.To.String(), e.Reason, json.RawMessage(e.Data)},
	}
}

func unevaluated(out *types.AlarmHistoryItem, e engine.AlarmUnevaluated) any {
	out.AlarmName, out.HistoryItemType = aws.String(e.Alarm), types.HistoryItemTypeStateUpdate
	out.HistorySummary = aws.String("Alarm evaluation state updated to " + alarm.EvaluationError.String())
	return map[string]any{"version": "1.0", "evaluationState": alarm.EvaluationError.String(), "stateReason": e.Reason}
}

func contributorUpdate(out *types.AlarmHistoryItem, e engine.ContributorTransition) any {
	out.AlarmName, out.HistoryItemType = aws.String(e.Alarm), types.HistoryItemTypeAlarmContributorStateUpdate
	out.AlarmContributorId, out.AlarmContributorAttributes = aws.String(e.Contributor.ID), e.Contributor.Attributes
	out.HistorySummary = aws.String(fmt.Sprintf("Alarm contributor updated from %s to %s", e.From, e.To))
	return stateChange{
		"1.0", stateData{StateValue: e.From.String(), StateReason: e.OldReason},
		stateData{StateValue: e.To.String(), StateReason: e.Contributor.Reason},
	}
}

// acted renders what came of an action. AWS: recorded.
func acted(out *types.AlarmHistoryItem, r *engine.Region, e engine.AlarmActed) any {
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
	out.HistorySummary = aws.String(summary)
	return struct {
		ActionState            string  `json:"actionState"`
		StateUpdateTimestamp   int64   `json:"stateUpdateTimestamp"`
		NotificationResource   string  `json:"notificationResource"`
		PublishedMessage       *string `json:"publishedMessage"`
		Error                  *string `json:"error"`
		MuteWindowEndTimestamp *string `json:"muteWindowEndTimestamp"`
	}{ActionState: state, StateUpdateTimestamp: e.Updated.UnixMilli(), NotificationResource: arn, Error: failed}
}

// suppressed renders a change of what holds a composite alarm's actions back.
func suppressed(out *types.AlarmHistoryItem, e engine.ActionsSuppressed) any {
	out.AlarmName, out.HistoryItemType, out.AlarmType = aws.String(e.Alarm), types.HistoryItemTypeAction, types.AlarmTypeCompositeAlarm
	summary := e.To.Reason()
	if e.To == 0 {
		summary = "Actions no longer suppressed by " + e.From.String()
	}
	out.HistorySummary = aws.String(summary)
	data := map[string]any{"version": "1.0", "actionsSuppressedBy": e.To.String(), "previouslyActionsSuppressedBy": e.From.String()}
	if !e.Until.IsZero() {
		data["until"] = e.Until.UTC().Format(time.RFC3339)
	}
	return data
}

// configurationUpdate renders a change of an alarm's configuration; before and after are what it was and is.
func configurationUpdate(out *types.AlarmHistoryItem, name string, made, gone bool, before, after any) any {
	out.AlarmName, out.HistoryItemType = aws.String(name), types.HistoryItemTypeConfigurationUpdate
	data := map[string]any{"version": "1.0"}
	verb := "updated"
	switch {
	case made:
		verb, data["type"], data["createdAlarm"] = "created", "Create", after
	case gone:
		verb, data["type"], data["deletedAlarm"] = "deleted", "Delete", before
	default:
		data["type"], data["updatedAlarm"], data["previousAlarm"] = "Update", after, before
	}
	out.HistorySummary = aws.String(fmt.Sprintf("Alarm %q %s", name, verb))
	return data
}

// metricSide is a metric alarm's configuration in its history.
func metricSide(r *engine.Region, a *alarm.Alarm) any {
	if a == nil {
		return nil
	}
	d := describeAlarm(r, a)
	side := map[string]any{
		"alarmName": a.Name, "alarmArn": d.AlarmArn, "alarmDescription": d.AlarmDescription, "actionsEnabled": a.ActionsEnabled,
		"okActions": d.OKActions, "alarmActions": d.AlarmActions, "insufficientDataActions": d.InsufficientDataActions,
	}
	if a.Rule.PromQL != nil {
		side["evaluationCriteria"] = map[string]any{"promQLCriteria": map[string]any{
			"query": a.Rule.PromQL.Query, "pendingPeriod": a.Rule.PromQL.Pending / time.Second, "recoveryPeriod": a.Rule.PromQL.Recovery / time.Second,
		}}
		side["evaluationInterval"] = d.EvaluationInterval
		return side
	}
	side["evaluationPeriods"], side["threshold"], side["comparisonOperator"] = d.EvaluationPeriods, d.Threshold, d.ComparisonOperator
	side["treatMissingData"] = a.Rule.Missing.String()
	if d.DatapointsToAlarm != nil {
		side["datapointsToAlarm"] = d.DatapointsToAlarm
	}
	if len(d.Metrics) > 0 {
		side["metrics"] = historyQueries(a.Rule.Metrics)
		return side
	}
	side["metricName"], side["namespace"], side["period"] = d.MetricName, d.Namespace, d.Period
	return side
}

// historyQueries renders an alarm's Metrics as histories have them.
func historyQueries(queries []metric.DataQuery) []map[string]any {
	out := make([]map[string]any, len(queries))
	for i, q := range queries {
		x := map[string]any{"id": q.ID, "returnData": !q.Hidden}
		if q.Expression != "" {
			x["expression"] = q.Expression
		}
		if q.Label != "" {
			x["label"] = q.Label
		}
		if q.Period > 0 {
			x["period"] = q.Period / time.Second
		}
		if s := q.Stat; s != nil {
			dimensions := []map[string]string{}
			for _, d := range s.Metric.Dimensions {
				dimensions = append(dimensions, map[string]string{"name": d.Name, "value": d.Value})
			}
			stat := map[string]any{
				"metric": map[string]any{"namespace": s.Metric.Namespace, "metricName": s.Metric.Name, "dimensions": dimensions},
				"period": s.Period / time.Second, "stat": s.Statistic.String(),
			}
			if s.Unit != "" {
				stat["unit"] = s.Unit
			}
			x["metricStat"] = stat
		}
		out[i] = x
	}
	return out
}

// compositeSide is a composite alarm's configuration in its history.
func compositeSide(r *engine.Region, c *alarm.Composite) any {
	if c == nil {
		return nil
	}
	d := describeComposite(r.Scope, c)
	side := map[string]any{
		"alarmName": c.Name, "alarmArn": d.AlarmArn, "alarmDescription": d.AlarmDescription, "actionsEnabled": c.ActionsEnabled,
		"okActions": d.OKActions, "alarmActions": d.AlarmActions, "insufficientDataActions": d.InsufficientDataActions, "alarmRule": c.Rule,
	}
	if c.Suppressor != "" {
		side["actionsSuppressor"] = c.Suppressor
		side["actionsSuppressorWaitPeriod"], side["actionsSuppressorExtensionPeriod"] = d.ActionsSuppressorWaitPeriod, d.ActionsSuppressorExtensionPeriod
	}
	return side
}
