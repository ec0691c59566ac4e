// Package crowd makes an engine with many scalable targets, for benchmarks and for tests of what a tick among them costs.
package crowd

import (
	"fmt"
	"iter"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/scaling"
)

const (
	// perRegion is AWS's quota of scalable targets.
	perRegion = 500

	// target is what each policy holds its metric at.
	target = 70
)

// Loads of each instance in a minute.
const (
	Rest   = 66  // no alarm leaves OK
	Rush   = 300 // every high alarm calls its policy, each minute
	warmUp = 20  // minutes: alarms look back over 15
)

// Crowd is an engine with so many endpoints that serve, each a scalable target with a target tracking policy and so two alarms.
type Crowd struct {
	engine *engine.Engine
	now    time.Time
	series []*metric.Series // InvocationsPerInstance of each variant
}

// New returns a crowd of targets with a range from least to most instances, each of which has least.
func New(targets, least, most int) (*Crowd, error) {
	c := &Crowd{engine: engine.New(engine.Config{Seed: 1}), now: time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)}
	var instances []hosting.InstanceID
	for inputs := range Regions(targets, least, most) {
		for in := range inputs {
			out, err := c.step(in)
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
		c.series = append(c.series, c.engine.Region(v.Scope).Metrics.Series(metric.NewID("AWS/SageMaker", "InvocationsPerInstance",
			metric.Dimension{Name: "EndpointName", Value: v.Endpoint}, metric.Dimension{Name: "VariantName", Value: v.Variant})))
	}
	for _, id := range instances {
		if _, err := c.step(Ready(id)); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// Variant is the variant that is a crowd's target number n.
func Variant(n int) engine.VariantKey {
	scope := engine.Scope{Account: "123456789012", Region: fmt.Sprintf("region-%d", n/perRegion)}
	return engine.VariantKey{Scope: scope, Endpoint: fmt.Sprint("endpoint-", n%perRegion), Variant: "v"}
}

// Ready reports an instance as one that serves.
func Ready(id hosting.InstanceID) engine.Input {
	return engine.Reported{Report: hosting.InstanceReport{ID: id, State: hosting.FleetReady, Address: "192.0.2.1:1"}}
}

// Regions yields, for each region of a crowd, the inputs that make it. They have an order; regions do not depend on each other.
func Regions(targets, least, most int) iter.Seq[iter.Seq[engine.Input]] {
	return func(yield func(iter.Seq[engine.Input]) bool) {
		for first := 0; first < targets; first += perRegion {
			if !yield(region(first, min(first+perRegion, targets), least, most)) {
				return
			}
		}
	}
}

// region yields the inputs that make the targets from first to before end: what all endpoints share, then each endpoint with its target and
// policy.
func region(first, end, least, most int) iter.Seq[engine.Input] {
	return func(yield func(engine.Input) bool) {
		s := Variant(first).Scope
		goOn := yield(engine.CreateModel{Scope: s, Model: hosting.Model{Name: "m"}}) &&
			yield(engine.CreateEndpointConfig{Scope: s, Config: hosting.EndpointConfig{Name: "c", Variants: []hosting.VariantConfig{
				{Name: "v", Model: "m", InitialCount: least, InitialWeight: 1, InstanceType: "ml.m5.large"},
			}}})
		for n := first; goOn && n < end; n++ {
			v := Variant(n)
			key := scaling.VariantTarget(v.Endpoint, v.Variant)
			goOn = yield(engine.CreateEndpoint{Key: engine.EndpointKey{Scope: s, Endpoint: v.Endpoint}, Config: "c"}) &&
				yield(engine.RegisterScalableTarget{Scope: s, Registration: scaling.Registration{Key: key, Min: &least, Max: &most}}) &&
				yield(engine.PutScalingPolicy{Scope: s, Input: scaling.PolicyInput{
					Key: key, Name: "keep", Type: scaling.TargetTrackingScaling, TargetTracking: &scaling.TargetTrackingConfig{
						TargetValue: target, Predefined: &scaling.PredefinedSpec{Metric: scaling.VariantInvocationsPerInstance},
					},
				}})
		}
	}
}

func (c *Crowd) step(in engine.Input) (engine.Output, error) {
	out, err := c.engine.Step(c.now, in)
	if err != nil {
		return out, fmt.Errorf("%T: %w", in, err)
	}
	return out, nil
}

// WarmUp lets minutes of a load pass until every alarm has all that it looks back over.
func (c *Crowd) WarmUp(load float64) error {
	for range warmUp {
		if err := c.Minute(load); err != nil {
			return err
		}
		if _, err := c.Evaluate(); err != nil {
			return err
		}
	}
	return nil
}

// Minute records what each instance was invoked in a minute, and goes to the second before alarms look at it.
func (c *Crowd) Minute(load float64) error {
	var s metric.Summary
	s.StatisticSet.Add(1, load)
	for _, x := range c.series {
		x.Record(c.now, metric.StandardResolution, "None", &s)
	}
	c.now = metric.Align(c.now, time.Minute).Add(time.Minute + 9*time.Second)
	_, err := c.step(engine.Tick{})
	return err
}

// Evaluate goes to the second in which all alarms are due: one tick.
func (c *Crowd) Evaluate() (engine.Output, error) {
	c.now = c.now.Add(time.Second)
	return c.step(engine.Tick{})
}
