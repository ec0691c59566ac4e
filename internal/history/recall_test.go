package history

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/metric"
)

// A new alarm that looks further back than the window has the same state as with a window that drops nothing, for samples
// recorded late, in seconds or in other units, and independent of other alarms.
func TestNewAlarmsUseTheHistory(t *testing.T) {
	few(t, 60)
	root := t.TempDir()
	n, recalled := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		l := newLife(t, filepath.Join(root, fmt.Sprint(n), "h"), Options{})
		defer func() { l.h.close() }()
		all := engine.New(engine.Config{MetricRetention: 100 * time.Hour})
		both := func(in, other engine.Input) {
			if _, err := l.step(context.Background(), in); err != nil {
				rt.Fatal(err)
			}
			if _, err := all.Step(l.now, other); err != nil {
				rt.Fatal(err)
			}
		}
		for step := range rapid.IntRange(5, 40).Draw(rt, "steps") {
			switch rapid.IntRange(0, 5).Draw(rt, "what") {
			case 0, 1, 2:
				for _, g := range l.record(rt) {
					if _, err := all.Step(l.now, engine.PutMetricData{Scope: home, Data: []metric.Datum{g.Datum}}); err != nil {
						rt.Fatal(err)
					}
				}
			case 3, 4:
				for range rapid.IntRange(1, 12).Draw(rt, "minutes") {
					l.now = l.now.Add(time.Minute)
					both(engine.Tick{}, engine.Tick{})
				}
				l.flush()
			case 5:
				plain := engine.PutMetricAlarm{Scope: home, Alarm: drawAlarm(rt, fmt.Sprint("a", step))}
				in := plain
				if past, any := l.h.Recall(context.Background(), home, in.Alarm.Rule.Metric, in.Alarm.Rule.Reach()); any {
					in.Past = append(in.Past, past)
					recalled++
				}
				both(in, plain)
			}
			agree(rt, l, all)
		}
		l.now = l.now.Add(time.Hour)
		both(engine.Tick{}, engine.Tick{})
		agree(rt, l, all)
	})
	if recalled < 10 {
		t.Errorf("only %d alarms used samples from the history", recalled)
	}
}

func drawAlarm(rt *rapid.T, name string) alarm.Alarm {
	stat, err := metric.ParseStatistic(rapid.SampledFrom([]string{"SampleCount", "Sum", "Average", "Maximum", "p90", "tm90"}).Draw(rt, "statistic"))
	if err != nil {
		rt.Fatal(err)
	}
	return alarm.Alarm{Name: name, Rule: alarm.Rule{
		Metric: drawID(rt), Statistic: stat, Unit: rapid.SampledFrom([]string{"", "None"}).Draw(rt, "unit"),
		Period:  rapid.SampledFrom([]time.Duration{10 * time.Second, time.Minute, 5 * time.Minute, time.Hour}).Draw(rt, "period"),
		Periods: rapid.IntRange(1, 24).Draw(rt, "periods"), Comparison: alarm.GreaterThanThreshold, Threshold: 3,
	}}
}

// agree compares each alarm's state, reason and data, which contains the datapoints.
func agree(rt *rapid.T, l *life, all *engine.Engine) {
	r := l.engine.Region(home)
	if r == nil {
		return
	}
	for name, a := range r.Alarms.Metric {
		if b := all.Region(home).Alarms.Metric[name]; a.State != b.State || a.Reason != b.Reason || a.Data != b.Data {
			rt.Fatalf("at %v, %s of %v of %v:\n%v %s\n%s\nwith a window that drops nothing\n%v %s\n%s", l.now, a.Rule.Statistic, a.Rule.Metric, a.Rule.Period,
				a.State, a.Reason, a.Data, b.State, b.Reason, b.Data)
		}
	}
}
