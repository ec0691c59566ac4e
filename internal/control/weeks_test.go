package control

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/explain"
	"bellows.dev/bellows/internal/log"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy/step"
	"bellows.dev/bellows/scaling/policy/tracking"
	"bellows.dev/bellows/sim"
)

// weeks is two weeks of a server's life in virtual time. What happens in the world goes into a controller's engine and store as its
// loop would take it, but in transactions of some minutes.
type weeks struct {
	t       *testing.T
	seed    uint64
	rand    *rand.Rand
	world   *sim.World
	dir     string
	store   log.Store
	server  *Controller
	stepped group // and not committed yet
	load    float64
	steady  bool // the load does not flicker, and is never missing
	kills   int
	saves   int
	types   scaling.Types // nil: those of this program
}

// begun is far ahead of the wall clock, so that policy time is the world's.
var begun = time.Date(2099, 3, 2, 10, 0, 0, 0, time.UTC)

func newWeeks(t *testing.T, seed uint64) *weeks { return newWeeksIn(t, t.TempDir(), seed) }

func newWeeksIn(t *testing.T, dir string, seed uint64) *weeks { return newWeeksOf(t, dir, seed, nil) }

func newWeeksOf(t *testing.T, dir string, seed uint64, types scaling.Types) *weeks {
	w := &weeks{
		t: t, seed: seed, dir: dir, rand: rand.New(rand.NewPCG(seed, 1)), world: sim.NewWorld(engine.Config{Seed: seed, Policies: types}, begun), types: types,
	}
	w.open()
	w.world.OnInput = w.take
	w.must(engine.CreateModel{Scope: scope, Model: hosting.Model{Name: "m"}})
	w.must(engine.CreateEndpointConfig{Scope: scope, Config: hosting.EndpointConfig{Name: "c", Variants: []hosting.VariantConfig{
		{Name: "v", Model: "m", InitialCount: 2, InitialWeight: 1, InstanceType: "ml.m5.large"},
	}}})
	w.must(engine.CreateEndpoint{Key: engine.EndpointKey{Scope: scope, Endpoint: "e"}, Config: "c"})
	return w
}

func (w *weeks) open() {
	w.t.Helper()
	w.store = openStore(w.t, w.dir)
	var err error
	w.server, err = New(w.t.Context(), Options{Store: w.store, Config: engine.Config{Seed: w.seed, Policies: w.types}, Speed: 1, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		w.t.Fatal(err)
	}
	if r := w.server.Recovery(); r.Disagreed > 0 {
		w.t.Errorf("seed %d: the journal disagrees: %+v", w.seed, r)
	}
}

// kill ends the server where it stands, and starts another.
func (w *weeks) kill() {
	w.commit()
	if err := w.store.Close(); err != nil {
		w.t.Fatal(err)
	}
	w.open()
	w.kills++
}

func (w *weeks) take(now time.Time, in engine.Input) {
	w.t.Helper()
	c := w.server
	out, err := c.engine.Step(now, in)
	if err != nil {
		return
	}
	encoded, err := encodeEvents(out.Events)
	if err != nil {
		w.t.Fatal(err)
	}
	body, err := encodeInput(in)
	if err != nil {
		w.t.Fatal(err)
	}
	c.stepped++
	w.stepped.add(journalEntry(c.stepped, now, in, body, encoded), engine.Effects{}, encoded)
}

func (w *weeks) commit() {
	w.t.Helper()
	if len(w.stepped.batch.Entries) == 0 {
		return
	}
	w.stepped.batch.Epoch = w.server.epoch
	if err := w.store.Append(w.t.Context(), w.stepped.batch); err != nil {
		w.t.Fatal(err)
	}
	w.server.span.advance(w.server.stepped)
	w.stepped = group{}
}

func (w *weeks) save() {
	w.t.Helper()
	w.commit()
	if err := w.server.follower.snapshot(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	w.saves++
}

func (w *weeks) must(in engine.Input) {
	w.t.Helper()
	if _, err := w.world.Do(in); err != nil {
		w.t.Fatalf("seed %d, %v: %T: %v", w.seed, w.world.Now, in, err)
	}
}

// may does what may be refused.
func (w *weeks) may(in engine.Input) { _, _ = w.world.Do(in) }

// measured are the metrics that policies track.
var measured = []string{"Queue", "Depth"}

// minute brings a minute's measurement and lets the minute pass.
func (w *weeks) minute() {
	w.t.Helper()
	var data []metric.Datum
	for i, name := range measured {
		if flicker := w.rand.NormFloat64() * 5; w.steady || w.rand.IntN(40) > 0 { // now and then it is missing
			if w.steady {
				flicker = 0
			}
			d := metric.Datum{ID: metric.NewID("App", name), At: w.world.Now, Resolution: metric.StandardResolution, Unit: "Count"}
			d.Summary.Add(max(w.load/float64(1+i)+flicker, 0), 1)
			data = append(data, d)
		}
	}
	w.must(engine.PutMetricData{Scope: scope, Data: data})
	if err := w.world.Run(time.Minute); err != nil {
		w.t.Fatal(err)
	}
}

func (w *weeks) target() *scaling.Target { return w.world.Engine.Region(scope).Targets.Of(key) }

// act performs a random action.
func (w *weeks) act() {
	number := func(n int) *int { return &n }
	yes := func() *bool { b := w.rand.IntN(3) == 0; return &b }
	seconds := func() *time.Duration { d := time.Duration(w.rand.IntN(4000)) * time.Second; return &d }
	if t := w.target(); t == nil || t.UUID == "" {
		least := w.rand.IntN(3)
		w.must(engine.RegisterScalableTarget{Scope: scope, Registration: scaling.Registration{Key: key, Min: &least, Max: number(least + w.rand.IntN(9))}})
	}
	switch w.rand.IntN(13) {
	case 0, 1:
		least := w.rand.IntN(3)
		w.must(engine.RegisterScalableTarget{Scope: scope, Registration: scaling.Registration{
			Key: key, Min: &least, Max: number(least + w.rand.IntN(9)), SuspendIn: yes(), SuspendOut: yes(), SuspendScheduled: yes(),
		}})
	case 2, 3:
		w.load = float64(w.rand.IntN(200))
	case 4, 5:
		n := w.rand.IntN(2)
		w.must(engine.PutScalingPolicy{Scope: scope, Input: scaling.PolicyInput{
			Key: key, Name: fmt.Sprint("keep-", n), Type: tracking.Type{}, Configs: []scaling.Config{&tracking.Config{
				TargetValue: float64(20 + w.rand.IntN(100)), ScaleInCooldown: seconds(), ScaleOutCooldown: seconds(),
				Customized: &tracking.CustomizedSpec{Namespace: "App", Name: measured[n], Statistic: tracking.Average, Unit: "Count"},
			}},
		}})
	case 6, 7:
		w.steps(seconds())
	case 8:
		w.may(engine.UpdateEndpointWeightsAndCapacities{
			Key: engine.EndpointKey{Scope: scope, Endpoint: "e"}, Changes: []hosting.Change{{Variant: "v", Desired: number(1 + w.rand.IntN(9))}},
		})
	case 9:
		w.must(engine.TagScalableTarget{Scope: scope, ID: w.target().ID36(), Tags: map[string]string{scaling.DryRunTag: fmt.Sprint(w.rand.IntN(2) == 0)}})
	case 10:
		w.must(engine.PutScheduledAction{Scope: scope, Input: scaling.ScheduleInput{
			Key: key, Name: "wave", Schedule: "rate(3 hours)", Range: &scaling.Range{Min: number(w.rand.IntN(3)), Max: number(3 + w.rand.IntN(5))},
		}})
	case 11:
		w.may(engine.DeleteScalingPolicy{Scope: scope, Key: key, Name: []string{"keep-0", "keep-1", "step"}[w.rand.IntN(3)]})
		w.may(engine.DeleteAlarms{Scope: scope, Names: []string{"cold"}})
	case 12:
		if w.rand.IntN(3) == 0 {
			w.must(engine.DeregisterScalableTarget{Scope: scope, Key: key})
		} else {
			w.may(engine.SetAlarmState{Scope: scope, Name: "hot", State: alarm.InAlarm, Reason: "by hand"})
		}
	}
}

// steps puts a step policy, and an alarm for each direction.
func (w *weeks) steps(cooldown *time.Duration) {
	zero := 0.0
	w.must(engine.PutScalingPolicy{Scope: scope, Input: scaling.PolicyInput{
		Key: key, Name: "step", Type: step.Type{}, Configs: []scaling.Config{&step.Config{
			AdjustmentType: step.ChangeInCapacity, Cooldown: cooldown, Steps: []step.Adjustment{{Upper: &zero, Adjustment: -1}, {Lower: &zero, Adjustment: 2}},
		}},
	}})
	for name, comparison := range map[string]alarm.Comparison{"cold": alarm.LessThanThreshold, "hot": alarm.GreaterThanThreshold} {
		w.must(engine.PutMetricAlarm{Scope: scope, Alarm: alarm.Alarm{
			Name: name, ActionsEnabled: w.rand.IntN(4) > 0, Actions: []alarm.Action{{On: alarm.InAlarm, Target: w.target().ID36(), Policy: "step"}},
			Rule: alarm.Rule{
				Metric: metric.NewID("App", "Queue"), Statistic: metric.Statistic{Kind: metric.Average}, Unit: "Count", Period: time.Minute,
				Periods: 1 + w.rand.IntN(4), Threshold: float64(20 + w.rand.IntN(150)), Comparison: comparison,
			},
		}})
	}
}

// live advances time to a moment and explains the current state at random times and at the given moments.
func (w *weeks) live(until time.Time, moments ...time.Time) []explain.Explanation {
	w.t.Helper()
	var then []explain.Explanation
	for n := 0; w.world.Now.Before(until); n++ {
		w.minute()
		if w.rand.IntN(90) == 0 {
			w.act()
		}
		at := len(moments) > 0 && !w.world.Now.Before(moments[0])
		if at || w.rand.IntN(80) == 0 {
			x, err := w.explain(time.Time{})
			if err != nil {
				w.t.Fatal(err)
			}
			if then = append(then, x); at {
				moments = moments[1:]
			}
		}
		switch w.rand.IntN(600) {
		case 0, 1, 2, 3, 4:
			w.save()
		case 5:
			w.kill()
		}
	}
	w.commit()
	return then
}

func (w *weeks) explain(at time.Time) (explain.Explanation, error) {
	if at.IsZero() {
		w.commit()
	}
	return explain.Explain(w.t.Context(), w, explain.Query{Scope: scope, Endpoint: "e", Variant: "v", At: at})
}

func (w *weeks) View(ctx context.Context, f func(time.Time, *engine.Engine)) error {
	return w.server.View(ctx, f)
}

func (w *weeks) At(ctx context.Context, at time.Time) (explain.PastState, error) {
	p, err := PastAt(ctx, w.store, w.types, at)
	return explain.PastState(p), err
}

// Live implements explain.Past.
func (w *weeks) Live(context.Context) (explain.Live, bool) { return explain.Live{}, false }

func (w *weeks) Events(ctx context.Context, q log.EventQuery) ([]engine.Recorded, error) {
	out, _, err := w.server.Events(ctx, q)
	return out, err
}

// At every moment of two weeks the past is explained as the present was explained when it was the moment, to the last digit: whatever
// policies, ranges, alarms and holds there were then, and whatever was changed, deleted, restarted or killed since.
func TestTwoWeeksAreExplainedAsTheyWere(t *testing.T) {
	lives, days := 1, 13
	if testing.Short() || raced { // nothing here is concurrent
		days = 1
	}
	seen := map[string]int{}
	for seed := range uint64(lives) {
		w := newWeeks(t, seed)
		end := begun.Add(time.Duration(days)*24*time.Hour + 2*time.Hour)
		then := w.live(end, begun.Add(2*time.Hour), end.Add(-2*24*time.Hour), end.Add(-time.Hour))
		for _, was := range then {
			is, err := w.explain(was.Moment.At)
			if err != nil {
				t.Fatalf("seed %d, %v: %v", seed, was.Moment.At, err)
			}
			if diff := cmp.Diff(was, is, cmpopts.IgnoreFields(explain.Moment{}, "Source")); diff != "" {
				t.Fatalf("seed %d, %v (-then +now):\n%s", seed, was.Moment.At, diff)
			}
			count(seen, &is)
		}
		if w.kills == 0 || w.saves < 5 {
			t.Errorf("seed %d: %d kills, %d snapshots", seed, w.kills, w.saves)
		}
		reach, err := w.store.Reach(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("seed %d: %d moments, %d kills, %d pages; the archive has %d KB", seed, len(then), w.kills, w.saves, reach.Bytes>>10)
		if err := w.store.Close(); err != nil {
			t.Error(err)
		}
	}
	t.Log(seen)
	for _, what := range []string{
		"cooldown for", "suspended", "dry run", "keep-", "step", "in ALARM", "in OK", "not registered", "several policies", "already", "wanted",
	} {
		if seen[what] == 0 && days == 13 {
			t.Errorf("no moment had %q", what)
		}
	}
}

// count notes what an explanation tells of.
func count(seen map[string]int, x *explain.Explanation) {
	m := &x.Moment
	for _, p := range m.Policies {
		for _, s := range append(p.Says, p.Name) {
			for _, what := range []string{"cooldown for", "suspended", "dry run", "keep-", "step", "in ALARM", "in OK", "already", "wanted"} {
				if strings.Contains(s, what) {
					seen[what]++
				}
			}
		}
	}
	if !m.Scaled {
		seen["not registered"]++
	}
	if len(m.Policies) > 1 {
		seen["several policies"]++
	}
}
