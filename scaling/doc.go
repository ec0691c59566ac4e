// Package scaling holds Application Auto Scaling's rules as values: scalable targets, their policies and scheduled actions, the alarms that
// policies own, cooldowns, the choice between several policies, and scaling activities. Policy types are in the folders below scaling/policy;
// this package knows none of them (Type, Rule).
//
// It is pure: time and identifiers are arguments. A Registry holds one account's targets in one region; nothing here knows
// accounts, regions or ARNs. Package engine owns the registries and calls, in this order:
//
//   - Register, PutPolicy, DeletePolicy, PutSchedule, DeleteSchedule, Deregister when a client asks;
//   - Registry.RunDue, which runs the scheduled actions whose time has come;
//   - Target.Track, which ends an activity once its capacity serves;
//   - Target.Clamp, which moves a capacity into a range that was set;
//   - Registry.WakeRules, which wakes the rules that are due at a time of their own;
//   - Decide, with the signals of alarms: each rule proposes (Rule.Propose), and the arbiter picks one proposal;
//   - Target.Begin, then Accept or Fail, when a capacity is to change; Target.NotScaled when it is not.
package scaling
