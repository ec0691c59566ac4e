package sim_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/engine/dimension/instancecount"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy"
	"bellows.dev/bellows/scaling/policy/step"
	"bellows.dev/bellows/scaling/policy/tracking"
	"bellows.dev/bellows/sim"
)

var (
	scope   = engine.Scope{Account: "123456789012", Region: "us-east-1"}
	variant = engine.VariantKey{Scope: scope, Endpoint: "e", Variant: "v"}
	key     = scaling.VariantTarget("e", "v")
	started = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
)

// taken is an input with its time, as in a journal.
type taken struct {
	at time.Time
	in engine.Input
}

// life is a random run with one endpoint, and its invariants.
type life struct {
	t       *testing.T
	seed    uint64
	rand    *rand.Rand
	world   *sim.World
	journal []taken
	events  []string
	states  map[string]alarm.State
	open    map[string]bool // activities
	byHand  bool            // the capacity was set manually since the range was last applied to it
	acted   int
	alive   map[string]bool // instances according to the groups' activities
	ran     int             // number of scheduled actions run
}

func newRun(t *testing.T, seed uint64) *life {
	l := &life{
		t: t, seed: seed, rand: rand.New(rand.NewPCG(seed, 7)), world: sim.NewWorld(engine.Config{Seed: seed}, started),
		states: map[string]alarm.State{}, open: map[string]bool{}, alive: map[string]bool{},
	}
	l.world.Startup = time.Duration(1+l.rand.IntN(240)) * time.Second
	l.world.OnInput = func(now time.Time, in engine.Input) { l.journal = append(l.journal, taken{now, in}) }
	l.world.OnEvent = l.event
	l.must(engine.CreateModel{Scope: scope, Model: hosting.Model{Name: "m"}})
	l.must(engine.CreateEndpointConfig{Scope: scope, Config: hosting.EndpointConfig{Name: "c", Variants: []hosting.VariantConfig{
		{Name: "v", Model: "m", InitialCount: 1 + l.rand.IntN(4), InitialWeight: 1, InstanceType: "ml.m5.large"},
	}}})
	l.must(engine.CreateEndpoint{Key: engine.EndpointKey{Scope: scope, Endpoint: "e"}, Config: "c"})
	l.run(10 * time.Minute)
	l.register()
	return l
}

func (l *life) failf(format string, args ...any) {
	l.t.Helper()
	for _, line := range l.events[max(0, len(l.events)-12):] {
		l.t.Log(line)
	}
	l.t.Fatalf("seed %d, %s: %s", l.seed, l.world.Now.Format("15:04:05"), fmt.Sprintf(format, args...))
}

func (l *life) must(in engine.Input) {
	l.t.Helper()
	if _, err := l.world.Do(in); err != nil {
		l.failf("%T: %v", in, err)
	}
}

// checkResource compares what the target keeps of its resource with the resource.
func (l *life) checkResource() {
	r := l.world.Engine.Region(scope)
	t := r.Targets.Tracked(key)
	if t == nil || t.Resource() == nil {
		return
	}
	fresh := instancecount.Dimension{}.Find(r.Hosting, key.ResourceID)
	if fresh == nil || t.Resource().Capacity() != fresh.Capacity() {
		l.failf("the target keeps a resource with %+v; there is %+v", t.Resource().Capacity(), fresh)
	}
}

// event records an event and checks that it is allowed.
func (l *life) event(now time.Time, e engine.Event) {
	text, err := json.Marshal(e)
	if err != nil {
		l.t.Fatal(err)
	}
	l.checkResource()
	l.events = append(l.events, now.Format("15:04:05 ")+e.String()+" "+string(text))
	switch e := e.(type) {
	case engine.Decided:
		d := &e.Decision
		if d.Acted && (d.Want < d.Min || d.Want > d.Max || d.Want == d.Capacity.Desired) {
			l.failf("acts beyond [%d, %d]: %s", d.Min, d.Max, d.Explain(policy.Types()))
		}
		if d.Acted {
			l.acted++
		}
	case engine.AlarmTransition:
		if was := l.states[e.Alarm]; was != e.From || e.From == e.To {
			l.failf("alarm %s was %v, and comes from %v to %v", e.Alarm, was, e.From, e.To)
		}
		l.states[e.Alarm] = e.To
	case engine.AlarmConfigured:
		delete(l.states, e.Alarm)
		if e.After != nil {
			l.states[e.Alarm] = e.After.State
		}
	case engine.ActivityChanged:
		l.activity(e.Activity)
	case engine.InstanceActivityChanged:
		l.instance(e.Activity)
	case engine.ScheduledActionRan:
		l.ran++
	}
}

func (l *life) activity(a scaling.Activity) {
	if a.NotScaled.Code != 0 {
		return
	}
	if t := l.target(); a.Status == scaling.Pending && (a.To < t.Min || a.To > t.Max) {
		l.failf("an activity sets %d, beyond [%d, %d]", a.To, t.Min, t.Max)
	}
	l.open[a.ID] = a.End.IsZero()
	if !l.open[a.ID] {
		delete(l.open, a.ID)
	}
	if len(l.open) > 1 {
		l.failf("%d activities at once", len(l.open))
	}
}

func (l *life) target() *scaling.Target { return l.world.Engine.Region(scope).Targets.Of(key) }

func (l *life) endpoint() *hosting.Endpoint {
	return l.world.Engine.Region(scope).Hosting.Endpoints["e"]
}

func (l *life) run(d time.Duration) {
	l.t.Helper()
	for range int(d / (10 * time.Second)) {
		if err := l.world.Run(10 * time.Second); err != nil {
			l.t.Fatal(err)
		}
		l.check()
	}
}

// check checks the invariants that hold at any time.
func (l *life) check() {
	l.t.Helper()
	r := l.world.Engine.Region(scope)
	for name, a := range r.Alarms.Metric {
		if l.states[name] != a.State {
			l.failf("alarm %s is %v without a word, and was %v", name, a.State, l.states[name])
		}
	}
	l.checkInstances()
	t, x := l.target(), l.endpoint()
	if v := x.Variant("v"); x.Status == hosting.InService && v.Current() == v.Desired && len(l.open) > 0 {
		l.failf("an activity goes on though all of its capacity serves")
	}
	if t == nil || t.DryRun() || t.ClampDue || t.Group != nil && t.Group.Held != nil || l.byHand || x.Status != hosting.InService {
		return
	}
	n := x.Variant("v").Desired
	if least, most := t.Bounds(n); n < least || n > most {
		l.failf("desired is %d, beyond [%d, %d]", n, least, most)
	}
}

func (l *life) register() {
	least := l.rand.IntN(3)
	most := least + l.rand.IntN(8)
	r := scaling.Registration{Key: key, Min: &least, Max: &most}
	l.must(engine.RegisterScalableTarget{Scope: scope, Registration: r})
	l.byHand = false
}

func ptr[T any](v T) *T { return &v }

// act performs a random action.
func (l *life) act() {
	seconds := func() *time.Duration { return ptr(time.Duration(l.rand.IntN(600)) * time.Second) }
	if t := l.target(); t == nil || t.UUID == "" {
		l.register()
	}
	switch l.rand.IntN(12) {
	case 0:
		l.register()
	case 1, 2:
		l.world.SetLoad(variant, float64(l.rand.IntN(2000)))
	case 3:
		l.must(engine.PutScalingPolicy{Scope: scope, Input: scaling.PolicyInput{
			Key: key, Name: "tt", Type: tracking.Type{}, Configs: []scaling.Config{&tracking.Config{
				TargetValue: float64(20 + l.rand.IntN(200)), ScaleInCooldown: seconds(), ScaleOutCooldown: seconds(),
				Predefined: &tracking.PredefinedSpec{Metric: instancecount.InvocationsPerInstance}, DisableScaleIn: ptr(l.rand.IntN(4) == 0),
			}},
		}})
	case 4:
		l.steps(seconds())
	case 5:
		if l.endpoint().Status == hosting.InService {
			l.byHand = true
			l.must(engine.UpdateEndpointWeightsAndCapacities{
				Key: engine.EndpointKey{Scope: scope, Endpoint: "e"}, Changes: []hosting.Change{{Variant: "v", Desired: ptr(1 + l.rand.IntN(9))}},
			})
		}
	case 6:
		l.must(engine.RegisterScalableTarget{Scope: scope, Registration: scaling.Registration{
			Key: key, SuspendOut: ptr(l.rand.IntN(3) == 0), SuspendIn: ptr(l.rand.IntN(3) == 0),
		}})
		l.byHand = false
	case 7:
		dry := fmt.Sprint(l.rand.IntN(4) == 0)
		l.must(engine.TagScalableTarget{Scope: scope, ID: l.target().ID36(), Tags: map[string]string{scaling.DryRunTag: dry}})
	case 9:
		l.plan()
	case 8:
		l.world.Startup = time.Duration(1+l.rand.IntN(240)) * time.Second
	case 10:
		if _, err := l.world.Crash(variant); err != nil {
			l.failf("an instance crashes: %v", err)
		}
	case 11:
		l.must(engine.DeregisterScalableTarget{Scope: scope, Key: key}) // activities in progress continue
	}
}

// plan puts a scheduled action, or suspends or resumes all of them.
func (l *life) plan() {
	if l.rand.IntN(5) == 0 {
		l.must(engine.RegisterScalableTarget{Scope: scope, Registration: scaling.Registration{Key: key, SuspendScheduled: ptr(l.rand.IntN(2) == 0)}})
		l.byHand = false
		return
	}
	expressions := []string{"rate(7 minutes)", "rate(1 hour)", "cron(0/13 * ? * TUE *)", "cron(30 11 L-6 * ? *)", "at(2026-11-24T12:30:00)"}
	in := scaling.ScheduleInput{
		Key: key, Name: fmt.Sprint("s", l.rand.IntN(3)), Schedule: expressions[l.rand.IntN(len(expressions))], Range: &scaling.Range{},
	}
	switch least := l.rand.IntN(4); l.rand.IntN(3) {
	case 0:
		in.Range.Min = &least
	case 1:
		in.Range.Max = ptr(least + l.rand.IntN(5))
	default:
		in.Range.Min, in.Range.Max = &least, ptr(least+l.rand.IntN(6))
	}
	if l.rand.IntN(3) == 0 {
		in.Start = l.world.Now.Add(time.Duration(1+l.rand.IntN(1200)) * time.Second)
		in.End = in.Start.Add(time.Duration(1+l.rand.IntN(7200)) * time.Second)
	}
	l.must(engine.PutScheduledAction{Scope: scope, Input: in})
}

// steps puts a step policy for both directions, with an alarm for each.
func (l *life) steps(cooldown *time.Duration) {
	l.must(engine.PutScalingPolicy{Scope: scope, Input: scaling.PolicyInput{
		Key: key, Name: "step", Type: step.Type{}, Configs: []scaling.Config{&step.Config{
			AdjustmentType: step.ChangeInCapacity, Cooldown: cooldown, Steps: []step.Adjustment{
				{Upper: ptr(0.0), Adjustment: -1}, {Lower: ptr(0.0), Upper: ptr(50.0), Adjustment: 1}, {Lower: ptr(50.0), Adjustment: 1 + l.rand.IntN(4)},
			},
		}},
	}})
	action := []alarm.Action{{On: alarm.InAlarm, Target: l.target().ID36(), Policy: "step"}}
	for _, name := range []string{"cold", "hot"} {
		rule := alarm.Rule{
			Metric: metric.NewID("AWS/SageMaker", "InvocationsPerInstance",
				metric.Dimension{Name: "EndpointName", Value: "e"}, metric.Dimension{Name: "VariantName", Value: "v"}),
			Statistic: metric.Statistic{Kind: metric.Sum}, Period: time.Minute, Periods: 2, Threshold: 150, Comparison: alarm.GreaterThanThreshold,
		}
		if name == "cold" {
			rule.Threshold, rule.Comparison = 30, alarm.LessThanThreshold
		}
		l.must(engine.PutMetricAlarm{Scope: scope, Alarm: alarm.Alarm{Name: name, ActionsEnabled: true, Rule: rule, Actions: action}})
	}
}

// forget encodes and decodes the engine, as a restart does.
func (l *life) forget() {
	text, err := json.Marshal(l.world.Engine.State())
	if err != nil {
		l.t.Fatal(err)
	}
	var s engine.State
	if err := json.Unmarshal(text, &s); err != nil {
		l.t.Fatal(err)
	}
	e, err := engine.FromState(s)
	if err != nil {
		l.t.Fatal(err)
	}
	l.world.Engine = e
}

// Under random actions in any order, capacity stays in its range, every change has an alarm as its cause, one activity runs at a time, and
// the same inputs give the same decisions, byte for byte, with or without restarts.
func TestRandomRuns(t *testing.T) {
	t.Parallel()
	lives, acted, ran := 12, 0, 0
	if testing.Short() {
		lives = 5
	}
	for seed := range uint64(lives) {
		l := newRun(t, seed)
		for range 40 {
			l.act()
			if l.rand.IntN(8) == 0 {
				l.forget()
			}
			l.run(time.Duration(1+l.rand.IntN(12)) * time.Minute)
		}
		acted += l.acted
		ran += l.ran
		l.replay()
	}
	if acted < lives || ran < lives {
		t.Errorf("policies acted only %d times and schedules ran only %d times in %d runs", acted, ran, lives)
	}
}

// replay replays the journal in a new engine.
func (l *life) replay() {
	l.t.Helper()
	e := engine.New(engine.Config{Seed: l.seed})
	n := 0
	for _, x := range l.journal {
		out, err := e.Step(x.at, x.in)
		if err != nil {
			continue
		}
		for _, event := range out.Events {
			text, err := json.Marshal(event)
			if err != nil {
				l.t.Fatal(err)
			}
			line := x.at.Format("15:04:05 ") + event.String() + " " + string(text)
			if n >= len(l.events) || l.events[n] != line {
				l.failf("the journal decides otherwise now: %s", line)
			}
			n++
		}
	}
	if n != len(l.events) {
		l.failf("the journal led to %d events once, and to %d now", len(l.events), n)
	}
}
