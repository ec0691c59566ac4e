package cloudwatch

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"bellows.dev/bellows/engine"
)

var ignoreDocument = cmpopts.IgnoreUnexported(types.Datapoint{}, types.Metric{}, types.Dimension{})

// statistic returns a valid request for the metric m in namespace N: the sums of an hour.
func statistic(now time.Time) *sdk.GetMetricStatisticsInput {
	return &sdk.GetMetricStatisticsInput{
		Namespace: aws.String("N"), MetricName: aws.String("m"), Period: aws.Int32(60), StartTime: aws.Time(now.Add(-time.Hour)),
		EndTime: aws.Time(now), Statistics: []types.Statistic{types.StatisticSum},
	}
}

// AWS: GetMetricStatistics, API reference; texts are recorded as far as known.
func TestStatisticsThatAreRefused(t *testing.T) {
	type request = sdk.GetMetricStatisticsInput
	for _, tc := range []struct {
		name string
		do   func(*request)
		want string
	}{
		{"all is well", func(*request) {}, ""},
		{"neither", func(in *request) { in.Statistics = nil }, "InvalidParameterCombination: At least one of the parameters Statistics and ExtendedStatistics must be specified."},
		{"both are well", func(in *request) { in.ExtendedStatistics = []string{"p90"} }, ""},
		{"percentile", func(in *request) { in.Statistics, in.ExtendedStatistics = nil, []string{"p99", "p101"} }, "InvalidParameterValue: The value p101 for parameter ExtendedStatistics.member.2.<list element> is not supported."},
		{"Sum is not extended", func(in *request) { in.Statistics, in.ExtendedStatistics = nil, []string{"Sum"} }, "InvalidParameterValue: The value Sum for parameter ExtendedStatistics.member.1.<list element> is not supported."},
		{"period", func(in *request) { in.Period = aws.Int32(15) }, "InvalidParameterValue: The parameter Period must be a value in the set [1, 5, 10, 20, 30]."},
		{"period of 90 s", func(in *request) { in.Period = aws.Int32(90) }, "InvalidParameterValue: The parameter Period must be a multiple of 60."},
		{"period of 20 s", func(in *request) { in.Period = aws.Int32(20) }, ""},
		{"upside down", func(in *request) { in.StartTime, in.EndTime = in.EndTime, in.StartTime }, "InvalidParameterValue: The parameter StartTime must be less than the parameter EndTime."},
		{"nothing between", func(in *request) { in.StartTime = in.EndTime }, "InvalidParameterValue: The parameter StartTime must be less than the parameter EndTime."},
		{"1,440", func(in *request) { in.StartTime = aws.Time(in.EndTime.Add(-24 * time.Hour)) }, ""},
		{"a day of seconds", func(in *request) { in.Period, in.StartTime = aws.Int32(1), aws.Time(in.EndTime.Add(-24*time.Hour)) }, "InvalidParameterCombination: You have requested up to 86400 datapoints, which exceeds the limit of 1440. You may reduce the datapoints requested by increasing Period, or decreasing the time range."},
		{"1,441", func(in *request) { in.StartTime = aws.Time(in.EndTime.Add(-24*time.Hour - time.Second)) }, "InvalidParameterCombination: You have requested up to 1441 datapoints, which exceeds the limit of 1440. You may reduce the datapoints requested by increasing Period, or decreasing the time range."},
	} {
		a, m := newMemory()
		in := statistic(m.now)
		tc.do(in)
		if _, err := a.getMetricStatistics(t.Context(), call, in); refused(err) != tc.want {
			t.Errorf("%s: %q\nwant %q", tc.name, refused(err), tc.want)
		}
	}
}

// A value outside its enumeration is refused with the texts of the older operations.
func TestOutsideASet(t *testing.T) {
	got := outsideSet("PutMetricData", "metricData.1.member.unit", []string{"Seconds", "None"})
	if want := "The parameter MetricData.member.1.Unit must be a value in the set [ Seconds, None ]."; got == nil || got.Message != want || got.Query != "InvalidParameterValue" {
		t.Errorf("%+v, want %s", got, want)
	}
	got = outsideSet("GetMetricStatistics", "statistics.1.member", []string{"SampleCount", "Average", "Sum", "Minimum", "Maximum"})
	if want := "The parameter Statistics.member.1.<list element> must be a value in the set [SampleCount, Average, Sum, Minimum, Maximum]."; got.Message != want {
		t.Errorf("%+v, want %s", got, want)
	}
	if got := outsideSet("ListMetrics", "recentlyActive", []string{"PT3H"}); got == nil || got.Message != "Request parameter recentlyActive value is invalid" {
		t.Errorf("%+v", got)
	}
	if got := outsideSet("SetAlarmState", "stateValue", []string{"OK"}); got != nil {
		t.Errorf("%+v", got)
	}
}

// One datapoint per unit unless a unit is requested; percentiles and ranges by name.
func TestUnitsAndExtendedStatistics(t *testing.T) {
	a, m := newMemory()
	put(t, a, types.MetricDatum{MetricName: aws.String("m"), Unit: "Seconds", Values: []float64{1, 2, 3, 4}},
		types.MetricDatum{MetricName: aws.String("m"), Unit: "Count", Value: aws.Float64(7)})
	in := statistic(m.now)
	in.EndTime = aws.Time(m.now.Add(time.Minute))
	out := must[*sdk.GetMetricStatisticsOutput](t)(a.getMetricStatistics(t.Context(), call, in))
	if len(out.Datapoints) != 2 || out.Datapoints[0].Unit != "Seconds" || *out.Datapoints[0].Sum != 10 || *out.Datapoints[1].Sum != 7 {
		t.Errorf("%+v", out.Datapoints)
	}
	in.Unit, in.Statistics, in.ExtendedStatistics = "Seconds", nil, []string{"p100", "p0", "TC(2:4)"}
	out = must[*sdk.GetMetricStatisticsOutput](t)(a.getMetricStatistics(t.Context(), call, in))
	want := map[string]float64{"p100": 4, "p0": 1, "TC(2:4)": 2}
	if len(out.Datapoints) != 1 || !cmp.Equal(out.Datapoints[0].ExtendedStatistics, want) || out.Datapoints[0].Sum != nil {
		t.Errorf("%+v", out.Datapoints)
	}
	in.Unit = "Bytes"
	if out = must[*sdk.GetMetricStatisticsOutput](t)(a.getMetricStatistics(t.Context(), call, in)); len(out.Datapoints) != 0 || *out.Label != "m" {
		t.Errorf("in bytes %+v", out)
	}
}

// AWS: ListMetrics, API reference.
func TestMetricsAreListed(t *testing.T) {
	a, m := newMemory()
	began := m.now
	const n = 1203
	for i := 0; i < n; i += 401 {
		put(t, a, many(401, func(j int) types.MetricDatum {
			return types.MetricDatum{MetricName: aws.String("m"), Value: aws.Float64(1), Dimensions: []types.Dimension{dim("Host", fmt.Sprint(i+j)), dim("Zone", "a")}}
		})...)
	}
	put(t, a, types.MetricDatum{MetricName: aws.String("alone"), Value: aws.Float64(1), Dimensions: []types.Dimension{dim("Zone", "b")}})
	list := func(in sdk.ListMetricsInput) *sdk.ListMetricsOutput {
		t.Helper()
		return must[*sdk.ListMetricsOutput](t)(a.listMetrics(t.Context(), call, &in))
	}
	seen := map[string]bool{}
	pages, in := 0, sdk.ListMetricsInput{Namespace: aws.String("N"), MetricName: aws.String("m")}
	for {
		out := list(in)
		for _, x := range out.Metrics {
			seen[*x.Dimensions[0].Value] = true
		}
		if pages++; out.NextToken == nil {
			break
		}
		in.NextToken = out.NextToken
		if len(out.Metrics) != 500 {
			t.Errorf("a page of %d", len(out.Metrics))
		}
	}
	if len(seen) != n || pages != 3 {
		t.Errorf("%d metrics on %d pages", len(seen), pages)
	}
	in.MetricName = aws.String("other")
	if _, err := a.listMetrics(t.Context(), call, &in); refused(err) != "InvalidParameterValue: Request parameter NextToken is invalid" {
		t.Errorf("a token for other filters: %v", err)
	}
	count := func(in sdk.ListMetricsInput) int { t.Helper(); return len(list(in).Metrics) }
	for name, tc := range map[string]struct {
		in   sdk.ListMetricsInput
		want int
	}{
		"a dimension, whatever others": {sdk.ListMetricsInput{Dimensions: []types.DimensionFilter{{Name: aws.String("Host"), Value: aws.String("7")}}}, 1},
		"a dimension's name":           {sdk.ListMetricsInput{MetricName: aws.String("alone"), Dimensions: []types.DimensionFilter{{Name: aws.String("Zone")}}}, 1},
		"two of them": {sdk.ListMetricsInput{Dimensions: []types.DimensionFilter{
			{Name: aws.String("Host"), Value: aws.String("7")}, {Name: aws.String("Zone"), Value: aws.String("b")},
		}}, 0},
		"a part of a name":      {sdk.ListMetricsInput{MetricName: aws.String("alon")}, 0},
		"another namespace":     {sdk.ListMetricsInput{Namespace: aws.String("M")}, 0},
		"recently active":       {sdk.ListMetricsInput{MetricName: aws.String("alone"), RecentlyActive: types.RecentlyActivePt3h}, 1},
		"of this account":       {sdk.ListMetricsInput{MetricName: aws.String("alone"), IncludeLinkedAccounts: aws.Bool(true), OwningAccount: &call.Account}, 1},
		"of an account unknown": {sdk.ListMetricsInput{IncludeLinkedAccounts: aws.Bool(true), OwningAccount: aws.String("2")}, 0},
	} {
		if got := count(tc.in); got != tc.want {
			t.Errorf("%s: %d, want %d", name, got, tc.want)
		}
	}
	if out := list(sdk.ListMetricsInput{MetricName: aws.String("alone"), IncludeLinkedAccounts: aws.Bool(true)}); !cmp.Equal(out.OwningAccounts, []string{call.Account}) {
		t.Errorf("accounts %v", out.OwningAccounts)
	}
	if _, err := a.listMetrics(t.Context(), call, &sdk.ListMetricsInput{OwningAccount: aws.String("2")}); refused(err) == "" {
		t.Error("OwningAccount without linked accounts")
	}
	alone := sdk.ListMetricsInput{MetricName: aws.String("alone")}
	for after, want := range map[time.Duration][2]int{3 * time.Hour: {1, 1}, 4 * time.Hour: {1, 0}, 14 * 24 * time.Hour: {1, 0}, 15 * 24 * time.Hour: {0, 0}} {
		b := &memory{engine: must[*engine.Engine](t)(engine.FromState(m.engine.State())), now: began.Add(after)}
		must[engineResult](t)(b.Step(t.Context(), engine.Tick{}))
		a.backend = b
		recent := alone
		recent.RecentlyActive = types.RecentlyActivePt3h
		if got := [2]int{count(alone), count(recent)}; got != want {
			t.Errorf("%v later: %v listed, recently active; want %v", after, got, want)
		}
	}
}
