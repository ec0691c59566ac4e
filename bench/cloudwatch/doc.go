// Command cloudwatch measures metrics and alarms, each figure beside its peer in the same run: alarms in one tick beside Prometheus'
// rules over the same series, datapoints into PutMetricData beside the same points into Prometheus' remote write. What is said to run on
// one core is held to one, and counted by the time that it is on a core, so that others on the machine do not show.
//
// What is read with GetMetricData came in as a server's datapoints do, minute by minute, and lies where a server's does: all but the last
// quarter of an hour in the history. Only the clock runs fast while it comes in.
//
//	go run ./bench/cloudwatch [--json] [--peer-variants N]
package main
