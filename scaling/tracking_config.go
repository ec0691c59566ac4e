package scaling

import (
	"slices"
	"strings"
	"time"

	"bellows.dev/bellows/metric"
)

// AWS: PutScalingPolicy, TargetValue.
const (
	targetValueMin = 8.51592e-109
	targetValueMax = 1.174271e108
)

// mergeTracking checks a target tracking configuration and completes it from the one stored: an absent configuration keeps all; one that
// is there keeps the metric where it names none, and clears every other member that it leaves out. (AWS: recorded.)
func (t *Target) mergeTracking(p Policy, in *TargetTrackingConfig) (*TargetTrackingConfig, error) {
	if in == nil && p.TargetTracking == nil {
		return nil, invalid("TargetTrackingScaling policy configuration must be specified")
	}
	if in == nil {
		return p.TargetTracking, nil
	}
	next := *in
	if stored := p.TargetTracking; stored != nil && next.Predefined == nil && next.Customized == nil {
		next.Predefined, next.Customized = stored.Predefined, stored.Customized
	}
	if err := next.check(t.Key.Dimension.predefined(), t.Key.Dimension); err != nil {
		return nil, err
	}
	id := next.identity()
	for _, o := range t.Policies {
		if o.Name != p.Name && o.Type == TargetTrackingScaling && o.TargetTracking.identity() == id {
			return nil, invalid("Only one TargetTrackingScaling policy for a given metric specification is allowed.")
		}
	}
	return &next, nil
}

// check checks a configuration whose predefined metric, if it has one, has to be one of the fitting.
func (c *TargetTrackingConfig) check(fitting []PredefinedMetric, d Dimension) error {
	if !(c.TargetValue >= targetValueMin && c.TargetValue <= targetValueMax) {
		return invalid("For target tracking scaling, target value must be between '8.51592E-109' and '1.174271E108', but was '%s'.",
			javaDouble(c.TargetValue))
	}
	for _, cooldown := range []*time.Duration{c.ScaleOutCooldown, c.ScaleInCooldown} {
		if cooldown != nil && *cooldown < 0 {
			return invalid("Cooldown must be nonnegative")
		}
	}
	switch {
	case c.Predefined == nil && c.Customized == nil:
		return invalid("PredefinedMetricSpecification or CustomizedMetricSpecification must be set for target tracking scaling.")
	case c.Predefined != nil && c.Customized != nil:
		return invalid("Only one of PredefinedMetricSpecification or CustomizedMetricSpecification can be set for target tracking scaling.")
	case c.Predefined != nil:
		return c.Predefined.check(fitting, d)
	default:
		return c.Customized.check()
	}
}

func (s *PredefinedSpec) check(fitting []PredefinedMetric, d Dimension) error {
	if !slices.Contains(fitting, s.Metric) {
		names := make([]string, len(fitting))
		for i, m := range fitting {
			names[i] = m.String()
		}
		return invalid("Scalable dimension %s only supports the following predefined metric types: %s", d, strings.Join(names, ", "))
	}
	if s.ResourceLabel != "" {
		return invalid("Resource label cannot be specified for predefined metric type %s", s.Metric)
	}
	return nil
}

// predefined returns the metrics that belong to a dimension.
func (d Dimension) predefined() []PredefinedMetric {
	switch d {
	case VariantInstances:
		return []PredefinedMetric{VariantInvocationsPerInstance, VariantConcurrentRequestsPerModel}
	case VariantConcurrency:
		return []PredefinedMetric{VariantProvisionedConcurrencyUtilization}
	default:
		return []PredefinedMetric{ComponentInvocationsPerCopy, ComponentConcurrentRequestsPerCopy}
	}
}

func (s *CustomizedSpec) check() error {
	plain := s.Namespace != "" || s.Name != "" || s.Statistic != 0 || s.Unit != "" || len(s.Dimensions) > 0
	switch {
	case len(s.Queries) > 0 && !plain:
		return s.checkQueries()
	case len(s.Queries) > 0, s.Namespace == "", s.Name == "", s.Statistic == 0:
		return invalid(invalidSpecification)
	}
	return nil
}

func (c *TargetTrackingConfig) period() time.Duration {
	if c.Customized == nil || c.Customized.Period == 0 {
		return time.Minute
	}
	return c.Customized.Period
}

// identity is what two policies of one target may not share: the metric, whatever its target value, cooldowns and unit.
// (AWS: recorded.)
func (c *TargetTrackingConfig) identity() string {
	if c.Predefined != nil {
		return c.Predefined.Metric.String()
	}
	return c.Customized.identity()
}

func sortedDimensions(ds []metric.Dimension) []metric.Dimension {
	return slices.SortedFunc(slices.Values(ds), func(a, b metric.Dimension) int { return strings.Compare(a.Name, b.Name) })
}
