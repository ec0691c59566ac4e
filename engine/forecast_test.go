package engine_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy/predictive"
)

// predicted is an endpoint with a predictive scaling policy on calls of the client's own; asked is what the engine wanted to know.
type predicted struct {
	t     *testing.T
	e     *engine.Engine
	now   time.Time
	asked []engine.HistoryWanted
	lines []string
}

func newPredicted(t *testing.T) *predicted {
	t.Helper()
	w := &predicted{t: t, e: engine.New(engine.Config{Seed: 3}), now: ten}
	one, many := 1, 40
	w.step(engine.CreateModel{Scope: scope, Model: hosting.Model{Name: "m"}})
	w.step(engine.CreateEndpointConfig{Scope: scope, Config: hosting.EndpointConfig{Name: "c", Variants: []hosting.VariantConfig{
		{Name: "v", Model: "m", InitialCount: 1, InitialWeight: 1, InstanceType: "ml.m5.large"},
	}}})
	w.step(engine.CreateEndpoint{Key: engine.EndpointKey{Scope: scope, Endpoint: "e"}, Config: "c"})
	w.step(engine.RegisterScalableTarget{Scope: scope, Registration: scaling.Registration{Key: target, Min: &one, Max: &many}})
	stat := func(name string, kind metric.StatisticKind) []metric.DataQuery {
		return []metric.DataQuery{{ID: "m", Stat: &metric.MetricStat{Metric: metric.NewID("App", name), Statistic: metric.Statistic{Kind: kind}}}}
	}
	w.step(engine.PutScalingPolicy{Scope: scope, Input: scaling.PolicyInput{
		Key: target, Name: "ahead", Type: predictive.Type{}, Configs: []scaling.Config{&predictive.Config{
			Mode: predictive.ForecastAndScale, Specs: []predictive.Spec{{
				TargetValue: 50, CustomLoad: stat("Calls", metric.Sum), CustomScaling: stat("Busy", metric.Average),
				CustomCapacity: stat("Instances", metric.Average),
			}},
		}},
	}})
	return w
}

func (w *predicted) step(in engine.Input) {
	w.t.Helper()
	out, err := w.e.Step(w.now, in)
	if err != nil {
		w.t.Fatalf("%T: %v", in, err)
	}
	for _, e := range out.Events {
		w.lines = append(w.lines, w.now.Format("15:04:05 ")+e.String())
		if asked, ok := e.(engine.HistoryWanted); ok {
			w.asked = append(w.asked, asked)
		}
	}
}

// record publishes one value at a moment.
func (w *predicted) record(name string, at time.Time, v float64) {
	w.t.Helper()
	d := metric.Datum{ID: metric.NewID("App", name), At: at, Resolution: time.Minute, Unit: "None"}
	d.Summary.Add(v, 1)
	w.step(engine.PutMetricData{Scope: scope, Data: []metric.Datum{d}})
}

func TestHistoryIsAskedForAtOnceThenEachHourUntilItIsAnsweredThenEachSixHours(t *testing.T) {
	w := newPredicted(t)
	if len(w.asked) != 1 || w.asked[0].Policy != "ahead" || !w.asked[0].Until.Equal(ten) {
		t.Fatalf("asked %+v", w.asked)
	}
	var asked []string
	for w.now.Before(ten.Add(15 * time.Hour)) {
		w.now = w.now.Add(10 * time.Minute)
		before := len(w.asked)
		w.step(engine.Tick{})
		for range w.asked[before:] {
			asked = append(asked, w.now.Format("15:04"))
		}
		if w.now.Equal(ten.Add(2 * time.Hour)) {
			load := scaling.PastLoad{Until: w.now}
			for ago := range 30 {
				load.Load = append(load.Load, scaling.HourValue{Ago: ago, Value: 10_000})
				load.Scaling = append(load.Scaling, scaling.HourValue{Ago: ago, Value: 40})
				load.Capacity = append(load.Capacity, scaling.HourValue{Ago: ago, Value: 5})
			}
			w.step(engine.LoadHistory{Scope: scope, Target: target, Policy: "ahead", Past: load})
		}
		if wake := w.e.Wake(); wake.IsZero() || wake.Sub(w.now) > time.Hour {
			t.Fatalf("%v: the engine sleeps until %v", w.now, wake)
		}
	}
	want := []string{"11:00", "12:00", "18:00", "19:00", "20:00", "21:00", "22:00", "23:00", "00:00", "01:00"}
	if len(asked) != len(want) {
		t.Fatalf("asked at %v, want %v", asked, want)
	}
	for i := range want {
		if asked[i] != want[i] {
			t.Errorf("asked at %v, want %v", asked, want)
		}
	}
}

// Where no history is kept elsewhere, the window keeps what forecasts read for two weeks, through a snapshot too.
func TestTheWindowKeepsWhatForecastsRead(t *testing.T) {
	w := newPredicted(t)
	w.record("Calls", ten.Add(-13*24*time.Hour), 7)
	w.record("Other", ten.Add(-13*24*time.Hour), 7)
	w.now = w.now.Add(time.Hour)
	w.step(engine.Tick{})
	text, err := json.Marshal(w.e.State())
	if err != nil {
		t.Fatal(err)
	}
	var state engine.State
	if err := json.Unmarshal(text, &state); err != nil {
		t.Fatal(err)
	}
	w.e = restored(w.t, state)
	w.now = w.now.Add(time.Hour)
	w.step(engine.Tick{})
	past := engine.ReadHistory(w.asked[0], w.e.Region(scope).Metrics).Past
	if want := (scaling.HourValue{Ago: 13*24 - 1, Value: 7}); len(past.Load) != 1 || past.Load[0] != want {
		t.Errorf("load %v, want %v", past.Load, want)
	}
}

// An hour's load is the sum of its datapoints, the other metrics their mean; what is not there is left out, and the running hour too.
func TestReadHistory(t *testing.T) {
	w := newPredicted(t)
	for _, x := range []struct {
		name    string
		minutes int // before ten
		value   float64
	}{
		{"Calls", 1, 10}, {"Calls", 60, 30}, {"Calls", 61, 100}, {"Calls", -1, 1000}, {"Calls", 14*24*60 + 1, 1000}, {"Calls", 14 * 24 * 60, 8},
		{"Busy", 10, 20}, {"Busy", 20, 40}, {"Instances", 125, 3},
	} {
		w.record(x.name, ten.Add(-time.Duration(x.minutes)*time.Minute), x.value)
	}
	past := engine.ReadHistory(w.asked[0], w.e.Region(scope).Metrics).Past
	for _, x := range []struct {
		name string
		got  []scaling.HourValue
		want []scaling.HourValue
	}{
		{"load", past.Load, []scaling.HourValue{{Ago: 0, Value: 40}, {Ago: 1, Value: 100}, {Ago: 335, Value: 8}}},
		{"scaling", past.Scaling, []scaling.HourValue{{Ago: 0, Value: 30}}},
		{"capacity", past.Capacity, []scaling.HourValue{{Ago: 2, Value: 3}}},
	} {
		if len(x.got) != len(x.want) {
			t.Errorf("%s: %v, want %v", x.name, x.got, x.want)
			continue
		}
		for i := range x.want {
			if math.Abs(x.got[i].Value-x.want[i].Value) > 1e-9 || x.got[i].Ago != x.want[i].Ago {
				t.Errorf("%s: %v, want %v", x.name, x.got, x.want)
			}
		}
	}
	bad := w.asked[0]
	bad.Queries.Load = []metric.DataQuery{{ID: "m", Expression: "nothing * 2"}}
	if past := engine.ReadHistory(bad, w.e.Region(scope).Metrics).Past; len(past.Load) != 0 {
		t.Errorf("what cannot be evaluated gave %v", past.Load)
	}
}

// A history for a policy that has been deleted meanwhile, or of an unknown scope, changes nothing.
func TestLateHistoriesChangeNothing(t *testing.T) {
	w := newPredicted(t)
	w.step(engine.DeleteScalingPolicy{Scope: scope, Key: target, Name: "ahead"})
	before := len(w.lines)
	w.step(engine.LoadHistory{Scope: scope, Target: target, Policy: "ahead"})
	w.step(engine.LoadHistory{Scope: engine.Scope{Account: "1", Region: "x"}, Target: target, Policy: "ahead"})
	if len(w.lines) != before {
		t.Errorf("events %v", w.lines[before:])
	}
	w.now = ten.Add(24 * time.Hour)
	w.step(engine.Tick{})
	if len(w.asked) != 1 {
		t.Error("a policy that is gone wants its history")
	}
}

// What costs too much to evaluate, or takes too long, is given up with a reason; the policy's forecast has it, and tries again later.
func TestHistoriesThatCostTooMuch(t *testing.T) {
	window := metric.NewWindow(24 * time.Hour)
	for i := range 500 {
		var s metric.Summary
		s.Add(1, 1)
		id := metric.NewID("App", "Calls", metric.Dimension{Name: "Id", Value: fmt.Sprint(i)})
		window.Series(id).Record(ten.Add(-time.Hour), metric.StandardResolution, "None", &s)
	}
	wanted := func(expression string) engine.HistoryWanted {
		return engine.HistoryWanted{Scope: scope, Target: target, Policy: "ahead", Until: ten, Queries: scaling.HistoryQueries{
			Load: []metric.DataQuery{{ID: "e1", Expression: expression}},
		}}
	}
	const found = "SEARCH('{App,Id} Calls', 'Sum', 300)"
	in := engine.ReadHistory(wanted("SUM("+found+")"), window)
	if in.Past.Unread != "" || len(in.Past.Load) != 1 || in.Past.Load[0].Value != 500 {
		t.Errorf("a sum of 500 metrics: %q, %v", in.Past.Unread, in.Past.Load)
	}
	in = engine.ReadHistory(wanted("SUM("+found+" * 1 * 1)"), window)
	if want := "The load metric cannot be evaluated: The expressions compute more than 4032000 datapoints."; !strings.HasPrefix(in.Past.Unread, want) || in.Past.Load != nil {
		t.Errorf("%q, want %q; %v", in.Past.Unread, want, in.Past.Load)
	}
	r := engine.NewHistoryReader(wanted("SUM(" + found + ")"))
	r.Read(window, func() bool { return false })
	if slow := r.History(); slow.Past.Unread != "The load metric cannot be evaluated: it takes too long." {
		t.Errorf("%q", slow.Past.Unread)
	}
	w := newPredicted(t)
	w.step(in)
	if all := strings.Join(w.lines, "\n"); !strings.Contains(all, "has no new forecast: "+in.Past.Unread) {
		t.Errorf("the engine reports %s", all)
	}
}
