package cloudwatch

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/metric/expr"
)

// statisticsMax is the maximum number of datapoints of one call. AWS: GetMetricStatistics, API reference.
const statisticsMax = 1440

func (a *API) getMetricStatistics(
	ctx context.Context, c awsapi.Call, in *sdk.GetMetricStatisticsInput,
) (*sdk.GetMetricStatisticsOutput, error) {
	stats, err := statistics(in)
	if err != nil {
		return nil, err
	}
	if !in.StartTime.Before(*in.EndTime) {
		return nil, invalidValue("The parameter StartTime must be less than the parameter EndTime.")
	}
	period := time.Duration(*in.Period) * time.Second
	if err := checkPeriodOf(int(*in.Period)); err != nil {
		return nil, err
	}
	if n := (in.EndTime.Sub(*in.StartTime) + period - 1) / period; n > statisticsMax {
		return nil, invalidCombination("You have requested up to %d datapoints, which exceeds the limit of %d. You may reduce the "+
			"datapoints requested by increasing Period, or decreasing the time range.", n, statisticsMax)
	}
	out := &sdk.GetMetricStatisticsOutput{Label: in.MetricName, Datapoints: []types.Datapoint{}}
	id := metric.NewID(*in.Namespace, *in.MetricName, dimensions(in.Dimensions)...)
	return out, a.source(ctx, c, func(now time.Time, src expr.Source) error {
		out.Datapoints = []types.Datapoint{}
		w := a.tiers().frame(now, *in.StartTime, *in.EndTime, period)
		for _, unit := range src.Units(id, w.from, w.from.Add(time.Duration(w.periods)*period)) {
			if in.Unit == "" || string(in.Unit) == unit {
				out.Datapoints = append(out.Datapoints, datapoints(src, id, w, unit, stats)...)
			}
		}
		return nil
	})
}

func statistics(in *sdk.GetMetricStatisticsInput) ([]metric.Statistic, error) {
	if len(in.Statistics) == 0 && len(in.ExtendedStatistics) == 0 {
		return nil, invalidCombination("At least one of the parameters Statistics and ExtendedStatistics must be specified.")
	}
	var out []metric.Statistic
	for _, name := range in.Statistics {
		s, err := metric.ParseStatistic(string(name))
		if err != nil {
			return nil, invalidValue("%s", err)
		}
		out = append(out, s)
	}
	for i, name := range in.ExtendedStatistics { // both kinds may be requested: recorded
		s, err := metric.ParseStatistic(name)
		if err != nil || s.Kind < metric.Percentile {
			return nil, invalidValue("The value %s for parameter ExtendedStatistics.member.%d.<list element> is not supported.", name, i+1) // recorded
		}
		out = append(out, s)
	}
	return out, nil
}

// checkPeriodOf checks a period; its texts are those of GetMetricData. AWS: recorded.
func checkPeriodOf(seconds int) error {
	switch {
	case seconds < 60 && !slices.Contains([]int{1, 5, 10, 20, 30}, seconds):
		return invalidValue("The parameter Period must be a value in the set [1, 5, 10, 20, 30].")
	case seconds >= 60 && seconds%60 != 0:
		return invalidValue("The parameter Period must be a multiple of 60.")
	default:
		return nil
	}
}

// datapoints reads several statistics of the same periods.
func datapoints(src expr.Source, id metric.ID, w window, unit string, stats []metric.Statistic) []types.Datapoint {
	var out []types.Datapoint
	columns := make([][]metric.Datapoint, len(stats))
	for i, stat := range stats {
		q := metric.Query{Statistic: stat, Unit: unit, Period: w.period, From: w.from, Periods: w.periods}
		columns[i] = src.Datapoints(id, q, make([]metric.Datapoint, 0, w.periods))
	}
	counts := metric.Query{Statistic: metric.Statistic{Kind: metric.SampleCount}, Unit: unit, Period: w.period, From: w.from, Periods: w.periods}
	samples := src.Datapoints(id, counts, make([]metric.Datapoint, 0, w.periods))
	for row := range w.periods {
		var d types.Datapoint
		for i, stat := range stats {
			p := columns[i][row]
			if stat.Kind == metric.Average && !samples[row].Missing && samples[row].Value == 0 {
				p.Missing, p.Start, p.Value = false, samples[row].Start, math.NaN() // only values with counts of 0. AWS: recorded
			}
			if !p.Missing {
				d.Timestamp, d.Unit = aws.Time(p.Start), types.StandardUnit(unit)
				set(&d, stat, p.Value)
			}
		}
		if d.Timestamp != nil {
			out = append(out, d)
		}
	}
	return out
}

func set(d *types.Datapoint, s metric.Statistic, v float64) {
	switch s.Kind {
	case metric.SampleCount:
		d.SampleCount = &v
	case metric.Sum:
		d.Sum = &v
	case metric.Average:
		d.Average = &v
	case metric.Minimum:
		d.Minimum = &v
	case metric.Maximum:
		d.Maximum = &v
	default:
		if d.ExtendedStatistics == nil {
			d.ExtendedStatistics = map[string]float64{}
		}
		d.ExtendedStatistics[s.String()] = v
	}
}
