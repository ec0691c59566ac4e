package cloudwatch

import (
	"context"
	"encoding/json"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/awsapi"
)

func checkNames(names []string) error {
	if len(names) > namesMax {
		return invalidValue("The collection AlarmNames must not have a size greater than %d.", namesMax)
	}
	return nil
}

func (a *API) deleteAlarms(ctx context.Context, c awsapi.Call, in *sdk.DeleteAlarmsInput) (*sdk.DeleteAlarmsOutput, error) {
	if err := checkNames(in.AlarmNames); err != nil {
		return nil, err
	}
	_, err := a.backend.Step(ctx, engine.DeleteAlarms{Scope: c.Scope, Names: in.AlarmNames})
	return &sdk.DeleteAlarmsOutput{}, refusal(err)
}

func (a *API) enableAlarmActions(ctx context.Context, c awsapi.Call, in *sdk.EnableAlarmActionsInput) (*sdk.EnableAlarmActionsOutput, error) {
	return &sdk.EnableAlarmActionsOutput{}, a.setActions(ctx, c, in.AlarmNames, true)
}

func (a *API) disableAlarmActions(
	ctx context.Context, c awsapi.Call, in *sdk.DisableAlarmActionsInput,
) (*sdk.DisableAlarmActionsOutput, error) {
	return &sdk.DisableAlarmActionsOutput{}, a.setActions(ctx, c, in.AlarmNames, false)
}

func (a *API) setActions(ctx context.Context, c awsapi.Call, names []string, enabled bool) error {
	if err := checkNames(names); err != nil {
		return err
	}
	_, err := a.backend.Step(ctx, engine.SetAlarmActions{Scope: c.Scope, Names: names, Enabled: enabled})
	return err
}

// reasonDataMax is in characters. AWS: SetAlarmState, StateReasonData.
const reasonDataMax = 4000

func (a *API) setAlarmState(ctx context.Context, c awsapi.Call, in *sdk.SetAlarmStateInput) (*sdk.SetAlarmStateOutput, error) {
	data := aws.ToString(in.StateReasonData)
	if in.StateReasonData != nil && (!json.Valid([]byte(data)) || len(data) > reasonDataMax) {
		return nil, &awsapi.Error{Code: "InvalidFormatFault", Query: "InvalidFormat"} // recorded: without a message
	}
	set := engine.SetAlarmState{Scope: c.Scope, Name: *in.AlarmName, Reason: *in.StateReason, Data: data, Facts: facts(data)}
	switch in.StateValue {
	case types.StateValueOk:
		set.State = alarm.OK
	case types.StateValueAlarm:
		set.State = alarm.InAlarm
	default:
		set.State = alarm.InsufficientData
	}
	_, err := a.backend.Step(ctx, set)
	return &sdk.SetAlarmStateOutput{}, refusal(err)
}

// facts reads from StateReasonData what a scaling policy needs, or returns nil if it is incomplete. AWS: recorded.
func facts(data string) *alarm.Data {
	var d struct {
		QueryDate        string     `json:"queryDate"`
		RecentDatapoints []*float64 `json:"recentDatapoints"`
		Threshold        *float64   `json:"threshold"`
	}
	if data == "" || json.Unmarshal([]byte(data), &d) != nil || d.Threshold == nil || len(d.RecentDatapoints) == 0 {
		return nil
	}
	at, err := time.Parse("2006-01-02T15:04:05.000-0700", d.QueryDate)
	if err != nil {
		if at, err = time.Parse(time.RFC3339Nano, d.QueryDate); err != nil {
			return nil
		}
	}
	out := &alarm.Data{QueryDate: at.UTC()}
	for _, v := range d.RecentDatapoints {
		if v == nil {
			return nil
		}
		out.Datapoints = append(out.Datapoints, *v)
	}
	return out
}
