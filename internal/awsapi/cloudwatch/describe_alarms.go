package cloudwatch

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/metric"
)

// AWS: DescribeAlarms, API reference: AlarmNames, MaxRecords.
const (
	namesMax    = 100
	alarmsPage  = 50
	recordsPage = 100
)

func (a *API) describeAlarms(ctx context.Context, c awsapi.Call, in *sdk.DescribeAlarmsInput) (*sdk.DescribeAlarmsOutput, error) {
	if err := awsapi.Only(in, "", "AlarmNames", "AlarmNamePrefix", "AlarmTypes", "StateValue", "ActionPrefix", "MaxRecords",
		"NextToken"); err != nil {
		return nil, err
	}
	if len(in.AlarmNames) > 0 && in.AlarmNamePrefix != nil {
		return nil, invalidCombination("The parameters AlarmNames and AlarmNamePrefix are mutually exclusive and you have specified both.")
	}
	limit := alarmsPage
	if in.MaxRecords != nil {
		limit = int(*in.MaxRecords)
	}
	out := &sdk.DescribeAlarmsOutput{MetricAlarms: []types.MetricAlarm{}, CompositeAlarms: []types.CompositeAlarm{}}
	if len(in.AlarmTypes) > 0 && !slices.Contains(in.AlarmTypes, types.AlarmTypeMetricAlarm) {
		return out, nil // alarms of other types there are none
	}
	return out, a.region(ctx, c, func(_ time.Time, r *engine.Region) error {
		var kept []*alarm.Alarm
		for name, x := range r.Alarms {
			if (len(in.AlarmNames) == 0 || slices.Contains(in.AlarmNames, name)) && strings.HasPrefix(name, aws.ToString(in.AlarmNamePrefix)) &&
				(in.StateValue == "" || string(in.StateValue) == x.State.String()) && acts(r, x, aws.ToString(in.ActionPrefix)) {
				kept = append(kept, x)
			}
		}
		bind := fmt.Sprint("alarms", in.AlarmNames, aws.ToString(in.AlarmNamePrefix), in.StateValue, aws.ToString(in.ActionPrefix))
		page, next, err := awsapi.Page(kept, func(x *alarm.Alarm) string { return x.Name }, false, aws.ToString(in.NextToken), bind, limit)
		for _, x := range page {
			out.MetricAlarms = append(out.MetricAlarms, describeAlarm(r, x))
		}
		out.NextToken = optional(next)
		return err
	})
}

func acts(r *engine.Region, x *alarm.Alarm, prefix string) bool {
	return prefix == "" || slices.ContainsFunc(x.Actions, func(a alarm.Action) bool { return strings.HasPrefix(actionARN(r, a), prefix) })
}

func (a *API) describeAlarmsForMetric(
	ctx context.Context, c awsapi.Call, in *sdk.DescribeAlarmsForMetricInput,
) (*sdk.DescribeAlarmsForMetricOutput, error) {
	key := metric.NewID(*in.Namespace, *in.MetricName, dimensions(in.Dimensions)...).Key()
	statistic := string(in.Statistic) + aws.ToString(in.ExtendedStatistic)
	out := &sdk.DescribeAlarmsForMetricOutput{MetricAlarms: []types.MetricAlarm{}}
	return out, a.region(ctx, c, func(_ time.Time, r *engine.Region) error {
		for _, x := range r.Alarms {
			if x.Rule.Metric.Key() == key && (statistic == "" || statistic == x.Rule.Statistic.String()) &&
				(in.Period == nil || time.Duration(*in.Period)*time.Second == x.Rule.Period) && (in.Unit == "" || string(in.Unit) == x.Rule.Unit) {
				out.MetricAlarms = append(out.MetricAlarms, describeAlarm(r, x))
			}
		}
		slices.SortFunc(out.MetricAlarms, func(a, b types.MetricAlarm) int { return strings.Compare(*a.AlarmName, *b.AlarmName) })
		return nil
	})
}
