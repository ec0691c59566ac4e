package scenario

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/metric"
)

func (r *runner) command(line string) error {
	c := parseCommand(line)
	if len(c.words) == 0 {
		return fmt.Errorf("no command")
	}
	run := map[string]func(*command) error{
		"endpoint": r.endpoint, "update": r.update, "set": r.set, "delete": r.delete, "break": r.breakDown, "show": r.show,
		"target": r.target, "deregister": r.deregister, "track": r.track, "policy": r.putPolicy, "step": r.step, "remove": r.remove,
		"group": r.group, "desired": r.desired, "simple": r.simple, "group-step": r.groupStep, "group-track": r.groupTrack,
		"drop": r.drop, "execute": r.execute, "suspend": r.suspend, "resume": r.resume, "instances": r.instances,
		"group-schedule": r.groupSchedule, "group-unschedule": r.groupUnschedule,
		"begin": r.begin, "schedule": r.schedule, "unschedule": r.unschedule, "times": r.times, "down": r.down,
		"warnings": r.warnings, "consider": r.consider, "tag": r.tag, "untag": r.untag, "describe": r.describe, "actions": r.actions,
		"messages": r.messages, "math": r.mathematics, "start": r.startup, "crash": r.crash, "keep": r.keep,
		"composite": r.composite, "mute": r.mute, "unmute": r.unmute, "forget": r.forget, "promql": r.promql, "returned": r.returned, "metrics": r.metrics,
		"alarm": r.alarm, "state": r.state, "table": r.table, "metric": r.metric, "load": r.load, "run": r.run,
		"predict": r.predict, "history": r.history, "forecast": r.forecast,
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
	start, err := c.duration("start", 0)
	if err != nil {
		return err
	}
	r.world.Startup = max(start, time.Second)
	if err := r.stages(c); err != nil {
		return err
	}
	if err := r.config(c, name); err != nil {
		return err
	}
	r.do(engine.CreateEndpoint{Key: engine.EndpointKey{Scope: scope, Endpoint: name}, Config: name})
	return nil
}

// config creates a model and a config with one variant, or with several equal ones.
func (r *runner) config(c *command, name string) error {
	instances, err := c.number("instances", 1)
	if err != nil {
		return err
	}
	timeout, err := c.duration("timeout", 0)
	if err != nil {
		return err
	}
	variant, found := c.pair("variant")
	if !found {
		variant = "AllTraffic"
	}
	kind, found := c.pair("type")
	if !found {
		kind = "ml.m5.large"
	}
	config := hosting.EndpointConfig{Name: name}
	for _, variant := range strings.Split(variant, ",") {
		config.Variants = append(config.Variants, hosting.VariantConfig{
			Name: variant, Model: name, InitialCount: int(instances), InitialWeight: 1, InstanceType: kind, StartupTimeout: timeout,
		})
	}
	r.do(engine.CreateModel{Scope: scope, Model: hosting.Model{Name: name}})
	r.do(engine.CreateEndpointConfig{Scope: scope, Config: config})
	return nil
}

// update updates an endpoint to a new config, which may differ in instances, instance type and variant.
func (r *runner) update(c *command) error {
	name, err := c.argument(1)
	if err != nil {
		return err
	}
	r.configs++
	config := fmt.Sprintf("%s-%d", name, r.configs+1)
	if err := r.config(c, config); err != nil {
		return err
	}
	bake, err := c.duration("bake", 0)
	if err != nil {
		return err
	}
	retain, _ := c.pair("retain")
	r.do(engine.UpdateEndpoint{Scope: scope, Update: hosting.Update{Endpoint: name, Config: config, RetainAll: retain == "all", Bake: bake}})
	return nil
}

func (r *runner) delete(c *command) error {
	name, err := c.argument(1)
	if err != nil {
		return err
	}
	r.do(engine.DeleteEndpoint{Key: engine.EndpointKey{Scope: scope, Endpoint: name}})
	return nil
}

// startup sets how long instances that start from now on take to become healthy.
func (r *runner) startup(c *command) error {
	d, err := r.lapse(c)
	if err != nil {
		return err
	}
	r.world.Startup = max(d, time.Second)
	return r.stages(c)
}

// stages has the stages of starts reported where a command says how long model data is fetched.
func (r *runner) stages(c *command) (err error) {
	if _, found := c.pair("download"); found {
		r.world.Stages = true
		r.world.Download, err = c.duration("download", 0)
	}
	return err
}

// crash makes an instance of a variant exit; it is restarted.
func (r *runner) crash(c *command) error {
	k, err := c.place(1)
	if err != nil {
		return err
	}
	found, err := r.world.Crash(k)
	if err == nil && !found {
		return fmt.Errorf("%s/%s has no instance in service", k.Endpoint, k.Variant)
	}
	return err
}

// breakDown makes instances that start from now on fail; "break off" ends this.
func (r *runner) breakDown(c *command) error {
	r.world.Broken = len(c.words) < 2 || c.words[1] != "off"
	return nil
}

// show prints an endpoint as DescribeEndpoint would.
func (r *runner) show(c *command) error {
	name, err := c.argument(1)
	if err != nil {
		return err
	}
	x, err := r.world.Engine.Region(scope).Hosting.Endpoint(name)
	if err != nil {
		r.print("endpoint %s is not there", name)
		return nil //nolint:nilerr // the error is the output
	}
	for _, v := range x.Variants {
		r.print("endpoint %s: %v, config %s, %s has %d of %d %s", name, x.Status, x.Config, v.Config.Name, v.Current(), v.Desired, v.Config.InstanceType)
		if starting := v.Starting(); starting != "" {
			r.print("  of those that start: %s", starting)
		}
	}
	if why := x.PendingReason(); why != "" {
		r.print("  %s", why)
	}
	return nil
}

// place parses ENDPOINT/VARIANT.
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

// capacity parses ENDPOINT/VARIANT N.
func (c *command) capacity() (engine.VariantKey, int, error) {
	k, err := c.place(1)
	if err != nil {
		return k, 0, err
	}
	text, err := c.argument(2)
	if err != nil {
		return k, 0, err
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return k, 0, fmt.Errorf("%s is not a number of instances", text)
	}
	return k, n, nil
}

// metric publishes one value per period, at its start, while time passes.
func (r *runner) metric(c *command) error {
	name, err := c.argument(1)
	if err != nil {
		return err
	}
	values, err := series(c.words[2:])
	if err != nil {
		return err
	}
	period, err := c.duration("period", time.Minute)
	if err != nil || period < time.Second {
		return fmt.Errorf("metric: period is not a duration of a second or more")
	}
	resolution := metric.StandardResolution
	if period < time.Minute {
		resolution = metric.HighResolution
	}
	samples, err := c.number("samples", 1)
	if err != nil || samples <= 0 {
		return fmt.Errorf("metric: samples is not a number above 0")
	}
	unit, found := c.pair("unit")
	if !found {
		unit = "None"
	}
	for _, text := range values {
		if text != "_" {
			if err := r.publish(name, text, metric.Datum{Resolution: resolution, Unit: unit}, samples); err != nil {
				return err
			}
		}
		if err := r.world.Run(period); err != nil {
			return err
		}
	}
	return nil
}

// publish records a number of equal samples of a metric.
func (r *runner) publish(name, text string, d metric.Datum, samples float64) error {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return err
	}
	d.ID, d.At = metricID(name), r.world.Now
	d.Summary.Add(v, samples)
	r.do(engine.PutMetricData{Scope: scope, Data: []metric.Datum{d}})
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
		return fmt.Errorf("%s is not a load", text)
	}
	r.world.SetLoad(k, v)
	return nil
}

func (r *runner) set(c *command) error {
	k, n, err := c.capacity()
	if err != nil {
		return err
	}
	if n < 0 {
		return fmt.Errorf("%d is not a number of instances", n)
	}
	r.do(engine.UpdateEndpointWeightsAndCapacities{
		Key: engine.EndpointKey{Scope: scope, Endpoint: k.Endpoint}, Changes: []hosting.Change{{Variant: k.Variant, Desired: &n}},
	})
	return nil
}

// runMax limits one run command to two weeks of virtual time.
const runMax = 14 * 24 * time.Hour

func (r *runner) run(c *command) error {
	d, err := r.lapse(c)
	if err != nil {
		return err
	}
	return r.world.Run(d)
}

// lapse parses a duration argument.
func (r *runner) lapse(c *command) (time.Duration, error) {
	text, err := c.argument(1)
	if err != nil {
		return 0, err
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 || d > runMax {
		return 0, fmt.Errorf("%s is not a duration to %s for", text, c.words[0])
	}
	return d, nil
}
