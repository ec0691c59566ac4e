package cloudwatch

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/awsapi"
)

func (a *API) describeAlarmHistory(
	ctx context.Context, c awsapi.Call, in *sdk.DescribeAlarmHistoryInput,
) (*sdk.DescribeAlarmHistoryOutput, error) {
	if err := awsapi.Only(in, "", "AlarmName", "AlarmTypes", "HistoryItemType", "StartDate", "EndDate", "MaxRecords", "NextToken",
		"ScanBy"); err != nil {
		return nil, err
	}
	q := awsapi.HistoryQuery{
		Scope: c.Scope, Table: awsapi.TableAlarm, Key: aws.ToString(in.AlarmName), From: aws.ToTime(in.StartDate), To: aws.ToTime(in.EndDate),
		Oldest: in.ScanBy == types.ScanByTimestampAscending, Limit: recordsPage, Token: aws.ToString(in.NextToken),
	}
	if in.MaxRecords != nil {
		q.Limit = int(*in.MaxRecords)
	}
	if in.HistoryItemType != "" {
		q.Types = []string{string(in.HistoryItemType)}
	}
	items, next, err := a.backend.History(ctx, q)
	if err != nil {
		return nil, refusal(err)
	}
	out := &sdk.DescribeAlarmHistoryOutput{AlarmHistoryItems: []types.AlarmHistoryItem{}, NextToken: optional(next)}
	return out, a.region(ctx, c, func(_ time.Time, r *engine.Region) error {
		for _, x := range items {
			if row, ok := historyItem(r, x); ok {
				out.AlarmHistoryItems = append(out.AlarmHistoryItems, row)
			}
		}
		return nil
	})
}

// stateData is one side of a StateUpdate's HistoryData. AWS: recorded.
type stateData struct {
	StateValue      string          `json:"stateValue"`
	StateReason     string          `json:"stateReason"`
	StateReasonData json.RawMessage `json:"stateReasonData,omitempty"`
}

func historyItem(r *engine.Region, x awsapi.HistoryItem) (types.AlarmHistoryItem, bool) {
	out := types.AlarmHistoryItem{AlarmType: types.AlarmTypeMetricAlarm, Timestamp: aws.Time(x.At)}
	var data any
	switch e := x.Event.(type) {
	case engine.AlarmTransition:
		out.AlarmName, out.HistoryItemType = aws.String(e.Alarm), types.HistoryItemTypeStateUpdate
		out.HistorySummary = aws.String(fmt.Sprintf("Alarm updated from %s to %s", e.From, e.To))
		data = struct {
			Version  string    `json:"version"`
			OldState stateData `json:"oldState"`
			NewState stateData `json:"newState"`
		}{
			"1.0", stateData{e.From.String(), e.OldReason, json.RawMessage(e.OldData)},
			stateData{e.To.String(), e.Reason, json.RawMessage(e.Data)},
		}
	case engine.AlarmConfigured:
		verb, kind := "updated", "Update"
		if e.Before == nil {
			verb, kind = "created", "Create"
		} else if e.After == nil {
			verb, kind = "deleted", "Delete"
		}
		out.AlarmName, out.HistoryItemType = aws.String(e.Alarm), types.HistoryItemTypeConfigurationUpdate
		out.HistorySummary = aws.String(fmt.Sprintf("Alarm %q %s", e.Alarm, verb))
		data = configurationData(r, kind, e)
	case engine.AlarmActed:
		out.AlarmName, out.HistoryItemType = aws.String(e.Alarm), types.HistoryItemTypeAction
		arn := actionARN(r, e.Action)
		state, summary, failed := "Succeeded", "Successfully executed action "+arn, (*string)(nil)
		if e.Error != "" {
			state, summary, failed = "Failed", "Failed to execute action "+arn+". Received error: \""+e.Error+"\"", aws.String(e.Error)
			if e.Error == alarm.Unsafe {
				summary = e.Error
			}
		}
		out.HistorySummary = aws.String(summary)
		data = struct {
			ActionState            string  `json:"actionState"`
			StateUpdateTimestamp   int64   `json:"stateUpdateTimestamp"`
			NotificationResource   string  `json:"notificationResource"`
			PublishedMessage       *string `json:"publishedMessage"`
			Error                  *string `json:"error"`
			MuteWindowEndTimestamp *string `json:"muteWindowEndTimestamp"`
		}{ActionState: state, StateUpdateTimestamp: e.Updated.UnixMilli(), NotificationResource: arn, Error: failed}
	default:
		return out, false
	}
	text, err := json.Marshal(data)
	if err != nil { // StateReasonData that is no JSON: SetAlarmState lets none in
		return out, false
	}
	out.HistoryData = aws.String(string(text))
	return out, true
}

// configurationData is a ConfigurationUpdate's HistoryData.
func configurationData(r *engine.Region, kind string, e engine.AlarmConfigured) any {
	side := func(a *alarm.Alarm) map[string]any {
		if a == nil {
			return nil
		}
		d := describeAlarm(r, a)
		return map[string]any{
			"alarmName": a.Name, "alarmArn": d.AlarmArn, "alarmDescription": d.AlarmDescription, "actionsEnabled": a.ActionsEnabled,
			"okActions": d.OKActions, "alarmActions": d.AlarmActions, "insufficientDataActions": d.InsufficientDataActions,
			"metricName": d.MetricName, "namespace": d.Namespace, "period": d.Period, "evaluationPeriods": d.EvaluationPeriods,
			"threshold": d.Threshold, "comparisonOperator": d.ComparisonOperator, "treatMissingData": a.Rule.Missing.String(),
		}
	}
	out := map[string]any{"version": "1.0", "type": kind}
	switch kind {
	case "Update":
		out["updatedAlarm"], out["previousAlarm"] = side(e.After), side(e.Before)
	case "Create":
		out["createdAlarm"] = side(e.After)
	default:
		out["deletedAlarm"] = side(e.Before)
	}
	return out
}
