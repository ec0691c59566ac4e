package listing

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"bellows.dev/bellows/internal/client"
	"bellows.dev/bellows/internal/term"
)

// AlarmsQuery selects alarms.
type AlarmsQuery struct {
	Names    []string // of all with none
	Endpoint string   // those of metrics of an endpoint, and those that invoke its policies
	State    string   // OK, ALARM or INSUFFICIENT_DATA
	History  int      // of the alarms that are named: so many of the newest entries
}

// alarmAnswer is what the command prints as JSON.
type alarmAnswer struct {
	MetricAlarms      []types.MetricAlarm
	CompositeAlarms   []types.CompositeAlarm
	AlarmHistoryItems []types.AlarmHistoryItem `json:",omitempty"`
}

// ReadAlarms returns all alarms that a query selects.
func ReadAlarms(ctx context.Context, c *client.Client, q AlarmsQuery) ([]types.MetricAlarm, []types.CompositeAlarm, error) {
	in := &cloudwatch.DescribeAlarmsInput{
		AlarmTypes: []types.AlarmType{types.AlarmTypeMetricAlarm, types.AlarmTypeCompositeAlarm}, StateValue: types.StateValue(q.State), AlarmNames: q.Names,
		MaxRecords: aws.Int32(100),
	}
	metric, composite := []types.MetricAlarm{}, []types.CompositeAlarm{}
	for pages := cloudwatch.NewDescribeAlarmsPaginator(c.CloudWatch, in); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, nil, err
		}
		for _, a := range page.MetricAlarms {
			if q.Endpoint == "" || concerns(a, q.Endpoint) {
				metric = append(metric, a)
			}
		}
		if q.Endpoint == "" {
			composite = append(composite, page.CompositeAlarms...)
		}
	}
	for _, name := range q.Names {
		if !slices.ContainsFunc(metric, func(a types.MetricAlarm) bool { return aws.ToString(a.AlarmName) == name }) &&
			!slices.ContainsFunc(composite, func(a types.CompositeAlarm) bool { return aws.ToString(a.AlarmName) == name }) {
			return nil, nil, &client.Error{Code: "ResourceNotFound", Message: fmt.Sprintf("There is no alarm %q: `bellows alarms` lists the alarms", name)}
		}
	}
	return metric, composite, nil
}

// concerns reports whether an alarm watches a metric of an endpoint or invokes a policy of it.
func concerns(a types.MetricAlarm, endpoint string) bool {
	is := func(d types.Dimension) bool {
		return aws.ToString(d.Name) == "EndpointName" && aws.ToString(d.Value) == endpoint
	}
	if slices.ContainsFunc(a.Dimensions, is) {
		return true
	}
	for _, m := range a.Metrics {
		if m.MetricStat != nil && m.MetricStat.Metric != nil && slices.ContainsFunc(m.MetricStat.Metric.Dimensions, is) {
			return true
		}
	}
	return slices.ContainsFunc(a.AlarmActions, func(arn string) bool { return strings.Contains(arn, ":resource/sagemaker/endpoint/"+endpoint+"/") })
}

// Alarms lists alarms, or those that are named with their history.
func Alarms(ctx context.Context, c *client.Client, q AlarmsQuery) (term.Answer, error) {
	metric, composite, err := ReadAlarms(ctx, c, q)
	if err != nil {
		return term.Answer{}, err
	}
	t := term.Table{
		Header: []string{"ALARM", "STATE", "SINCE", "CONDITION", "ACTIONS", "REASON"},
		Empty:  "No alarm matches. Target tracking policies make their own.",
	}
	now := time.Now()
	add := func(name *string, state types.StateValue, since *time.Time, condition string, enabled *bool, actions int, reason *string) {
		t.Rows = append(t.Rows, []term.Cell{
			term.Plain(aws.ToString(name)), term.Status(string(state)), term.Plain(Age(now, aws.ToTime(since))), term.Plain(condition),
			actionsOf(aws.ToBool(enabled), actions), term.Plain(aws.ToString(reason)),
		})
	}
	for _, a := range composite {
		add(a.AlarmName, a.StateValue, cmp.Or(a.StateTransitionedTimestamp, a.StateUpdatedTimestamp), aws.ToString(a.AlarmRule), a.ActionsEnabled, len(a.AlarmActions), a.StateReason)
	}
	for _, a := range metric {
		add(a.AlarmName, a.StateValue, cmp.Or(a.StateTransitionedTimestamp, a.StateUpdatedTimestamp), Condition(a), a.ActionsEnabled,
			len(a.AlarmActions)+len(a.OKActions)+len(a.InsufficientDataActions), a.StateReason)
	}
	answer := alarmAnswer{MetricAlarms: metric, CompositeAlarms: composite}
	blocks := []term.Block{t}
	for _, name := range q.Names {
		out, err := c.CloudWatch.DescribeAlarmHistory(ctx, &cloudwatch.DescribeAlarmHistoryInput{
			AlarmName: &name, MaxRecords: aws.Int32(int32(min(100, max(1, q.History)))),
		})
		if err != nil {
			return term.Answer{}, err
		}
		answer.AlarmHistoryItems = append(answer.AlarmHistoryItems, out.AlarmHistoryItems...)
		blocks = append(blocks, term.Line{}, history(out.AlarmHistoryItems))
	}
	return term.Answer{JSON: answer, Blocks: blocks}, nil
}

func actionsOf(enabled bool, n int) term.Cell {
	switch {
	case !enabled:
		return term.Toned(term.Warning, "disabled")
	case n == 0:
		return term.Toned(term.Faint, "none")
	}
	return term.Number("%d", n)
}

func history(items []types.AlarmHistoryItem) term.Table {
	t := term.Table{Header: []string{"TIME", "KIND", "WHAT HAPPENED"}, Empty: "Nothing has happened to it."}
	for _, i := range items {
		t.Rows = append(t.Rows, []term.Cell{term.Plain(moment(i.Timestamp)), term.Plain(string(i.HistoryItemType)), term.Plain(aws.ToString(i.HistorySummary))})
	}
	return t
}

// comparisons are the operators as people read them.
var comparisons = map[types.ComparisonOperator]string{
	types.ComparisonOperatorGreaterThanThreshold: ">", types.ComparisonOperatorGreaterThanOrEqualToThreshold: "≥",
	types.ComparisonOperatorLessThanThreshold: "<", types.ComparisonOperatorLessThanOrEqualToThreshold: "≤",
	types.ComparisonOperatorLessThanLowerOrGreaterThanUpperThreshold: "outside", types.ComparisonOperatorLessThanLowerThreshold: "below the band of",
	types.ComparisonOperatorGreaterThanUpperThreshold: "above the band of",
}

// Condition writes when an alarm is in ALARM: E.g. "Sum Invocations > 60 for 3 of 3 × 1m0s".
func Condition(a types.MetricAlarm) string {
	what := aws.ToString(a.MetricName)
	switch {
	case what == "":
		what = "an expression"
	case a.ExtendedStatistic != nil:
		what = *a.ExtendedStatistic + " " + what
	default:
		what = string(a.Statistic) + " " + what
	}
	n := aws.ToInt32(a.EvaluationPeriods)
	m := n
	if a.DatapointsToAlarm != nil {
		m = *a.DatapointsToAlarm
	}
	threshold := ""
	if a.Threshold != nil {
		threshold = fmt.Sprintf(" %g", *a.Threshold)
	}
	text := fmt.Sprintf("%s %s%s for %d of %d", what, comparisons[a.ComparisonOperator], threshold, m, n)
	if p := aws.ToInt32(a.Period); p > 0 {
		text += " × " + (time.Duration(p) * time.Second).String()
	}
	return text
}

// AlarmNames returns the names of alarms that begin with a text.
func AlarmNames(ctx context.Context, c *client.Client, begin string) ([]string, error) {
	in := &cloudwatch.DescribeAlarmsInput{MaxRecords: aws.Int32(100), AlarmTypes: []types.AlarmType{types.AlarmTypeMetricAlarm, types.AlarmTypeCompositeAlarm}}
	if begin != "" {
		in.AlarmNamePrefix = &begin
	}
	out, err := c.CloudWatch.DescribeAlarms(ctx, in)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, a := range out.MetricAlarms {
		names = append(names, aws.ToString(a.AlarmName))
	}
	for _, a := range out.CompositeAlarms {
		names = append(names, aws.ToString(a.AlarmName))
	}
	return names, nil
}
