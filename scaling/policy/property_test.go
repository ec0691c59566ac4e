package policy_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"bellows.dev/bellows/alarm"
	. "bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy/step"
	"bellows.dev/bellows/scaling/policy/tracking"
)

// world is a random target, its capacity, and what its alarms say.
type world struct {
	target         *Target
	capacity       Capacity
	signals, votes []Signal
}

func drawWorld(t *rapid.T) world {
	least := rapid.IntRange(0, 4).Draw(t, "min")
	_, target := newTarget(t, least, least+rapid.IntRange(0, 12).Draw(t, "span"))
	w := world{target: target}
	for i := range rapid.IntRange(1, 4).Draw(t, "policies") {
		w.addPolicy(t, fmt.Sprint("p", i))
	}
	w.capacity.Desired = rapid.IntRange(0, 20).Draw(t, "desired")
	w.capacity.Current = w.capacity.Desired
	if rapid.Bool().Draw(t, "moving") {
		w.capacity.Current = rapid.IntRange(0, 20).Draw(t, "current")
	}
	w.capacity.Scalable = rapid.IntRange(0, 4).Draw(t, "scalable") > 0
	target.Suspended = Suspended{
		DynamicIn: rapid.IntRange(0, 6).Draw(t, "in suspended") == 0, DynamicOut: rapid.IntRange(0, 6).Draw(t, "out suspended") == 0,
	}
	return w
}

func (w *world) addPolicy(t *rapid.T, name string) {
	p := &Policy{Name: name}
	if rapid.Bool().Draw(t, "step") {
		c := &step.Config{
			AdjustmentType: step.AdjustmentType(rapid.IntRange(1, 3).Draw(t, "type")),
			Steps: []step.Adjustment{
				adjustment(nil, -10, rapid.IntRange(-50, 0).Draw(t, "a")), adjustment(-10, 0, rapid.IntRange(-5, 0).Draw(t, "b")),
				adjustment(0, 10, rapid.IntRange(0, 5).Draw(t, "c")), adjustment(10, nil, rapid.IntRange(0, 50).Draw(t, "d")),
			},
		}
		if c.AdjustmentType == step.ExactCapacity {
			c.Steps = c.Steps[2:]
		}
		p.Rule = c.Rule()
	} else {
		c := &tracking.Config{TargetValue: rapid.SampledFrom([]float64{0.5, 10, 70}).Draw(t, "target")}
		c.DisableScaleIn = ptr(rapid.IntRange(0, 3).Draw(t, "disabled") == 0)
		p.Rule = c.Rule()
		tracked(p).NameAlarms(blue.ResourceID, func() string { return name })
	}
	p.Cooling = drawCooling(t)
	w.target.Policies = append(w.target.Policies, p)
	w.addSignals(t, p)
}

func drawCooling(t *rapid.T) Cooling {
	var c Cooling
	if rapid.Bool().Draw(t, "cooling out") {
		c.OutEnd, c.OutFrom = at(-rapid.IntRange(0, 600).Draw(t, "out end")), rapid.IntRange(0, 10).Draw(t, "out from")
	}
	if rapid.IntRange(0, 3).Draw(t, "cooling in") == 0 {
		c.InEnd = at(-rapid.IntRange(0, 600).Draw(t, "in end"))
	}
	return c
}

func (w *world) addSignals(t *rapid.T, p *Policy) {
	datapoints := func(scale float64) []float64 {
		return rapid.SliceOfN(rapid.Float64Range(0, scale), 0, 3).Draw(t, "datapoints")
	}
	state := func() alarm.State {
		return rapid.SampledFrom([]alarm.State{alarm.InAlarm, alarm.InAlarm, alarm.InAlarm, alarm.OK, alarm.InsufficientData}).Draw(t, "state")
	}
	if p.Type() == "StepScaling" {
		s := alarmed(w.target, p.Name, alarm.Comparison(rapid.IntRange(1, 4).Draw(t, "comparison")), 50, datapoints(100)...)
		s.State = state()
		w.signals = append(w.signals, s)
		return
	}
	target := tracked(p).Settings.TargetValue
	settled := func(s *Signal) {
		s.Settled = rapid.IntRange(0, len(s.Datapoints)).Draw(t, "settled")
		s.Least = rapid.IntRange(0, 10).Draw(t, "least")
	}
	h := high(w.policied(p), p.Name, datapoints(target*3)...)
	h.State = state()
	settled(&h)
	if rapid.Bool().Draw(t, "high") {
		w.signals = append(w.signals, h)
	}
	if tracked(p).AlarmLow == "" {
		return
	}
	l := low(w.policied(p), p.Name, datapoints(target*1.2)...)
	l.State = state()
	settled(&l)
	switch rapid.IntRange(0, 3).Draw(t, "low") {
	case 0:
	case 1:
		w.votes = append(w.votes, l)
	default:
		w.signals = append(w.signals, l)
	}
}

// policied is a target with only this policy, for making its signals.
func (w *world) policied(p *Policy) *Target { return &Target{Policies: []*Policy{p}} }

func (w *world) decide() Decision {
	var d Decision
	Decide(t0, w.target, w.capacity, Seen{Signals: w.signals, Alarms: states(w.votes)}, &d)
	return d
}

func TestEveryDecision(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		before := fmt.Sprintf("%+v", w)
		d := w.decide()
		if fmt.Sprintf("%+v", w) != before {
			t.Fatal("deciding changed what was given")
		}
		acted := 0
		for _, p := range d.Proposals {
			if p.Outcome == Acted {
				acted++
			}
		}
		if (acted == 1) != d.Acted || acted > 1 || len(d.Proposals) != len(w.signals) {
			t.Fatalf("%d proposals act: %s", acted, explained(&d))
		}
		if !d.Acted {
			if d.Want != w.capacity.Desired {
				t.Fatalf("wants %d without acting", d.Want)
			}
			return
		}
		if d.Want < w.target.Min || d.Want > w.target.Max || d.Want == w.capacity.Desired || !w.capacity.Scalable {
			t.Fatalf("acts beyond its range, on nothing, or on what takes no change: %s", explained(&d))
		}
		checkDirection(t, &w, &d)
	})
}

// checkDirection holds an acting decision against the rules, computed again.
func checkDirection(t *rapid.T, w *world, d *Decision) {
	winner := d.Proposals[d.Winner]
	p := w.target.Policy(winner.Policy)
	if d.Want > w.capacity.Desired {
		if w.target.Suspended.DynamicOut || winner.Wanted < d.Want && d.Want != w.target.Min {
			t.Fatalf("scaled out against a suspension, or by more than was wanted: %s", explained(d))
		}
		rule, isStep := p.Rule.(*step.Rule)
		exact := isStep && rule.Settings.AdjustmentType == step.ExactCapacity
		if p.CoolingOut(t0) > 0 && !exact && winner.Formula != FormulaFromZero && w.within(p, &winner) <= w.capacity.Desired {
			t.Fatalf("within a cooldown, scaled out for no larger a breach: %s", explained(d))
		}
		return
	}
	if w.target.Suspended.DynamicIn || p.CoolingIn(t0) > 0 {
		t.Fatalf("scaled in against a suspension or cooldown: %s", explained(d))
	}
	if p.Type() == "TargetTrackingScaling" {
		checkAgreement(t, w, d)
	}
}

// within is the capacity that a policy in its scale-out cooldown may ask for: computed from the capacity before the scale-out.
func (w *world) within(p *Policy, winner *Proposal) int {
	from := min(p.Cooling.OutFrom, w.capacity.Current)
	if r, ok := p.Rule.(*step.Rule); ok {
		_, n, _ := r.Settings.Adjust(from, int(winner.Factor))
		return n
	}
	return Ceil(winner.Metric * float64(min(winner.Served, max(p.Cooling.OutFrom, 1))) / tracked(p).Settings.TargetValue)
}

// checkAgreement: every target tracking policy that may scale in has its low alarm in ALARM, and its metric, spread over what is
// left, stays at or under its target.
func checkAgreement(t *rapid.T, w *world, d *Decision) {
	for _, o := range w.target.Policies {
		r, ok := o.Rule.(*tracking.Rule)
		if !ok || *r.Settings.DisableScaleIn {
			continue
		}
		all := append(slices.Clone(w.signals), w.votes...)
		at := slices.IndexFunc(all, func(s Signal) bool { return s.Alarm == r.AlarmLow })
		if at < 0 || all[at].State != alarm.InAlarm || all[at].Settled == 0 || o.CoolingIn(t0) > 0 {
			t.Fatalf("scaled in without %s: %s", o.Name, explained(d))
		}
		if d.Want == d.Max {
			continue // the range comes before every metric
		}
		settled := all[at].Datapoints[len(all[at].Datapoints)-all[at].Settled:]
		if load := Mean(settled) * float64(w.capacity.Current); load > r.Settings.TargetValue*float64(d.Want)*(1+1e-6) {
			t.Fatalf("scaled in past what %s needs: %s", o.Name, explained(d))
		}
	}
}

func TestOrderNeverMatters(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		want := w.decide()
		seed := rapid.Uint64().Draw(t, "seed")
		shuffle := rand.New(rand.NewPCG(seed, 1)).Shuffle
		shuffle(len(w.signals), func(i, j int) { w.signals[i], w.signals[j] = w.signals[j], w.signals[i] })
		shuffle(len(w.votes), func(i, j int) { w.votes[i], w.votes[j] = w.votes[j], w.votes[i] })
		ps := w.target.Policies
		shuffle(len(ps), func(i, j int) { ps[i], ps[j] = ps[j], ps[i] })
		if diff := cmp.Diff(want, w.decide()); diff != "" {
			t.Fatalf("another order, another decision:\n%s", diff)
		}
	})
}

// Within a cooldown, a breach no larger than the one that began it adds nothing.
func TestSameBreachAddsNothingWhileCooling(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		adjustments := rapid.SliceOfN(rapid.IntRange(1, 9), 3, 3).Draw(t, "adjustments")
		slices.Sort(adjustments)
		_, target := newTarget(t, 0, 100, stepping("p", step.ChangeInCapacity,
			adjustment(0, 10, adjustments[0]), adjustment(10, 20, adjustments[1]), adjustment(20, nil, adjustments[2])))
		start := rapid.IntRange(0, 20).Draw(t, "capacity")
		first := rapid.Float64Range(0, 30).Draw(t, "first breach")
		d := decide(0, target, steady(start), alarmed(target, "p", alarm.GreaterThanOrEqualToThreshold, 50, 50+first))
		carryOut(t, target, d, 0, 60)
		breach := rapid.Float64Range(0, 30).Draw(t, "second breach")
		second := decide(61, target, steady(d.Want), alarmed(target, "p", alarm.GreaterThanOrEqualToThreshold, 50, 50+breach))
		if by := func(b float64) int { return adjustments[min(int(b/10), 2)] }; second.Want != start+max(by(first), by(breach)) {
			t.Fatalf("first %s; then %s", explained(&d), explained(&second))
		}
	})
}
