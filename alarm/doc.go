// Package alarm implements CloudWatch's alarms. A metric alarm (Alarm) watches a metric or an expression: its Rule says over which periods
// and when it is evaluated, how M of N and missing data make a state, and words the reason as AWS does. A PromQL alarm follows what a query
// returns. A composite alarm (Composite) follows the states of others by a rule (ParseRule), and a suppressor may hold its actions back.
//
// A Registry owns all alarms of one scope. It evaluates them when they are due, composite alarms after those they depend on, applies mute
// rules, and returns what happened as events:
//
//	r := alarm.NewRegistry(window, 10*time.Second)
//	events := r.Put(now, a)              // carry these out, …
//	outcome := r.Step(r.Wake(now), nil)  // … and these
//
// The package is pure: time is an argument, and what has to be done outside is an event. Package engine owns a registry for each scope.
package alarm
