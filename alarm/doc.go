// Package alarm holds CloudWatch's alarms as values. Metric alarms watch a metric or an expression: their configuration and its rules, how
// M of N and missing data make a state, when an alarm is evaluated and over which periods, and the reasons in AWS's words. PromQL alarms
// follow what a query returns (Alarm.Contribute). Composite alarms follow the states of others by a rule (ParseRule), and a suppressor
// may hold their actions back.
//
// It is pure: time is an argument. Package engine owns the alarms, evaluates them when they are due and acts on transitions.
package alarm
