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

// anAlarm is a metric alarm or a composite alarm.
type anAlarm struct {
	metric    *alarm.Alarm
	composite *alarm.Composite
}

func (x anAlarm) name() string {
	if x.metric != nil {
		return x.metric.Name
	}
	return x.composite.Name
}

func (x anAlarm) state() alarm.State {
	if x.metric != nil {
		return x.metric.State
	}
	return x.composite.State
}

func (x anAlarm) actions() []alarm.Action {
	if x.metric != nil {
		return x.metric.Actions
	}
	return x.composite.Actions
}

func (a *API) describeAlarms(ctx context.Context, c awsapi.Call, in *sdk.DescribeAlarmsInput) (*sdk.DescribeAlarmsOutput, error) {
	if len(in.AlarmNames) > 0 && in.AlarmNamePrefix != nil {
		return nil, invalidCombination("The parameters AlarmNames and AlarmNamePrefix are mutually exclusive and you have specified both.")
	}
	if err := checkRelatives(in); err != nil {
		return nil, err
	}
	limit := alarmsPage
	if in.MaxRecords != nil {
		limit = int(*in.MaxRecords)
	}
	out := &sdk.DescribeAlarmsOutput{
		MetricAlarms: []types.MetricAlarm{}, CompositeAlarms: []types.CompositeAlarm{}, LogAlarms: []types.LogAlarm{},
	}
	return out, a.region(ctx, c, func(_ time.Time, r *engine.Region) error {
		kept, err := selected(r, in)
		if err != nil {
			return err
		}
		bind := fmt.Sprint("alarms", in.AlarmNames, aws.ToString(in.AlarmNamePrefix), in.StateValue, aws.ToString(in.ActionPrefix), in.AlarmTypes,
			aws.ToString(in.ChildrenOfAlarmName), "/", aws.ToString(in.ParentsOfAlarmName))
		page, next, err := awsapi.Page(kept, anAlarm.name, false, aws.ToString(in.NextToken), bind, limit)
		for _, x := range page {
			listAlarm(out, r, in, x)
		}
		out.NextToken = awsapi.Optional(next)
		return err
	})
}

// checkRelatives checks requests for an alarm's children or parents, which may have no other members than a token. AWS: DescribeAlarms, API reference.
func checkRelatives(in *sdk.DescribeAlarmsInput) error {
	for name, given := range map[string]bool{
		"ChildrenOfAlarmName": in.ChildrenOfAlarmName != nil, "ParentsOfAlarmName": in.ParentsOfAlarmName != nil,
	} {
		both := in.ChildrenOfAlarmName != nil && in.ParentsOfAlarmName != nil
		others := len(in.AlarmNames) > 0 || in.AlarmNamePrefix != nil || len(in.AlarmTypes) > 0 || in.StateValue != "" || in.ActionPrefix != nil
		if given && (both || others) {
			return awsapi.Validation("When %s is specified, no other parameters may be specified except MaxRecords and NextToken.", name)
		}
	}
	return nil
}

// selected returns the alarms that match a request.
func selected(r *engine.Region, in *sdk.DescribeAlarmsInput) ([]anAlarm, error) {
	if name := aws.ToString(in.ChildrenOfAlarmName) + aws.ToString(in.ParentsOfAlarmName); name != "" {
		if r.Alarms.Metric[name] == nil && r.Alarms.Composite[name] == nil {
			return nil, notFound()
		}
		names := r.Alarms.Parents(name)
		if in.ChildrenOfAlarmName != nil {
			names = r.Alarms.Children(name)
		}
		var kept []anAlarm
		for _, n := range names {
			if x := (anAlarm{r.Alarms.Metric[n], r.Alarms.Composite[n]}); x.metric != nil || x.composite != nil {
				kept = append(kept, x)
			}
		}
		return kept, nil
	}
	var kept []anAlarm
	wanted := func(x anAlarm) bool {
		name := x.name()
		return (len(in.AlarmNames) == 0 || slices.Contains(in.AlarmNames, name)) && strings.HasPrefix(name, aws.ToString(in.AlarmNamePrefix)) &&
			(in.StateValue == "" || string(in.StateValue) == x.state().String()) && acts(r, x.actions(), aws.ToString(in.ActionPrefix))
	}
	if len(in.AlarmTypes) == 0 || slices.Contains(in.AlarmTypes, types.AlarmTypeMetricAlarm) {
		for _, x := range r.Alarms.Metric {
			if wanted(anAlarm{metric: x}) {
				kept = append(kept, anAlarm{metric: x})
			}
		}
	}
	if slices.Contains(in.AlarmTypes, types.AlarmTypeCompositeAlarm) {
		for _, x := range r.Alarms.Composite {
			if wanted(anAlarm{composite: x}) {
				kept = append(kept, anAlarm{composite: x})
			}
		}
	}
	return kept, nil
}

// listAlarm adds an alarm to a response: for children the name, ARN and state, for parents the name and ARN.
func listAlarm(out *sdk.DescribeAlarmsOutput, r *engine.Region, in *sdk.DescribeAlarmsInput, x anAlarm) {
	if x.metric != nil {
		full := describeAlarm(r, x.metric)
		switch {
		case in.ChildrenOfAlarmName != nil:
			full = types.MetricAlarm{
				AlarmName: full.AlarmName, AlarmArn: full.AlarmArn, StateValue: full.StateValue, StateUpdatedTimestamp: full.StateUpdatedTimestamp,
			}
		case in.ParentsOfAlarmName != nil:
			full = types.MetricAlarm{AlarmName: full.AlarmName, AlarmArn: full.AlarmArn}
		}
		out.MetricAlarms = append(out.MetricAlarms, full)
		return
	}
	full := describeComposite(r.Scope, x.composite)
	switch {
	case in.ChildrenOfAlarmName != nil:
		full = types.CompositeAlarm{
			AlarmName: full.AlarmName, AlarmArn: full.AlarmArn, StateValue: full.StateValue, StateUpdatedTimestamp: full.StateUpdatedTimestamp,
		}
	case in.ParentsOfAlarmName != nil:
		full = types.CompositeAlarm{AlarmName: full.AlarmName, AlarmArn: full.AlarmArn}
	}
	out.CompositeAlarms = append(out.CompositeAlarms, full)
}

func acts(r *engine.Region, actions []alarm.Action, prefix string) bool {
	return prefix == "" || slices.ContainsFunc(actions, func(a alarm.Action) bool { return strings.HasPrefix(actionARN(r, a), prefix) })
}

// describeAlarmsForMetric lists the alarms on exactly one metric, without metric math and PromQL alarms.
func (a *API) describeAlarmsForMetric(
	ctx context.Context, c awsapi.Call, in *sdk.DescribeAlarmsForMetricInput,
) (*sdk.DescribeAlarmsForMetricOutput, error) {
	if in.Statistic != "" && in.ExtendedStatistic != nil {
		return nil, invalidCombination("The parameters Statistic and ExtendedStatistic are mutually exclusive and you have specified both.")
	}
	key := metric.NewID(*in.Namespace, *in.MetricName, dimensions(in.Dimensions)...).Key()
	statistic := string(in.Statistic) + aws.ToString(in.ExtendedStatistic)
	out := &sdk.DescribeAlarmsForMetricOutput{MetricAlarms: []types.MetricAlarm{}}
	return out, a.region(ctx, c, func(_ time.Time, r *engine.Region) error {
		for _, x := range r.Alarms.Metric {
			if x.Rule.Scalar() && x.Rule.Metric.Key() == key && (statistic == "" || statistic == x.Rule.Statistic.String()) &&
				(in.Period == nil || time.Duration(*in.Period)*time.Second == x.Rule.Period) && (in.Unit == "" || string(in.Unit) == x.Rule.Unit) {
				out.MetricAlarms = append(out.MetricAlarms, describeAlarm(r, x))
			}
		}
		slices.SortFunc(out.MetricAlarms, func(a, b types.MetricAlarm) int { return strings.Compare(*a.AlarmName, *b.AlarmName) })
		return nil
	})
}
