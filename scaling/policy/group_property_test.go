package policy_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"bellows.dev/bellows/alarm"
	. "bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy/simple"
	"bellows.dev/bellows/scaling/policy/step"
	"bellows.dev/bellows/scaling/policy/tracking"
)

// drawGroup is a random world whose target has a group with policies of its own.
func drawGroup(t *rapid.T) world {
	w := drawWorld(t)
	g := &Group{}
	w.target.Group = g
	for i := range rapid.IntRange(1, 4).Draw(t, "group's policies") {
		p := &Policy{Name: fmt.Sprint("p", i), UUID: fmt.Sprint("id", i), Disabled: rapid.IntRange(0, 6).Draw(t, "disabled") == 0}
		s := invoked(p, alarm.GreaterThanThreshold, 50, 60)
		s.Alarm, s.Threshold = "group-"+p.Name, 50
		s.Datapoints = rapid.SliceOfN(rapid.Float64Range(0, 100), 0, 3).Draw(t, "datapoints")
		switch rapid.IntRange(0, 2).Draw(t, "group type") {
		case 0:
			c := &simple.Config{AdjustmentType: step.AdjustmentType(rapid.IntRange(1, 3).Draw(t, "type")), Adjustment: rapid.IntRange(-60, 60).Draw(t, "adjustment")}
			if c.AdjustmentType == step.ExactCapacity {
				c.Adjustment = max(0, c.Adjustment)
			}
			p.Rule = c.Rule()
			s.Executed, s.HonorCooldown = rapid.Bool().Draw(t, "executed"), rapid.Bool().Draw(t, "honor")
		case 1:
			p.Rule = (&step.Config{AdjustmentType: step.ChangeInCapacity, Steps: []step.Adjustment{
				adjustment(nil, 0, rapid.IntRange(-5, 0).Draw(t, "in")), adjustment(0, nil, rapid.IntRange(0, 5).Draw(t, "out")),
			}}).Rule()
		default:
			r := (&tracking.Config{TargetValue: 50}).Rule().(*tracking.Rule)
			r.NameAlarms(blue.GroupName(), func() string { return p.Name })
			p.Rule, s.Alarm = r, r.AlarmHigh
			if rapid.Bool().Draw(t, "low") {
				s.Alarm, s.Comparison, s.Threshold = r.AlarmLow, alarm.LessThanThreshold, 45
			}
		}
		g.Policies = append(g.Policies, p)
		w.signals = append(w.signals, s)
	}
	for _, p := range Processes() {
		if rapid.IntRange(0, 6).Draw(t, "suspended") == 0 {
			g.Suspended = append(g.Suspended, SuspendedProcess{Process: p})
		}
	}
	if rapid.Bool().Draw(t, "cooling") {
		g.Cooling = GroupCooling{End: at(-rapid.IntRange(0, 600).Draw(t, "cooling end")), Policy: "p0"}
	}
	if rapid.Bool().Draw(t, "warming") {
		g.Launched = []Launch{{At: at(-rapid.IntRange(0, 600).Draw(t, "launched")), Added: rapid.IntRange(1, 4).Draw(t, "added")}}
	}
	return w
}

// Whatever the group's policies want: one decision, within the range, in a direction that nothing suspends; simple scaling at rest only,
// no group's policy but a simple one takes away while instances warm up.
func TestEveryDecisionOfGroups(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawGroup(t)
		before := fmt.Sprintf("%+v %+v", w, *w.target.Group)
		d := w.decide()
		if fmt.Sprintf("%+v %+v", w, *w.target.Group) != before {
			t.Fatal("deciding changed what was given")
		}
		if len(d.Proposals) != len(w.signals) {
			t.Fatalf("%d proposals of %d signals", len(d.Proposals), len(w.signals))
		}
		if !d.Acted {
			return
		}
		if d.Want < w.target.Min || d.Want > w.target.Max || d.Want == w.capacity.Desired || !w.capacity.Scalable {
			t.Fatalf("acts beyond its range, on nothing, or on what takes no change: %s", explained(&d))
		}
		g, out := w.target.Group, d.Want > w.capacity.Desired
		if out && g.Suspends(ProcessLaunch) || !out && g.Suspends(ProcessTerminate) {
			t.Fatalf("acts against a suspended process: %s", explained(&d))
		}
		winner := d.Proposals[d.Winner]
		if !winner.API == EC2AutoScaling {
			return
		}
		p := g.Policy(winner.Policy)
		cooling := g.Cooling.End.Add(300*time.Second).After(t0) && !g.Cooling.End.IsZero()
		warming := len(g.Launched) > 0 && g.Launched[0].At.Add(300*time.Second).After(t0)
		switch {
		case p.Disabled, !winner.Executed && g.Suspends(ProcessAlarmNotification):
			t.Fatalf("a policy that should not acts: %s", explained(&d))
		case p.Type() == "SimpleScaling" && !winner.Executed && (cooling || w.capacity.Current != w.capacity.Desired):
			t.Fatalf("simple scaling does not wait: %s", explained(&d))
		case p.Type() != "SimpleScaling" && !out && warming:
			t.Fatalf("scaled in while instances warm up: %s", explained(&d))
		}
	})
}

func TestOrderOfGroupsPoliciesNeverMatters(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawGroup(t)
		want := w.decide()
		shuffle := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1)).Shuffle
		for _, n := range []struct {
			len  int
			swap func(i, j int)
		}{
			{len(w.signals), func(i, j int) { w.signals[i], w.signals[j] = w.signals[j], w.signals[i] }},
			{len(w.target.Policies), func(i, j int) {
				ps := w.target.Policies
				ps[i], ps[j] = ps[j], ps[i]
			}},
			{len(w.target.Group.Policies), func(i, j int) {
				ps := w.target.Group.Policies
				ps[i], ps[j] = ps[j], ps[i]
			}},
		} {
			shuffle(n.len, n.swap)
		}
		slices.Reverse(w.votes)
		if diff := cmp.Diff(want, w.decide()); diff != "" {
			t.Fatalf("another order, another decision:\n%s", diff)
		}
	})
}
