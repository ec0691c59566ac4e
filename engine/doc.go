// Package engine is the one decision engine: it owns all state and is the only place where models, endpoints, metrics, alarms
// and scaling meet. Step(now, Input) is the only way in; it calls the packages below (metric, alarm, scaling, hosting) always in
// the same order and returns what to answer (Result), what the world should look like (Effects, a level) and what happened
// and why (Events).
//
// It is pure: no goroutine, clock, logger, file or network. internal/control drives it in production, package sim on virtual
// time; both get the same decisions from the same inputs.
package engine
