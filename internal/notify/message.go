package notify

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/metric"
)

// message is the notification that SNS sends for an alarm: for a metric alarm with its Trigger, for a composite alarm with its rule and the
// children that triggered it. AWS: recorded.
type message struct {
	AlarmName                          string
	AlarmDescription                   *string
	AWSAccountID                       string `json:"AWSAccountId"`
	AlarmConfigurationUpdatedTimestamp string `json:",omitempty"`
	NewStateValue                      string
	NewStateReason                     string
	StateChangeTime                    string
	Region                             string
	AlarmArn                           string
	OldStateValue                      string
	ActionExecutedAfterMuteWindow      bool // there are no mute rules
	OKActions                          []string
	AlarmActions                       []string
	InsufficientDataActions            []string
	Trigger                            any      `json:",omitempty"`
	AlarmRule                          string   `json:",omitempty"`
	TriggeringChildren                 *[]child `json:",omitempty"`

	AlarmContributorId         string            `json:",omitempty"`
	AlarmContributorAttributes map[string]string `json:",omitempty"`
}

// child is an alarm that triggered a composite alarm.
type child struct {
	Arn   string
	State struct{ Value, Timestamp string }
}

type trigger struct {
	MetricName         string
	Namespace          string
	StatisticType      string
	Statistic          string  `json:",omitempty"`
	ExtendedStatistic  string  `json:",omitempty"`
	Unit               *string `json:"Unit"`
	Dimensions         []dimension
	Period             int
	EvaluationPeriods  int
	DatapointsToAlarm  int `json:",omitempty"`
	ComparisonOperator string
	Threshold          double
	TreatMissingData   string

	EvaluateLowSampleCountPercentile string
}

// promQLTrigger is the Trigger of a PromQL alarm, with the members of its criteria.
type promQLTrigger struct {
	Query                                             string
	PendingPeriod, RecoveryPeriod, EvaluationInterval int
}

// double is written with a fraction, as SNS's messages have it: 50.0. AWS: recorded.
type double float64

// MarshalJSON implements json.Marshaler.
func (d double) MarshalJSON() ([]byte, error) { return []byte(alarm.JavaDouble(float64(d))), nil }

type dimension struct {
	Value string `json:"value"`
	Name  string `json:"name"`
}

// mathTrigger is the Trigger of an alarm on an expression. AWS: recorded.
type mathTrigger struct {
	Period             int
	EvaluationPeriods  int
	DatapointsToAlarm  int `json:",omitempty"`
	ComparisonOperator string
	Threshold          double
	TreatMissingData   string

	EvaluateLowSampleCountPercentile string
	Metrics                          []query
}

type query struct {
	Expression string      `json:",omitempty"`
	ID         string      `json:"Id"`
	Label      string      `json:",omitempty"`
	MetricStat *metricStat `json:",omitempty"`
	Period     int         `json:",omitempty"`
	ReturnData bool
	AccountID  string `json:"AccountId,omitempty"`
}

type metricStat struct {
	Metric struct {
		Dimensions []dimension
		MetricName string
		Namespace  string
	}
	Period int
	Stat   string
	Unit   string `json:",omitempty"`
}

// dateForm is the format of times in the message.
const dateForm = "2006-01-02T15:04:05.000-0700"

// regions are the names that SNS prints; other regions are printed as given.
var regions = map[string]string{
	"us-east-1": "US East (N. Virginia)", "us-east-2": "US East (Ohio)", "us-west-1": "US West (N. California)", "us-west-2": "US West (Oregon)",
	"ca-central-1": "Canada (Central)", "eu-west-1": "EU (Ireland)", "eu-west-2": "EU (London)", "eu-west-3": "EU (Paris)",
	"eu-central-1": "EU (Frankfurt)", "eu-north-1": "EU (Stockholm)", "ap-south-1": "Asia Pacific (Mumbai)",
	"ap-northeast-1": "Asia Pacific (Tokyo)", "ap-northeast-2": "Asia Pacific (Seoul)", "ap-southeast-1": "Asia Pacific (Singapore)",
	"ap-southeast-2": "Asia Pacific (Sydney)", "sa-east-1": "South America (Sao Paulo)",
}

// body renders the message of an event.
func body(e engine.AlarmNotifies) ([]byte, error) {
	a := e.Alarm
	m := message{
		AlarmName: a.Name, AWSAccountID: e.Scope.Account, AlarmConfigurationUpdatedTimestamp: a.Configured.UTC().Format(dateForm),
		NewStateValue: e.Transition.To.String(), NewStateReason: e.Transition.Reason, StateChangeTime: a.Updated.UTC().Format(dateForm),
		Region: e.Scope.Region, AlarmArn: fmt.Sprintf("arn:aws:cloudwatch:%s:%s:alarm:%s", e.Scope.Region, e.Scope.Account, a.Name),
		OldStateValue: e.Transition.From.String(), OKActions: arns(a, alarm.OK), AlarmActions: arns(a, alarm.InAlarm),
		InsufficientDataActions: arns(a, alarm.InsufficientData),
	}
	switch {
	case e.Composite != nil:
		m.AlarmConfigurationUpdatedTimestamp = ""
		m.AlarmRule, m.TriggeringChildren = e.Composite.Rule, children(e.Transition.Data)
	case a.Rule.PromQL != nil:
		q := a.Rule.PromQL
		m.Trigger = promQLTrigger{q.Query, int(q.Pending / time.Second), int(q.Recovery / time.Second), int(q.Interval / time.Second)}
	case len(a.Rule.Metrics) > 0:
		m.Trigger = mathCause(a.Rule)
	default:
		m.Trigger = cause(a.Rule)
	}
	if c := e.Contributor; c != nil {
		m.AlarmContributorId, m.AlarmContributorAttributes = c.ID, c.Attributes
	}
	if a.Description != "" {
		m.AlarmDescription = &a.Description
	}
	if name, found := regions[e.Scope.Region]; found {
		m.Region = name
	}
	text, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encoding the message of alarm %s: %w", a.Name, err)
	}
	return text, nil
}

// children returns the alarms that StateReasonData names; none if a user set the data.
func children(data string) *[]child {
	var d struct{ TriggeringAlarms []child }
	if json.Unmarshal([]byte(data), &d) != nil || d.TriggeringAlarms == nil {
		d.TriggeringAlarms = []child{}
	}
	return &d.TriggeringAlarms
}

func arns(a alarm.Alarm, on alarm.State) []string {
	out := []string{}
	for _, x := range a.Actions {
		if x.On == on && x.ARN != "" {
			out = append(out, x.ARN)
		}
	}
	return out
}

func mathCause(r alarm.Rule) mathTrigger {
	t := mathTrigger{
		Period: int(r.Period / time.Second), EvaluationPeriods: r.Periods, DatapointsToAlarm: r.DatapointsToM,
		ComparisonOperator: r.Comparison.String(), Threshold: double(r.Threshold), TreatMissingData: r.Missing.String(),
	}
	for _, q := range r.Metrics {
		x := query{Expression: q.Expression, ID: q.ID, Label: q.Label, Period: int(q.Period / time.Second), ReturnData: !q.Hidden, AccountID: q.Account}
		if s := q.Stat; s != nil {
			x.MetricStat = &metricStat{Period: int(s.Period / time.Second), Stat: s.Statistic.String(), Unit: s.Unit}
			x.MetricStat.Metric.Namespace, x.MetricStat.Metric.MetricName = s.Metric.Namespace, s.Metric.Name
			x.MetricStat.Metric.Dimensions = []dimension{}
			for _, d := range s.Given() {
				x.MetricStat.Metric.Dimensions = append(x.MetricStat.Metric.Dimensions, dimension{d.Value, d.Name})
			}
		}
		t.Metrics = append(t.Metrics, x)
	}
	return t
}

func cause(r alarm.Rule) trigger {
	t := trigger{
		MetricName: r.Metric.Name, Namespace: r.Metric.Namespace, StatisticType: "Statistic", Statistic: strings.ToUpper(r.Statistic.String()),
		Dimensions: []dimension{}, Period: int(r.Period / time.Second), EvaluationPeriods: r.Periods, DatapointsToAlarm: r.DatapointsToM,
		ComparisonOperator: r.Comparison.String(), Threshold: double(r.Threshold), TreatMissingData: r.Missing.String(),
	}
	if r.Statistic.Kind >= metric.Percentile {
		t.StatisticType, t.Statistic, t.ExtendedStatistic = "ExtendedStatistic", "", r.Statistic.String()
	}
	if r.Unit != "" {
		t.Unit = &r.Unit
	}
	switch {
	case r.IgnoreLowSample:
		t.EvaluateLowSampleCountPercentile = "ignore"
	case r.EvaluateLowSample:
		t.EvaluateLowSampleCountPercentile = "evaluate"
	}
	for _, d := range r.Given() {
		t.Dimensions = append(t.Dimensions, dimension{d.Value, d.Name})
	}
	return t
}
