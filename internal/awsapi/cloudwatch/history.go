package cloudwatch

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/internal/log"
)

// itemTypes are the types of history items and their row types in the event history.
var itemTypes = []string{
	log.TypeConfiguration, log.TypeState, log.TypeAction, log.TypeContributorState, log.TypeContributorAction,
}

func (a *API) describeAlarmHistory(
	ctx context.Context, c awsapi.Call, in *sdk.DescribeAlarmHistoryInput,
) (*sdk.DescribeAlarmHistoryOutput, error) {
	out := &sdk.DescribeAlarmHistoryOutput{AlarmHistoryItems: []types.AlarmHistoryItem{}}
	if in.StartDate != nil && in.EndDate != nil && in.EndDate.Before(*in.StartDate) {
		return nil, invalidValue("The parameter StartDate must be less than the parameter EndDate.")
	}
	q := log.EventQuery{
		Scope: engine.ScopeName(c.Scope), Table: log.TableAlarm, Key: aws.ToString(in.AlarmName), From: aws.ToTime(in.StartDate), To: aws.ToTime(in.EndDate),
		Oldest: in.ScanBy == types.ScanByTimestampAscending, Types: rowTypes(in), Token: aws.ToString(in.NextToken),
	}
	if len(q.Types) == 0 {
		return out, nil
	}
	limit := recordsPage
	if in.MaxRecords != nil {
		limit = int(*in.MaxRecords)
	}
	for {
		q.Limit = limit - len(out.AlarmHistoryItems)
		items, next, err := a.backend.Events(ctx, q)
		if err != nil {
			return nil, refusal(err)
		}
		if err := a.region(ctx, c, func(_ time.Time, r *engine.Region) error {
			for _, x := range items {
				row, ok := historyItem(r, x)
				if ok && (in.AlarmContributorId == nil || aws.ToString(row.AlarmContributorId) == *in.AlarmContributorId) {
					out.AlarmHistoryItems = append(out.AlarmHistoryItems, row)
				}
			}
			return nil
		}); err != nil {
			return nil, err
		}
		q.Token, out.NextToken = next, awsapi.Optional(next)
		if next == "" || len(out.AlarmHistoryItems) == limit {
			return out, nil
		}
	}
}

// rowTypes returns the row types that match a request, by default those of metric alarms.
// AWS: DescribeAlarmHistory, API reference, AlarmTypes.
func rowTypes(in *sdk.DescribeAlarmHistoryInput) []string {
	var out []string
	for _, t := range itemTypes {
		if in.HistoryItemType != "" && string(in.HistoryItemType) != t {
			continue
		}
		contributor := t == log.TypeContributorState || t == log.TypeContributorAction
		if in.AlarmContributorId != nil && !contributor {
			continue
		}
		if len(in.AlarmTypes) == 0 || slices.Contains(in.AlarmTypes, types.AlarmTypeMetricAlarm) {
			out = append(out, t)
		}
		if slices.Contains(in.AlarmTypes, types.AlarmTypeCompositeAlarm) && !contributor {
			out = append(out, log.CompositePrefix+t)
		}
	}
	return out
}

// historyItem renders a row of the event history; ok is false for rows that the alarm history does not contain.
func historyItem(r *engine.Region, x engine.Recorded) (types.AlarmHistoryItem, bool) {
	out := types.AlarmHistoryItem{AlarmType: types.AlarmTypeMetricAlarm, Timestamp: aws.Time(x.At)}
	var data object
	var err error
	switch e := x.Event.(type) {
	case engine.AlarmTransition:
		data = stateUpdate(&out, e)
	case engine.AlarmUnevaluated:
		data = unevaluated(&out, e)
	case engine.AlarmConfigured:
		data, err = configurationUpdate(&out, e.Alarm, metricSide(r, e.Before), metricSide(r, e.After))
	case engine.CompositeConfigured:
		out.AlarmType = types.AlarmTypeCompositeAlarm
		data, err = configurationUpdate(&out, e.Alarm, compositeSide(r, e.Before), compositeSide(r, e.After))
	case engine.AlarmActed:
		data = acted(&out, r, e)
	case engine.ActionsSuppressed:
		data = suppressed(&out, e)
	case engine.ContributorTransition:
		data = contributorUpdate(&out, e)
	default:
		return out, false
	}
	if err != nil {
		return out, false
	}
	written, err := text(data)
	if err != nil {
		return out, false
	}
	out.HistoryData = aws.String(written)
	return out, true
}
