package policy_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"bellows.dev/bellows/engine/dimension"
	"bellows.dev/bellows/engine/dimension/instancecount"
	"bellows.dev/bellows/engine/dimension/unserved"
	"bellows.dev/bellows/metric"
	. "bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy"
	"bellows.dev/bellows/scaling/policy/predictive"
)

// predicting is a predictive scaling policy on the pair of invocations.
func predicting(name string, target float64) request {
	return request{Name: name, Type: predictive.Type{}, Predictive: &predictive.Config{
		Mode: predictive.ForecastAndScale, Specs: []predictive.Spec{{TargetValue: target, Pair: &predictive.Metric{Type: instancecount.PairInvocations}}},
	}}
}

// constant is two weeks of one load, in units an hour.
func constant(until time.Time, load float64) PastLoad {
	past := PastLoad{Until: until}
	for ago := range HistoryHours {
		past.Load = append(past.Load, HourValue{Ago: ago, Value: load})
	}
	return past
}

// expecting registers a target whose policy expects these capacities from 10:00 on.
func expecting(t reporter, least, most int, capacities ...int) (*Registry, *Target, *Policy) {
	r, target := newTarget(t, least, most, predicting("ahead", 70))
	p := target.Policy("ahead")
	forecasts(p).Outlook.Need = 1.0 / 60
	for i, n := range capacities {
		forecasts(p).Outlook.Hours = append(forecasts(p).Outlook.Hours, ForecastHour{Start: t0.Add(time.Duration(i) * time.Hour), Load: float64(n) * 70 * 60, Capacity: n})
	}
	target.RuleDue = true
	return r, target, p
}

func TestForecastsAreHourlyForTwoDaysAndThePastIsKept(t *testing.T) {
	r, target := newTarget(t, 1, 100, predicting("ahead", 70))
	key, p := target.Key, target.Policy("ahead")
	if !forecasts(p).Outlook.Due.Equal(t0) || !nextRule(r).Equal(t0) {
		t.Fatalf("a new policy wants its history at %v", forecasts(p).Outlook.Due)
	}
	wanted, due := r.WakeRules(t0)
	if len(wanted) != 1 || wanted[0].Policy != p || len(due) != 0 || !nextRule(r).Equal(t0.Add(time.Hour)) {
		t.Fatalf("wanted %v, due %v, next %v: one that is not answered asks again an hour later", wanted, due, nextRule(r))
	}
	r.Learn(t0, key, "ahead", constant(t0, 42_000))
	if n := len(forecasts(p).Outlook.Hours); n != 48 || forecasts(p).Outlook.Hours[0] != (ForecastHour{Start: t0, Load: 42_000, Capacity: 10}) || !target.RuleDue {
		t.Fatalf("%d hours, first %v", n, forecasts(p).Outlook.Hours[0])
	}
	if !forecasts(p).Outlook.Due.Equal(t0.Add(6*time.Hour)) || !nextRule(r).Equal(t0.Add(55*time.Minute)) {
		t.Errorf("due %v, next %v", forecasts(p).Outlook.Due, nextRule(r))
	}
	later := t0.Add(6*time.Hour + 10*time.Minute)
	r.Learn(later, key, "ahead", constant(t0.Add(6*time.Hour), 84_000))
	h := forecasts(p).Outlook.Hours
	if len(h) != 54 || h[5].Capacity != 10 || h[6] != (ForecastHour{Start: t0.Add(6 * time.Hour), Load: 84_000, Capacity: 20}) {
		t.Errorf("%d hours, the sixth %v, the seventh %v: what was expected of the past stays", len(h), h[5], h[6])
	}
	r.Learn(later, key, "ahead", PastLoad{Until: later})
	if forecasts(p).Outlook.Reason == "" || len(forecasts(p).Outlook.Hours) != 54 || !forecasts(p).Outlook.Due.Equal(later.Add(time.Hour)) {
		t.Errorf("without history: %q, %d hours, due %v", forecasts(p).Outlook.Reason, len(forecasts(p).Outlook.Hours), forecasts(p).Outlook.Due)
	}
	month := later.Add(35 * 24 * time.Hour)
	r.Learn(month, key, "ahead", constant(metric.Align(month, time.Hour), 42_000))
	if n := len(forecasts(p).Outlook.Hours); n != 48 {
		t.Errorf("%d hours after a month: what is older is forgotten", n)
	}
	if _, found := r.Learn(month, key, "gone", PastLoad{}); found {
		t.Error("a policy that is gone took a history")
	}
}

// The present capacity, the forecast and the range make the decision; forecasts only add.
func TestForecastDecisions(t *testing.T) {
	for _, x := range []struct {
		name     string
		capacity Capacity
		forecast int
		change   func(*Target)
		want     int // 0: nothing changes
		outcome  Outcome
	}{
		{"adds what is missing", steady(2), 10, nil, 10, Acted},
		{"has enough", steady(10), 10, nil, 0, AtDesired},
		{"takes nothing away", steady(15), 10, nil, 0, AtDesired},
		{"stops at the maximum", steady(2), 30, nil, 20, Acted},
		{"is at the maximum", steady(20), 30, nil, 0, AtMax},
		{"keeps the minimum", steady(2), 3, func(t *Target) { t.Min = 5 }, 5, Acted},
		{"is suspended", steady(2), 10, func(t *Target) { t.Suspended.DynamicOut = true }, 0, SuspendedOut},
		{"waits for the resource", Capacity{Desired: 2, Current: 2}, 10, nil, 0, Unscalable},
		{"is a dry run", steady(2), 10, func(t *Target) { t.Tags = map[string]string{DryRunTag: "true"} }, 0, WouldAct},
		{"expects nothing of this hour", steady(2), 10, func(t *Target) { forecasts(t.Policies[0]).Outlook.Hours = nil }, 0, NoForecast},
	} {
		_, target, _ := expecting(t, 1, 20, x.forecast)
		if x.change != nil {
			x.change(target)
		}
		d := decide(60, target, x.capacity)
		p := outcome(t, d, "ahead")
		if p.Outcome != x.outcome || d.Acted != (x.want > 0) || d.Acted && d.Want != x.want {
			t.Errorf("%s: %s", x.name, explained(&d))
		}
		if target.NoteRules(&d); target.RuleDue != (x.outcome == Unscalable) {
			t.Errorf("%s: due afterwards: %v", x.name, target.RuleDue)
		}
		if a, noted := target.NotScaled(at(60), &d, counter()); noted {
			t.Errorf("%s: no alarm was triggered, yet the history has %v", x.name, a)
		}
	}
}

func TestOnlyForecastsThatScaleDoAnything(t *testing.T) {
	_, target, p := expecting(t, 1, 20, 10)
	forecasts(p).Settings.Mode = predictive.ForecastOnly
	if d := decide(60, target, steady(2)); len(d.Proposals) != 0 {
		t.Errorf("a policy that only forecasts wants something: %s", explained(&d))
	}
	if _, scales := target.ExpectedCapacity(at(60)); scales {
		t.Error("it is described as scaling")
	}
}

func TestCauseAndExplanationOfAForecast(t *testing.T) {
	_, target, _ := expecting(t, 1, 20, 10)
	d := decide(60, target, steady(2))
	if got, want := d.Change().Cause.String(), "predictive scaling policy ahead forecast a capacity of 10"; got != want {
		t.Errorf("cause %q, want %q", got, want)
	}
	want := "desired 2 -> 10: ahead: forecast for 2026-11-23 10:00: load 42000; wanted 10 = ceil(700 / 70)"
	if got := explained(&d); got != want {
		t.Errorf("%q\nwant %q", got, want)
	}
}

func TestMaximumIsRaisedForGood(t *testing.T) {
	_, target, p := expecting(t, 1, 40, 50)
	forecasts(p).Settings.Breach, forecasts(p).Settings.MaxBuffer = predictive.IncreaseMaxCapacity, ptr(10)
	if before, policy, raised := target.RaiseMax(at(60)); before != 40 || policy != "ahead" || !raised || target.Max != 55 {
		t.Errorf("from %d by %q: %v, now %d", before, policy, raised, target.Max)
	}
	if _, _, again := target.RaiseMax(at(60)); again {
		t.Error("it was raised twice")
	}
	for _, change := range []func(){
		func() { target.Suspended.DynamicOut = true },
		func() { target.Suspended.DynamicOut, target.Tags = false, map[string]string{DryRunTag: "true"} },
		func() { target.Tags, forecasts(p).Settings.Mode = nil, predictive.ForecastOnly },
	} {
		target.Max = 40
		change()
		if _, _, raised := target.RaiseMax(at(60)); raised {
			t.Error("it was raised although nothing may change")
		}
	}
}

// Whatever signals say: no decision takes capacity below the forecast, exceeds the maximum, or lets a forecast take any away.
func TestForecastsAreAFloorForEveryPolicy(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		in := predicting("zz", 70)
		in.Key = blue
		r := NewRegistry(policy.Types(), dimension.All())
		r.Targets[blue] = w.target
		if _, err := r.PutPolicy(t0, in.input(), counter()); err != nil {
			t.Fatal(err)
		}
		p := w.target.Policy("zz")
		forecasts(p).Outlook.Hours = []ForecastHour{{Start: t0, Capacity: rapid.IntRange(0, 25).Draw(t, "forecast")}}
		w.target.RuleDue = rapid.Bool().Draw(t, "due")
		var d Decision
		Decide(at(60), w.target, w.capacity, Seen{Signals: w.signals, Alarms: states(w.votes)}, &d)
		floor := min(forecasts(p).Outlook.Hours[0].Capacity, w.target.Max)
		if d.Acted && (d.Want > w.target.Max && d.Want > w.capacity.Desired || d.Want < floor && d.Want < w.capacity.Desired) {
			t.Fatalf("floor %d: %s", floor, explained(&d))
		}
		if d.Acted && d.Proposals[d.Winner].Forecast != nil && d.Want <= w.capacity.Desired {
			t.Fatalf("a forecast took capacity away: %s", explained(&d))
		}
	})
}

func TestPredictiveConfigIsCompletedAndChecked(t *testing.T) {
	pair := &predictive.Metric{Type: instancecount.PairInvocations}
	stat := func(name string) *metric.MetricStat {
		return &metric.MetricStat{Metric: metric.NewID("App", name), Statistic: metric.Statistic{Kind: metric.Sum}}
	}
	custom := []metric.DataQuery{{ID: "m", Stat: stat("Calls")}}
	valid := predictive.Spec{TargetValue: 70, Pair: pair}
	with := func(change func(*predictive.Spec)) predictive.Config {
		s := predictive.Spec{TargetValue: 70}
		change(&s)
		return predictive.Config{Specs: []predictive.Spec{s}}
	}
	const choose = "You must specify either a predefined metric pair, or one scaling metric and one load metric."
	for _, x := range []struct {
		in   predictive.Config
		want string
	}{
		{predictive.Config{}, "You must specify one metric specification."},
		{predictive.Config{Specs: []predictive.Spec{valid, valid}}, "You must specify one metric specification."},
		{with(func(*predictive.Spec) {}), choose},
		{with(func(s *predictive.Spec) { s.CustomLoad = custom }), choose},
		{with(func(s *predictive.Spec) {
			s.CustomLoad, s.CustomScaling, s.Load = custom, custom, &predictive.Metric{Type: instancecount.LoadCPU}
		}), choose},
		{with(func(s *predictive.Spec) { s.Pair, s.CustomCapacity = pair, custom }), "A predefined metric pair cannot be combined with other metric specifications."},
		{with(func(s *predictive.Spec) {
			s.Load, s.Scaling, s.CustomCapacity = &predictive.Metric{Type: instancecount.LoadCPU}, &predictive.Metric{Type: instancecount.ScalingCPU}, custom
		}), "A capacity metric cannot be combined with predefined metrics that need none."},
		{with(func(s *predictive.Spec) {
			s.Pair = &predictive.Metric{Type: instancecount.PairCPU, ResourceLabel: "app/x"}
		}),
			"Resource label cannot be specified for predefined metric type SageMakerVariantCPUUtilization"},
		{with(func(s *predictive.Spec) {
			s.Load, s.CustomScaling = &predictive.Metric{Type: instancecount.PairCPU}, custom
		}),
			"Scalable dimension sagemaker:variant:DesiredInstanceCount only supports the following predefined load metrics: " +
				"SageMakerVariantTotalInvocations, SageMakerVariantTotalCPUUtilization"},
		{with(func(s *predictive.Spec) {
			s.CustomScaling, s.CustomLoad = custom, []metric.DataQuery{{ID: "a", Stat: stat("Calls")}, {ID: "b", Expression: "a*2"}}
		}), "CustomizedLoadMetricSpecification must have exactly one MetricDataQuery that returns data."},
		{with(func(s *predictive.Spec) {
			s.CustomScaling, s.CustomLoad = custom, []metric.DataQuery{{ID: "a", Stat: stat("Calls"), Hidden: true}, {ID: "b", Expression: "c*2"}}
		}), "The customized metric specification is not valid: "},
		{with(func(s *predictive.Spec) { s.CustomScaling, s.CustomLoad = custom, []metric.DataQuery{{ID: "a"}} }),
			"CustomizedLoadMetricSpecification: MetricDataQuery a must have either a MetricStat or an Expression."},
	} {
		_, err := predictive.Type{}.Put(Put{Key: blue, Config: &x.in, Metrics: dimension.All().Metrics(blue.Dimension)})
		if err == nil || len(err.Error()) < len(x.want) || err.Error()[:len(x.want)] != x.want {
			t.Errorf("%+v\n got %v\nwant %s", x.in, err, x.want)
		}
	}
	_, target := newTarget(t, 1, 20, predicting("ahead", 70))
	c := forecasts(target.Policy("ahead")).Settings
	if c.Breach != predictive.HonorMaxCapacity || *c.Buffer != 5*time.Minute || c.Mode != predictive.ForecastAndScale {
		t.Errorf("completed to %+v", c)
	}
	for _, d := range []dimension.Dimension{unserved.NewCopies(), unserved.NewConcurrency()} {
		_, err := predictive.Type{}.Put(Put{Key: TargetKey{ResourceID: "r", Dimension: d.Name()}, Config: c, Metrics: d})
		if e := (*Error)(nil); !errors.As(err, &e) || e.Kind != KindValidation || e.Msg != "Predictive scaling is not supported for scalable dimension "+string(d.Name()) {
			t.Errorf("%s has no metrics for forecasts: %v", d.Name(), err)
		}
	}
}

// A policy that is put again keeps what it expects where it forecasts the same, and asks for a new forecast.
func TestPutAgain(t *testing.T) {
	r, target, p := expecting(t, 1, 50, 10, 10)
	put(t, r, predicting("ahead", 35), counter())
	if h := forecasts(p).Outlook.Hours; len(h) != 2 || h[1].Capacity != 20 || !forecasts(p).Outlook.Due.Equal(t0) || !target.RuleDue {
		t.Errorf("half the target value: %+v", forecasts(p).Outlook)
	}
	forecasts(p).Outlook.Due = t0.Add(time.Hour)
	put(t, r, request{Name: "ahead"}, counter())
	if !forecasts(p).Outlook.Due.Equal(t0.Add(time.Hour)) {
		t.Error("nothing changed, yet a forecast is due")
	}
	other := predicting("ahead", 35)
	other.Predictive.Specs[0].Pair = &predictive.Metric{Type: instancecount.PairCPU}
	put(t, r, other, counter())
	if len(forecasts(p).Outlook.Hours) != 0 {
		t.Error("what was expected of another metric stays")
	}
}

func TestPredictivePoliciesSurviveASnapshot(t *testing.T) {
	r, _, p := expecting(t, 1, 50, 10, 12)
	forecasts(p).Settings.Specs[0] = predictive.Spec{
		TargetValue:   5,
		CustomScaling: []metric.DataQuery{{ID: "s", Stat: &metric.MetricStat{Metric: metric.NewID("A", "b"), Statistic: metric.Statistic{Kind: metric.Average}}}},
		CustomLoad:    []metric.DataQuery{{ID: "l", Expression: "TIME_SERIES(1)"}},
	}
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	back := NewRegistry(policy.Types(), dimension.All())
	if err := json.Unmarshal(data, back); err != nil {
		t.Fatal(err)
	}
	if err := back.Restore(policy.Types(), dimension.All()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(p, back.Targets[blue].Policy("ahead"), cmpopts.IgnoreUnexported(Policy{})); diff != "" {
		t.Errorf("-before +after:\n%s", diff)
	}
}

func TestQueriesOfPredefinedMetrics(t *testing.T) {
	say := func(queries []metric.DataQuery) (out []string) {
		for _, q := range queries {
			if q.Stat == nil {
				out = append(out, q.Expression)
				continue
			}
			out = append(out, fmt.Sprintf("%v %s %v", q.Stat.Statistic, q.Stat.Metric.Name, q.Stat.Period))
		}
		return out
	}
	for _, x := range []struct {
		spec predictive.Spec
		want string
	}{
		{predictive.Spec{Pair: &predictive.Metric{Type: instancecount.PairInvocations}}, "[Sum Invocations 5m0s] [] []"},
		{predictive.Spec{Pair: &predictive.Metric{Type: instancecount.PairCPU}}, "[Sum CPUUtilization 5m0s] [] []"},
		{
			predictive.Spec{Load: &predictive.Metric{Type: instancecount.LoadCPU}, Scaling: &predictive.Metric{Type: instancecount.ScalingCPU}},
			"[Sum CPUUtilization 5m0s] [] []",
		},
		{
			predictive.Spec{Load: &predictive.Metric{Type: instancecount.LoadInvocations}, Scaling: &predictive.Metric{Type: instancecount.ScalingCPU}},
			"[Sum Invocations 5m0s] [Average CPUUtilization 1m0s] [Sum Invocations 1m0s Sum InvocationsPerInstance 1m0s all/each]",
		},
		{
			predictive.Spec{Load: &predictive.Metric{Type: instancecount.LoadCPU}, Scaling: &predictive.Metric{Type: instancecount.ScalingInvocations}},
			"[Sum CPUUtilization 5m0s] [Sum InvocationsPerInstance 1m0s] [Sum Invocations 1m0s Sum InvocationsPerInstance 1m0s all/each]",
		},
	} {
		rule := predictive.Rule{Settings: &predictive.Config{Specs: []predictive.Spec{x.spec}}}
		q := rule.History(blue, dimension.All().Metrics(blue.Dimension))
		if got := fmt.Sprint(say(q.Load), say(q.Scaling), say(q.Capacity)); got != x.want {
			t.Errorf("%s\nwant %s", got, x.want)
		}
	}
}
