package policy_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine/dimension"
	"bellows.dev/bellows/engine/dimension/instancecount"
	"bellows.dev/bellows/engine/dimension/unserved"
	"bellows.dev/bellows/metric"
	. "bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy"
	"bellows.dev/bellows/scaling/policy/tracking"
)

// perInstance is a list of queries as the user guide has it: a queue's length, divided by the instances.
func perInstance() []tracking.MetricQuery {
	return []tracking.MetricQuery{
		{ID: "m1", Label: "queue", ReturnData: ptr(false), Stat: &tracking.MetricStat{
			Namespace: "App", Name: "Queue", Statistic: "Sum", Dimensions: []metric.Dimension{{Name: "b", Value: "2"}, {Name: "a", Value: "1"}},
		}},
		{ID: "m2", ReturnData: ptr(false), Stat: &tracking.MetricStat{Namespace: "App", Name: "Instances", Statistic: "Average"}},
		{ID: "e1", Label: "per instance", Expression: "m1 / m2"},
	}
}

func mathPolicy(queries []tracking.MetricQuery) *tracking.Config {
	return &tracking.Config{TargetValue: 100, Customized: &tracking.CustomizedSpec{Queries: queries}}
}

// AWS: every metric and expression has a period of 60 s: recorded.
func TestAlarmsOfMetricMath(t *testing.T) {
	r, target := newTarget(t, 1, 4)
	ch := put(t, r, request{Name: "p", Type: tracking.Type{}, TargetTracking: mathPolicy(perInstance())}, counter())
	queries := []metric.DataQuery{
		{ID: "m1", Label: "queue", Hidden: true, Stat: &metric.MetricStat{
			Metric:    metric.NewID("App", "Queue", metric.Dimension{Name: "a", Value: "1"}, metric.Dimension{Name: "b", Value: "2"}),
			Statistic: metric.Statistic{Kind: metric.Sum}, Period: time.Minute,
		}},
		{ID: "m2", Hidden: true, Stat: &metric.MetricStat{
			Metric: metric.NewID("App", "Instances"), Statistic: metric.Statistic{Kind: metric.Average}, Period: time.Minute,
		}},
		{ID: "e1", Label: "per instance", Expression: "m1 / m2", Period: time.Minute},
	}
	want := []alarm.Alarm{
		ownAlarm(target, alarmPrefix+"High-id-2", alarm.Rule{
			Comparison: alarm.GreaterThanThreshold, Threshold: 100, Metrics: queries, Period: time.Minute, Periods: 3,
		}),
		ownAlarm(target, alarmPrefix+"Low-id-3", alarm.Rule{
			Comparison: alarm.LessThanThreshold, Threshold: 90, Metrics: queries, Period: time.Minute, Periods: 15,
		}),
	}
	if diff := cmp.Diff(want, ch.CreateAlarms); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	again := put(t, r, request{Name: "p", TargetTracking: &tracking.Config{TargetValue: 100}}, counter())
	if len(again.CreateAlarms) != 2 || cmp.Diff(queries, again.CreateAlarms[0].Rule.Metrics) != "" {
		t.Errorf("put again without its metric: %+v", again)
	}
}

func TestMetricMathRefused(t *testing.T) {
	const not = "The customized metric specification is not valid. "
	for _, tc := range []struct {
		name string
		do   func([]tracking.MetricQuery) []tracking.MetricQuery
		want string
	}{
		{"all is well", func(q []tracking.MetricQuery) []tracking.MetricQuery { return q }, ""},
		{"one metric is well", func(q []tracking.MetricQuery) []tracking.MetricQuery { q[1].ReturnData = nil; return q[1:2] }, ""},
		{"none returned", func(q []tracking.MetricQuery) []tracking.MetricQuery { q[2].ReturnData = ptr(false); return q }, not + "Exactly one element of the metrics list should return data."},
		{"two returned", func(q []tracking.MetricQuery) []tracking.MetricQuery { q[0].ReturnData = nil; return q }, not + "Exactly one element of the metrics list should return data."},
		{"an unknown query", func(q []tracking.MetricQuery) []tracking.MetricQuery { q[2].Expression = "m1/m3"; return q }, not + "Error in expression 'e1': "},
		{"a search", func(q []tracking.MetricQuery) []tracking.MetricQuery {
			q[2].Expression = "SUM(SEARCH('{App} x', 'Sum', 60))"
			return q
		}, not + "SEARCH is not supported on Metric Alarms."},
		{"several series", func(q []tracking.MetricQuery) []tracking.MetricQuery { q[2].Expression = "METRICS()"; return q }, not + "Metrics expression that return multi time series are only allowed"},
		{"an id", func(q []tracking.MetricQuery) []tracking.MetricQuery { q[2].ID = "E1"; return q }, not + "The Id 'E1' must begin with a small letter and have letters, digits and _ only."},
		{"no id", func(q []tracking.MetricQuery) []tracking.MetricQuery { q[2].ID = ""; return q }, not + "The Id '' must begin"},
		{"neither", func(q []tracking.MetricQuery) []tracking.MetricQuery { q[2].Expression = ""; return q }, not + "The query e1 must have exactly one of MetricStat and Expression."},
		{"both", func(q []tracking.MetricQuery) []tracking.MetricQuery { q[1].Expression = "m1"; return q }, not + "The query m2 must have exactly one of MetricStat and Expression."},
		{"a statistic", func(q []tracking.MetricQuery) []tracking.MetricQuery { q[1].Stat.Statistic = "Most"; return q }, not + "The query m2 must have a Metric with Namespace and MetricName, and a valid Stat."},
		{"no name", func(q []tracking.MetricQuery) []tracking.MetricQuery { q[1].Stat.Name = ""; return q }, not + "The query m2 must have a Metric with Namespace and MetricName, and a valid Stat."},
		{"eleven metrics", func(q []tracking.MetricQuery) []tracking.MetricQuery {
			for i := range 9 {
				x := q[1]
				x.ID = fmt.Sprint("n", i)
				q = append(q, x)
			}
			return q
		}, not + "It can have at most 10 metrics and 10 expressions."},
		{"50 KB", func(q []tracking.MetricQuery) []tracking.MetricQuery {
			q[2].Label = strings.Repeat("x", 51<<10)
			return q
		}, not + "Its size must not be larger than 50 KB."},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, _ := newTarget(t, 1, 4)
			_, err := r.PutPolicy(t0, request{Key: blue, Name: "p", Type: tracking.Type{}, TargetTracking: mathPolicy(tc.do(perInstance()))}.input(), counter())
			if tc.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.HasPrefix(err.Error(), tc.want) {
				t.Errorf("\n got %v\nwant %s", err, tc.want)
			}
		})
	}
}

// AWS: a list of one metric is that metric; labels, units and the order of a list do not make another one: recorded.
func TestMetricMathIdentity(t *testing.T) {
	plain := &tracking.Config{TargetValue: 1, Customized: &tracking.CustomizedSpec{Namespace: "App", Name: "Instances", Statistic: tracking.Average, Unit: "Count"}}
	single := perInstance()[1:2]
	single[0].ReturnData = nil
	turned := perInstance()
	turned[0], turned[1] = turned[1], turned[0]
	turned[0].Label, turned[1].Stat.Unit = "other", "Count"
	other := perInstance()
	other[2].Expression = "m1 / m2 / 2"
	for _, tc := range []struct {
		name string
		a, b *tracking.Config
		same bool
	}{
		{"one metric", plain, mathPolicy(single), true},
		{"another order", mathPolicy(perInstance()), mathPolicy(turned), true},
		{"another expression", mathPolicy(perInstance()), mathPolicy(other), false},
		{"a metric and math", plain, mathPolicy(perInstance()), false},
	} {
		r, _ := newTarget(t, 1, 4, request{Name: "p", Type: tracking.Type{}, TargetTracking: tc.a})
		_, err := r.PutPolicy(t0, request{Key: blue, Name: "q", Type: tracking.Type{}, TargetTracking: tc.b}.input(), counter())
		if got := err != nil; got != tc.same {
			t.Errorf("%s: refused %v (%v)", tc.name, got, err)
		}
	}
}

// AWS: Application Auto Scaling's MetricType; SageMaker developer guide. What each predefined metric's alarms watch.
func TestAlarmsOfPredefinedMetrics(t *testing.T) {
	component := TargetKey{ResourceID: "inference-component/llm", Dimension: unserved.NewCopies().Name()}
	variant := []metric.Dimension{{Name: "EndpointName", Value: "chat"}, {Name: "VariantName", Value: "blue"}}
	copies := []metric.Dimension{{Name: "InferenceComponentName", Value: "llm"}}
	for _, tc := range []struct {
		key        TargetKey
		predefined tracking.PredefinedMetric
		name       string
		statistic  metric.StatisticKind
		dimensions []metric.Dimension
		high       time.Duration
	}{
		{blue, instancecount.InvocationsPerInstance, "InvocationsPerInstance", metric.Sum, variant, time.Minute},
		{blue, instancecount.ConcurrentRequestsPerModel, "ConcurrentRequestsPerModel", metric.Maximum, variant, 10 * time.Second},
		{component, unserved.InvocationsPerCopy, "InvocationsPerCopy", metric.Sum, copies, time.Minute},
		{component, unserved.ConcurrentRequestsPerCopy, "ConcurrentRequestsPerCopy", metric.Maximum, copies, 10 * time.Second},
		{
			TargetKey{ResourceID: blue.ResourceID, Dimension: unserved.NewConcurrency().Name()}, unserved.ConcurrencyUtilization,
			"ServerlessProvisionedConcurrencyUtilization", metric.Maximum, variant, time.Minute,
		},
	} {
		r := NewRegistry(policy.Types(), dimension.All()) // inference components and provisioned concurrency cannot be registered here yet
		r.Targets[tc.key] = &Target{Key: tc.key, Min: 1, Max: 4}
		in := request{Key: tc.key, Name: "p", Type: tracking.Type{}, TargetTracking: &tracking.Config{
			TargetValue: 0.5, Predefined: &tracking.PredefinedSpec{Metric: tc.predefined},
		}}
		ch, err := r.PutPolicy(t0, in.input(), counter())
		if err != nil {
			t.Fatal(err)
		}
		want := ownAlarm(r.Targets[tc.key], tracked(ch.Policy).AlarmHigh, alarm.Rule{
			Comparison: alarm.GreaterThanThreshold, Threshold: 0.5, Metric: metric.NewID("AWS/SageMaker", tc.name, tc.dimensions...),
			Statistic: metric.Statistic{Kind: tc.statistic}, Period: tc.high, Periods: 3,
		})
		if diff := cmp.Diff(want, ch.CreateAlarms[0]); diff != "" {
			t.Errorf("%v (-want +got):\n%s", tc.predefined, diff)
		}
		if low := ch.CreateAlarms[1].Rule; low.Period != time.Minute || low.Periods != 15 || low.Threshold != 0.45 {
			t.Errorf("%v: %+v", tc.predefined, low)
		}
		for _, wrong := range []tracking.PredefinedMetric{instancecount.InvocationsPerInstance, unserved.InvocationsPerCopy, unserved.ConcurrencyUtilization} {
			fits := strings.Contains(strings.Join(namesOf(tc.key.Dimension), " "), string(wrong))
			in.TargetTracking = &tracking.Config{TargetValue: 1, Predefined: &tracking.PredefinedSpec{Metric: wrong}}
			_, err := r.PutPolicy(t0, in.input(), counter())
			text := fmt.Sprintf("Scalable dimension %s only supports the following predefined metric types: %s", tc.key.Dimension,
				strings.Join(namesOf(tc.key.Dimension), ", "))
			if fits != (err == nil) || !fits && err.Error() != text {
				t.Errorf("%v on %v: %v", wrong, tc.key.Dimension, err)
			}
		}
	}
}

// namesOf are the predefined metrics of a dimension.
func namesOf(d Dimension) []string {
	switch d {
	case VariantInstances:
		return []string{"SageMakerVariantInvocationsPerInstance", "SageMakerVariantConcurrentRequestsPerModelHighResolution"}
	case unserved.NewConcurrency().Name():
		return []string{"SageMakerVariantProvisionedConcurrencyUtilization"}
	default:
		return []string{"SageMakerInferenceComponentInvocationsPerCopy", "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution"}
	}
}
