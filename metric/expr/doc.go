// Package expr is CloudWatch's metric math: expressions over the metrics of a list of queries, checked once and evaluated often.
//
// Compile takes the queries of a GetMetricData call, of an alarm or of a customized metric, parses their expressions, and checks every
// reference and every type. A Program is then evaluated over a Source, which holds the datapoints; in between it keeps nothing, and its
// Scratch lends the memory, so that an alarm that is evaluated each minute allocates nothing.
//
// A time series is a value a period, NaN where there is no datapoint. AWS: CloudWatch user guide, using metric math; search
// expressions. Where those are silent, docs/decisions/0006-metric-math.md says what was chosen.
package expr
