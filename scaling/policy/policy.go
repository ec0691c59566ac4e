// Package policy lists the policy types. Each is a folder below this one that implements scaling.Type and scaling.Rule; see
// CONTRIBUTING.md for how to add one.
package policy

import (
	"bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy/predictive"
	"bellows.dev/bellows/scaling/policy/simple"
	"bellows.dev/bellows/scaling/policy/step"
	"bellows.dev/bellows/scaling/policy/tracking"
)

// Types returns the policy types that Bellows has. This is the one place that lists them.
func Types() scaling.Types {
	return scaling.Types{step.Type{}, tracking.Type{}, simple.Type{}, predictive.Type{}}
}
