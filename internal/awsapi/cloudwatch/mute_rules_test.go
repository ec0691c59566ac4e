package cloudwatch

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"bellows.dev/bellows/internal/awsapi"
)

func muteInput(name, expression, length string) *sdk.PutAlarmMuteRuleInput {
	return &sdk.PutAlarmMuteRuleInput{
		Name: aws.String(name), Rule: &types.Rule{Schedule: &types.Schedule{Expression: aws.String(expression), Duration: aws.String(length)}},
	}
}

// A mute rule is described as put, listed by filters and tagged; deleting it again is no error.
func TestMuteRules(t *testing.T) {
	a, m := newMemory()
	in := muteInput("nightly", "cron(0 2 * * SUN)", "PT4H")
	in.Description, in.MuteTargets = aws.String("backups"), &types.MuteTargets{AlarmNames: []string{"a", "b"}}
	in.Rule.Schedule.Timezone, in.ExpireDate = aws.String("Europe/Paris"), aws.Time(m.now.Add(24*365*time.Hour))
	in.Tags = []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}
	must[*sdk.PutAlarmMuteRuleOutput](t)(a.putAlarmMuteRule(t.Context(), call, in))
	once := muteInput("once", "at("+m.now.Add(-time.Minute).Format("2006-01-02T15:04")+")", "P1DT30M")
	must[*sdk.PutAlarmMuteRuleOutput](t)(a.putAlarmMuteRule(t.Context(), call, once))
	get := func(name string) (*sdk.GetAlarmMuteRuleOutput, error) {
		return a.getAlarmMuteRule(t.Context(), call, &sdk.GetAlarmMuteRuleInput{AlarmMuteRuleName: aws.String(name)})
	}
	const arn = "arn:aws:cloudwatch:us-east-1:123456789012:alarm-mute-rule:"
	got := must[*sdk.GetAlarmMuteRuleOutput](t)(get("nightly"))
	s := got.Rule.Schedule
	if *got.AlarmMuteRuleArn != arn+"nightly" || *got.Description != "backups" || *s.Expression != "cron(0 2 * * SUN)" || *s.Duration != "PT4H" ||
		*s.Timezone != "Europe/Paris" || len(got.MuteTargets.AlarmNames) != 2 || got.StartDate != nil || !got.ExpireDate.Equal(*in.ExpireDate) ||
		got.Status != "SCHEDULED" || *got.MuteType != "RECURRING" || !got.LastUpdatedTimestamp.Equal(m.now) {
		t.Errorf("%+v", got)
	}
	if got := must[*sdk.GetAlarmMuteRuleOutput](t)(get("once")); got.Status != "ACTIVE" || *got.MuteType != "ONE_TIME" || got.MuteTargets != nil {
		t.Errorf("%+v", got)
	}
	for _, tc := range []struct {
		in   sdk.ListAlarmMuteRulesInput
		want int
		more bool
	}{
		{sdk.ListAlarmMuteRulesInput{}, 2, false},
		{sdk.ListAlarmMuteRulesInput{AlarmName: aws.String("b")}, 1, false},
		{sdk.ListAlarmMuteRulesInput{AlarmName: aws.String("c")}, 0, false},
		{sdk.ListAlarmMuteRulesInput{Statuses: []types.AlarmMuteRuleStatus{"ACTIVE", "EXPIRED"}}, 1, false},
		{sdk.ListAlarmMuteRulesInput{MaxRecords: aws.Int32(1)}, 1, true},
	} {
		out := must[*sdk.ListAlarmMuteRulesOutput](t)(a.listAlarmMuteRules(t.Context(), call, &tc.in))
		if len(out.AlarmMuteRuleSummaries) != tc.want || (out.NextToken != nil) != tc.more {
			t.Errorf("%+v lists %d", tc.in, len(out.AlarmMuteRuleSummaries))
		}
	}
	_, err := a.listAlarmMuteRules(t.Context(), call, &sdk.ListAlarmMuteRulesInput{NextToken: aws.String("nonsense")})
	if got := refused(err); got != "InvalidNextToken: The NextToken value is not valid" {
		t.Error(got)
	}
	must[*sdk.TagResourceOutput](t)(a.tagResource(t.Context(), call, &sdk.TagResourceInput{
		ResourceARN: aws.String(arn + "nightly"), Tags: []types.Tag{{Key: aws.String("more"), Value: aws.String("x")}},
	}))
	tags := must[*sdk.ListTagsForResourceOutput](t)(a.listTagsForResource(t.Context(), call, &sdk.ListTagsForResourceInput{ResourceARN: aws.String(arn + "nightly")}))
	if len(tags.Tags) != 2 {
		t.Errorf("tags %v", tags.Tags)
	}
	for range 2 {
		must[*sdk.DeleteAlarmMuteRuleOutput](t)(a.deleteAlarmMuteRule(t.Context(), call, &sdk.DeleteAlarmMuteRuleInput{AlarmMuteRuleName: aws.String("nightly")}))
	}
	_, err = get("nightly")
	if e := (*awsapi.Error)(nil); !errors.As(err, &e) || e.Code != "ResourceNotFoundException" || e.Status != 404 {
		t.Error(err)
	}
}

func TestMuteRulesThatAreRefused(t *testing.T) {
	a, m := newMemory()
	for _, bad := range []string{"", "P", "PT", "PT30S", "PT0M", "P15DT1M", "P16D", "4H", "PT1M2H", "P-1D", "PT1.5H", "P99999999999D"} {
		if _, err := a.putAlarmMuteRule(t.Context(), call, muteInput("r", "cron(0 2 * * *)", bad)); err == nil {
			t.Errorf("the duration %q is accepted", bad)
		}
	}
	for _, bad := range []string{"cron(0 2 * *)", "cron(0 2 ? * MON-FRI *)", "rate(1 day)", "at(2026-01-01)", "at(2026-01-01T10:00:00)", "0 2 * * *"} {
		if _, err := a.putAlarmMuteRule(t.Context(), call, muteInput("r", bad, "PT1H")); err == nil {
			t.Errorf("the expression %q is accepted", bad)
		}
	}
	in := muteInput("r", "cron(0 2 * * *)", "PT1H")
	in.StartDate, in.ExpireDate = aws.Time(m.now.Add(time.Hour)), aws.Time(m.now)
	if _, err := a.putAlarmMuteRule(t.Context(), call, in); err == nil {
		t.Error("a rule that expires before it starts is accepted")
	}
	in = muteInput("r", "cron(0 2 * * *)", "P15D")
	in.Rule.Schedule.Timezone = aws.String("Mars/Olympus")
	if _, err := a.putAlarmMuteRule(t.Context(), call, in); err == nil {
		t.Error("an unknown zone is accepted")
	}
}

// A region has at most 1,000 mute rules: one more is refused, existing ones can be replaced, and other regions have their own limit.
func TestMuteRulesAreLimited(t *testing.T) {
	a, m := newMemory()
	put := func(c awsapi.Call, name string) error {
		_, err := a.putAlarmMuteRule(t.Context(), c, muteInput(name, "cron(0 2 * * *)", "PT1H"))
		return err
	}
	for i := range 1000 {
		if err := put(call, fmt.Sprint("rule", i)); err != nil {
			t.Fatalf("rule %d: %v", i+1, err)
		}
	}
	err := put(call, "one-more")
	e := (*awsapi.Error)(nil)
	if !errors.As(err, &e) || e.Code != "LimitExceededFault" || e.Message != "There are 1000 alarm mute rules already." {
		t.Errorf("rule 1001: %v", err)
	}
	if now := m.engine.Region(call.Scope).Alarms.MuteRules; len(now) != 1000 || now["one-more"] != nil {
		t.Errorf("%d rules after the refusal", len(now))
	}
	if err := put(call, "rule7"); err != nil {
		t.Errorf("replacing a rule: %v", err)
	}
	elsewhere := call
	elsewhere.Region = "eu-west-1"
	if err := put(elsewhere, "one-more"); err != nil {
		t.Errorf("in another region: %v", err)
	}
	must[*sdk.DeleteAlarmMuteRuleOutput](t)(a.deleteAlarmMuteRule(t.Context(), call, &sdk.DeleteAlarmMuteRuleInput{AlarmMuteRuleName: aws.String("rule0")}))
	if err := put(call, "one-more"); err != nil {
		t.Errorf("after a deletion: %v", err)
	}
}

// Evaluation windows and warm-up periods are described as put, and invalid ones are refused.
func TestEvaluationWindowsAndWarmUps(t *testing.T) {
	a, _ := newMemory()
	put := func(period int32, change func(*sdk.PutMetricAlarmInput)) error {
		in := &sdk.PutMetricAlarmInput{
			AlarmName: aws.String("a"), Namespace: aws.String("N"), MetricName: aws.String("m"), Statistic: "Sum", Period: aws.Int32(period),
			EvaluationPeriods: aws.Int32(1), Threshold: aws.Float64(1), ComparisonOperator: "GreaterThanThreshold",
		}
		change(in)
		_, err := a.putMetricAlarm(t.Context(), call, in)
		return err
	}
	wall := func(zone string) func(*sdk.PutMetricAlarmInput) {
		return func(in *sdk.PutMetricAlarmInput) {
			in.EvaluationWindow = &types.EvaluationWindowMemberWallClockWindow{Value: types.WallClockWindow{Timezone: awsapi.Optional(zone)}}
		}
	}
	described := func() types.MetricAlarm {
		out := must[*sdk.DescribeAlarmsOutput](t)(a.describeAlarms(t.Context(), call, &sdk.DescribeAlarmsInput{}))
		return out.MetricAlarms[0]
	}
	for _, zone := range []string{"", "America/New_York", "+05:30", "UTC+05:30", "-03:00"} {
		if err := put(86_400, wall(zone)); err != nil {
			t.Errorf("%s: %v", zone, err)
		}
		w, ok := described().EvaluationWindow.(*types.EvaluationWindowMemberWallClockWindow)
		if !ok || aws.ToString(w.Value.Timezone) != zone {
			t.Errorf("%s is described as %+v", zone, w)
		}
	}
	for period, zone := range map[int32]string{10: "", 120: "", 7200: "", 60: "+05:31", 300: "Mars/Olympus"} {
		if err := put(period, wall(zone)); err == nil {
			t.Errorf("a period of %d s in %q is accepted", period, zone)
		}
	}
	if err := put(300, func(in *sdk.PutMetricAlarmInput) {
		in.EvaluationWindow = &types.EvaluationWindowMemberSlidingWindow{}
		in.WarmUpConfiguration = &types.WarmUpConfiguration{
			WarmUpPeriodDurationInMinutes: aws.Int32(10), OnlyStartEvaluatingAfterWarmUpPeriodEnds: aws.Bool(false),
		}
	}); err != nil {
		t.Fatal(err)
	}
	got := described()
	w := got.WarmUpConfiguration
	if _, ok := got.EvaluationWindow.(*types.EvaluationWindowMemberSlidingWindow); !ok || got.EvaluationState != "IN_WARM_UP" ||
		*w.WarmUpPeriodDurationInMinutes != 10 || *w.OnlyStartEvaluatingAfterWarmUpPeriodEnds {
		t.Errorf("%+v %+v", got, w)
	}
	if err := put(86_400, wall("+05:30")); err != nil {
		t.Fatal(err)
	}
	history := must[*sdk.DescribeAlarmHistoryOutput](t)(a.describeAlarmHistory(t.Context(), call, &sdk.DescribeAlarmHistoryInput{
		AlarmName: aws.String("a"), HistoryItemType: types.HistoryItemTypeConfigurationUpdate, MaxRecords: aws.Int32(2),
	}))
	for i, want := range []string{
		`"evaluationWindow":{"wallClockWindow":{"timezone":"+05:30"}},"stateValue"`,
		`"evaluationWindow":{"slidingWindow":{}},"warmUpConfiguration":{"warmUpPeriodDurationInMinutes":10,"onlyStartEvaluatingAfterWarmUpPeriodEnds":false},"stateValue"`,
	} {
		if data := *history.AlarmHistoryItems[i].HistoryData; !strings.Contains(data, want) {
			t.Errorf("the history has %s\nwant %s", data, want)
		}
	}
	if err := put(60, func(*sdk.PutMetricAlarmInput) {}); err != nil || described().EvaluationWindow != nil || described().EvaluationState != "" {
		t.Errorf("without either: %v, %+v", err, described())
	}
}
