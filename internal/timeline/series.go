package timeline

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/metric/expr"
)

// fineFor is how long datapoints of less than a minute are kept. AWS: CloudWatch user guide, concepts: three hours.
const fineFor = 3 * time.Hour

// Series is a metric over the range, evenly spaced.
type Series struct {
	ID     string  `json:"id"` // unique in the timeline
	Label  string  `json:"label"`
	Unit   string  `json:"unit"`             // such as "invocations / min"; "" where it has none
	Target float64 `json:"target,omitempty"` // of the target tracking policy that tracks it
	From   int64   `json:"from"`             // Unix seconds, of the first value
	Step   int64   `json:"step"`             // seconds between values

	// Values are the means of Periods datapoints each, null where there is none; Highs the largest of them, absent where Periods is 1.
	Values  []Value `json:"values"`
	Highs   []Value `json:"highs,omitempty"`
	Periods int     `json:"periods"`
}

// Value is a number; NaN is null in JSON.
type Value float64

// MarshalJSON implements json.Marshaler. Values have at most seven significant digits.
func (v Value) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
		return []byte("null"), nil
	}
	return strconv.AppendFloat(nil, float64(v), 'g', 7, 64), nil
}

// lane is a series to be read.
type lane struct {
	to     *[]Series
	series Series
	list   []metric.DataQuery // one is not hidden
	period time.Duration
	scale  float64
	alarms []string
}

// series reads all series.
func (b *builder) series(ctx context.Context, s Sources) error {
	for _, l := range b.lanes() {
		if err := b.load(ctx, s, l); err != nil {
			return err
		}
	}
	return nil
}

// lanes lists what is read: what the alarms watch, each metric once, then what every variant has.
func (b *builder) lanes() []*lane {
	var out []*lane
	byKey := map[string]*lane{}
	for i := range b.watched {
		w := &b.watched[i]
		if w.rule.PromQL != nil {
			continue
		}
		key := keyOf(&w.rule)
		l := byKey[key]
		if l == nil {
			l = b.laneOf(&w.rule, len(out))
			byKey[key] = l
			out = append(out, l)
		}
		l.alarms = append(l.alarms, w.name)
		if b.owned(w.name) && w.rule.Comparison.High() {
			l.series.Target = w.rule.Threshold
		}
	}
	minute := func(to *[]Series, id, label, unit, name string, st metric.Statistic, scale float64) {
		l := &lane{to: to, series: Series{ID: id, Label: label, Unit: unit}, period: time.Minute, scale: scale}
		l.list = []metric.DataQuery{{ID: "m", Stat: &metric.MetricStat{Metric: engine.InvocationMetric(name, b.q.Endpoint, b.q.Variant), Statistic: st, Period: time.Minute}}}
		out = append(out, l)
	}
	sum, per := metric.Statistic{Kind: metric.Sum}, func(p float64) metric.Statistic { return metric.Statistic{Kind: metric.Percentile, Rank: p} }
	minute(&b.t.Loads, "invocations", "Invocations", "/ min", "Invocations", sum, 1)
	for _, p := range []float64{50, 95, 99} {
		minute(&b.t.Latency, fmt.Sprintf("p%g", p), fmt.Sprintf("p%g", p), "ms", "ModelLatency", per(p), 1e-3)
	}
	minute(&b.t.Errors, "4xx", "4XX", "/ min", "Invocation4XXErrors", sum, 1)
	minute(&b.t.Errors, "5xx", "5XX", "/ min", "Invocation5XXErrors", sum, 1)
	return out
}

// keyOf is equal for alarms that watch the same thing.
func keyOf(r *alarm.Rule) string {
	if r.Scalar() {
		return r.Metric.Key() + " " + r.Statistic.String() + " " + r.Unit + " " + r.Period.String()
	}
	key := ""
	for _, q := range r.Metrics {
		key += "|" + q.ID + " " + q.Expression
		if q.Stat != nil {
			key += " " + q.Stat.Metric.Key() + " " + q.Stat.Statistic.String()
		}
	}
	return key
}

// laneOf returns the lane of what an alarm watches.
func (b *builder) laneOf(r *alarm.Rule, n int) *lane {
	l := &lane{to: &b.t.Loads, series: Series{ID: "load" + strconv.Itoa(n)}, period: r.Period, scale: 1}
	if l.period < time.Minute && b.q.From.Before(b.t.Now.Add(-fineFor+time.Minute)) {
		l.period = time.Minute
	}
	if r.Scalar() {
		l.series.Label = r.Metric.Name + " " + r.Statistic.String()
		l.list = []metric.DataQuery{{ID: "m", Stat: &metric.MetricStat{Metric: r.Metric, Statistic: r.Statistic, Unit: r.Unit, Period: l.period}}}
		if r.Statistic.Kind == metric.Sum {
			l.series.Unit = "/ " + period(l.period)
		}
		return l
	}
	l.list = slices.Clone(r.Metrics)
	for i := range l.list {
		q := &l.list[i]
		if q.Stat != nil && q.Stat.Period < l.period {
			stat := *q.Stat
			stat.Period = l.period
			q.Stat = &stat
		}
		if !q.Hidden {
			l.series.Label = q.Expression
			if q.Label != "" {
				l.series.Label = q.Label
			}
		}
	}
	return l
}

// load reads one lane. One that cannot be evaluated stays out.
func (b *builder) load(ctx context.Context, s Sources, l *lane) error {
	program, err := expr.Compile(l.list)
	if err != nil {
		return nil //nolint:nilerr // an alarm of an earlier version; the lane is missing
	}
	until := b.q.To
	if until.After(b.t.Now) {
		until = b.t.Now
	}
	from := metric.Align(b.q.From, l.period)
	var scratch expr.Scratch
	o := expr.Options{From: from, Until: until, Now: b.t.Now, Account: b.q.Scope.Account, More: func() bool { return ctx.Err() == nil }}
	if err := s.Metrics(ctx, b.q.Scope, func(_ time.Time, src expr.Source) { program.Read(src, o, &scratch) }); err != nil {
		return err
	}
	results, err := scratch.Results()
	if much := (*expr.TooMuchError)(nil); errors.As(err, &much) {
		return nil
	} else if err != nil {
		return err
	}
	x := l.series
	x.From, x.Step, x.Periods, x.Values = from.Unix(), int64(l.period/time.Second), 1, []Value{}
	for i := range results {
		if r := &results[i]; !l.list[r.Query].Hidden {
			x.fill(r, l, b.q.Points, until)
			break
		}
	}
	*l.to = append(*l.to, x)
	for i := range b.t.Alarms {
		if slices.Contains(l.alarms, b.t.Alarms[i].Name) {
			b.t.Alarms[i].Load = x.ID
		}
	}
	return nil
}

// fill sets the values from a result, at most so many points. A period that is not over is left out: its value would be too low.
func (x *Series) fill(r *expr.Result, l *lane, points int, until time.Time) {
	values := r.Values
	if n := len(values); n > 0 && r.At(n-1).Add(r.Period).After(until) {
		values = values[:n-1]
	}
	x.From, x.Step = r.From.Unix(), int64(r.Period/time.Second)
	k := max(1, (len(values)+points-1)/points)
	x.Periods, x.Step = k, x.Step*int64(k)
	for chunk := range slices.Chunk(values, k) {
		mean, high := summary(chunk)
		x.Values = append(x.Values, Value(mean*l.scale))
		if k > 1 {
			x.Highs = append(x.Highs, Value(high*l.scale))
		}
	}
}

// summary returns the mean and the largest of the values that are known; NaN where none is.
func summary(values []float64) (mean, high float64) {
	sum, n := 0.0, 0
	high = math.NaN()
	for _, v := range values {
		if math.IsNaN(v) {
			continue
		}
		sum, n = sum+v, n+1
		if math.IsNaN(high) || v > high {
			high = v
		}
	}
	return sum / float64(n), high // 0/0 is NaN
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// period words a period.
func period(d time.Duration) string {
	switch {
	case d%time.Hour == 0:
		return number(d.Hours()) + " h"
	case d%time.Minute == 0 && d > time.Minute:
		return number(d.Minutes()) + " min"
	case d == time.Minute:
		return "min"
	default:
		return number(d.Seconds()) + " s"
	}
}
