// Package expr implements CloudWatch's metric math: expressions over the metrics of a list of queries, checked once and evaluated often.
//
// Compile takes the queries of a GetMetricData call, of an alarm or of a customized metric, parses their expressions, and checks every
// reference and every type. A Program is then evaluated over a Source, which has the datapoints; it keeps no state between evaluations, whose
// memory comes from a Scratch, so that an alarm that is evaluated every minute allocates nothing.
//
// A time series has one value per period, NaN where there is no datapoint. AWS: CloudWatch user guide, using metric math; search
// expressions. Where those are silent, docs/decisions/0006-metric-math.md says what was chosen.
package expr
