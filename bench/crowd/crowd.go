// Package crowd makes an engine with many scalable targets, for benchmarks and for tests of what a tick among them costs.
package crowd

import (
	"fmt"
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
	for n := range targets {
		s := engine.Scope{Account: "123456789012", Region: fmt.Sprintf("region-%d", n/perRegion)}
		if n%perRegion == 0 {
			if err := c.open(s, least); err != nil {
				return nil, err
			}
		}
		started, err := c.add(s, fmt.Sprint("endpoint-", n%perRegion), least, most)
		if err != nil {
			return nil, err
		}
		instances = append(instances, started...)
	}
	for _, id := range instances {
		if _, err := c.step(engine.Reported{Report: hosting.InstanceReport{ID: id, State: hosting.FleetReady, Address: "192.0.2.1:1"}}); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// open makes what all endpoints of a region share.
func (c *Crowd) open(s engine.Scope, count int) error {
	if _, err := c.step(engine.CreateModel{Scope: s, Model: hosting.Model{Name: "m"}}); err != nil {
		return err
	}
	_, err := c.step(engine.CreateEndpointConfig{Scope: s, Config: hosting.EndpointConfig{Name: "c", Variants: []hosting.VariantConfig{
		{Name: "v", Model: "m", InitialCount: count, InitialWeight: 1, InstanceType: "ml.m5.large"},
	}}})
	return err
}

// add creates an endpoint and makes it a scalable target. It returns the instances that start.
func (c *Crowd) add(s engine.Scope, endpoint string, least, most int) ([]hosting.InstanceID, error) {
	out, err := c.step(engine.CreateEndpoint{Key: engine.EndpointKey{Scope: s, Endpoint: endpoint}, Config: "c"})
	if err != nil {
		return nil, err
	}
	var started []hosting.InstanceID
	for _, level := range out.Effects.Levels {
		for _, i := range level.Instances {
			started = append(started, i.ID)
		}
	}
	key := scaling.VariantTarget(endpoint, "v")
	if _, err := c.step(engine.RegisterScalableTarget{Scope: s, Registration: scaling.Registration{Key: key, Min: &least, Max: &most}}); err != nil {
		return nil, err
	}
	if _, err := c.step(engine.PutScalingPolicy{Scope: s, Input: scaling.PolicyInput{
		Key: key, Name: "keep", Type: scaling.TargetTrackingScaling, TargetTracking: &scaling.TargetTrackingConfig{
			TargetValue: target, Predefined: &scaling.PredefinedSpec{Metric: scaling.VariantInvocationsPerInstance},
		},
	}}); err != nil {
		return nil, err
	}
	c.series = append(c.series, c.engine.Region(s).Metrics.Series(metric.NewID("AWS/SageMaker", "InvocationsPerInstance",
		metric.Dimension{Name: "EndpointName", Value: endpoint}, metric.Dimension{Name: "VariantName", Value: "v"})))
	return started, nil
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
