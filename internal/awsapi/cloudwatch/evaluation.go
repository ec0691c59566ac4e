package cloudwatch

import (
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/internal/zone"
)

// evaluationWarmsUp is the EvaluationState of an alarm during its warm-up period. AWS: CloudWatch user guide, alarm warm-up periods.
const evaluationWarmsUp = types.EvaluationState("IN_WARM_UP")

// evaluation reads the window and the warm-up period of an alarm.
func evaluation(r *alarm.Rule, in *sdk.PutMetricAlarmInput) error {
	if w := in.WarmUpConfiguration; w != nil {
		r.WarmUp = &alarm.WarmUp{
			For: time.Duration(*w.WarmUpPeriodDurationInMinutes) * time.Minute, Whole: aws.ToBool(w.OnlyStartEvaluatingAfterWarmUpPeriodEnds),
			WholeSet: w.OnlyStartEvaluatingAfterWarmUpPeriodEnds != nil,
		}
	}
	if in.EvaluationWindow == nil {
		return nil
	}
	if r.PromQL != nil {
		return awsapi.Validation("EvaluationWindow can not be specified together with EvaluationCriteria")
	}
	wall, ok := in.EvaluationWindow.(*types.EvaluationWindowMemberWallClockWindow)
	if !ok {
		r.Slides = true
		return nil
	}
	if !slices.Contains(alarm.WallClockPeriods, r.Period) {
		return awsapi.Validation("Period must be 60, 300, 3600, 86400 or 604800 for an alarm with a WallClockWindow")
	}
	var err error
	r.Clock, err = wallClock(aws.ToString(wall.Value.Timezone))
	return err
}

// wallClock reads a time zone: an IANA name, +05:30, or UTC+05:30; default UTC. AWS: WallClockWindow, Timezone.
func wallClock(name string) (*alarm.WallClock, error) {
	w := &alarm.WallClock{Timezone: name}
	if name == "" {
		return w, nil
	}
	for _, form := range []string{"-07:00", "UTC-07:00"} {
		if at, err := time.Parse(form, name); err == nil {
			if _, w.Offset = at.Zone(); w.Offset%300 != 0 {
				return nil, awsapi.Validation("The offset of the Timezone %s must be a multiple of 5 minutes", name)
			}
			return w, nil
		}
	}
	var err error
	if w.Zone, err = zone.Data(name); err != nil {
		return nil, awsapi.Validation("The Timezone %s is not valid: it must be the name of a time zone or an offset from UTC such as +05:30", name)
	}
	return w, nil
}

// describeEvaluation renders the evaluation window and warm-up period.
func describeEvaluation(out *types.MetricAlarm, r *alarm.Rule) {
	switch {
	case r.Clock != nil:
		out.EvaluationWindow = &types.EvaluationWindowMemberWallClockWindow{
			Value: types.WallClockWindow{Timezone: awsapi.Optional(r.Clock.Timezone)},
		}
	case r.Slides:
		out.EvaluationWindow = &types.EvaluationWindowMemberSlidingWindow{}
	}
	if w := r.WarmUp; w != nil {
		out.WarmUpConfiguration = &types.WarmUpConfiguration{WarmUpPeriodDurationInMinutes: aws.Int32(int32(w.For / time.Minute))}
		if w.WholeSet {
			out.WarmUpConfiguration.OnlyStartEvaluatingAfterWarmUpPeriodEnds = aws.Bool(w.Whole)
		}
	}
}
