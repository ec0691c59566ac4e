package scenario

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/engine/dimension/instancecount"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy/step"
	"bellows.dev/bellows/scaling/policy/tracking"
)

func targetKey(k engine.VariantKey) scaling.TargetKey {
	return scaling.VariantTarget(k.Endpoint, k.Variant)
}

// target parses the key of a target: ENDPOINT/VARIANT, or with dimension=NAME a resource ID of that dimension's.
func (c *command) target(n int) (scaling.TargetKey, error) {
	if name, found := c.pair("dimension"); found {
		id, err := c.argument(n)
		return scaling.TargetKey{ResourceID: id, Dimension: scaling.Dimension(name)}, err
	}
	k, err := c.place(n)
	return targetKey(k), err
}

func (r *runner) target(c *command) error {
	k, err := c.target(1)
	if err != nil {
		return err
	}
	g := scaling.Registration{Key: k}
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
	k, err := c.target(1)
	if err != nil {
		return err
	}
	r.do(engine.DeregisterScalableTarget{Scope: scope, Key: k})
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
	k, err := c.target(3)
	return scaling.PolicyInput{Key: k, Name: name}, err
}

// putPolicy makes a policy of any type that can be written as settings (scaling.Parser): NAME on ENDPOINT/VARIANT type=T setting=value.
func (r *runner) putPolicy(c *command) error {
	in, err := c.policy()
	if err != nil {
		return err
	}
	name, _ := c.pair("type")
	settings := map[string]string{}
	for key := range c.pairs { //tidy:unordered put into a map
		settings[key], _ = c.pair(key)
	}
	delete(settings, "type")
	delete(settings, "dimension") // of the target
	kind, config, err := r.types().ParsePolicy(name, settings)
	if err != nil {
		return fmt.Errorf("policy: %w", err)
	}
	in.Type, in.Configs = kind, []scaling.Config{config}
	r.do(engine.PutScalingPolicy{Scope: scope, Input: in})
	return nil
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
	in.Type = tracking.Type{}
	config := &tracking.Config{
		TargetValue: value, Predefined: &tracking.PredefinedSpec{Metric: instancecount.InvocationsPerInstance},
		ScaleOutCooldown: out, ScaleInCooldown: back,
	}
	if text, found := c.pair("scale-in"); found {
		disabled := text == "off"
		config.DisableScaleIn = &disabled
	}
	if text, found := c.pair("metric"); found {
		m := metricID(text)
		config.Predefined = nil
		config.Customized = &tracking.CustomizedSpec{Namespace: m.Namespace, Name: m.Name, Statistic: tracking.Average}
		switch text {
		case "concurrency":
			config.Customized = nil
			config.Predefined = &tracking.PredefinedSpec{Metric: instancecount.ConcurrentRequestsPerModel}
		case "stored": // omitted: the policy keeps its metric
			config.Customized = nil
		}
	}
	if text, found := c.pair("predefined"); found {
		config.Predefined = &tracking.PredefinedSpec{Metric: tracking.PredefinedMetric(text)}
		config.Predefined.ResourceLabel, _ = c.pair("label")
	}
	if err := c.trackMath(config); err != nil {
		return err
	}
	in.Configs = []scaling.Config{config}
	r.do(engine.PutScalingPolicy{Scope: scope, Input: in})
	return nil
}

// trackMath reads expr=m1/2 m1=NS/M stat=Sum.
func (c *command) trackMath(config *tracking.Config) error {
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
	spec := &tracking.CustomizedSpec{}
	for _, q := range queries {
		returned := !q.Hidden
		x := tracking.MetricQuery{ID: q.ID, Expression: q.Expression, ReturnData: &returned}
		if s := q.Stat; s != nil {
			x.Stat = &tracking.MetricStat{Namespace: s.Metric.Namespace, Name: s.Metric.Name, Statistic: s.Statistic.String()}
			for _, d := range s.Metric.Dimensions {
				x.Stat.Dimensions = append(x.Stat.Dimensions, metric.Dimension{Name: d.Name, Value: d.Value})
			}
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
	in.Type = step.Type{}
	config := &step.Config{AdjustmentType: step.ChangeInCapacity, Cooldown: cooldown}
	in.Configs = []scaling.Config{config}
	if text, _ := c.pair("type"); text == "none" {
		config.AdjustmentType = 0
	} else if text != "" {
		config.AdjustmentType = step.ParseAdjustmentType(text)
	}
	if text, found := c.pair("aggregate"); found {
		config.Aggregation = step.ParseAggregation(text)
	}
	if config.MinMagnitude, err = c.integer("magnitude"); err != nil {
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
	if config.Steps, err = steps(text); err != nil {
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
func steps(text string) ([]step.Adjustment, error) {
	var out []step.Adjustment
	for _, part := range strings.Split(text, ",") {
		bounds, change, ok := strings.Cut(part, ":")
		lower, upper, ok2 := strings.Cut(bounds, "..")
		n, err := strconv.Atoi(change)
		if !ok || !ok2 || err != nil {
			return nil, fmt.Errorf("%s is not a step such as 0..10:+1", part)
		}
		s := step.Adjustment{Adjustment: n}
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
