// Package alarm holds CloudWatch's metric alarms as values: their configuration and its rules, how M of N and missing data
// make a state, when an alarm is evaluated and over which periods, and the reasons in AWS's words.
//
// It is pure: time is an argument. Package engine owns the alarms, evaluates them when they are due and acts on transitions.
package alarm
