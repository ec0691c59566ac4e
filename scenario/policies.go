package scenario

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/scaling"
)

func targetKey(k engine.VariantKey) scaling.TargetKey {
	return scaling.VariantTarget(k.Endpoint, k.Variant)
}

func (r *runner) target(c *command) error {
	k, err := c.place(1)
	if err != nil {
		return err
	}
	g := scaling.Registration{Key: targetKey(k)}
	if g.Min, err = c.integer("min"); err != nil {
		return err
	}
	if g.Max, err = c.integer("max"); err != nil {
		return err
	}
	for _, s := range []struct {
		name string
		to   **bool
	}{{"suspend-in", &g.SuspendIn}, {"suspend-out", &g.SuspendOut}, {"suspend-scheduled", &g.SuspendScheduled}} {
		if _, found := c.pair(s.name); found {
			yes := c.yes(s.name)
			*s.to = &yes
		}
	}
	if text, found := c.pair("tag"); found {
		key, value, _ := strings.Cut(text, ":")
		g.Tags = map[string]string{key: value}
	}
	if text, found := c.pair("suspend"); found {
		in, out, scheduled := strings.Contains(text, "in"), strings.Contains(text, "out"), strings.Contains(text, "scheduled")
		g.SuspendIn, g.SuspendOut, g.SuspendScheduled = &in, &out, &scheduled
	}
	r.do(engine.RegisterScalableTarget{Scope: scope, Registration: g})
	return nil
}

func (r *runner) deregister(c *command) error {
	k, err := c.place(1)
	if err != nil {
		return err
	}
	r.do(engine.DeregisterScalableTarget{Scope: scope, Key: targetKey(k)})
	return nil
}

// remove deletes a policy: NAME on ENDPOINT/VARIANT.
func (r *runner) remove(c *command) error {
	in, err := c.policy()
	if err != nil {
		return err
	}
	r.do(engine.DeleteScalingPolicy{Scope: scope, Key: in.Key, Name: in.Name})
	return nil
}

// policy parses the common arguments of policies: NAME on ENDPOINT/VARIANT.
func (c *command) policy() (scaling.PolicyInput, error) {
	name, err := c.argument(1)
	if err != nil {
		return scaling.PolicyInput{}, err
	}
	k, err := c.place(3)
	return scaling.PolicyInput{Key: targetKey(k), Name: name}, err
}

func (r *runner) track(c *command) error {
	in, err := c.policy()
	if err != nil {
		return err
	}
	value, err := c.number("target", 0)
	if err != nil {
		return err
	}
	out, err := c.cooldown("out-cooldown")
	if err != nil {
		return err
	}
	back, err := c.cooldown("in-cooldown")
	if err != nil {
		return err
	}
	in.Type = scaling.TargetTrackingScaling
	in.TargetTracking = &scaling.TargetTrackingConfig{
		TargetValue: value, Predefined: &scaling.PredefinedSpec{Metric: scaling.VariantInvocationsPerInstance},
		ScaleOutCooldown: out, ScaleInCooldown: back,
	}
	if text, found := c.pair("scale-in"); found {
		disabled := text == "off"
		in.TargetTracking.DisableScaleIn = &disabled
	}
	if text, found := c.pair("metric"); found {
		m := metricID(text)
		in.TargetTracking.Predefined = nil
		in.TargetTracking.Customized = &scaling.CustomizedSpec{Namespace: m.Namespace, Name: m.Name, Statistic: scaling.Average}
		switch text {
		case "concurrency":
			in.TargetTracking.Customized = nil
			in.TargetTracking.Predefined = &scaling.PredefinedSpec{Metric: scaling.VariantConcurrentRequestsPerModel}
		case "stored": // omitted: the policy keeps its metric
			in.TargetTracking.Customized = nil
		}
	}
	if text, found := c.pair("predefined"); found {
		in.TargetTracking.Predefined = &scaling.PredefinedSpec{Metric: scaling.ParsePredefinedMetric(text)}
		in.TargetTracking.Predefined.ResourceLabel, _ = c.pair("label")
	}
	if err := c.trackMath(in.TargetTracking); err != nil {
		return err
	}
	r.do(engine.PutScalingPolicy{Scope: scope, Input: in})
	return nil
}

// trackMath reads expr=m1/2 m1=NS/M stat=Sum.
func (c *command) trackMath(config *scaling.TargetTrackingConfig) error {
	statistic := metric.Statistic{Kind: metric.Sum}
	if text, found := c.pair("stat"); found {
		var err error
		if statistic, err = metric.ParseStatistic(text); err != nil {
			return err
		}
	}
	queries := c.queries(statistic, time.Minute)
	if queries == nil {
		return nil
	}
	spec := &scaling.CustomizedSpec{}
	for _, q := range queries {
		returned := !q.Hidden
		x := scaling.MetricQuery{ID: q.ID, Expression: q.Expression, ReturnData: &returned}
		if s := q.Stat; s != nil {
			x.Stat = &scaling.MetricStat{Namespace: s.Metric.Namespace, Name: s.Metric.Name, Statistic: s.Statistic.String()}
			x.Stat.Dimensions = slices.Clone(s.Metric.Dimensions)
		}
		spec.Queries = append(spec.Queries, x)
	}
	config.Predefined, config.Customized = nil, spec
	return nil
}

// step puts a step scaling policy: steps=0..10:+1,10..:+3, or change=N for all breaches above the threshold.
func (r *runner) step(c *command) error {
	in, err := c.policy()
	if err != nil {
		return err
	}
	cooldown, err := c.cooldown("cooldown")
	if err != nil {
		return err
	}
	in.Type = scaling.StepScaling
	in.Step = &scaling.StepConfig{AdjustmentType: scaling.ChangeInCapacity, Cooldown: cooldown}
	if text, _ := c.pair("type"); text == "none" {
		in.Step.AdjustmentType = 0
	} else if text != "" {
		in.Step.AdjustmentType = scaling.ParseAdjustmentType(text)
	}
	if text, found := c.pair("aggregate"); found {
		in.Step.Aggregation = scaling.ParseAggregation(text)
	}
	if in.Step.MinMagnitude, err = c.integer("magnitude"); err != nil {
		return err
	}
	text, found := c.pair("steps")
	if !found {
		text = "0..:+1"
	}
	if text == "none" {
		r.do(engine.PutScalingPolicy{Scope: scope, Input: in})
		return nil
	}
	if in.Step.Steps, err = steps(text); err != nil {
		return err
	}
	r.do(engine.PutScalingPolicy{Scope: scope, Input: in})
	return nil
}

// cooldown reads a cooldown, default 5 minutes; nil for "none", which omits it from the request.
func (c *command) cooldown(name string) (*time.Duration, error) {
	if text, _ := c.pair(name); text == "none" {
		return nil, nil
	}
	d, err := c.duration(name, 5*time.Minute)
	return &d, err
}

// steps parses LOWER..UPPER:CHANGE, separated by commas; an omitted bound is open.
func steps(text string) ([]scaling.StepAdjustment, error) {
	var out []scaling.StepAdjustment
	for _, part := range strings.Split(text, ",") {
		bounds, change, ok := strings.Cut(part, ":")
		lower, upper, ok2 := strings.Cut(bounds, "..")
		n, err := strconv.Atoi(change)
		if !ok || !ok2 || err != nil {
			return nil, fmt.Errorf("%s is not a step such as 0..10:+1", part)
		}
		s := scaling.StepAdjustment{Adjustment: n}
		if s.Lower, err = bound(lower); err != nil {
			return nil, err
		}
		if s.Upper, err = bound(upper); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

func bound(text string) (*float64, error) {
	if text == "" {
		return nil, nil
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil, fmt.Errorf("%s is not a bound of a step", text)
	}
	return &v, nil
}
