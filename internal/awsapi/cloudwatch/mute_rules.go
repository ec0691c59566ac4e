package cloudwatch

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/internal/zone"
)

// muteRulesPage is the default page size. AWS: ListAlarmMuteRules, MaxRecords.
const muteRulesPage = 50

func muteRulePrefix(s engine.Scope) string { return awsapi.ARN(s, "cloudwatch", "alarm-mute-rule:") }

func (a *API) putAlarmMuteRule(ctx context.Context, c awsapi.Call, in *sdk.PutAlarmMuteRuleInput) (*sdk.PutAlarmMuteRuleOutput, error) {
	s := in.Rule.Schedule
	length, ok := isoDuration(*s.Duration)
	switch {
	case !ok || length < alarm.MuteDurationMin || length > alarm.MuteDurationMax:
		return nil, awsapi.Validation("The Duration %s is not valid: it must be an ISO 8601 duration from PT1M to P15D", *s.Duration)
	case in.StartDate != nil && in.ExpireDate != nil && !in.StartDate.Before(*in.ExpireDate):
		return nil, awsapi.Validation("The StartDate must be before the ExpireDate")
	}
	tags, err := newTags(in.Tags)
	if err != nil {
		return nil, err
	}
	rule := alarm.MuteRule{
		Name: *in.Name, Description: aws.ToString(in.Description), Expression: *s.Expression, Duration: length, Length: *s.Duration,
		Zone: aws.ToString(s.Timezone), Start: aws.ToTime(in.StartDate).UTC(), Expire: aws.ToTime(in.ExpireDate).UTC(), Tags: tags,
	}
	if rule.Zone != "" {
		rule.ZoneData, _ = zone.Data(rule.Zone) // without data the engine refuses the zone
	}
	if in.MuteTargets != nil {
		rule.Alarms = in.MuteTargets.AlarmNames
	}
	_, err = a.backend.Step(ctx, engine.PutMuteRule{Scope: c.Scope, Rule: rule})
	return &sdk.PutAlarmMuteRuleOutput{}, refusal(err)
}

// isoDuration parses a duration such as PT4H, P2DT12H or P1W: whole weeks, days, hours and minutes.
func isoDuration(text string) (time.Duration, bool) {
	rest, ok := strings.CutPrefix(text, "P")
	days, clock, timed := strings.Cut(rest, "T")
	if !ok || rest == "" || timed && clock == "" {
		return 0, false
	}
	var total time.Duration
	for _, part := range []struct {
		text, letters string
		units         []time.Duration
	}{
		{days, "WD", []time.Duration{7 * 24 * time.Hour, 24 * time.Hour}}, {clock, "HM", []time.Duration{time.Hour, time.Minute}},
	} {
		for from := 0; part.text != ""; {
			end := strings.IndexAny(part.text, part.letters[from:])
			if end < 1 || strings.Trim(part.text[:end], "0123456789") != "" {
				return 0, false
			}
			n, err := strconv.Atoi(part.text[:end])
			at := strings.IndexByte(part.letters, part.text[end])
			if err != nil || n > int(alarm.MuteDurationMax/time.Minute) {
				return 0, false
			}
			total += time.Duration(n) * part.units[at]
			from, part.text = at+1, part.text[end+1:]
		}
	}
	return total, true
}

func noMuteRule() *awsapi.Error {
	return &awsapi.Error{Code: "ResourceNotFoundException", Status: http.StatusNotFound, Message: "The alarm mute rule does not exist."}
}

func muteType(m *alarm.MuteRule) *string {
	if m.Recurring() {
		return aws.String("RECURRING")
	}
	return aws.String("ONE_TIME")
}

func optionalTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func (a *API) getAlarmMuteRule(ctx context.Context, c awsapi.Call, in *sdk.GetAlarmMuteRuleInput) (*sdk.GetAlarmMuteRuleOutput, error) {
	out := &sdk.GetAlarmMuteRuleOutput{}
	return out, a.region(ctx, c, func(now time.Time, r *engine.Region) error {
		m := r.Alarms.MuteRules[*in.AlarmMuteRuleName]
		if m == nil {
			return noMuteRule()
		}
		*out = sdk.GetAlarmMuteRuleOutput{
			Name: aws.String(m.Name), AlarmMuteRuleArn: aws.String(muteRulePrefix(c.Scope) + m.Name), Description: awsapi.Optional(m.Description),
			Rule: &types.Rule{Schedule: &types.Schedule{
				Expression: aws.String(m.Expression), Duration: aws.String(m.Length), Timezone: awsapi.Optional(m.Zone),
			}},
			StartDate: optionalTime(m.Start), ExpireDate: optionalTime(m.Expire), Status: types.AlarmMuteRuleStatus(m.Status(now)),
			LastUpdatedTimestamp: aws.Time(m.Updated), MuteType: muteType(m),
		}
		if len(m.Alarms) > 0 {
			out.MuteTargets = &types.MuteTargets{AlarmNames: slices.Clone(m.Alarms)}
		}
		return nil
	})
}

func (a *API) listAlarmMuteRules(ctx context.Context, c awsapi.Call, in *sdk.ListAlarmMuteRulesInput) (*sdk.ListAlarmMuteRulesOutput, error) {
	limit := muteRulesPage
	if in.MaxRecords != nil {
		limit = int(*in.MaxRecords)
	}
	out := &sdk.ListAlarmMuteRulesOutput{AlarmMuteRuleSummaries: []types.AlarmMuteRuleSummary{}}
	return out, a.region(ctx, c, func(now time.Time, r *engine.Region) error {
		var kept []*alarm.MuteRule
		for _, m := range r.Alarms.MuteRules {
			status := types.AlarmMuteRuleStatus(m.Status(now))
			if (in.AlarmName == nil || slices.Contains(m.Alarms, *in.AlarmName)) && (len(in.Statuses) == 0 || slices.Contains(in.Statuses, status)) {
				kept = append(kept, m)
			}
		}
		page, next, err := awsapi.Page(kept, func(m *alarm.MuteRule) string { return m.Name }, false, aws.ToString(in.NextToken),
			fmt.Sprint("mutes", aws.ToString(in.AlarmName), in.Statuses), limit)
		if err != nil {
			return refuse("InvalidNextToken", "", "The NextToken value is not valid")
		}
		for _, m := range page {
			out.AlarmMuteRuleSummaries = append(out.AlarmMuteRuleSummaries, types.AlarmMuteRuleSummary{
				AlarmMuteRuleArn: aws.String(muteRulePrefix(c.Scope) + m.Name), ExpireDate: optionalTime(m.Expire),
				Status: types.AlarmMuteRuleStatus(m.Status(now)), MuteType: muteType(m), LastUpdatedTimestamp: aws.Time(m.Updated),
			})
		}
		out.NextToken = awsapi.Optional(next)
		return nil
	})
}

func (a *API) deleteAlarmMuteRule(
	ctx context.Context, c awsapi.Call, in *sdk.DeleteAlarmMuteRuleInput,
) (*sdk.DeleteAlarmMuteRuleOutput, error) {
	_, err := a.backend.Step(ctx, engine.DeleteMuteRule{Scope: c.Scope, Name: *in.AlarmMuteRuleName})
	return &sdk.DeleteAlarmMuteRuleOutput{}, refusal(err)
}
