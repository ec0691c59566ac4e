package scenario

import (
	"fmt"
	"strings"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy"
	"bellows.dev/bellows/scaling/policy/step"
	"bellows.dev/bellows/scaling/policy/tracking"
)

// group calls UpdateAutoScalingGroup; without settings it prints the group.
func (r *runner) group(c *command) error {
	k, err := c.place(1)
	if err != nil {
		return err
	}
	u := scaling.GroupUpdate{Key: targetKey(k)}
	for _, m := range []struct {
		name string
		set  **int
	}{{"min", &u.Min}, {"max", &u.Max}, {"desired", &u.Desired}} {
		if *m.set, err = c.integer(m.name); err != nil {
			return err
		}
	}
	if u.DefaultCooldown, err = c.span("cooldown"); err != nil {
		return err
	}
	if u.DefaultWarmup, err = c.span("warmup"); err != nil {
		return err
	}
	if u == (scaling.GroupUpdate{Key: u.Key}) {
		return r.printGroup(k)
	}
	r.do(engine.UpdateGroup{Scope: scope, Update: u})
	return nil
}

// printGroup prints a group as DescribeAutoScalingGroups would.
func (r *runner) printGroup(k engine.VariantKey) error {
	known := r.world.Engine.Region(scope)
	if known == nil || known.Hosting.Endpoints[k.Endpoint] == nil || known.Hosting.Endpoints[k.Endpoint].Variant(k.Variant) == nil {
		r.print("group %s/%s is not there", k.Endpoint, k.Variant)
		return nil
	}
	v := known.Hosting.Endpoints[k.Endpoint].Variant(k.Variant)
	least, most, desired := v.Desired, v.Desired, v.Desired
	t := known.Targets.Of(targetKey(k))
	rest := ""
	if t != nil {
		least, most = t.Bounds(v.Desired)
		desired = t.Wanted(v.Desired)
		if t.Group != nil {
			for _, p := range t.Group.Policies {
				rest += ", policy " + p.Name
			}
			for _, p := range t.Group.Suspended {
				rest += ", " + p.Process.String() + " suspended"
			}
		}
	}
	r.print("group %s/%s: min %d, max %d, desired %d, instances %d%s", k.Endpoint, k.Variant, least, most, desired, v.Current(), rest)
	return nil
}

// desired calls SetDesiredCapacity.
func (r *runner) desired(c *command) error {
	k, n, err := c.capacity()
	if err != nil {
		return err
	}
	r.do(engine.SetDesiredCapacity{Scope: scope, Key: targetKey(k), Desired: n, HonorCooldown: c.yes("honor-cooldown")})
	return nil
}

// groupPolicy parses the common arguments of group policies: NAME on ENDPOINT/VARIANT.
func (c *command) groupPolicy(kind policy.GroupType) (policy.GroupInput, error) {
	named, err := c.policy()
	if err != nil {
		return policy.GroupInput{}, err
	}
	in := policy.GroupInput{Key: named.Key, Name: named.Name, Type: kind}
	text, _ := c.pair("enabled")
	in.Disabled = text == "no"
	if in.MinMagnitude, err = c.integer("magnitude"); err != nil {
		return in, err
	}
	if in.Warmup, err = c.span("warmup"); err != nil {
		return in, err
	}
	in.Cooldown, err = c.span("cooldown")
	return in, err
}

// adjustment reads type=, by default ChangeInCapacity.
func (c *command) adjustment() step.AdjustmentType {
	if text, found := c.pair("type"); found {
		return step.ParseAdjustmentType(text)
	}
	return step.ChangeInCapacity
}

func (r *runner) simple(c *command) error {
	in, err := c.groupPolicy(policy.GroupSimple)
	if err != nil {
		return err
	}
	in.AdjustmentType = c.adjustment()
	if in.Adjustment, err = c.integer("change"); err != nil {
		return err
	}
	r.do(engine.PutGroupPolicy{Scope: scope, Input: in})
	return nil
}

func (r *runner) groupStep(c *command) error {
	in, err := c.groupPolicy(policy.GroupStep)
	if err != nil {
		return err
	}
	in.AdjustmentType = c.adjustment()
	text, _ := c.pair("steps")
	if in.Steps, err = steps(text); err != nil {
		return err
	}
	if text, found := c.pair("aggregate"); found {
		in.Aggregation = step.ParseAggregation(text)
	}
	r.do(engine.PutGroupPolicy{Scope: scope, Input: in})
	return nil
}

func (r *runner) groupTrack(c *command) error {
	in, err := c.groupPolicy(policy.GroupTracking)
	if err != nil {
		return err
	}
	value, err := c.number("target", 0)
	if err != nil {
		return err
	}
	off, _ := c.pair("scale-in")
	disabled := off == "off"
	in.TargetTracking = &tracking.Config{
		TargetValue: value, DisableScaleIn: &disabled, Predefined: &tracking.PredefinedSpec{Metric: tracking.GroupCPUUtilization},
	}
	if text, found := c.pair("metric"); found {
		m := metricID(text)
		period, err := c.duration("period", time.Minute)
		if err != nil {
			return err
		}
		in.TargetTracking.Predefined = nil
		in.TargetTracking.Customized = &tracking.CustomizedSpec{Namespace: m.Namespace, Name: m.Name, Statistic: tracking.Average, Period: period}
	}
	if err := c.trackMath(in.TargetTracking); err != nil {
		return err
	}
	if s := in.TargetTracking.Customized; s != nil && len(s.Queries) > 0 {
		if s.Period, err = c.duration("period", 0); err != nil {
			return err
		}
	}
	r.do(engine.PutGroupPolicy{Scope: scope, Input: in})
	return nil
}

// drop calls DeletePolicy of EC2 Auto Scaling.
func (r *runner) drop(c *command) error {
	in, err := c.policy()
	if err != nil {
		return err
	}
	r.do(engine.DeleteGroupPolicy{Scope: scope, Key: in.Key, Name: in.Name})
	return nil
}

// execute calls ExecutePolicy.
func (r *runner) execute(c *command) error {
	named, err := c.policy()
	if err != nil {
		return err
	}
	in := scaling.Execution{Key: named.Key, Policy: named.Name, HonorCooldown: c.yes("honor-cooldown")}
	for _, m := range []struct {
		name string
		set  **float64
	}{{"metric", &in.Metric}, {"threshold", &in.Threshold}} {
		if _, found := c.pair(m.name); found {
			v, err := c.number(m.name, 0)
			if err != nil {
				return err
			}
			*m.set = &v
		}
	}
	r.do(engine.ExecuteGroupPolicy{Scope: scope, Execution: in})
	return nil
}

func (r *runner) suspend(c *command) error { return r.processes(c, true) }
func (r *runner) resume(c *command) error  { return r.processes(c, false) }

func (r *runner) processes(c *command, suspend bool) error {
	k, err := c.place(1)
	if err != nil {
		return err
	}
	in := engine.SetGroupProcesses{Scope: scope, Key: targetKey(k), Suspend: suspend}
	for _, text := range c.words[2:] {
		p := scaling.ParseProcess(text)
		if p == 0 {
			return fmt.Errorf("%s is not a process", text)
		}
		in.Processes = append(in.Processes, p)
	}
	r.do(in)
	return nil
}

// instances makes activities of instances be printed from now on.
func (r *runner) instances(*command) error {
	r.instanceActivities = true
	return nil
}

// instance prints an activity of a group without identifiers.
func (r *runner) instance(a scaling.InstanceActivity) {
	hide := func(s string) string { return strings.ReplaceAll(s, a.Instance, "i-…") }
	if a.End.IsZero() {
		r.print("instance %v: %s", a.Status, hide(a.Description()))
		r.print("  Cause: %s", hide(a.CauseText()))
		return
	}
	why := ""
	if a.Reason != "" {
		why = ". " + a.Reason
	}
	r.print("instance %v: %s%s", a.Status, hide(a.Description()), why)
}

// groupAction returns the action of a group's policy: group-policy=POLICY on ENDPOINT/VARIANT.
func (r *runner) groupAction(c *command, policy string) (alarm.Action, error) {
	k, err := c.place(3)
	if err != nil {
		return alarm.Action{}, err
	}
	if known := r.world.Engine.Region(scope); known != nil {
		if t := known.Targets.Of(targetKey(k)); t != nil {
			if p := t.Group.Policy(policy); p != nil {
				return alarm.Action{On: alarm.InAlarm, Target: p.UUID, Policy: policy}, nil
			}
		}
	}
	return alarm.Action{}, fmt.Errorf("%s/%s has no policy %s", k.Endpoint, k.Variant, policy)
}

// groupSchedule calls PutScheduledUpdateGroupAction: NAME on ENDPOINT/VARIANT "* * * * *" min=N max=N desired=N zone=Z start=T end=T.
func (r *runner) groupSchedule(c *command) error {
	named, err := c.policy()
	if err != nil {
		return err
	}
	in := scaling.GroupScheduleInput{Key: named.Key, Name: named.Name}
	if len(c.words) > 4 {
		in.Recurrence = c.words[4]
	}
	if name, found := c.pair("zone"); found {
		in.Zone, in.ZoneData = name, r.zoneData(name)
	}
	for _, m := range []struct {
		name string
		to   *time.Time
	}{{"start", &in.Start}, {"end", &in.End}} {
		if text, found := c.pair(m.name); found {
			if *m.to, err = time.Parse(dateTime, text); err != nil {
				return fmt.Errorf("group-schedule: %s=%s is not a time such as %s", m.name, text, dateTime)
			}
		}
	}
	for _, m := range []struct {
		name string
		to   **int
	}{{"min", &in.Range.Min}, {"max", &in.Range.Max}, {"desired", &in.Desired}} {
		if *m.to, err = c.integer(m.name); err != nil {
			return err
		}
	}
	r.do(engine.PutGroupSchedule{Scope: scope, Input: in})
	return nil
}

// groupUnschedule calls DeleteScheduledAction of EC2 Auto Scaling: NAME on ENDPOINT/VARIANT.
func (r *runner) groupUnschedule(c *command) error {
	named, err := c.policy()
	if err != nil {
		return err
	}
	r.do(engine.DeleteGroupSchedule{Scope: scope, Key: named.Key, Name: named.Name})
	return nil
}
