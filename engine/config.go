package engine

import (
	"time"

	"bellows.dev/bellows/engine/dimension"
	"bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy"
)

// Config holds the engine's settings: those that stay and those that change. The store keeps the config of the first start, since other
// settings give other decisions.
type Config struct {
	// Seed makes the identifiers (instances, targets, alarms, activities) that the engine hands out. Two servers must differ
	// in it; one server keeps it for life.
	Seed uint64

	// EvaluationDelay is how long after a period's end alarms look at it. Default 10 s, as recorded from CloudWatch.
	EvaluationDelay time.Duration

	Settings

	// MetricRetention is how long the hot window keeps datapoints, at least. What alarms look at stays longer, where they look further
	// back; the rest of the past is the history's. Default 15 min: an engine without a history may want more.
	MetricRetention time.Duration

	// Policies are the policy types that there are. Default policy.Types(). They are code, not state: to restore a State that needs
	// others, set them.
	Policies scaling.Types `json:"-"`

	// Dimensions are the scalable dimensions that there are. Default dimension.All(). They are code, as Policies are.
	Dimensions dimension.List `json:"-"`
}

// WithDefaults returns the config with unset members, which are 0, at their defaults.
func (c Config) WithDefaults() Config {
	setDefault(&c.EvaluationDelay, 10*time.Second)
	setDefault(&c.StartupTimeout, 8*time.Minute)
	setDefault(&c.InvocationTimeout, time.Minute)
	setDefault(&c.MetricRetention, 15*time.Minute)
	if c.Policies == nil {
		c.Policies = policy.Types()
	}
	if c.Dimensions == nil {
		c.Dimensions = dimension.All()
	}
	if c.ClockSpeed == 0 {
		c.ClockSpeed = 1
	}
	return c
}

func setDefault(d *time.Duration, v time.Duration) {
	if *d == 0 {
		*d = v
	}
}
