package tracking

import (
	"slices"
	"strings"
	"time"

	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/scaling"
)

// Put implements scaling.Type. Application Auto Scaling completes a request from the stored configuration: an absent configuration keeps
// all; one that is there keeps the metric where it names none, and clears every other member that it leaves out. (AWS: recorded.)
// EC2 Auto Scaling keeps nothing, and has no cooldowns: new instances warm up instead.
func (Type) Put(p scaling.Put) (scaling.Rule, error) {
	in, _ := p.Config.(*Config)
	var stored *Config
	if p.Stored != nil {
		stored = p.Stored.(*Rule).Settings
	}
	switch {
	case in == nil && stored != nil:
		return stored.Rule(), nil
	case in == nil && p.API == scaling.EC2AutoScaling:
		return nil, scaling.Invalid("You must specify a TargetTrackingConfiguration for policy type: %s", Type{}.Name())
	case in == nil:
		return nil, scaling.Invalid("TargetTrackingScaling policy configuration must be specified")
	}
	next := *in
	if stored != nil && next.Predefined == nil && next.Customized == nil {
		next.Predefined, next.Customized = stored.Predefined, stored.Customized
	}
	if err := next.checkFor(p); err != nil {
		return nil, err
	}
	id := next.identity()
	for _, o := range p.Others {
		if x, ok := o.Rule.(*Rule); ok && o.Name != p.Name && x.Settings.identity() == id {
			return nil, scaling.Invalid("Only one TargetTrackingScaling policy for a given metric specification is allowed.")
		}
	}
	return next.Rule(), nil
}

// checkFor checks a configuration by the rules of the API of a request.
func (c *Config) checkFor(p scaling.Put) error {
	d := p.Key.Dimension
	if p.API == scaling.ApplicationAutoScaling {
		var fitting []PredefinedMetric
		for _, m := range p.Metrics.Predefined() {
			fitting = append(fitting, PredefinedMetric(m.Name))
		}
		return c.check(fitting, d)
	}
	if s := c.Predefined; s != nil && s.Metric != GroupCPUUtilization {
		return scaling.Invalid("The predefined metric type %s is not served for production variants: only %s is. "+
			"Name another metric in a CustomizedMetricSpecification.", s.Metric, GroupCPUUtilization)
	}
	if err := c.check([]PredefinedMetric{GroupCPUUtilization}, d); err != nil {
		return err
	}
	return nil
}

// check checks a configuration whose predefined metric, if it has one, has to be one of the fitting.
func (c *Config) check(fitting []PredefinedMetric, d scaling.Dimension) error {
	if err := scaling.CheckTargetValue("target tracking scaling", c.TargetValue); err != nil {
		return err
	}
	for _, cooldown := range []*time.Duration{c.ScaleOutCooldown, c.ScaleInCooldown} {
		if err := scaling.CheckCooldown(cooldown); err != nil {
			return err
		}
	}
	switch {
	case c.Predefined == nil && c.Customized == nil:
		return scaling.Invalid("PredefinedMetricSpecification or CustomizedMetricSpecification must be set for target tracking scaling.")
	case c.Predefined != nil && c.Customized != nil:
		return scaling.Invalid("Only one of PredefinedMetricSpecification or CustomizedMetricSpecification can be set for target tracking scaling.")
	case c.Predefined != nil:
		return c.Predefined.check(fitting, d)
	default:
		return c.Customized.check()
	}
}

func (s *PredefinedSpec) check(fitting []PredefinedMetric, d scaling.Dimension) error {
	if !slices.Contains(fitting, s.Metric) {
		names := make([]string, len(fitting))
		for i, m := range fitting {
			names[i] = string(m)
		}
		return scaling.Invalid("Scalable dimension %s only supports the following predefined metric types: %s", d, strings.Join(names, ", "))
	}
	if s.ResourceLabel != "" {
		return scaling.Invalid("Resource label cannot be specified for predefined metric type %s", s.Metric)
	}
	return nil
}

func (s *CustomizedSpec) check() error {
	plain := s.Namespace != "" || s.Name != "" || s.Statistic != 0 || s.Unit != "" || len(s.Dimensions) > 0
	switch {
	case s.Period != 0 && s.Period != 10*time.Second && s.Period != 30*time.Second && s.Period != time.Minute:
		return scaling.Invalid("Period must be 10, 30 or 60")
	case len(s.Queries) > 0 && !plain:
		return s.checkQueries()
	case len(s.Queries) > 0, s.Namespace == "", s.Name == "", s.Statistic < Average, s.Statistic > Sum:
		return scaling.Invalid(invalidSpecification)
	}
	return nil
}

func (c *Config) period() time.Duration {
	if c.Customized == nil || c.Customized.Period == 0 {
		return time.Minute
	}
	return c.Customized.Period
}

// identity is what two policies of one target may not share: the metric, whatever its target value, cooldowns and unit.
// (AWS: recorded.)
func (c *Config) identity() string {
	if c.Predefined != nil {
		return string(c.Predefined.Metric)
	}
	return c.Customized.identity()
}

func sortedDimensions(ds []metric.Dimension) []metric.Dimension {
	return slices.SortedFunc(slices.Values(ds), func(a, b metric.Dimension) int { return strings.Compare(a.Name, b.Name) })
}
