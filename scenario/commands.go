package scenario

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/scaling"
)

func (r *runner) command(line string) error {
	c := parseCommand(line)
	if len(c.words) == 0 {
		return fmt.Errorf("no command")
	}
	run := map[string]func(*command) error{
		"endpoint": r.endpoint, "target": r.target, "track": r.track, "step": r.step, "alarm": r.alarm,
		"metric": r.metric, "load": r.load, "set": r.set, "run": r.run,
	}[c.words[0]]
	if run == nil {
		return fmt.Errorf("there is no command %s", c.words[0])
	}
	if err := run(&c); err != nil {
		return err
	}
	if name := c.unused(); name != "" {
		return fmt.Errorf("%s knows no %s=", c.words[0], name)
	}
	return nil
}

func (r *runner) endpoint(c *command) error {
	name, err := c.argument(1)
	if err != nil {
		return err
	}
	instances, err := c.number("instances", 1)
	if err != nil {
		return err
	}
	if r.world.Startup, err = c.duration("start", 0); err != nil {
		return err
	}
	if r.world.Startup < time.Second {
		r.world.Startup = time.Second
	}
	variant, found := c.pair("variant")
	if !found {
		variant = "AllTraffic"
	}
	r.do(engine.CreateModel{Scope: scope, Model: hosting.Model{Name: name}})
	r.do(engine.CreateEndpointConfig{Scope: scope, Config: hosting.EndpointConfig{Name: name, Variants: []hosting.VariantConfig{
		{Name: variant, Model: name, InitialCount: int(instances), InitialWeight: 1, InstanceType: "ml.m5.large"},
	}}})
	r.do(engine.CreateEndpoint{Key: engine.EndpointKey{Scope: scope, Endpoint: name}, Config: name})
	return nil
}

// place reads ENDPOINT/VARIANT.
func (c *command) place(n int) (engine.VariantKey, error) {
	text, err := c.argument(n)
	if err != nil {
		return engine.VariantKey{}, err
	}
	endpoint, variant, ok := strings.Cut(text, "/")
	if !ok {
		return engine.VariantKey{}, fmt.Errorf("%s is not ENDPOINT/VARIANT", text)
	}
	return engine.VariantKey{Scope: scope, Endpoint: endpoint, Variant: variant}, nil
}

func targetKey(k engine.VariantKey) scaling.TargetKey {
	return scaling.VariantTarget(k.Endpoint, k.Variant)
}

func (r *runner) target(c *command) error {
	k, err := c.place(1)
	if err != nil {
		return err
	}
	least, err := c.number("min", 1)
	if err != nil {
		return err
	}
	most, err := c.number("max", 1)
	if err != nil {
		return err
	}
	lo, hi := int(least), int(most)
	r.do(engine.RegisterScalableTarget{Scope: scope, Registration: scaling.Registration{Key: targetKey(k), Min: &lo, Max: &hi}})
	return nil
}

// policy reads what both kinds of policy begin with: NAME on ENDPOINT/VARIANT.
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
	out, err := c.duration("out-cooldown", 5*time.Minute)
	if err != nil {
		return err
	}
	back, err := c.duration("in-cooldown", 5*time.Minute)
	if err != nil {
		return err
	}
	off, _ := c.pair("scale-in")
	disabled := off == "off"
	in.Type = scaling.TargetTrackingScaling
	in.TargetTracking = &scaling.TargetTrackingConfig{
		TargetValue: value, Predefined: &scaling.PredefinedSpec{Metric: scaling.VariantInvocationsPerInstance},
		ScaleOutCooldown: &out, ScaleInCooldown: &back, DisableScaleIn: &disabled,
	}
	r.do(engine.PutScalingPolicy{Scope: scope, Input: in})
	return nil
}

// step makes a policy of one step of so many instances.
func (r *runner) step(c *command) error {
	in, err := c.policy()
	if err != nil {
		return err
	}
	change, err := c.number("change", 1)
	if err != nil {
		return err
	}
	cooldown, err := c.duration("cooldown", 5*time.Minute)
	if err != nil {
		return err
	}
	adjustment := scaling.StepAdjustment{Adjustment: int(change)}
	for name, bound := range map[string]**float64{"lower": &adjustment.Lower, "upper": &adjustment.Upper} { //tidy:unordered two members
		if _, found := c.pair(name); !found {
			continue
		}
		v, err := c.number(name, 0)
		if err != nil {
			return err
		}
		*bound = &v
	}
	in.Type = scaling.StepScaling
	in.Step = &scaling.StepConfig{AdjustmentType: scaling.ChangeInCapacity, Steps: []scaling.StepAdjustment{adjustment}, Cooldown: &cooldown}
	r.do(engine.PutScalingPolicy{Scope: scope, Input: in})
	return nil
}

func (r *runner) alarm(c *command) error {
	name, err := c.argument(1)
	if err != nil {
		return err
	}
	rule, err := c.rule()
	if err != nil {
		return err
	}
	a := alarm.Alarm{Name: name, Rule: rule, ActionsEnabled: true}
	if policy, found := c.pair("policy"); found {
		k, err := c.place(3)
		if err != nil {
			return err
		}
		t := r.world.Engine.Region(scope).Targets.Targets[targetKey(k)]
		if t == nil {
			return fmt.Errorf("%s/%s is no scalable target", k.Endpoint, k.Variant)
		}
		a.Actions = []alarm.Action{{On: alarm.InAlarm, Target: t.ID36(), Policy: policy}}
	}
	r.do(engine.PutMetricAlarm{Scope: scope, Alarm: a})
	return nil
}

func (c *command) rule() (alarm.Rule, error) {
	rule := alarm.Rule{Period: time.Minute, Comparison: alarm.GreaterThanThreshold, Statistic: metric.Statistic{Kind: metric.Average}}
	name, _ := c.pair("metric")
	rule.Metric = metricID(name)
	n, err := c.number("of", 1)
	if err != nil {
		return rule, err
	}
	m, err := c.number("periods", 0)
	if err != nil {
		return rule, err
	}
	rule.Periods, rule.DatapointsToM = int(n), int(m)
	if _, below := c.pair("below"); below {
		rule.Comparison = alarm.LessThanThreshold
		rule.Threshold, err = c.number("below", 0)
	} else {
		rule.Threshold, err = c.number("above", 0)
	}
	if err != nil {
		return rule, err
	}
	text, found := c.pair("missing")
	for _, treat := range []alarm.MissingData{alarm.Missing, alarm.Ignore, alarm.Breaching, alarm.NotBreaching} {
		if treat.String() == text {
			rule.Missing = treat
		}
	}
	if found && rule.Missing == 0 {
		return rule, fmt.Errorf("missing=%s is no treatment", text)
	}
	return rule, nil
}

func metricID(text string) metric.ID {
	namespace, name, _ := strings.Cut(text, "/")
	return metric.NewID(namespace, name)
}

// metric publishes a value a minute, in the minute's middle, and lets the minutes pass.
func (r *runner) metric(c *command) error {
	name, err := c.argument(1)
	if err != nil {
		return err
	}
	values, err := series(c.words[2:])
	if err != nil {
		return err
	}
	for _, text := range values {
		if text != "_" {
			v, err := strconv.ParseFloat(text, 64)
			if err != nil {
				return err
			}
			var s metric.Summary
			s.Add(v, 1)
			d := metric.Datum{ID: metricID(name), At: r.world.Now, Resolution: metric.StandardResolution, Unit: "None", Summary: s}
			r.do(engine.PutMetricData{Scope: scope, Data: []metric.Datum{d}})
		}
		if err := r.world.Run(time.Minute); err != nil {
			return err
		}
	}
	return nil
}

func (r *runner) load(c *command) error {
	k, err := c.place(1)
	if err != nil {
		return err
	}
	text, err := c.argument(2)
	if err != nil {
		return err
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || v < 0 {
		return fmt.Errorf("%s is no load", text)
	}
	r.world.SetLoad(k, v)
	return nil
}

func (r *runner) set(c *command) error {
	k, err := c.place(1)
	if err != nil {
		return err
	}
	text, err := c.argument(2)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return fmt.Errorf("%s is no number of instances", text)
	}
	r.do(engine.UpdateEndpointWeightsAndCapacities{
		Key: engine.EndpointKey{Scope: scope, Endpoint: k.Endpoint}, Changes: []hosting.Change{{Variant: k.Variant, Desired: &n}},
	})
	return nil
}

// runMax bounds one run command: two weeks of virtual time.
const runMax = 14 * 24 * time.Hour

func (r *runner) run(c *command) error {
	text, err := c.argument(1)
	if err != nil {
		return err
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 || d > runMax {
		return fmt.Errorf("%s is no time to run for", text)
	}
	return r.world.Run(d)
}
