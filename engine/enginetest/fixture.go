// Package enginetest makes engines with many scalable targets, for benchmarks and for tests of what one tick costs.
package enginetest

import (
	"fmt"
	"iter"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/engine/dimension/instancecount"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy/tracking"
)

const (
	// perRegion is AWS's quota of scalable targets.
	perRegion = 500

	// targetValue is the target value of each policy, in invocations per instance and minute.
	targetValue = 70
)

// Loads, in invocations per instance and minute.
const (
	Rest = 66  // every alarm stays OK
	Rush = 300 // every high alarm is in ALARM and invokes its policy each minute

	warmUpMinutes = 20 // the low alarms evaluate 15 periods
)

// Fixture is an engine whose endpoints are all in service. Each is a scalable target with one target tracking policy, and so two alarms.
type Fixture struct {
	engine *engine.Engine
	now    time.Time
	series []*metric.Series // InvocationsPerInstance of each variant
}

// New returns a fixture whose targets have a minimum capacity of least and a maximum of most instances, and run the minimum.
func New(targets, least, most int) (*Fixture, error) {
	f := &Fixture{engine: engine.New(engine.Config{Seed: 1}), now: time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)}
	var instances []hosting.InstanceID
	for inputs := range Regions(targets, least, most) {
		for in := range inputs {
			out, err := f.step(in)
			if err != nil {
				return nil, err
			}
			if _, ok := in.(engine.CreateEndpoint); ok {
				for _, level := range out.Effects.Levels {
					for _, i := range level.Instances {
						instances = append(instances, i.ID)
					}
				}
			}
		}
	}
	for n := range targets {
		v := Variant(n)
		f.series = append(f.series, f.engine.Region(v.Scope).Metrics.Series(metric.NewID("AWS/SageMaker", "InvocationsPerInstance",
			metric.Dimension{Name: "EndpointName", Value: v.Endpoint}, metric.Dimension{Name: "VariantName", Value: v.Variant})))
	}
	for _, id := range instances {
		if _, err := f.step(Ready(id)); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// Variant is the variant of target number n, counted from 0.
func Variant(n int) engine.VariantKey {
	scope := engine.Scope{Account: "123456789012", Region: fmt.Sprintf("region-%d", n/perRegion)}
	return engine.VariantKey{Scope: scope, Endpoint: fmt.Sprint("endpoint-", n%perRegion), Variant: "v"}
}

// Ready is the report that an instance is in service.
func Ready(id hosting.InstanceID) engine.Input {
	return engine.Reported{Report: hosting.InstanceReport{ID: id, State: hosting.FleetReady, Address: "192.0.2.1:1"}}
}

// Regions yields, for each region of a fixture, the inputs that make it. Inputs of one region must be stepped in their order; regions do
// not depend on each other.
func Regions(targets, least, most int) iter.Seq[iter.Seq[engine.Input]] {
	return func(yield func(iter.Seq[engine.Input]) bool) {
		for first := 0; first < targets; first += perRegion {
			if !yield(region(first, min(first+perRegion, targets), least, most)) {
				return
			}
		}
	}
}

// region yields the inputs that make the targets from first up to but not including end: the model and endpoint configuration that all
// endpoints share, then each endpoint with its target and policy.
func region(first, end, least, most int) iter.Seq[engine.Input] {
	return func(yield func(engine.Input) bool) {
		s := Variant(first).Scope
		more := yield(engine.CreateModel{Scope: s, Model: hosting.Model{Name: "m"}}) &&
			yield(engine.CreateEndpointConfig{Scope: s, Config: hosting.EndpointConfig{Name: "c", Variants: []hosting.VariantConfig{
				{Name: "v", Model: "m", InitialCount: least, InitialWeight: 1, InstanceType: "ml.m5.large"},
			}}})
		for n := first; more && n < end; n++ {
			v := Variant(n)
			key := scaling.VariantTarget(v.Endpoint, v.Variant)
			more = yield(engine.CreateEndpoint{Key: engine.EndpointKey{Scope: s, Endpoint: v.Endpoint}, Config: "c"}) &&
				yield(engine.RegisterScalableTarget{Scope: s, Registration: scaling.Registration{Key: key, Min: &least, Max: &most}}) &&
				yield(engine.PutScalingPolicy{Scope: s, Input: scaling.PolicyInput{
					Key: key, Name: "keep", Type: tracking.Type{}, Configs: []scaling.Config{&tracking.Config{
						TargetValue: targetValue, Predefined: &tracking.PredefinedSpec{Metric: instancecount.InvocationsPerInstance},
					}},
				}})
		}
	}
}

func (f *Fixture) step(in engine.Input) (engine.Output, error) {
	out, err := f.engine.Step(f.now, in)
	if err != nil {
		return out, fmt.Errorf("%T: %w", in, err)
	}
	return out, nil
}

// WarmUp passes minutes under a load until every alarm has a datapoint for each of its evaluation periods.
func (f *Fixture) WarmUp(load float64) error {
	for range warmUpMinutes {
		if err := f.Minute(load); err != nil {
			return err
		}
		if _, err := f.Evaluate(); err != nil {
			return err
		}
	}
	return nil
}

// Minute records one minute of load for every instance, then advances to the second before the alarms evaluate it.
func (f *Fixture) Minute(load float64) error {
	var s metric.Summary
	s.StatisticSet.Add(1, load)
	for _, x := range f.series {
		x.Record(f.now, metric.StandardResolution, "None", &s)
	}
	f.now = metric.Align(f.now, time.Minute).Add(time.Minute + 9*time.Second)
	_, err := f.step(engine.Tick{})
	return err
}

// Evaluate advances to the second in which all alarms are due: one tick.
func (f *Fixture) Evaluate() (engine.Output, error) {
	f.now = f.now.Add(time.Second)
	return f.step(engine.Tick{})
}
