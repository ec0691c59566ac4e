package alarm

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"bellows.dev/bellows/metric"
)

// Data is what a scaling policy needs of StateReasonData: when the alarm was evaluated, and on what.
type Data struct {
	QueryDate  time.Time
	Datapoints []float64 // recentDatapoints without gaps, oldest first
}

// FreshFor is how old the query date of a state may be for a scaling policy to act on it. AWS: recorded: 5.7 s old was taken,
// 15.6 s refused.
const FreshFor = 10 * time.Second

// Unsafe is the text of alarm history for a scaling action that did not run as its data is missing or old. AWS: recorded.
const Unsafe = "Skipping autoscaling action: Scaling deemed unsafe: Error parsing monitor data for ALARM: Monitor data may be null, " +
	"have an outdated query timestamp, or contain parsing errors"

// dateForm is the layout of times in StateReasonData.
const dateForm = "2006-01-02T15:04:05.000-0700"

// ReasonData renders the facts of a verdict as CloudWatch's StateReasonData, a JSON text. slots is the evaluation range, newest
// first. There are no unit, statistic and counts for an alarm on an expression. AWS: recorded.
func (r *Rule) ReasonData(now time.Time, v Verdict, slots []metric.Datapoint) string {
	o := object{}
	o.text("version", "1.0")
	o.text("queryDate", now.UTC().Format(dateForm))
	if len(v.Real) > 0 {
		o.text("startDate", v.Real[len(v.Real)-1].Start.UTC().Format(dateForm))
	}
	if r.Unit != "" {
		o.text("unit", r.Unit)
	}
	if r.Scalar() {
		o.text("statistic", r.Statistic.String())
	}
	o.raw("period", strconv.Itoa(int(r.Period/time.Second)))
	o.raw("recentDatapoints", r.recent(v))
	o.raw("threshold", JavaDouble(r.Threshold))
	o.raw("evaluatedDatapoints", r.evaluated(v, slots))
	return o.String()
}

// recent lists the values from the oldest real period to the newest, null where one is missing.
func (r *Rule) recent(v Verdict) string {
	var out []string
	for i := len(v.Real) - 1; i >= 0; i-- {
		if i < len(v.Real)-1 {
			for gap := v.Real[i+1].Start.Add(r.Period); gap.Before(v.Real[i].Start); gap = gap.Add(r.Period) {
				out = append(out, "null")
			}
		}
		out = append(out, JavaDouble(v.Real[i].Value))
	}
	return "[" + strings.Join(out, ",") + "]"
}

// evaluated lists the datapoints that make the state, as many as it needs, supplemented by the newest missing ones; newest first. AWS:
// recorded.
func (r *Rule) evaluated(v Verdict, slots []metric.Datapoint) string {
	want := r.needed(v.State)
	points := r.crossed(v)
	points = points[:min(len(points), want)]
	for _, p := range slots {
		if p.Missing && len(points) < want {
			points = append(points, p)
		}
	}
	slices.SortStableFunc(points, func(a, b metric.Datapoint) int { return b.Start.Compare(a.Start) })
	out := make([]string, len(points))
	for i, p := range points {
		o := object{}
		o.text("timestamp", p.Start.UTC().Format(dateForm))
		if !p.Missing {
			if r.Scalar() {
				o.raw("sampleCount", JavaDouble(p.Count))
			}
			o.raw("value", JavaDouble(p.Value))
		}
		out[i] = o.String()
	}
	return "[" + strings.Join(out, ",") + "]"
}

// object builds a JSON object. Its texts are names, units and dates, in which nothing needs escaping.
type object struct{ b strings.Builder }

func (o *object) raw(name, value string) {
	if o.b.Len() > 0 {
		o.b.WriteByte(',')
	}
	o.b.WriteString(`"` + name + `":` + value)
}

func (o *object) text(name, value string) { o.raw(name, `"`+value+`"`) }

func (o *object) String() string { return "{" + o.b.String() + "}" }
