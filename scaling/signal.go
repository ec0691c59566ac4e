package scaling

import "bellows.dev/bellows/alarm"

// Signal is what an alarm tells a policy: when it enters a state whose actions name the policy, and again each minute while it
// stays there.
type Signal struct {
	Policy     *Policy
	Alarm      string // name of the alarm
	State      alarm.State
	Comparison alarm.Comparison
	Threshold  float64
	Datapoints []float64 // the evaluated ones, oldest first, without missing ones; empty where there is no data

	// Needs is how many datapoints the alarm needs to go into ALARM; explanations only.
	Needs int

	// Settled is how many of Datapoints, the newest ones, were measured wholly while the capacity served that serves now. Least is the
	// smallest capacity that served while any of Datapoints was measured.
	Settled, Least int

	// Executed: a user asks, by ExecutePolicy; there is no alarm. HonorCooldown: and waits for cooldown and activity.
	Executed, HonorCooldown bool
}
