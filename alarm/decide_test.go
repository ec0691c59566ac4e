package alarm_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/metric"
)

var start = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)

// slots reads a row of the user guide's tables: "0 - X", oldest first, where X breaches. It returns the range newest first.
func slots(row string) []metric.Datapoint {
	marks := strings.Fields(row)
	var out []metric.Datapoint
	for i := len(marks) - 1; i >= 0; i-- {
		p := metric.Datapoint{Start: start.Add(time.Duration(i) * time.Minute), Count: 1}
		switch marks[i] {
		case "X":
			p.Value = 100
		case "-":
			p.Missing = true
		}
		out = append(out, p)
	}
	return out
}

func rule(n, m int, treat alarm.MissingData) alarm.Rule {
	return alarm.Rule{Periods: n, DatapointsToM: m, Threshold: 50, Comparison: alarm.GreaterThanThreshold, Missing: treat, Period: time.Minute}
}

// AWS: CloudWatch user guide, "Configuring how CloudWatch alarms treat missing data": both tables.
func TestMissingDataTables(t *testing.T) {
	const retain = alarm.State(0)
	type row struct {
		slots string
		n, m  int
		want  [4]alarm.State // missing, ignore, breaching, notBreaching
	}
	ok, bad, none := alarm.OK, alarm.InAlarm, alarm.InsufficientData
	for _, r := range []row{
		{"0 - X - X", 3, 3, [4]alarm.State{ok, ok, ok, ok}},
		{"0 - - - -", 3, 3, [4]alarm.State{ok, ok, ok, ok}},
		{"- - - - -", 3, 3, [4]alarm.State{none, retain, bad, ok}},
		{"0 X X - X", 3, 3, [4]alarm.State{bad, bad, bad, bad}},
		{"- - X - -", 3, 3, [4]alarm.State{bad, retain, bad, ok}},
		{"0 - X - X", 3, 2, [4]alarm.State{bad, bad, bad, bad}},
		{"0 0 X 0 X", 3, 2, [4]alarm.State{bad, bad, bad, bad}},
		{"0 - X - -", 3, 2, [4]alarm.State{ok, ok, bad, ok}},
		{"- - - - 0", 3, 2, [4]alarm.State{ok, ok, bad, ok}},
		{"- - - X -", 3, 2, [4]alarm.State{bad, retain, bad, ok}},
	} {
		for i, treat := range []alarm.MissingData{alarm.Missing, alarm.Ignore, alarm.Breaching, alarm.NotBreaching} {
			for _, current := range []alarm.State{alarm.OK, alarm.InAlarm, alarm.InsufficientData} {
				want := r.want[i]
				if want == retain {
					want = current
				}
				t.Run(fmt.Sprintf("%s %d of %d %v from %v", r.slots, r.m, r.n, treat, current), func(t *testing.T) {
					rule := rule(r.n, r.m, treat)
					if got := rule.Decide(slots(r.slots), current, nil).State; got != want {
						t.Errorf("%v, want %v", got, want)
					}
				})
			}
		}
	}
}

// A fresh breach alone is no alarm until it is M periods old. Recorded at 10 s, N = 3.
func TestPrematureAlarms(t *testing.T) {
	r := rule(3, 0, alarm.MissingUnset)
	for _, tc := range []struct {
		slots string
		want  alarm.State
	}{
		{"- - - - X", alarm.InsufficientData},
		{"- - - X -", alarm.InsufficientData},
		{"- - X - -", alarm.InAlarm},
		{"- X - - -", alarm.InAlarm},
	} {
		if got := r.Decide(slots(tc.slots), alarm.InsufficientData, nil).State; got != tc.want {
			t.Errorf("%s: %v, want %v", tc.slots, got, tc.want)
		}
	}
}

func TestComparisons(t *testing.T) {
	for c, want := range map[alarm.Comparison][3]bool{ // below, at, above the threshold
		alarm.GreaterThanThreshold:          {false, false, true},
		alarm.GreaterThanOrEqualToThreshold: {false, true, true},
		alarm.LessThanThreshold:             {true, false, false},
		alarm.LessThanOrEqualToThreshold:    {true, true, false},
	} {
		for i, v := range []float64{9, 10, 11} {
			if got := c.Breaches(v, 10); got != want[i] {
				t.Errorf("%v %v 10 = %v", v, c, got)
			}
		}
	}
}

func TestCadenceAndRange(t *testing.T) {
	for _, tc := range []struct {
		period  time.Duration
		n       int
		cadence time.Duration
		reach   int
	}{
		{10 * time.Second, 3, 10 * time.Second, 9}, // recorded
		{20 * time.Second, 3, 10 * time.Second, 6},
		{time.Minute, 3, time.Minute, 5}, // the guide's example
		{5 * time.Minute, 1, time.Minute, 3},
		{time.Hour, 25, time.Hour, 27},
	} {
		r := alarm.Rule{Period: tc.period, Periods: tc.n}
		if r.Cadence() != tc.cadence || r.Range() != tc.reach {
			t.Errorf("%d x %v: cadence %v range %d, want %v and %d", tc.n, tc.period, r.Cadence(), r.Range(), tc.cadence, tc.reach)
		}
	}
}

// Which period an evaluation looks at: the first rows are recorded on AWS, with the seconds that its alarms have of their own.
func TestNewestPeriod(t *testing.T) {
	metrics := func(expression string) []metric.DataQuery {
		q := []metric.DataQuery{stat("m1", "a")}
		if q[0].Hidden = expression != ""; q[0].Hidden {
			q = append(q, metric.DataQuery{ID: "e1", Expression: expression})
		}
		return q
	}
	for _, tc := range []struct {
		name string
		rule alarm.Rule
		now  string
		want string
	}{
		{"10 s", alarm.Rule{Period: 10 * time.Second, Periods: 3}, "05:47:27.5", "05:47:00"},
		{"10 s, an expression", alarm.Rule{Period: 10 * time.Second, Periods: 3, Metrics: metrics("m1+1")}, "05:47:20.48", "05:47:10"},
		{"10 s, a list of one metric", alarm.Rule{Period: 10 * time.Second, Periods: 3, Metrics: metrics("")}, "05:47:27.5", "05:47:00"},
		{"3 minutes", alarm.Rule{Period: 3 * time.Minute, Periods: 3}, "05:53:32.1", "05:50:00"},
		{"5 minutes", alarm.Rule{Period: 5 * time.Minute, Periods: 1}, "17:07:38", "17:02:00"},
		{"15 minutes", alarm.Rule{Period: 15 * time.Minute, Periods: 8}, "08:14:49.3", "07:59:00"},
		{"45 minutes", alarm.Rule{Period: 45 * time.Minute, Periods: 3}, "13:59:52", "13:14:00"},
		{"an hour", alarm.Rule{Period: time.Hour, Periods: 1}, "21:09:40", "20:09:00"},
		{"more than a day", alarm.Rule{Period: time.Hour, Periods: 25}, "10:03:10", "09:00:00"},
		{"20 s lie on their own grid", alarm.Rule{Period: 20 * time.Second, Periods: 3}, "03:03:36", "03:03:00"},
		{"within ten seconds of the minute", alarm.Rule{Period: 5 * time.Minute, Periods: 1}, "17:07:09", "17:01:00"},
		{"an expression of minutes", alarm.Rule{Period: time.Minute, Periods: 1, Metrics: metrics("m1+1")}, "17:07:00", "17:06:00"},
	} {
		now, err := time.Parse("15:04:05.999", tc.now)
		if err != nil {
			t.Fatal(err)
		}
		if got := tc.rule.Newest(now, 10*time.Second).Format("15:04:05"); got != tc.want {
			t.Errorf("%s: the newest period at %s begins at %s, want %s", tc.name, tc.now, got, tc.want)
		}
	}
}

// A minute that is not over is never evaluated, and the newest slot comes first.
func TestSlotsOfASeries(t *testing.T) {
	w := metric.NewWindow(time.Hour)
	s := w.Series(metric.NewID("n", "m"))
	for i, v := range []float64{1, 2, 3} {
		var sum metric.Summary
		sum.Add(v, 1)
		s.Record(start.Add(time.Duration(i)*time.Minute), time.Minute, "None", &sum)
	}
	r := rule(2, 0, alarm.MissingUnset)
	r.Statistic = metric.Statistic{Kind: metric.Sum}
	got := r.Slots(start.Add(2*time.Minute+10*time.Second), 10*time.Second, s, &alarm.Scratch{})
	if len(got) != 4 || got[0].Value != 2 || got[1].Value != 1 || !got[2].Missing {
		t.Errorf("slots = %+v", got)
	}
}

// A percentile needs 10/(1-p) samples in each period that it is decided on, or 10/p below the median, exactly.
func TestLowSamplePercentiles(t *testing.T) {
	for _, tc := range []struct {
		rank   float64
		counts []float64
		low    bool
	}{
		{90, []float64{99}, true},
		{90, []float64{100}, false},
		{90, []float64{99, 99, 99}, true}, // each period for itself
		{90, []float64{500, 99, 500}, true},
		{90, nil, false},
		{99.9, []float64{9_999}, true},
		{99.9, []float64{10_000}, false}, // 100 - 99.9 is less than 0.1 in binary
		{99.99, []float64{100_000}, false},
		{50, []float64{20}, false},
		{50, []float64{19}, true},
		{5, []float64{199}, true},
		{5, []float64{200}, false},
		{0.1, []float64{10_000}, false},
		{0, []float64{1}, false},
		{100, []float64{1}, false},
	} {
		r := alarm.Rule{Statistic: metric.Statistic{Kind: metric.Percentile, Rank: tc.rank}, IgnoreLowSample: true}
		var points []metric.Datapoint
		for _, n := range tc.counts {
			points = append(points, metric.Datapoint{Count: n})
		}
		if got := r.LowSamples(points); got != tc.low {
			t.Errorf("p%v of %v samples: low = %v, want %v", tc.rank, tc.counts, got, tc.low)
		}
		if r.IgnoreLowSample = false; r.LowSamples(points) {
			t.Error("low samples are ignored though the alarm evaluates them")
		}
	}
}

// Alarms on tables' metrics alone ignore missing data unless they say otherwise; one metric of another namespace ends that, used or not.
// AWS: recorded.
func TestAlarmsOnDynamoDBIgnoreMissingData(t *testing.T) {
	table, other := metric.NewID("AWS/DynamoDB", "m"), metric.NewID("App", "m")
	query := func(id metric.ID) metric.DataQuery { return metric.DataQuery{Stat: &metric.MetricStat{Metric: id}} }
	expression := metric.DataQuery{Expression: "m1"}
	for _, tc := range []struct {
		name string
		rule alarm.Rule
		want alarm.State
	}{
		{"a table", alarm.Rule{Metric: table}, alarm.OK},
		{"another", alarm.Rule{Metric: other}, alarm.InsufficientData},
		{"a table, missing", alarm.Rule{Metric: table, Missing: alarm.Missing}, alarm.InsufficientData},
		{"a table, breaching", alarm.Rule{Metric: table, Missing: alarm.Breaching}, alarm.InAlarm},
		{"math", alarm.Rule{Metrics: []metric.DataQuery{query(table), expression}}, alarm.OK},
		{"math with another", alarm.Rule{Metrics: []metric.DataQuery{query(table), query(other), expression}}, alarm.InsufficientData},
	} {
		tc.rule.Periods, tc.rule.Comparison, tc.rule.Period = 1, alarm.GreaterThanThreshold, time.Minute
		if got := tc.rule.Decide(slots("- - -"), alarm.OK, nil).State; got != tc.want {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
	}
}
