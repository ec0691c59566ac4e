package cloudwatch

import (
	"slices"
	"time"

	"bellows.dev/bellows/metric"
)

// tier is the retention of datapoints of a period, and the rounding of start times of that age.
// AWS: CloudWatch user guide, concepts; GetMetricData, StartTime.
type tier struct {
	multiple time.Duration // applies to periods that are multiples of it
	keep     time.Duration
	round    time.Duration // rounding of start times older than the retention of the previous tier
}

type tiers [4]tier

// defaultTiers are CloudWatch's own.
func defaultTiers() tiers {
	return tiers{
		{time.Second, 3 * time.Hour, time.Minute},
		{time.Minute, 15 * 24 * time.Hour, time.Minute},
		{5 * time.Minute, 63 * 24 * time.Hour, 5 * time.Minute},
		{time.Hour, 455 * 24 * time.Hour, time.Hour},
	}
}

// tiers returns CloudWatch's tiers with the retention configured for this server.
func (a *API) tiers() tiers {
	t := defaultTiers()
	if a.past != nil {
		for i, keep := range a.past.Kept() {
			t[i].keep = keep
		}
	}
	return t
}

// ahead is how far in the future timestamps of datapoints may be. AWS: PutMetricData, Timestamp.
const ahead = 2 * time.Hour

// window is the range of periods that a query reads.
type window struct {
	from    time.Time
	periods int
	period  time.Duration
}

// frame returns the periods of a time range. They begin at its start, rounded down according to its age, not at multiples of the period;
// periods of less than a minute begin at divisions of the minute. The end is also rounded down. Periods beyond the retention or too far in
// the future are omitted. AWS: GetMetricStatistics and GetMetricData, StartTime, with its example of 10 seconds, and Period; recorded.
func (kept tiers) frame(now, start, end time.Time, period time.Duration) window {
	round, keep := time.Minute, kept[0].keep
	age := now.Sub(start)
	for i, t := range kept {
		if i > 0 && age > kept[i-1].keep {
			round = t.round
		}
		if period%t.multiple == 0 {
			keep = t.keep
		}
	}
	if period < time.Minute {
		round = period
	}
	from := metric.Align(start, round)
	if latest := now.Add(ahead + period); end.After(latest) {
		end = latest
	}
	end = metric.Align(end, min(round, time.Minute))
	step := int64(period / time.Second)
	if late := now.Add(-keep).Unix() - from.Unix(); late > 0 { // in seconds, since a start may be centuries ago
		from = time.Unix(from.Unix()+ceilTo(late, step)*step, 0).UTC()
	}
	return window{from, int(max(0, ceilTo(end.Unix()-from.Unix(), step))), period}
}

// frame returns the periods of the request's range for an evaluation.
func (q *dataRequest) frame(period time.Duration) (time.Time, int) {
	w := q.tiers.frame(q.now, q.start, q.end, period)
	return w.from, w.periods
}

// ceilTo returns how many steps cover a positive length, rounded up.
func ceilTo(length, step int64) int64 { return (length + step - 1) / step }

// unitOrder is the order in which one of several units is chosen. AWS: recorded, as far as known.
var unitOrder = []string{
	"Megabits", "Terabits", "Gigabits", "Count", "Bytes", "Gigabytes", "Gigabits/Second", "Kilobytes", "Kilobits/Second", "Terabytes",
	"Percent", "Bits", "Bits/Second", "Kilobits", "Megabytes", "Megabits/Second", "Terabits/Second", "Bytes/Second", "Kilobytes/Second",
	"Megabytes/Second", "Gigabytes/Second", "Terabytes/Second", "Milliseconds", "Microseconds", "Count/Second", "Seconds", "None",
}

func sortedUnits(units []string) []string {
	rank := func(unit string) int { return slices.Index(unitOrder, unit) }
	return slices.SortedFunc(slices.Values(units), func(a, b string) int { return rank(a) - rank(b) })
}

func pickUnit(units []string) string { return sortedUnits(units)[0] }
