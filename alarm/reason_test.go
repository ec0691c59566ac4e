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
			"more than it takes, to ALARM", high(3, 1, 50, 0), []metric.Datapoint{
				at("08/11/22 02:42:00", 53), at("08/11/22 02:41:00", 52), at("08/11/22 02:40:00", 51),
			},
			"Threshold Crossed: 3 out of the last 3 datapoints [53.0 (08/11/22 02:42:00), 52.0 (08/11/22 02:41:00), 51.0 (08/11/22 02:40:00)] " +
				"were greater than the threshold (50.0) (minimum 1 datapoint for OK -> ALARM transition).",
		},
		{
			"more than it takes, to OK", high(3, 0, 50, 0), []metric.Datapoint{
				at("11/03/22 10:58:00", 1), at("11/03/22 10:53:00", 2), at("11/03/22 10:48:00", 3),
			},
			"Threshold Crossed: 3 datapoints [1.0 (11/03/22 10:58:00), 2.0 (11/03/22 10:53:00), 3.0 (11/03/22 10:48:00)] were not greater than " +
				"the threshold (50.0).",
		},
		{
			"1 of 1", high(1, 1, 10, 0), []metric.Datapoint{at("08/11/22 02:42:00", 11)},
			"Threshold Crossed: 1 out of the last 1 datapoints [11.0 (08/11/22 02:42:00)] was greater than the threshold (10.0) " +
				"(minimum 1 datapoint for OK -> ALARM transition).",
		},
		{
			"five are listed apart", high(6, 0, 20, alarm.Breaching), []metric.Datapoint{
				at("06/12/24 05:34:00", 60), at("06/12/24 05:33:00", 61), at("06/12/24 05:32:00", 62), at("06/12/24 05:31:00", 63),
				at("06/12/24 05:30:00", 64),
			},
			"Threshold Crossed: 5 datapoints were greater than the threshold (20.0) and 1 missing datapoint was treated as [Breaching]. The most " +
				"recent datapoints which crossed the threshold: [60.0 (06/12/24 05:34:00), 61.0 (06/12/24 05:33:00), 62.0 (06/12/24 05:32:00), " +
				"63.0 (06/12/24 05:31:00), 64.0 (06/12/24 05:30:00)].",
		},
		{
			"real ones decide, the reason names the missing ones", high(3, 3, 50, alarm.Breaching), []metric.Datapoint{at("19/08/26 05:54:10", 0)},
			"Threshold Crossed: 1 out of the last 3 datapoints [0.0 (19/08/26 05:54:10)] was not greater than the threshold (50.0) and " +
				"2 missing datapoints were treated as [Breaching] (minimum 1 datapoint for ALARM -> OK transition).",
		},
		{
			"the other way", high(20, 1, 1, alarm.NotBreaching), []metric.Datapoint{at("19/08/26 05:54:10", 613)},
			"Threshold Crossed: 1 out of the last 20 datapoints [613.0 (19/08/26 05:54:10)] was greater than the threshold (1.0) and " +
				"19 missing datapoints were treated as [NonBreaching] (minimum 1 datapoint for OK -> ALARM transition).",
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
