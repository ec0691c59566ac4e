package cloudwatch

import (
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// Exact histories of a metric alarm, an alarm on an expression and a composite alarm. AWS: recorded, except for the configuration of the
// composite alarm.
func TestHistoryData(t *testing.T) {
	a, m := newMemory()
	step := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		m.now = m.now.Add(time.Second)
	}
	put := func(in *sdk.PutMetricAlarmInput) { _, err := a.putMetricAlarm(t.Context(), call, in); step(err) }
	set := func(v types.StateValue, data string) {
		_, err := a.setAlarmState(t.Context(), call, &sdk.SetAlarmStateInput{
			AlarmName: aws.String("a"), StateValue: v, StateReason: aws.String("10 > 5 & more"), StateReasonData: aws.String(data),
		})
		step(err)
	}
	in := good()
	in.Dimensions = []types.Dimension{{Name: aws.String("Z"), Value: aws.String("last")}, {Name: aws.String("A"), Value: aws.String("first")}}
	put(in)
	set(types.StateValueAlarm, `{ "z": 2, "a": [1] }`)
	_, err := a.disableAlarmActions(t.Context(), call, &sdk.DisableAlarmActionsInput{AlarmNames: []string{"a"}})
	step(err)
	in.ActionsEnabled, in.TreatMissingData = aws.Bool(false), aws.String("ignore")
	put(in)
	_, err = a.deleteAlarms(t.Context(), call, &sdk.DeleteAlarmsInput{AlarmNames: []string{"a"}})
	step(err)
	ratio := errorRate()
	ratio.AlarmName, ratio.ActionsEnabled, ratio.DatapointsToAlarm = aws.String("math"), aws.Bool(false), aws.Int32(1)
	put(ratio)
	_, err = a.putCompositeAlarm(t.Context(), call, &sdk.PutCompositeAlarmInput{AlarmName: aws.String("c"), AlarmRule: aws.String("ALARM(math)")})
	step(err)

	const (
		arn  = `"alarmArn":"arn:aws:cloudwatch:us-east-1:123456789012:alarm:`
		rule = `,"namespace":"App","metricName":"Queue","extendedStatistic":"AVERAGE","period":60,` +
			`"dimensions":[{"value":"last","name":"Z"},{"value":"first","name":"A"}],"threshold":50.0,` +
			`"comparisonOperator":"GreaterThanThreshold","evaluationPeriods":3`
		none = `,"alarmActions":[],"insufficientDataActions":[],"okactions":[]}`
	)
	at := func(second string) string { return `"2026-11-25T10:00:0` + second + `.000+0000"` }
	alarmAt := func(configured, more, state, updated, enabled string) string {
		return `{"alarmName":"a",` + arn + `a","alarmConfigurationUpdatedTimestamp":` + at(configured) + rule + more +
			`,"stateValue":"` + state + `","stateUpdatedTimestamp":` + at(updated) + `,"actionsEnabled":` + enabled + none
	}
	for _, tc := range []struct {
		name      string
		composite bool
		want      []string
	}{
		{"a", false, []string{
			`{"version":"1.0","type":"Create","createdAlarm":` + alarmAt("0", "", "INSUFFICIENT_DATA", "0", "true") + `}`,
			`{"version":"1.0","oldState":{"stateValue":"INSUFFICIENT_DATA","stateReason":"Unchecked: Initial alarm creation"},` +
				`"newState":{"stateValue":"ALARM","stateReason":"10 > 5 & more","stateReasonData":{ "z": 2, "a": [1] }}}`,
			`{"version":"1.0","type":"Update","updatedAlarm":` + alarmAt("2", "", "ALARM", "1", "false") +
				`,"originalUpdatedFields":{"alarmConfigurationUpdatedTimestamp":` + at("0") + `,"actionsEnabled":true}}`,
			`{"version":"1.0","type":"Update","updatedAlarm":` + alarmAt("3", `,"treatMissingData":"ignore"`, "ALARM", "1", "false") +
				`,"originalUpdatedFields":{"alarmConfigurationUpdatedTimestamp":` + at("2") + `}}`,
			`{"version":"1.0","type":"Delete","deletedAlarm":` + alarmAt("3", `,"treatMissingData":"ignore"`, "ALARM", "1", "false") + `}`,
		}},
		{"math", false, []string{`{"version":"1.0","type":"Create","createdAlarm":{"alarmName":"math",` + arn +
			`math","alarmConfigurationUpdatedTimestamp":` + at("5") + `,"dimensions":[],"metrics":[` +
			`{"id":"m1","metricStat":{"metric":{"dimensions":[],"metricName":"errors","namespace":"App"},"period":60,"stat":"Sum"},"returnData":false},` +
			`{"id":"m2","metricStat":{"metric":{"dimensions":[],"metricName":"requests","namespace":"App"},"period":60,"stat":"Sum"},"returnData":false},` +
			`{"expression":"100*m1/m2","id":"e1","label":"rate","returnData":true}],"threshold":50.0,` +
			`"comparisonOperator":"GreaterThanThreshold","evaluationPeriods":3,"datapointsToAlarm":1,"stateValue":"INSUFFICIENT_DATA",` +
			`"stateUpdatedTimestamp":` + at("5") + `,"actionsEnabled":false` + none + `}`}},
		{"c", true, []string{
			`{"version":"1.0","type":"Create","createdAlarm":{"alarmRule":"ALARM(math)","alarmName":"c",` + arn +
				`c","alarmConfigurationUpdatedTimestamp":` + at("6") + `,"stateValue":"INSUFFICIENT_DATA","stateUpdatedTimestamp":` + at("6") +
				`,"actionsEnabled":true` + none + `}`,
			`{"version":"1.0","oldState":{"stateValue":"INSUFFICIENT_DATA","stateReason":"Unchecked: Initial alarm creation"},` +
				`"newState":{"stateValue":"OK","stateReason":"arn:aws:cloudwatch:us-east-1:123456789012:alarm:c was created and its alarm rule evaluates to OK",` +
				`"stateReasonData":{"triggeringAlarms":[{"arn":"arn:aws:cloudwatch:us-east-1:123456789012:alarm:math","state":` +
				`{"value":"INSUFFICIENT_DATA","timestamp":` + at("5") + `}}]}}}`,
		}},
	} {
		in := &sdk.DescribeAlarmHistoryInput{AlarmName: aws.String(tc.name), ScanBy: types.ScanByTimestampAscending}
		if tc.composite {
			in.AlarmTypes = []types.AlarmType{types.AlarmTypeCompositeAlarm}
		}
		out := must[*sdk.DescribeAlarmHistoryOutput](t)(a.describeAlarmHistory(t.Context(), call, in))
		var got []string
		for _, x := range out.AlarmHistoryItems {
			got = append(got, *x.HistoryData)
		}
		if !slices.Equal(got, tc.want) {
			t.Errorf("%s:", tc.name)
			for i := range max(len(got), len(tc.want)) {
				if i >= len(got) || i >= len(tc.want) || got[i] != tc.want[i] {
					t.Errorf("%d\n got %q\nwant %q", i, got[min(i, len(got)-1):], tc.want[min(i, len(tc.want)-1):])
					break
				}
			}
		}
	}
	_, err = a.describeAlarmHistory(t.Context(), call, &sdk.DescribeAlarmHistoryInput{NextToken: aws.String("invalid-token")})
	if got := refused(err); got != "InvalidNextToken: Invalid NextToken : invalid-token" {
		t.Error(got)
	}
}
