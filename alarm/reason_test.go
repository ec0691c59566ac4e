package alarm_test

import (
	"testing"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/metric"
)

func at(clock string, value float64) metric.Datapoint {
	t, err := time.Parse("02/01/06 15:04:05", clock)
	if err != nil {
		panic(err)
	}
	return metric.Datapoint{Start: t, Value: value, Count: 1}
}

// The texts are those recorded from CloudWatch.
func TestReasons(t *testing.T) {
	gone := metric.Datapoint{Missing: true}
	high := func(n, m int, threshold float64, treat alarm.MissingData) alarm.Rule {
		return alarm.Rule{Periods: n, DatapointsToM: m, Threshold: threshold, Comparison: alarm.GreaterThanThreshold, Missing: treat}
	}
	for _, tc := range []struct {
		name  string
		rule  alarm.Rule
		slots []metric.Datapoint
		want  string
	}{
		{
			"one breach", high(1, 0, 21, 0), []metric.Datapoint{at("01/12/25 10:11:00", 21.5)},
			"Threshold Crossed: 1 datapoint [21.5 (01/12/25 10:11:00)] was greater than the threshold (21.0).",
		},
		{
			"several breaches", high(2, 0, 0, 0), []metric.Datapoint{at("01/12/25 10:12:00", 2), at("01/12/25 10:11:00", 1)},
			"Threshold Crossed: 2 datapoints [2.0 (01/12/25 10:12:00), 1.0 (01/12/25 10:11:00)] were greater than the threshold (0.0).",
		},
		{
			"no breach", high(1, 0, 21, 0), []metric.Datapoint{at("01/12/25 10:11:00", 20)},
			"Threshold Crossed: 1 datapoint [20.0 (01/12/25 10:11:00)] was not greater than the threshold (21.0).",
		},
		{
			"M of N to ALARM", high(3, 2, 50, 0),
			[]metric.Datapoint{at("14/09/26 05:42:40", 100), at("14/09/26 05:42:30", 0), at("14/09/26 05:42:20", 100)},
			"Threshold Crossed: 2 out of the last 3 datapoints [100.0 (14/09/26 05:42:40), 100.0 (14/09/26 05:42:20)] were greater than " +
				"the threshold (50.0) (minimum 2 datapoints for OK -> ALARM transition).",
		},
		{
			"M of N to OK", high(3, 3, 50, 0), []metric.Datapoint{at("14/09/26 05:42:40", 0)},
			"Threshold Crossed: 1 out of the last 3 datapoints [0.0 (14/09/26 05:42:40)] was not greater than the threshold (50.0) " +
				"(minimum 1 datapoint for ALARM -> OK transition).",
		},
		{
			"with a missing one", high(2, 0, 50, alarm.Breaching), []metric.Datapoint{gone, at("14/09/26 05:42:40", 60)},
			"Threshold Crossed: 1 datapoint [60.0 (14/09/26 05:42:40)] was greater than the threshold (50.0) and 1 missing datapoint " +
				"was treated as [Breaching].",
		},
		{
			"nothing but missing", high(3, 0, 50, alarm.Breaching), []metric.Datapoint{gone, gone, gone},
			"Threshold Crossed: no datapoints were received for 3 periods and 3 missing datapoints were treated as [Breaching].",
		},
		{"unknown", high(1, 0, 50, 0), []metric.Datapoint{gone}, "Insufficient Data: 1 datapoint was unknown."},
		{"all unknown", high(3, 2, 50, 0), []metric.Datapoint{gone, gone}, "Insufficient Data: 3 datapoints were unknown."},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v := tc.rule.Decide(tc.slots, alarm.InsufficientData, nil)
			if got := tc.rule.Reason(v); got != tc.want {
				t.Errorf("\n got %s\nwant %s", got, tc.want)
			}
		})
	}
}

func TestJavaDoubles(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0.0", 1: "1.0", -2.5: "-2.5", 0.001: "0.001", 0.0005: "5.0E-4", 9999999: "9999999.0", 1e7: "1.0E7", 1.25e10: "1.25E10",
	} {
		if got := alarm.JavaDouble(v); got != want {
			t.Errorf("%v prints as %s, want %s", v, got, want)
		}
	}
}
