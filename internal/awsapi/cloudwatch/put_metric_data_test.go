package cloudwatch

import (
	"fmt"
	"maps"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/google/go-cmp/cmp"
)

func dim(name, value string) types.Dimension {
	return types.Dimension{Name: aws.String(name), Value: aws.String(value)}
}

func many[T any](n int, of func(i int) T) []T {
	out := make([]T, n)
	for i := range out {
		out[i] = of(i)
	}
	return out
}

// AWS: PutMetricData and MetricDatum, API references; most texts are recorded.
func TestDatumsThatAreRefused(t *testing.T) {
	const at, and = "MetricData.member.1", " are mutually exclusive and you have specified both."
	now := time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		name string
		do   func(*sdk.PutMetricDataInput, *types.MetricDatum)
		want string
	}{
		{"all is well", func(*sdk.PutMetricDataInput, *types.MetricDatum) {}, ""},
		{"AWS's namespaces", func(in *sdk.PutMetricDataInput, _ *types.MetricDatum) { in.Namespace = aws.String("AWS/EC2") }, "InvalidParameterValue: The value AWS/ for parameter Namespace is invalid."},
		{"namespace", func(in *sdk.PutMetricDataInput, _ *types.MetricDatum) { in.Namespace = aws.String("a\x01") }, "InvalidParameterValue: The value a\x01 for parameter Namespace is invalid."},
		{"no data", func(in *sdk.PutMetricDataInput, _ *types.MetricDatum) { in.MetricData = nil }, "MissingParameter: At least one MetricDatum object must be present in the request."},
		{"too many", func(in *sdk.PutMetricDataInput, d *types.MetricDatum) {
			in.MetricData = many(1001, func(int) types.MetricDatum { return *d })
		}, "InvalidParameterValue: The collection MetricData must not have a size greater than 1000."},
		{"too many with entities", func(in *sdk.PutMetricDataInput, d *types.MetricDatum) {
			in.EntityMetricData = []types.EntityMetricData{{MetricData: many(1000, func(int) types.MetricDatum { return *d })}}
		}, "InvalidParameterValue: The collection MetricData must not have a size greater than 1000."},
		{"too many entities", func(in *sdk.PutMetricDataInput, _ *types.MetricDatum) {
			in.EntityMetricData = make([]types.EntityMetricData, 3)
		}, "InvalidParameterValue: The collection EntityMetricData must not have a size greater than 2."},
		{"in an entity", func(in *sdk.PutMetricDataInput, d *types.MetricDatum) {
			in.StrictEntityValidation = aws.Bool(false)
			in.EntityMetricData = []types.EntityMetricData{{}, {MetricData: []types.MetricDatum{*d, {MetricName: aws.String("m"), Value: aws.Float64(math.NaN())}}}}
		}, "InvalidParameterValue: The value NaN for parameter EntityMetricData.member.2.MetricData.member.2.Value is invalid."},
		{"strict or not", func(in *sdk.PutMetricDataInput, d *types.MetricDatum) {
			in.EntityMetricData = []types.EntityMetricData{{MetricData: []types.MetricDatum{*d}}}
		}, "InvalidParameterCombination: Field StrictEntityValidation is required when setting EntityMetricData"},
		{"a strange entity", func(in *sdk.PutMetricDataInput, d *types.MetricDatum) {
			in.StrictEntityValidation, in.EntityMetricData = aws.Bool(true), []types.EntityMetricData{{
				Entity: &types.Entity{KeyAttributes: map[string]string{"Type": "NotAValidEntityType"}}, MetricData: []types.MetricDatum{*d},
			}}
		}, "InvalidParameterValue: InvalidTypeValue: Unknown entity type"},
		{"NaN", func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) { d.Value = aws.Float64(math.NaN()) }, "InvalidParameterValue: The value NaN for parameter " + at + ".Value is invalid."},
		{"infinity", func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) { d.Value = aws.Float64(math.Inf(-1)) }, "InvalidParameterValue: The value -Infinity for parameter " + at + ".Value is invalid."},
		{"the largest", func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) { d.Value = aws.Float64(-math.Pow(2, 360)) }, ""},
		{"too large", func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) { d.Value = aws.Float64(math.Pow(2, 361)) }, "InvalidParameterValue: The value 4.6970851655476665E108 for parameter " + at + ".Value is invalid."},
		{"the smallest", func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) { d.Value = aws.Float64(math.Pow(2, -360)) }, ""},
		{"too small", func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) { d.Value = aws.Float64(-math.Pow(2, -361)) }, "InvalidParameterValue: The value -2.1289799200040754E-109 for parameter " + at + ".Value is invalid."},
		{"no value", func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) { d.Value = nil }, "InvalidParameterCombination: At least one of the parameters must be specified."},
		{"counts alone", func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) { d.Value, d.Counts = nil, []float64{1} }, "InvalidParameterCombination: The parameter values must appears when the counts parameter is specified."},
		{"value and values", func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) { d.Values = []float64{1} }, "InvalidParameterCombination: The parameters " + at + ".Value and " + at + ".Values" + and},
		{"value and set", func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) { d.StatisticValues = statisticsOf(1, 1, 1, 1) }, "InvalidParameterCombination: The parameters " + at + ".Value and " + at + ".StatisticValues" + and},
		{"values and set: the set wins", func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) {
			d.Value, d.Values, d.StatisticValues = nil, []float64{7}, statisticsOf(1, 1, 1, 1)
		}, ""},
		{"150 values", func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) {
			d.Value, d.Values = nil, many(150, func(i int) float64 { return float64(i) })
		}, ""},
		{"151 values", func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) { d.Value, d.Values = nil, make([]float64, 151) }, "InvalidParameterValue: The collection " + at + ".Values must not have a size greater than 150."},
		{"sizes", func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) {
			d.Value, d.Values, d.Counts = nil, []float64{1, 2}, []float64{1}
		}, "InvalidParameterValue: The parameters " + at + ".Values and " + at + ".Counts must be of the same size."},
		{"a value of many", func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) {
			d.Value, d.Values = nil, []float64{1, math.Inf(1)}
		}, "InvalidParameterValue: The value Infinity for parameter " + at + ".Values.member.2 is invalid."},
		{"a count", func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) {
			d.Value, d.Values, d.Counts = nil, []float64{1, 2}, []float64{0, -1.5}
		}, "InvalidParameterValue: The parameter " + at + ".Counts must contain only values greater than 0."},
		{"an empty set", func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) {
			d.Value, d.StatisticValues = nil, statisticsOf(0, 1, 1, 1)
		}, "InvalidParameterValue: The parameter " + at + ".StatisticValues.SampleCount must be greater than 0."},
		{"a set upside down", func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) {
			d.Value, d.StatisticValues = nil, statisticsOf(2, 3, 2, 1)
		}, "InvalidParameterValue: The parameter " + at + ".StatisticValues.Maximum must be greater than " + at + ".StatisticValues.Minimum."},
		{"a set of nonsense", func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) {
			d.Value, d.StatisticValues = nil, statisticsOf(2, math.NaN(), 1, 2)
		}, "InvalidParameterValue: The value NaN for parameter " + at + ".StatisticValues.Sum is invalid."},
		{"two weeks ago", func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) {
			d.Timestamp = aws.Time(now.Add(-14 * 24 * time.Hour))
		}, ""},
		{"longer ago", func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) {
			d.Timestamp = aws.Time(now.Add(-14*24*time.Hour - time.Second))
		}, "InvalidParameterValue: The parameter " + at + ".Timestamp must specify a time within the past two weeks."},
		{"in two hours", func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) { d.Timestamp = aws.Time(now.Add(2 * time.Hour)) }, ""},
		{"later", func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) { d.Timestamp = aws.Time(now.Add(3 * time.Hour)) }, "InvalidParameterValue: The parameter " + at + ".Timestamp must specify a time no more than two hours in the future."},
		{"resolution of seconds", func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) { d.StorageResolution = aws.Int32(1) }, ""},
		{"resolution", func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) { d.StorageResolution = aws.Int32(30) }, "InvalidParameterValue: The parameter " + at + ".StorageResolution must be a value in the set [ 1, 60 ]."},
		{"30 dimensions", func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) {
			d.Dimensions = many(30, func(i int) types.Dimension { return dim(fmt.Sprint("d", i), "v") })
		}, ""},
		{"31 dimensions", func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) {
			d.Dimensions = many(31, func(i int) types.Dimension { return dim(fmt.Sprint("d", i), "v") })
		}, "InvalidParameterValue: The collection " + at + ".Dimensions must not have a size greater than 30."},
		{"twice", func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) {
			d.Dimensions = []types.Dimension{dim("a", "1"), dim("b", "1"), dim("a", "2")}
		}, "InvalidParameterValue: No metric may specify the same dimension name twice."},
		{"a colon", func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) {
			d.Dimensions = []types.Dimension{dim(":a", "1")}
		}, "InvalidParameterValue: The value :a for parameter " + at + ".Dimensions.member.1.Name is invalid."},
		{"a colon in a value", func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) {
			d.Dimensions = []types.Dimension{dim("a", ":1")}
		}, ""},
		{"blank", func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) {
			d.Dimensions = []types.Dimension{dim("a", "1"), dim("b", "  ")}
		}, "InvalidParameterValue: The value    for parameter " + at + ".Dimensions.member.2.Value is invalid."},
		{"not ASCII", func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) {
			d.Dimensions = []types.Dimension{dim("ä", "1")}
		}, "InvalidParameterValue: The value ä for parameter " + at + ".Dimensions.member.1.Name is invalid."},
		{"a control character", func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) {
			d.Dimensions = []types.Dimension{dim("a", "1\n")}
		}, "InvalidParameterValue: The value 1\n for parameter " + at + ".Dimensions.member.1.Value is invalid."},
		{"several", func(in *sdk.PutMetricDataInput, d *types.MetricDatum) {
			old := *d
			old.Timestamp = aws.Time(now.Add(-400 * time.Hour))
			in.MetricData = []types.MetricDatum{old, *d, old}
		}, "InvalidParameterValue: The parameter MetricData.member.1.Timestamp must specify a time within the past two weeks.\n" +
			"The parameter MetricData.member.3.Timestamp must specify a time within the past two weeks."},
	} {
		a, m := newMemory()
		in := &sdk.PutMetricDataInput{Namespace: aws.String("N"), MetricData: []types.MetricDatum{
			{MetricName: aws.String("m"), Value: aws.Float64(1)},
		}}
		d := &in.MetricData[0]
		tc.do(in, d)
		_, err := a.putMetricData(t.Context(), call, in)
		if got := refused(err); got != tc.want {
			t.Errorf("%s: %q\nwant %q", tc.name, got, tc.want)
		}
		if r := m.engine.Region(call.Scope); err != nil && r != nil && r.Metrics.Len() > 0 {
			t.Errorf("%s: a refused request was recorded in part", tc.name)
		}
	}
}

func statisticsOf(count, sum, least, most float64) *types.StatisticSet {
	return &types.StatisticSet{SampleCount: &count, Sum: &sum, Minimum: &least, Maximum: &most}
}

// AWS: PutMetricData: 1 MB, before decompression.
func TestBodiesOfMoreThanAMegabyte(t *testing.T) {
	a, _ := newMemory()
	in := &sdk.PutMetricDataInput{Namespace: aws.String("N"), MetricData: []types.MetricDatum{{MetricName: aws.String("m"), Value: aws.Float64(1)}}}
	c := call
	c.Size = 1 << 20
	must[*sdk.PutMetricDataOutput](t)(a.putMetricData(t.Context(), c, in))
	c.Size++
	if _, err := a.putMetricData(t.Context(), c, in); !strings.HasPrefix(refused(err), "RequestEntityTooLarge: ") {
		t.Error(err)
	}
}

// put records data and fails the test if it is refused.
func put(t *testing.T, a *API, data ...types.MetricDatum) {
	t.Helper()
	must[*sdk.PutMetricDataOutput](t)(a.putMetricData(t.Context(), call, &sdk.PutMetricDataInput{Namespace: aws.String("N"), MetricData: data}))
}

// All forms of samples are recorded with their values, also for datums of entities.
func TestSamplesInEveryForm(t *testing.T) {
	a, m := newMemory()
	put(t, a, types.MetricDatum{MetricName: aws.String("m"), Value: aws.Float64(4)},
		types.MetricDatum{MetricName: aws.String("m"), Values: []float64{1, 2, 9}, Counts: []float64{1.5, 0.5, 0}},
		types.MetricDatum{MetricName: aws.String("m"), StatisticValues: statisticsOf(2, 100, -3, 7), Values: []float64{1e9}})
	must[*sdk.PutMetricDataOutput](t)(a.putMetricData(t.Context(), call, &sdk.PutMetricDataInput{
		Namespace: aws.String("N"), StrictEntityValidation: aws.Bool(true),
		EntityMetricData: []types.EntityMetricData{{
			Entity:     &types.Entity{KeyAttributes: map[string]string{"Type": "Service", "Name": "x"}},
			MetricData: []types.MetricDatum{{MetricName: aws.String("m"), Value: aws.Float64(10)}},
		}},
	}))
	out := must[*sdk.GetMetricStatisticsOutput](t)(a.getMetricStatistics(t.Context(), call, &sdk.GetMetricStatisticsInput{
		Namespace: aws.String("N"), MetricName: aws.String("m"), Period: aws.Int32(60), StartTime: aws.Time(m.now), EndTime: aws.Time(m.now.Add(time.Minute)),
		Statistics: []types.Statistic{"SampleCount", "Sum", "Average", "Minimum", "Maximum"},
	}))
	want := []types.Datapoint{{
		Timestamp: aws.Time(m.now), Unit: "None", SampleCount: aws.Float64(6), Sum: aws.Float64(116.5), Average: aws.Float64(116.5 / 6),
		Minimum: aws.Float64(-3), Maximum: aws.Float64(10),
	}}
	if d := cmp.Diff(want, out.Datapoints, ignoreDocument); d != "" || *out.Label != "m" {
		t.Error(d)
	}
}

// AWS: recorded: a value with a count of 0 is included in minimum and maximum, and alone makes a datapoint without samples; one response has
// both kinds of statistics; a statistic set has its minimum and maximum as percentiles; the rank of the smallest value is 0.
func TestStatisticsAsRecorded(t *testing.T) {
	a, m := newMemory()
	put(t, a, types.MetricDatum{MetricName: aws.String("zero"), Values: []float64{1, 2}, Counts: []float64{0, 1}},
		types.MetricDatum{MetricName: aws.String("none"), Values: []float64{1, 2}, Counts: []float64{0, 0}},
		types.MetricDatum{MetricName: aws.String("weighted"), Values: []float64{2, 10}, Counts: []float64{2, 3}},
		types.MetricDatum{MetricName: aws.String("set"), StatisticValues: statisticsOf(3, 15, 1, 9)},
		types.MetricDatum{MetricName: aws.String("negative"), Values: []float64{-1, 3}})
	for _, tc := range []struct {
		metric   string
		ordinary []types.Statistic
		extended []string
		want     map[string]float64
	}{
		{"zero", []types.Statistic{"SampleCount", "Sum", "Minimum", "Maximum"}, nil, map[string]float64{"SampleCount": 1, "Sum": 2, "Minimum": 1, "Maximum": 2}},
		{
			"none", []types.Statistic{"SampleCount", "Sum", "Minimum", "Maximum"}, []string{"p0", "p50", "p100", "tm90", "PR(:5)"},
			map[string]float64{"SampleCount": 0, "Sum": 0, "Minimum": 1, "Maximum": 2, "p0": 1, "p100": 2},
		},
		{"weighted", []types.Statistic{"Sum"}, []string{"tc90", "PR(2:10)", "PR(1:2)"}, map[string]float64{"Sum": 34, "tc90": 4.5, "PR(2:10)": 100, "PR(1:2)": 40}},
		{"set", nil, []string{"p0", "p50", "p100"}, map[string]float64{"p0": 1, "p100": 9}},
		{"negative", nil, []string{"p0", "p50", "p100"}, map[string]float64{"p0": -1, "p100": 3}},
	} {
		out := must[*sdk.GetMetricStatisticsOutput](t)(a.getMetricStatistics(t.Context(), call, &sdk.GetMetricStatisticsInput{
			Namespace: aws.String("N"), MetricName: aws.String(tc.metric), Period: aws.Int32(60), StartTime: aws.Time(m.now),
			EndTime: aws.Time(m.now.Add(time.Minute)), Statistics: tc.ordinary, ExtendedStatistics: tc.extended,
		}))
		got := map[string]float64{}
		for _, p := range out.Datapoints {
			maps.Copy(got, p.ExtendedStatistics)
			for name, v := range map[string]*float64{"SampleCount": p.SampleCount, "Sum": p.Sum, "Minimum": p.Minimum, "Maximum": p.Maximum} {
				if v != nil {
					got[name] = *v
				}
			}
		}
		if !maps.Equal(got, tc.want) {
			t.Errorf("%s: %v, want %v", tc.metric, got, tc.want)
		}
	}
}

// Partly known samples: which statistics AWS returns is recorded; the values of percentiles are ours, whose bins are finer.
func TestStatisticsOfSamplesKnownInPart(t *testing.T) {
	raw := types.MetricDatum{Values: []float64{2, 10}, Counts: []float64{2, 3}}
	set := func(count, sum, least, most float64) types.MetricDatum {
		return types.MetricDatum{StatisticValues: statisticsOf(count, sum, least, most)}
	}
	one := func(value, count float64) types.MetricDatum {
		return types.MetricDatum{Values: []float64{value}, Counts: []float64{count}}
	}
	stats := []string{"p0", "p40", "p50", "p100", "tm90", "TC(:100%)", "TC(2:10)", "TM(2:10)", "WM(4:8)", "PR(2:10)"}
	for _, tc := range []struct {
		name string
		data []types.MetricDatum
		want map[string]float64
	}{
		{"a set of equal samples beside others", []types.MetricDatum{raw, set(3, 21, 7, 7)}, map[string]float64{
			"p0": 2, "p40": 7, "p50": 7, "p100": 10, "tm90": 6.528, "TC(:100%)": 8, "TC(2:10)": 6, "TM(2:10)": 8.5, "WM(4:8)": 6.625, "PR(2:10)": 100,
		}},
		{"two sets of equal samples", []types.MetricDatum{set(1, 7, 7, 7), set(1, 9, 9, 9)}, map[string]float64{
			"p0": 7, "p40": 7, "p50": 7, "p100": 9, "tm90": 7.889, "TC(:100%)": 2, "TC(2:10)": 2, "TM(2:10)": 8, "WM(4:8)": 7.5, "PR(2:10)": 100,
		}},
		{"a general set beside others", []types.MetricDatum{raw, set(3, 15, 1, 9)}, map[string]float64{
			"p0": 1, "p100": 10, "TC(2:10)": 3, "TM(2:10)": 10, "WM(4:8)": 6.4, "PR(2:10)": 37.5,
		}},
		{"less than one sample", []types.MetricDatum{one(5, 0.5)}, map[string]float64{
			"p0": 5, "p100": 5, "TC(2:10)": 0.5, "TM(2:10)": 5, "WM(4:8)": 5, "PR(2:10)": 100,
		}},
		{"equal samples with another sum", []types.MetricDatum{set(3, 22, 7, 7)}, map[string]float64{"p0": 7, "p40": 7, "p50": 7, "p100": 7}},
		{"one sample with another sum", []types.MetricDatum{set(1, 5, 1, 9)}, map[string]float64{"p0": 1, "p100": 9}},
		{"counts of 0 beside others", []types.MetricDatum{one(1, 0), one(20, 0), one(5, 1)}, map[string]float64{
			"p0": 1, "p40": 5, "p50": 5, "p100": 20, "tm90": 5, "TC(:100%)": 1, "TC(2:10)": 1, "TM(2:10)": 5, "WM(4:8)": 5, "PR(2:10)": 100,
		}},
		{"counts of 0 alone", []types.MetricDatum{one(1, 0), one(20, 0)}, map[string]float64{"p0": 1, "p100": 20}},
	} {
		a, m := newMemory()
		for i := range tc.data {
			tc.data[i].MetricName = aws.String("m")
		}
		put(t, a, tc.data...)
		out := must[*sdk.GetMetricStatisticsOutput](t)(a.getMetricStatistics(t.Context(), call, &sdk.GetMetricStatisticsInput{
			Namespace: aws.String("N"), MetricName: aws.String("m"), Period: aws.Int32(60), StartTime: aws.Time(m.now),
			EndTime: aws.Time(m.now.Add(time.Minute)), Statistics: []types.Statistic{"Average"}, ExtendedStatistics: stats,
		}))
		if len(out.Datapoints) != 1 {
			t.Fatalf("%s: %d datapoints", tc.name, len(out.Datapoints))
		}
		got := out.Datapoints[0]
		if none := tc.name == "counts of 0 alone"; math.IsNaN(*got.Average) != none {
			t.Errorf("%s: an average of %v", tc.name, *got.Average)
		}
		for _, stat := range stats {
			v, is := got.ExtendedStatistics[stat]
			want, wanted := tc.want[stat]
			if is != wanted || math.Abs(v-want) > 0.006*want {
				t.Errorf("%s: %s is %v (%v), want %v (%v)", tc.name, stat, v, is, want, wanted)
			}
		}
	}
}
