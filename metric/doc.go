// Package metric implements CloudWatch's metrics: identity, datapoints, statistic sets, distributions, periods, statistics, and the
// recent samples of each metric in memory (Window, Series).
//
// It is pure: time is an argument. Packages alarm and engine read it; gateways record into its Summary.
package metric
