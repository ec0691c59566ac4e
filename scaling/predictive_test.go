package scaling

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"bellows.dev/bellows/metric"
)

// predicting is a predictive scaling policy on the pair of invocations.
func predicting(name string, target float64) PolicyInput {
	return PolicyInput{Name: name, Type: PredictiveScaling, Predictive: &PredictiveConfig{
		Mode: ForecastAndScale, Specs: []PredictiveSpec{{TargetValue: target, Pair: &PredictiveMetric{Type: PairInvocations}}},
	}}
}

// constant is two weeks of one load, in units an hour.
func constant(until time.Time, load float64) PastLoad {
	past := PastLoad{Until: until}
	for ago := range HistoryHours {
		past.Load = append(past.Load, HourValue{ago, load})
	}
	return past
}

// expecting registers a target whose policy expects these capacities from 10:00 on.
func expecting(t reporter, least, most int, capacities ...int) (*Registry, *Target, *Policy) {
	r, target := newTarget(t, least, most, predicting("ahead", 70))
	p := target.Policy("ahead")
	p.Outlook.Need = 1.0 / 60
	for i, n := range capacities {
		p.Outlook.Hours = append(p.Outlook.Hours, ForecastHour{t0.Add(time.Duration(i) * time.Hour), float64(n) * 70 * 60, n})
	}
	target.PredictDue = true
	return r, target, p
}

// A load of 252,000 invocations an hour is 4,200 a minute: 60 instances at 70 each.
func TestCapacityOfALoad(t *testing.T) {
	for _, x := range []struct {
		load, need, target float64
		want               int
	}{
		{252_000, 1.0 / 60, 70, 60},
		{252_001, 1.0 / 60, 70, 61},
		{42_000, 1.0 / 60, 70, 10},
		{0, 1.0 / 60, 70, 0},
		{30_000, 0.02, 50, 12},
		{1e300, 1, 1e-9, math.MaxInt32},
	} {
		if got := (&Outlook{Need: x.need}).capacity(x.load, x.target); got != x.want {
			t.Errorf("load %g at %g needs %d, want %d", x.load, x.target, got, x.want)
		}
	}
}

func TestMaximumThatGoesWithAForecast(t *testing.T) {
	for _, x := range []struct {
		breach         BreachBehavior
		buffer         int
		forecast, most int
		want           int
	}{
		{HonorMaxCapacity, 0, 50, 40, 40},
		{IncreaseMaxCapacity, 10, 50, 40, 55}, // AWS's example
		{IncreaseMaxCapacity, 0, 50, 40, 50},  // AWS: as high as the forecast, and not higher
		{IncreaseMaxCapacity, 10, 38, 40, 42}, // close to the maximum
		{IncreaseMaxCapacity, 10, 30, 40, 40},
		{IncreaseMaxCapacity, 100, 50, 40, 100},
	} {
		c := PredictiveConfig{Breach: x.breach, MaxBuffer: &x.buffer}
		if got := c.maxFor(x.forecast, x.most); got != x.want {
			t.Errorf("%v, buffer %d: forecast %d of %d makes %d, want %d", x.breach, x.buffer, x.forecast, x.most, got, x.want)
		}
	}
}

// From 10:00 on 2, 10, 3 and 1 are expected: who is asked the buffer before an hour gets what that hour needs, if it is more.
func TestTheBufferDecidesWhichHourCounts(t *testing.T) {
	for _, x := range []struct {
		buffer, minute int
		want           int
	}{
		{0, 0, 2}, {0, 59, 2}, {0, 60, 10}, {300, 54, 2}, {300, 55, 10}, {300, 59, 10}, {300, 115, 10}, {300, 119, 10}, {300, 120, 3},
		{3600, 0, 10}, {3600, 60, 10}, {3600, 120, 3}, {3600, 180, 1}, {300, 239, 1}, {300, 240, -1}, {300, -6, -1}, {300, -5, 2},
	} {
		_, _, p := expecting(t, 1, 20, 2, 10, 3, 1)
		p.Predictive.Buffer = seconds(x.buffer)
		h, found := p.expects(at(60 * x.minute))
		if !found {
			h.Capacity = -1
		}
		if h.Capacity != x.want {
			t.Errorf("buffer %d s, %d minutes after 10:00: %d, want %d", x.buffer, x.minute, h.Capacity, x.want)
		}
	}
}

func TestLeadsAreTheBufferBeforeEachHour(t *testing.T) {
	for _, x := range []struct{ buffer, minute, want int }{
		{0, 0, 60}, {0, 59, 60}, {0, 60, 120}, {300, 0, 55}, {300, 54, 55}, {300, 55, 115}, {900, 44, 45}, {3600, 0, 60}, {300, 175, -1},
	} {
		_, _, p := expecting(t, 1, 20, 2, 10, 3)
		p.Predictive.Buffer = seconds(x.buffer)
		got, want := p.nextLead(at(60*x.minute)), time.Time{}
		if x.want >= 0 {
			want = at(60 * x.want)
		}
		if !got.Equal(want) {
			t.Errorf("buffer %d s, %d minutes after 10:00: %v, want %v", x.buffer, x.minute, got, want)
		}
	}
}

// What is needed of the scaling metric is the median of scaling × capacity ÷ load, by load; hours that lack one do not count.
func TestNeed(t *testing.T) {
	_, target := newTarget(t, 1, 20, PolicyInput{Name: "ahead", Type: PredictiveScaling, Predictive: &PredictiveConfig{Specs: []PredictiveSpec{{
		TargetValue: 50, Scaling: &PredictiveMetric{Type: ScalingCPU}, Load: &PredictiveMetric{Type: LoadInvocations},
	}}}})
	p := target.Policy("ahead")
	past := PastLoad{
		Load:     []HourValue{{0, 10_000}, {1, 20_000}, {2, 100}, {3, 0}, {4, 5_000}, {5, 10_000}},
		Scaling:  []HourValue{{0, 40}, {1, 80}, {2, 90}, {3, 5}, {5, 44}},
		Capacity: []HourValue{{0, 5}, {1, 5}, {2, 1}, {3, 1}, {4, 2}, {5, 5}},
	}
	if need, known := p.need(past); !known || need != 0.02 {
		t.Errorf("need %g, known %v; want 0.02", need, known)
	}
	if _, known := p.need(PastLoad{Load: past.Load, Scaling: past.Scaling}); known {
		t.Error("a need is known without any capacity")
	}
}

func TestForecastsAreHourlyForTwoDaysAndThePastIsKept(t *testing.T) {
	r, target := newTarget(t, 1, 100, predicting("ahead", 70))
	key, p := target.Key, target.Policy("ahead")
	if !p.Outlook.Due.Equal(t0) || !nextForecast(r).Equal(t0) {
		t.Fatalf("a new policy wants its history at %v", p.Outlook.Due)
	}
	wanted, due := r.ForecastsDue(t0)
	if len(wanted) != 1 || wanted[0].Policy != p || len(due) != 0 || !nextForecast(r).Equal(t0.Add(time.Hour)) {
		t.Fatalf("wanted %v, due %v, next %v: one that is not answered asks again an hour later", wanted, due, nextForecast(r))
	}
	r.LoadHistory(t0, key, "ahead", constant(t0, 42_000))
	if n := len(p.Outlook.Hours); n != 48 || p.Outlook.Hours[0] != (ForecastHour{t0, 42_000, 10}) || !target.PredictDue {
		t.Fatalf("%d hours, first %v", n, p.Outlook.Hours[0])
	}
	if !p.Outlook.Due.Equal(t0.Add(6*time.Hour)) || !nextForecast(r).Equal(t0.Add(55*time.Minute)) {
		t.Errorf("due %v, next %v", p.Outlook.Due, nextForecast(r))
	}
	later := t0.Add(6*time.Hour + 10*time.Minute)
	r.LoadHistory(later, key, "ahead", constant(t0.Add(6*time.Hour), 84_000))
	h := p.Outlook.Hours
	if len(h) != 54 || h[5].Capacity != 10 || h[6] != (ForecastHour{t0.Add(6 * time.Hour), 84_000, 20}) {
		t.Errorf("%d hours, the sixth %v, the seventh %v: what was expected of the past stays", len(h), h[5], h[6])
	}
	r.LoadHistory(later, key, "ahead", PastLoad{Until: later})
	if p.Outlook.Reason == "" || len(p.Outlook.Hours) != 54 || !p.Outlook.Due.Equal(later.Add(time.Hour)) {
		t.Errorf("without history: %q, %d hours, due %v", p.Outlook.Reason, len(p.Outlook.Hours), p.Outlook.Due)
	}
	month := later.Add(35 * 24 * time.Hour)
	r.LoadHistory(month, key, "ahead", constant(metric.Align(month, time.Hour), 42_000))
	if n := len(p.Outlook.Hours); n != 48 {
		t.Errorf("%d hours after a month: what is older is forgotten", n)
	}
	if _, found := r.LoadHistory(month, key, "gone", PastLoad{}); found {
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
		{"expects nothing of this hour", steady(2), 10, func(t *Target) { t.Policies[0].Outlook.Hours = nil }, 0, NoForecast},
	} {
		_, target, _ := expecting(t, 1, 20, x.forecast)
		if x.change != nil {
			x.change(target)
		}
		d := decide(60, target, x.capacity)
		p := outcome(t, d, "ahead")
		if p.Outcome != x.outcome || d.Acted != (x.want > 0) || d.Acted && d.Want != x.want {
			t.Errorf("%s: %s", x.name, &d)
		}
		if target.Held(&d); target.PredictDue != (x.outcome == Unscalable) {
			t.Errorf("%s: due afterwards: %v", x.name, target.PredictDue)
		}
		if a, noted := target.NotScaled(at(60), &d, counter()); noted {
			t.Errorf("%s: no alarm was triggered, yet the history has %v", x.name, a)
		}
	}
}

func TestOnlyForecastsThatScaleDoAnything(t *testing.T) {
	_, target, p := expecting(t, 1, 20, 10)
	p.Predictive.Mode = ForecastOnly
	if d := decide(60, target, steady(2)); len(d.Proposals) != 0 {
		t.Errorf("a policy that only forecasts wants something: %s", &d)
	}
	if n, policy := target.foretold(at(60)); policy != "" {
		t.Errorf("it holds %d", n)
	}
	if _, scales := target.PredictedCapacity(at(60)); scales {
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
	if got := d.String(); got != want {
		t.Errorf("%q\nwant %q", got, want)
	}
}

func TestMaximumIsRaisedForGood(t *testing.T) {
	_, target, p := expecting(t, 1, 40, 50)
	p.Predictive.Breach, p.Predictive.MaxBuffer = IncreaseMaxCapacity, ptr(10)
	if before, policy, raised := target.RaiseMax(at(60)); before != 40 || policy != "ahead" || !raised || target.Max != 55 {
		t.Errorf("from %d by %q: %v, now %d", before, policy, raised, target.Max)
	}
	if _, _, again := target.RaiseMax(at(60)); again {
		t.Error("it was raised twice")
	}
	for _, change := range []func(){
		func() { target.Suspended.DynamicOut = true },
		func() { target.Suspended.DynamicOut, target.Tags = false, map[string]string{DryRunTag: "true"} },
		func() { target.Tags, p.Predictive.Mode = nil, ForecastOnly },
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
		r := NewRegistry()
		r.Targets[blue] = w.target
		if _, err := r.PutPolicy(t0, in, counter()); err != nil {
			t.Fatal(err)
		}
		p := w.target.Policy("zz")
		p.Outlook.Hours = []ForecastHour{{Start: t0, Capacity: rapid.IntRange(0, 25).Draw(t, "forecast")}}
		w.target.PredictDue = rapid.Bool().Draw(t, "due")
		var d Decision
		Decide(at(60), w.target, w.capacity, w.signals, w.votes, &d)
		floor := min(p.Outlook.Hours[0].Capacity, w.target.Max)
		if d.Acted && (d.Want > w.target.Max && d.Want > w.capacity.Desired || d.Want < floor && d.Want < w.capacity.Desired) {
			t.Fatalf("floor %d: %s", floor, &d)
		}
		if d.Acted && d.Proposals[d.Winner].Forecast != nil && d.Want <= w.capacity.Desired {
			t.Fatalf("a forecast took capacity away: %s", &d)
		}
	})
}

func TestPredictiveConfigIsCompletedAndChecked(t *testing.T) {
	pair := &PredictiveMetric{Type: PairInvocations}
	stat := func(name string) *metric.MetricStat {
		return &metric.MetricStat{Metric: metric.NewID("App", name), Statistic: metric.Statistic{Kind: metric.Sum}}
	}
	custom := []metric.DataQuery{{ID: "m", Stat: stat("Calls")}}
	valid := PredictiveSpec{TargetValue: 70, Pair: pair}
	with := func(change func(*PredictiveSpec)) PredictiveConfig {
		s := PredictiveSpec{TargetValue: 70}
		change(&s)
		return PredictiveConfig{Specs: []PredictiveSpec{s}}
	}
	const choose = "You must specify either a predefined metric pair, or one scaling metric and one load metric."
	for _, x := range []struct {
		in   PredictiveConfig
		want string
	}{
		{PredictiveConfig{}, "You must specify one metric specification."},
		{PredictiveConfig{Specs: []PredictiveSpec{valid, valid}}, "You must specify one metric specification."},
		{with(func(*PredictiveSpec) {}), choose},
		{with(func(s *PredictiveSpec) { s.CustomLoad = custom }), choose},
		{with(func(s *PredictiveSpec) {
			s.CustomLoad, s.CustomScaling, s.Load = custom, custom, &PredictiveMetric{Type: LoadCPU}
		}), choose},
		{with(func(s *PredictiveSpec) { s.Pair, s.CustomCapacity = pair, custom }), "A predefined metric pair cannot be combined with other metric specifications."},
		{with(func(s *PredictiveSpec) {
			s.Load, s.Scaling, s.CustomCapacity = &PredictiveMetric{Type: LoadCPU}, &PredictiveMetric{Type: ScalingCPU}, custom
		}), "A capacity metric cannot be combined with predefined metrics that need none."},
		{with(func(s *PredictiveSpec) { s.Pair = &PredictiveMetric{PairCPU, "app/x"} }),
			"Resource label cannot be specified for predefined metric type SageMakerVariantCPUUtilization"},
		{with(func(s *PredictiveSpec) { s.Load, s.CustomScaling = &PredictiveMetric{Type: PairCPU}, custom }),
			"Scalable dimension sagemaker:variant:DesiredInstanceCount only supports the following predefined load metrics: " +
				"SageMakerVariantTotalInvocations, SageMakerVariantTotalCPUUtilization"},
		{with(func(s *PredictiveSpec) {
			s.CustomScaling, s.CustomLoad = custom, []metric.DataQuery{{ID: "a", Stat: stat("Calls")}, {ID: "b", Expression: "a*2"}}
		}), "CustomizedLoadMetricSpecification must have exactly one MetricDataQuery that returns data."},
		{with(func(s *PredictiveSpec) {
			s.CustomScaling, s.CustomLoad = custom, []metric.DataQuery{{ID: "a", Stat: stat("Calls"), Hidden: true}, {ID: "b", Expression: "c*2"}}
		}), "The customized metric specification is not valid: "},
		{with(func(s *PredictiveSpec) { s.CustomScaling, s.CustomLoad = custom, []metric.DataQuery{{ID: "a"}} }),
			"CustomizedLoadMetricSpecification: MetricDataQuery a must have either a MetricStat or an Expression."},
	} {
		err := x.in.check(VariantInstances)
		if err == nil || len(err.Error()) < len(x.want) || err.Error()[:len(x.want)] != x.want {
			t.Errorf("%+v\n got %v\nwant %s", x.in, err, x.want)
		}
	}
	_, target := newTarget(t, 1, 20, predicting("ahead", 70))
	c := target.Policy("ahead").Predictive
	if c.Breach != HonorMaxCapacity || *c.Buffer != 5*time.Minute || c.Mode != ForecastAndScale {
		t.Errorf("completed to %+v", c)
	}
	if err := c.check(ComponentCopies); err == nil {
		t.Error("copies of inference components have no instances to foretell")
	}
}

// A policy that is put again keeps what it expects where it foretells the same, and asks for a new forecast.
func TestPutAgain(t *testing.T) {
	r, target, p := expecting(t, 1, 50, 10, 10)
	put(t, r, predicting("ahead", 35), counter())
	if h := p.Outlook.Hours; len(h) != 2 || h[1].Capacity != 20 || !p.Outlook.Due.Equal(t0) || !target.PredictDue {
		t.Errorf("half the target value: %+v", p.Outlook)
	}
	p.Outlook.Due = t0.Add(time.Hour)
	put(t, r, PolicyInput{Name: "ahead"}, counter())
	if !p.Outlook.Due.Equal(t0.Add(time.Hour)) {
		t.Error("nothing changed, yet a forecast is due")
	}
	other := predicting("ahead", 35)
	other.Predictive.Specs[0].Pair = &PredictiveMetric{Type: PairCPU}
	put(t, r, other, counter())
	if len(p.Outlook.Hours) != 0 {
		t.Error("what was expected of another metric stays")
	}
}

func TestPredictivePoliciesSurviveASnapshot(t *testing.T) {
	r, _, p := expecting(t, 1, 50, 10, 12)
	p.Predictive.Specs[0] = PredictiveSpec{
		TargetValue:   5,
		CustomScaling: []metric.DataQuery{{ID: "s", Stat: &metric.MetricStat{Metric: metric.NewID("A", "b"), Statistic: metric.Statistic{Kind: metric.Average}}}},
		CustomLoad:    []metric.DataQuery{{ID: "l", Expression: "TIME_SERIES(1)"}},
	}
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	back := NewRegistry()
	if err := json.Unmarshal(data, back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(p, back.Targets[blue].Policy("ahead")); diff != "" {
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
		spec PredictiveSpec
		want string
	}{
		{PredictiveSpec{Pair: &PredictiveMetric{Type: PairInvocations}}, "[Sum Invocations 5m0s] [] []"},
		{PredictiveSpec{Pair: &PredictiveMetric{Type: PairCPU}}, "[Sum CPUUtilization 5m0s] [] []"},
		{
			PredictiveSpec{Load: &PredictiveMetric{Type: LoadCPU}, Scaling: &PredictiveMetric{Type: ScalingCPU}},
			"[Sum CPUUtilization 5m0s] [] []",
		},
		{
			PredictiveSpec{Load: &PredictiveMetric{Type: LoadInvocations}, Scaling: &PredictiveMetric{Type: ScalingCPU}},
			"[Sum Invocations 5m0s] [Average CPUUtilization 1m0s] [Sum Invocations 1m0s Sum InvocationsPerInstance 1m0s all/each]",
		},
		{
			PredictiveSpec{Load: &PredictiveMetric{Type: LoadCPU}, Scaling: &PredictiveMetric{Type: ScalingInvocations}},
			"[Sum CPUUtilization 5m0s] [Sum InvocationsPerInstance 1m0s] [Sum Invocations 1m0s Sum InvocationsPerInstance 1m0s all/each]",
		},
	} {
		p := Policy{Predictive: &PredictiveConfig{Specs: []PredictiveSpec{x.spec}}}
		q := p.Queries(blue)
		if got := fmt.Sprint(say(q.Load), say(q.Scaling), say(q.Capacity)); got != x.want {
			t.Errorf("%s\nwant %s", got, x.want)
		}
	}
}
