package scenario

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy"
	"bellows.dev/bellows/scaling/policy/step"
	"bellows.dev/bellows/scaling/policy/tracking"
)

// warnings prints the warnings of a variant's scaling configuration.
func (r *runner) warnings(c *command) error {
	k, err := c.place(1)
	if err != nil {
		return err
	}
	if known := r.world.Engine.Region(scope); known != nil {
		for _, w := range known.Warnings(r.world.Now) {
			for _, x := range w.Warnings {
				if w.Target == targetKey(k) {
					r.print("warning %v: %v", x.Kind, x)
				}
			}
		}
	}
	return nil
}

// consider prints what each policy of a variant receives and recommends now, whether it is invoked or not.
func (r *runner) consider(c *command) error {
	k, err := c.target(1)
	if err != nil {
		return err
	}
	known := r.world.Engine.Region(scope)
	if known == nil || known.Targets.Of(k) == nil {
		return fmt.Errorf("nothing scales %s", c.words[1])
	}
	d, _, _ := known.Consider(r.world.Now, k)
	r.print("consider %s", d.Explain(r.types()))
	return nil
}

// registered returns a scalable target.
func (r *runner) registered(k engine.VariantKey) (*scaling.Target, error) {
	if known := r.world.Engine.Region(scope); known != nil {
		if t := known.Targets.Targets[targetKey(k)]; t != nil {
			return t, nil
		}
	}
	return nil, fmt.Errorf("%s/%s is not a scalable target", k.Endpoint, k.Variant)
}

// tag calls TagResource: NAME/V key=value key=value; or AddTags: NAME key=value.
func (r *runner) tag(c *command) error {
	if name, err := c.argument(1); err == nil && !strings.Contains(name, "/") {
		in := engine.SetTags{Scope: scope, Resource: hosting.ResourceEndpoint, Name: name}
		for _, key := range slices.Sorted(maps.Keys(c.pairs)) {
			value, _ := c.pair(key)
			in.Add = append(in.Add, hosting.Tag{Key: key, Value: value})
		}
		r.do(in)
		return nil
	}
	t, tags, err := r.tagged(c)
	if err != nil {
		return err
	}
	r.do(engine.TagScalableTarget{Scope: scope, ID: t.ID36(), Tags: tags})
	return nil
}

// tagged parses a target and pairs.
func (r *runner) tagged(c *command) (*scaling.Target, map[string]string, error) {
	k, err := c.place(1)
	if err != nil {
		return nil, nil, err
	}
	tags := map[string]string{}
	for name := range c.pairs { //tidy:unordered put into a map
		tags[name], _ = c.pair(name)
	}
	t, err := r.registered(k)
	return t, tags, err
}

// untag calls UntagResource: NAME/V key key.
func (r *runner) untag(c *command) error {
	t, _, err := r.tagged(c)
	if err != nil {
		return err
	}
	r.do(engine.UntagScalableTarget{Scope: scope, ID: t.ID36(), Keys: c.words[2:]})
	return nil
}

// describe prints a target, its tags and its policies as the API describes them.
func (r *runner) describe(c *command) error {
	k, err := c.place(1)
	if err != nil {
		return err
	}
	t, err := r.registered(k)
	if err != nil {
		r.print("target %s/%s is not there", k.Endpoint, k.Variant)
		return nil //nolint:nilerr // the error is the output
	}
	s := t.Suspended
	r.print("target %s/%s: min %d, max %d, suspended: in %v, out %v, scheduled %v", k.Endpoint, k.Variant, t.Min, t.Max, s.DynamicIn,
		s.DynamicOut, s.Scheduled)
	var tags []string
	for name, value := range t.Tags { //tidy:unordered sorted below
		tags = append(tags, name+"="+value)
	}
	slices.Sort(tags)
	for _, tag := range tags {
		r.print("  tag %s", tag)
	}
	for _, p := range t.Policies {
		r.print("  policy %s: %s", p.Name, configured(p))
	}
	return nil
}

// configured renders the stored configuration of a policy, without omitted members.
func configured(p *scaling.Policy) string {
	parts := []string{p.Type()}
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	if rule, ok := p.Rule.(*tracking.Rule); ok {
		t := rule.Settings
		add("target %v", t.TargetValue)
		if t.ScaleOutCooldown != nil {
			add("scale-out cooldown %v", *t.ScaleOutCooldown)
		}
		if t.ScaleInCooldown != nil {
			add("scale-in cooldown %v", *t.ScaleInCooldown)
		}
		if t.DisableScaleIn != nil {
			add("scale-in disabled %v", *t.DisableScaleIn)
		}
	}
	if rule, ok := p.Rule.(*step.Rule); ok {
		s := rule.Settings
		add("%v", s.AdjustmentType)
		for _, a := range s.Steps {
			add("%s..%s: %+d", end(a.Lower), end(a.Upper), a.Adjustment)
		}
		if s.Cooldown != nil {
			add("cooldown %v", *s.Cooldown)
		}
		if s.Aggregation != 0 {
			add("of the %v", s.Aggregation)
		}
		if s.MinMagnitude != nil {
			add("at least %d", *s.MinMagnitude)
		}
	}
	return strings.Join(parts, ", ")
}

// end formats a bound of a step; "" if it is open.
func end(v *float64) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(*v)
}

// actions calls EnableAlarmActions or DisableAlarmActions: ALARM on, ALARM off. Target tracking's own alarms are given by their policy:
// AlarmHigh of POLICY on NAME/V off.
func (r *runner) actions(c *command) error {
	name, err := r.named(c)
	if err != nil {
		return err
	}
	last := c.words[len(c.words)-1]
	if last != "on" && last != "off" {
		return fmt.Errorf("actions: %s is neither on nor off", last)
	}
	r.do(engine.SetAlarmActions{Scope: scope, Names: []string{name}, Enabled: last == "on"})
	return nil
}

// named parses the name of an alarm, or AlarmHigh of POLICY on NAME/V.
func (r *runner) named(c *command) (string, error) {
	name, err := c.argument(1)
	if err != nil || len(c.words) < 6 || c.words[2] != "of" || c.words[4] != "on" {
		return name, err
	}
	k, err := c.place(5)
	if err != nil {
		return "", err
	}
	t, err := r.registered(k)
	if err != nil {
		return "", err
	}
	if p := t.Policy(c.words[3]); p != nil {
		for _, own := range p.AlarmNames() {
			if r.types().AlarmLabel(own) == name {
				return own, nil
			}
		}
	}
	return "", fmt.Errorf("%s has no %s of its own", c.words[3], name)
}

// messages makes activities be printed with their status messages from now on.
func (r *runner) messages(*command) error {
	r.whole = true
	return nil
}

// keep puts a policy without configuration, which keeps the stored one: POLICY on NAME/V type=StepScaling.
func (r *runner) keep(c *command) error {
	in, err := c.policy()
	if err != nil {
		return err
	}
	if text, found := c.pair("type"); found {
		in.Type = policy.Types().Named(text)
	}
	r.do(engine.PutScalingPolicy{Scope: scope, Input: in})
	return nil
}
