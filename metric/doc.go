// Package metric holds CloudWatch's metrics as values: identity, datapoints, statistic sets, periods, statistics, and the
// series that the engine keeps in memory.
//
// It is pure: time is an argument. Packages alarm and engine read it; gateways record into its Summary.
package metric
