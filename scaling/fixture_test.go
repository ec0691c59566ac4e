package scaling

import (
	"errors"
	"fmt"
	"time"

	"bellows.dev/bellows/alarm"
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

func noID() string { panic("no identifier was to be drawn") }

var blue = VariantTarget("chat", "blue")

// newTarget registers chat/blue with a range and these policies.
func newTarget(t reporter, least, most int, policies ...PolicyInput) (*Registry, *Target) {
	t.Helper()
	r := NewRegistry()
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

func put(t reporter, r *Registry, p PolicyInput, newID func() string) PolicyChange {
	t.Helper()
	p.Key = blue
	ch, err := r.PutPolicy(t0, p, newID)
	if err != nil {
		t.Fatalf("putting policy %s: %v", p.Name, err)
	}
	return ch
}

// tracking is a target tracking policy on a metric of its own.
func tracking(name string, target float64) PolicyInput {
	return PolicyInput{Name: name, Type: TargetTrackingScaling, TargetTracking: &TargetTrackingConfig{
		TargetValue: target,
		Customized:  &CustomizedSpec{Namespace: "n", Name: name, Statistic: Average},
	}}
}

// stepping is a step scaling policy.
func stepping(name string, kind AdjustmentType, steps ...StepAdjustment) PolicyInput {
	return PolicyInput{Name: name, Type: StepScaling, Step: &StepConfig{AdjustmentType: kind, Steps: steps}}
}

// step makes an adjustment; nil bounds are open.
func step(lower, upper any, adjustment int) StepAdjustment {
	bound := func(v any) *float64 {
		if v == nil {
			return nil
		}
		return ptr(float64(v.(int)))
	}
	return StepAdjustment{Lower: bound(lower), Upper: bound(upper), Adjustment: adjustment}
}

// high and low are signals of a target tracking policy's own alarms, in ALARM.
func high(t *Target, policy string, datapoints ...float64) Signal {
	p := t.Policy(policy)
	return Signal{
		Policy: policy, Alarm: p.AlarmHigh, State: alarm.InAlarm, Comparison: alarm.GreaterThanThreshold,
		Threshold: p.TargetTracking.TargetValue, Datapoints: datapoints, Settled: len(datapoints),
	}
}

func low(t *Target, policy string, datapoints ...float64) Signal {
	p := t.Policy(policy)
	return Signal{
		Policy: policy, Alarm: p.AlarmLow, State: alarm.InAlarm, Comparison: alarm.LessThanThreshold,
		Threshold: lowThreshold(p.TargetTracking.TargetValue), Datapoints: datapoints, Settled: len(datapoints),
	}
}

// alarmed is a signal of an alarm of the client's, in ALARM.
func alarmed(policy string, c alarm.Comparison, threshold float64, datapoints ...float64) Signal {
	return Signal{Policy: policy, Alarm: "alarm-" + policy, State: alarm.InAlarm, Comparison: c, Threshold: threshold, Datapoints: datapoints, Settled: len(datapoints)}
}

// steady is a capacity that serves as asked and may change.
func steady(n int) Capacity { return Capacity{Desired: n, Current: n, Scalable: true} }

func decide(seconds int, t *Target, c Capacity, signals ...Signal) Decision {
	var d Decision
	Decide(at(seconds), t, c, signals, nil, &d)
	return d
}

// carryOut begins what was decided and fulfils it.
func carryOut(t reporter, target *Target, d Decision, begin, end int) {
	t.Helper()
	if !d.Acted {
		t.Fatalf("nothing was decided: %s", &d)
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
	t.Fatalf("policy %s proposed nothing: %s", policy, &d)
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

// nextRun and nextForecast ask a registry as after a step.
func nextRun(r *Registry) time.Time {
	r.Plan()
	return r.NextRun()
}

func nextForecast(r *Registry) time.Time {
	r.Plan()
	return r.NextForecast()
}
