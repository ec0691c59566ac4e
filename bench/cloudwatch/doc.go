// Command cloudwatch measures metrics and alarms, each figure beside its peer in the same run: alarms in one tick beside Prometheus'
// rules over the same series, datapoints into PutMetricData beside the same points into Prometheus' remote write. What is said to run on
// one core is held to one.
//
//	go run ./bench/cloudwatch [--json] [--peer-variants N]
package main
