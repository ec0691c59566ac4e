package policy_test

import (
	"errors"
	"fmt"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine/dimension"
	. "bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy"
	"bellows.dev/bellows/scaling/policy/predictive"
	"bellows.dev/bellows/scaling/policy/step"
	"bellows.dev/bellows/scaling/policy/tracking"
)

// reporter is what *testing.T, *testing.B and *rapid.T have in common.
type reporter interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// t0 is the instant from which tests count seconds.
var t0 = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

func at(seconds int) time.Time { return t0.Add(time.Duration(seconds) * time.Second) }

func ptr[T any](v T) *T { return &v }

func seconds(n int) *time.Duration { return ptr(time.Duration(n) * time.Second) }

// counter returns a maker of identifiers: id-1, id-2, …
func counter() func() string {
	n := 0
	return func() string {
		n++
		return fmt.Sprintf("id-%d", n)
	}
}

// explained returns the text of a decision.
func explained(d *Decision) string { return d.Explain(policy.Types()) }

func noID() string { panic("no identifier was to be drawn") }

var blue = VariantTarget("chat", "blue")

// newTarget registers chat/blue with a range and these policies.
func newTarget(t reporter, least, most int, policies ...request) (*Registry, *Target) {
	t.Helper()
	r := NewRegistry(policy.Types(), dimension.All())
	target, err := r.Register(t0, Registration{Key: blue, Min: &least, Max: &most}, func() string {
		return "11111111-2222-3333-4444-555555555555"
	})
	if err != nil {
		t.Fatalf("registering: %v", err)
	}
	target.ClampDue = false
	id := counter()
	for _, p := range policies {
		put(t, r, p, id)
	}
	return r, target
}

// request is a PutScalingPolicy as tests write it.
type request struct {
	Key            TargetKey
	Name           string
	Type           Type
	Step           *step.Config
	TargetTracking *tracking.Config
	Predictive     *predictive.Config
}

func (q request) input() PolicyInput {
	in := PolicyInput{Key: q.Key, Name: q.Name, Type: q.Type}
	if q.Step != nil {
		in.Configs = append(in.Configs, q.Step)
	}
	if q.TargetTracking != nil {
		in.Configs = append(in.Configs, q.TargetTracking)
	}
	if q.Predictive != nil {
		in.Configs = append(in.Configs, q.Predictive)
	}
	return in
}

func put(t reporter, r *Registry, q request, newID func() string) PolicyChange {
	t.Helper()
	q.Key = blue
	ch, err := r.PutPolicy(t0, q.input(), newID)
	if err != nil {
		t.Fatalf("putting policy %s: %v", q.Name, err)
	}
	return ch
}

// putGroupPolicy puts a group's policy as a client of EC2 Auto Scaling does.
func putGroupPolicy(r *Registry, now time.Time, in policy.GroupInput, newID func() string) (PolicyChange, error) {
	p, err := in.Put()
	if err != nil {
		return PolicyChange{}, err
	}
	return r.PutGroupPolicy(now, p, newID)
}

// tracked, stepped and forecasts return the rule of a policy of the type.
func tracked(p *Policy) *tracking.Rule     { return p.Rule.(*tracking.Rule) }
func stepped(p *Policy) *step.Rule         { return p.Rule.(*step.Rule) }
func forecasts(p *Policy) *predictive.Rule { return p.Rule.(*predictive.Rule) }

// cooldownOut and cooldownIn return a rule's cooldowns.
func cooldownOut(p *Policy) time.Duration { out, _ := p.Rule.(Cooled).Cooldowns(); return out }
func cooldownIn(p *Policy) time.Duration  { _, in := p.Rule.(Cooled).Cooldowns(); return in }

// states are the present states of alarms that policies own.
type states []Signal

// Signal implements Alarms.
func (s states) Signal(p *Policy, name string) (Signal, bool) {
	for _, x := range s {
		if x.Policy == p && x.Alarm == name {
			return x, true
		}
	}
	return Signal{}, false
}

// track is a target tracking policy on a metric of its own.
func track(name string, target float64) request {
	return request{Name: name, Type: tracking.Type{}, TargetTracking: &tracking.Config{
		TargetValue: target,
		Customized:  &tracking.CustomizedSpec{Namespace: "n", Name: name, Statistic: tracking.Average},
	}}
}

// stepping is a step scaling policy.
func stepping(name string, kind step.AdjustmentType, steps ...step.Adjustment) request {
	return request{Name: name, Type: step.Type{}, Step: &step.Config{AdjustmentType: kind, Steps: steps}}
}

// step makes an adjustment; nil bounds are open.
func adjustment(lower, upper any, adjustment int) step.Adjustment {
	bound := func(v any) *float64 {
		if v == nil {
			return nil
		}
		return ptr(float64(v.(int)))
	}
	return step.Adjustment{Lower: bound(lower), Upper: bound(upper), Adjustment: adjustment}
}

// high and low are signals of a target tracking policy's own alarms, in ALARM.
func high(t *Target, policy string, datapoints ...float64) Signal {
	p := t.Policy(policy)
	return Signal{
		Policy: p, Alarm: tracked(p).AlarmHigh, State: alarm.InAlarm, Comparison: alarm.GreaterThanThreshold,
		Threshold: tracked(p).Settings.TargetValue, Datapoints: datapoints, Settled: len(datapoints),
	}
}

func low(t *Target, policy string, datapoints ...float64) Signal {
	p := t.Policy(policy)
	return Signal{
		Policy: p, Alarm: tracked(p).AlarmLow, State: alarm.InAlarm, Comparison: alarm.LessThanThreshold,
		Threshold: tracked(p).Settings.TargetValue * 9 / 10, Datapoints: datapoints, Settled: len(datapoints),
	}
}

// alarmed is a signal of an alarm of the client's, in ALARM.
func alarmed(t *Target, policy string, c alarm.Comparison, threshold float64, datapoints ...float64) Signal {
	return invoked(t.Policy(policy), c, threshold, datapoints...)
}

func invoked(p *Policy, c alarm.Comparison, threshold float64, datapoints ...float64) Signal {
	return Signal{Policy: p, Alarm: "alarm-" + p.Name, State: alarm.InAlarm, Comparison: c, Threshold: threshold, Datapoints: datapoints, Settled: len(datapoints)}
}

// steady is a capacity that serves as asked and may change.
func steady(n int) Capacity { return Capacity{Desired: n, Current: n, Scalable: true} }

func decide(seconds int, t *Target, c Capacity, signals ...Signal) Decision {
	var d Decision
	Decide(at(seconds), t, c, Seen{Signals: signals}, &d)
	return d
}

// carryOut begins what was decided and fulfils it.
func carryOut(t reporter, target *Target, d Decision, begin, end int) {
	t.Helper()
	if !d.Acted {
		t.Fatalf("nothing was decided: %s", explained(&d))
	}
	target.Begin(at(begin), "activity", d.Change())
	target.Accept()
	if a, ended := target.Track(at(end), steady(d.Want)); !ended || a.Status != Successful {
		t.Fatalf("activity did not succeed: %+v", a)
	}
}

func outcome(t reporter, d Decision, policy string) Proposal {
	t.Helper()
	for _, p := range d.Proposals {
		if p.Policy == policy {
			return p
		}
	}
	t.Fatalf("policy %s proposed nothing: %s", policy, explained(&d))
	return Proposal{}
}

// wantError checks an error's kind and text.
func wantError(t reporter, err error, kind Kind, msg string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v, want %s: %s", err, kind, msg)
	}
	if e.Kind != kind || e.Msg != msg {
		t.Errorf("error\n got %s: %s\nwant %s: %s", e.Kind, e.Msg, kind, msg)
	}
}

// nextRun and nextRule ask a registry as after a step.
func nextRun(r *Registry) time.Time {
	r.Plan()
	return r.NextRun()
}

func nextRule(r *Registry) time.Time {
	r.Plan()
	return r.NextRule()
}
