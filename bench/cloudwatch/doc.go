// Command cloudwatch measures metrics and alarms, each figure beside its peer in the same run: the alarms of one tick beside Prometheus'
// rules over the same series, PutMetricData beside the same points in Prometheus' remote write. Figures "of one core" run on one core and
// count CPU time, so that other programs on the machine do not affect them.
//
// The datapoints that GetMetricData reads were written minute by minute, as collectors write them, and are stored as in any server: the last
// quarter of an hour in memory, the rest in the history. Only the clock runs fast while they are written.
//
//	cd bench && go run ./cloudwatch [--json] [--peer-variants N]
package main
