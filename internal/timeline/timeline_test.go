package timeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/engine/dimension/instancecount"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/log"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/metric/expr"
	"bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy/tracking"
	"bellows.dev/bellows/sim"
)

var (
	scope   = engine.Scope{Account: "123456789012", Region: "us-east-1"}
	started = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	variant = engine.VariantKey{Scope: scope, Endpoint: "iris", Variant: "blue"}
)

// world is a simulated server whose events are kept.
type world struct {
	*sim.World
	t      *testing.T
	events []engine.Recorded
}

func newWorld(t *testing.T) *world {
	w := &world{World: sim.NewWorld(engine.Config{Seed: 3}, started), t: t}
	w.Startup = 30 * time.Second
	w.OnEvent = func(now time.Time, e engine.Event) { w.events = append(w.events, engine.Recorded{At: now, Event: e}) }
	w.must(engine.CreateModel{Scope: scope, Model: hosting.Model{Name: "m"}})
	w.must(engine.CreateEndpointConfig{Scope: scope, Config: hosting.EndpointConfig{Name: "c", Variants: []hosting.VariantConfig{
		{Name: "blue", Model: "m", InitialCount: 1, InitialWeight: 1, InstanceType: "ml.m5.large"},
	}}})
	w.must(engine.CreateEndpoint{Key: engine.EndpointKey{Scope: scope, Endpoint: "iris"}, Config: "c"})
	w.run(2 * time.Minute)
	return w
}

func (w *world) must(in engine.Input) {
	w.t.Helper()
	if _, err := w.Do(in); err != nil {
		w.t.Fatalf("%T: %v", in, err)
	}
}

func (w *world) run(d time.Duration) {
	w.t.Helper()
	if err := w.Run(d); err != nil {
		w.t.Fatal(err)
	}
}

// track registers the variant with 1 to 8 instances, 60 invocations a minute each.
func (w *world) track() {
	w.t.Helper()
	low, high := 1, 8
	key := scaling.VariantTarget("iris", "blue")
	w.must(engine.RegisterScalableTarget{Scope: scope, Registration: scaling.Registration{Key: key, Min: &low, Max: &high}})
	w.must(engine.PutScalingPolicy{Scope: scope, Input: scaling.PolicyInput{
		Key: key, Name: "keep-60", Type: tracking.Type{}, Configs: []scaling.Config{&tracking.Config{
			TargetValue: 60, Predefined: &tracking.PredefinedSpec{Metric: instancecount.InvocationsPerInstance},
		}},
	}})
}

func (w *world) sources() Sources {
	return Sources{
		View: func(_ context.Context, f func(time.Time, *engine.Engine)) error {
			f(w.Now, w.Engine)
			return nil
		},
		Events: func(_ context.Context, q log.EventQuery) ([]engine.Recorded, error) { return w.query(q), nil },
		Metrics: func(_ context.Context, s engine.Scope, f func(time.Time, expr.Source)) error {
			if r := w.Engine.Region(s); r != nil {
				f(w.Now, r.Metrics)
			} else {
				f(w.Now, metric.NewWindow(0))
			}
			return nil
		},
	}
}

// query selects events as the event history does.
func (w *world) query(q log.EventQuery) []engine.Recorded {
	var out []engine.Recorded
	last := map[string]bool{} // a later row of the same identity replaces the earlier
	for n, i := range slices.Backward(w.events) {
		table, key, kind, id, at := row(i)
		i.After = fmt.Sprint(n)
		if table != q.Table || q.Key != "" && key != q.Key || q.Scope != engine.ScopeName(scopeOf(i.Event)) || at.Before(q.From) || !at.Before(q.To) || len(q.Types) > 0 && !slices.Contains(q.Types, kind) || id != "" && last[id] {
			continue
		}
		last[id] = true
		i.At = at
		out = append(out, i)
	}
	slices.SortStableFunc(out, func(a, b engine.Recorded) int { return b.At.Compare(a.At) })
	if q.Oldest {
		slices.Reverse(out)
	}
	if q.Token != "" {
		out = out[1+slices.IndexFunc(out, func(x engine.Recorded) bool { return x.After == q.Token }):]
	}
	return out[:min(len(out), q.Limit)]
}

// scopeOf is the scope of an event that the history has; all of the tests' events are of one unless they say otherwise.
func scopeOf(e engine.Event) engine.Scope {
	switch e := e.(type) {
	case engine.InstanceActivityChanged:
		return e.Scope
	case engine.EndpointChanged:
		return e.Key.Scope
	case engine.InstanceChanged:
		return e.Key.Scope
	default:
		return scope
	}
}

func row(i engine.Recorded) (table, key, kind, id string, at time.Time) {
	switch e := i.Event.(type) {
	case engine.ActivityChanged:
		if e.Activity.NotScaled.Code != 0 {
			return log.TableActivity, e.Activity.Key.ResourceID, log.TypeNotScaled, e.Activity.ID, e.Activity.Start
		}
		return log.TableActivity, e.Activity.Key.ResourceID, log.TypeScaled, e.Activity.ID, e.Activity.Start
	case engine.InstanceActivityChanged:
		return log.TableGroup, e.Activity.Group.VariantName(), "", e.Activity.ID, e.Activity.Start
	case engine.AlarmTransition:
		return log.TableAlarm, e.Alarm, log.TypeState, "", i.At
	case engine.AlarmConfigured:
		return log.TableAlarm, e.Alarm, log.TypeConfiguration, "", i.At
	case engine.Decided:
		return log.TableDecision, e.Target.ResourceID, "Decided", "", i.At
	case engine.EndpointChanged:
		return log.TableEndpoint, e.Key.Endpoint, log.TypeStatus, "", i.At
	case engine.InstanceChanged:
		return log.TableEndpoint, e.Key.Endpoint, log.TypeInstance, "", i.At
	case engine.ScheduledActionRan:
		return log.TableDecision, e.Run.Key.ResourceID, log.TypeScheduled, "", i.At
	case engine.ForecastMade:
		return log.TableDecision, e.Target.ResourceID, log.TypeForecast, "", i.At
	default:
		return "", "", "", "", i.At
	}
}

func (w *world) build(from, to time.Time) *Timeline {
	w.t.Helper()
	x, err := Build(w.t.Context(), w.sources(), Query{Scope: scope, Endpoint: "iris", Variant: "blue", From: from, To: to})
	if err != nil {
		w.t.Fatal(err)
	}
	return x
}

// steps prints the capacity lane, times from the start of the world.
func steps(x *Timeline) string {
	var parts []string
	for _, c := range x.Capacity {
		parts = append(parts, fmt.Sprintf("%v %d/%d", c.At.Sub(started), c.Running, c.Desired))
	}
	return strings.Join(parts, ", ")
}

func titles(x *Timeline, kind string) string {
	var out []string
	for _, g := range slices.Backward(x.Groups) {
		if g.Kind == kind {
			out = append(out, fmt.Sprintf("%v %s (%s)", g.At.Sub(started), g.Title, g.Result))
		}
	}
	return strings.Join(out, "\n")
}

// A rise of the load: the timeline has the cause, the change and its result, and the capacity at each moment.
func TestAScaleOutFromItsCauseToItsResult(t *testing.T) {
	w := newWorld(t)
	w.track()
	w.SetLoad(variant, 170)
	w.run(8 * time.Minute)
	x := w.build(started, w.Now)
	if got, want := steps(x), "0s 0/1, 30s 1/1, 5m10s 1/3, 5m40s 3/3"; got != want {
		t.Errorf("the capacity is %s, want %s", got, want)
	}
	if got, want := titles(x, "change"), "0s Started with 1 (ready in 30 s)\n5m10s Scaled out from 1 to 3 (ready in 30 s)"; got != want {
		t.Errorf("the changes are\n%s\nwant\n%s", got, want)
	}
	g := x.Groups[slices.IndexFunc(x.Groups, func(g Group) bool { return strings.HasPrefix(g.Title, "Scaled out") })]
	var kinds []string
	for _, e := range g.Events {
		kinds = append(kinds, e.Kind)
	}
	if got, want := strings.Join(kinds, " "), "alarm decision activity instance instance activity instance instance"; got != want {
		t.Errorf("the events are %s, want %s: %v", got, want, g.Events)
	}
	if g.By != "policy" || g.Policy != "keep-60" || g.Status != "Successful" || g.Cause != "AlarmHigh in ALARM, 3 of 3: 169.056 > 60; load 169.056 = 169.056 x 1; wanted 3 = ceil(169.056 / 60)." {
		t.Errorf("the group is %+v", g)
	}
	if len(x.Lives) != 3 || len(x.Lives[1].Spans) != 2 || x.Lives[1].Spans[0].State != starting || x.Lives[1].Spans[1].State != serving {
		t.Errorf("the instances are %+v", x.Lives)
	}
}

// The alarms have bands without gaps, and name the series that they watch.
func TestAlarmsAndWhatTheyWatch(t *testing.T) {
	w := newWorld(t)
	w.track()
	w.SetLoad(variant, 170)
	w.run(8 * time.Minute)
	x := w.build(started.Add(4*time.Minute), w.Now)
	if len(x.Alarms) != 2 {
		t.Fatalf("the alarms are %+v", x.Alarms)
	}
	high := x.Alarms[slices.IndexFunc(x.Alarms, func(a Alarm) bool { return a.Short == "AlarmHigh" })]
	var bands []string
	for i, s := range high.Bands {
		bands = append(bands, s.State)
		if i > 0 && !high.Bands[i-1].To.Equal(s.From) {
			t.Errorf("there is a gap before %v", s.From)
		}
	}
	if got := strings.Join(bands, " "); !strings.Contains(got, "ALARM") || high.Condition != "> 60 for 3 of 3 × min" || !high.High || !high.Owned {
		t.Errorf("%s: %+v", got, high)
	}
	at := slices.IndexFunc(x.Loads, func(s Series) bool { return s.ID == high.Load })
	if at < 0 {
		t.Fatalf("no series %q in %+v", high.Load, x.Loads)
	}
	if s := x.Loads[at]; s.Target != 60 || s.Step != 60 || s.Unit != "/ min" || len(s.Values) < 5 || s.Values[0] < 160 {
		t.Errorf("the series is %+v", s)
	}
}

// A range in the past has the capacity of then, whatever happened since.
func TestTheCapacityOfARangeInThePast(t *testing.T) {
	w := newWorld(t)
	w.track()
	w.SetLoad(variant, 170)
	w.run(8 * time.Minute)
	all := w.build(started, w.Now)
	for _, cut := range []time.Duration{time.Minute, 3 * time.Minute, 5*time.Minute + 20*time.Second, 7 * time.Minute} {
		from := started.Add(cut)
		part := w.build(from, from.Add(30*time.Second))
		var want Capacity
		for _, c := range all.Capacity {
			if !c.At.After(from) {
				want = c
			}
		}
		if got := part.Capacity[0]; got.Running != want.Running || got.Desired != want.Desired || !got.At.Equal(from) {
			t.Errorf("at %v the capacity is %+v, want %+v", cut, got, want)
		}
	}
}

// The cooldowns follow the activities, a scale-out ends the one of a scale-in, and the bounds are known from the changes and the present.
func TestCooldownsAndBounds(t *testing.T) {
	w := newWorld(t)
	w.track()
	w.SetLoad(variant, 170)
	w.run(8 * time.Minute)
	w.SetLoad(variant, 20)
	w.run(24 * time.Minute)
	w.SetLoad(variant, 300)
	w.run(8 * time.Minute)
	x := w.build(started, w.Now)
	var got []string
	for _, c := range x.Coolings {
		got = append(got, fmt.Sprintf("%v %v", c.Out, c.To.Sub(c.From)))
	}
	if len(got) < 3 || got[0] != "true 5m0s" || !slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, "false") }) {
		t.Errorf("the cooldowns are %v", got)
	}
	if len(x.Bounds) != 1 || x.Bounds[0].Min != 1 || x.Bounds[0].Max != 8 || !x.Bounds[0].At.Equal(started) {
		t.Errorf("the bounds are %+v", x.Bounds)
	}
}

// A crash is a failure in the events, and a gap in the instance's service.
func TestACrash(t *testing.T) {
	w := newWorld(t)
	if ok, err := w.Crash(variant); !ok || err != nil {
		t.Fatal(ok, err)
	}
	w.run(2 * time.Minute)
	x := w.build(started.Add(time.Minute), w.Now)
	if got := titles(x, "failure"); strings.Count(got, "failed") != 1 {
		t.Errorf("the failures are %q", got)
	}
	var states []string
	for _, s := range x.Lives[0].Spans {
		states = append(states, s.State)
	}
	if got := strings.Join(states, " "); !strings.HasPrefix(got, "serving failed") || !strings.HasSuffix(got, "serving") {
		t.Errorf("the instance was %s", got)
	}
	if first, last := x.Capacity[0], x.Capacity[len(x.Capacity)-1]; first.Running != 1 || last.Running != 1 || len(x.Capacity) < 3 {
		t.Errorf("the capacity is %s", steps(x))
	}
}

// A simulated run that is to report stages has them in its timeline.
func TestStagesOfSimulatedStarts(t *testing.T) {
	w, two := newWorld(t), 2
	w.Stages, w.Startup, w.Download = true, 90*time.Second, 30*time.Second
	from := w.Now
	w.must(engine.UpdateEndpointWeightsAndCapacities{
		Key: engine.EndpointKey{Scope: scope, Endpoint: "iris"}, Changes: []hosting.Change{{Variant: "blue", Desired: &two}},
	})
	w.run(2 * time.Minute)
	lives := w.build(from, w.Now).Lives
	if len(lives) != 2 {
		t.Fatalf("%d instances: %+v", len(lives), lives)
	}
	var stages []string
	for _, x := range lives {
		for _, s := range x.Stages {
			stages = append(stages, fmt.Sprintf("%s %g", s.Name, s.Seconds))
		}
	}
	if got, want := strings.Join(stages, ", "), "capacity 0, model data 30, container 0, health 60"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// The points of a long range are means, with the highest value beside.
func TestFewerPointsAreMeans(t *testing.T) {
	w := newWorld(t)
	w.SetLoad(variant, 100)
	w.run(10 * time.Minute)
	x, err := Build(t.Context(), w.sources(), Query{Scope: scope, Endpoint: "iris", Variant: "blue", From: started.Add(2 * time.Minute), To: w.Now, Points: 3})
	if err != nil {
		t.Fatal(err)
	}
	s := x.Loads[slices.IndexFunc(x.Loads, func(s Series) bool { return s.ID == "invocations" })]
	if len(s.Values) > 3 || s.Periods != 4 || s.Step != 240 || len(s.Highs) != len(s.Values) || s.Values[0] < 95 || s.Values[0] > 105 {
		t.Errorf("the series is %+v", s)
	}
}

func TestRefusals(t *testing.T) {
	w := newWorld(t)
	var bad *RangeError
	var unknown *UnknownError
	for _, q := range []Query{
		{From: started, To: started}, {From: w.Now, To: started}, {From: started, To: w.Now, Points: -1}, {From: started, To: w.Now, Points: pointsMax + 1},
	} {
		q.Scope, q.Endpoint, q.Variant = scope, "iris", "blue"
		if _, err := Build(t.Context(), w.sources(), q); !errors.As(err, &bad) {
			t.Errorf("%+v: %v", q, err)
		}
	}
	for _, q := range []Query{{Endpoint: "iris", Variant: "green"}, {Endpoint: "rose", Variant: "blue"}} {
		q.Scope, q.From, q.To = scope, started, w.Now
		if _, err := Build(t.Context(), w.sources(), q); !errors.As(err, &unknown) {
			t.Errorf("%+v: %v", q, err)
		}
	}
}

// In JSON a value without a datapoint is null, and lists are never null.
func TestJSON(t *testing.T) {
	w := newWorld(t)
	text, err := json.Marshal(w.build(started, w.Now))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"values":[null,`, `"alarms":[]`, `"changes":[{`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in %.600s", want, text)
		}
	}
	if strings.Contains(string(text), `":null`) {
		t.Errorf("a member is null in %s", text)
	}
}
