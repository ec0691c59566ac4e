package alarm

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/plural"
)

// Created is the reason of a new alarm's state.
const Created = "Unchecked: Initial alarm creation"

// Reason returns CloudWatch's text for a verdict, newest datapoint first.
func (r *Rule) Reason(v Verdict) string {
	if v.State == InsufficientData {
		return "Insufficient Data: " + plural.Of(r.Periods, "datapoint was unknown", "datapoints were unknown") + "."
	}
	listed := r.crossed(v)
	if len(listed) == 0 {
		return fmt.Sprintf("Threshold Crossed: no datapoints were received for %s and %s.", plural.Of(r.Periods, "period", "periods"), r.filled(v))
	}
	var b strings.Builder
	b.WriteString("Threshold Crossed: ")
	if r.DatapointsToM > 0 { // the plural is fixed: "1 out of the last 1 datapoints"
		fmt.Fprintf(&b, "%d out of the last %d datapoints", len(listed), r.Periods)
	} else {
		b.WriteString(plural.Of(len(listed), "datapoint", "datapoints"))
	}
	if len(listed) < manyDatapoints {
		b.WriteString(" " + values(listed))
	}
	fmt.Fprintf(&b, " %s%s %s the threshold (%s)", was(len(listed)), negation(v.State), r.Comparison.phrase(), JavaDouble(r.Threshold))
	if v.Filled > 0 {
		b.WriteString(" and " + r.filled(v))
	}
	if len(listed) >= manyDatapoints {
		b.WriteString(". The most recent datapoints which crossed the threshold: " + values(listed[:manyDatapoints]))
	}
	b.WriteString(r.minimum(v.State))
	b.WriteString(".")
	return b.String()
}

// manyDatapoints is from how many datapoints on a reason lists them in a sentence of their own, and how many it lists. AWS: recorded.
const manyDatapoints = 5

// values renders datapoints as in a reason.
func values(points []metric.Datapoint) string {
	out := make([]string, len(points))
	for i, p := range points {
		out[i] = fmt.Sprintf("%s (%s)", JavaDouble(p.Value), p.Start.UTC().Format("02/01/06 15:04:05"))
	}
	return "[" + strings.Join(out, ", ") + "]"
}

// crossed returns the datapoints that a reason names: those of the newest N real ones that speak for the state. AWS: recorded.
func (r *Rule) crossed(v Verdict) []metric.Datapoint {
	var out []metric.Datapoint
	for _, p := range v.Real {
		if r.Comparison.Breaches(p.Value, r.Threshold) == (v.State == InAlarm) {
			out = append(out, p)
		}
	}
	return out
}

// needed returns how many datapoints make a state: M for ALARM, and N-M+1 for OK.
func (r *Rule) needed(s State) int {
	if s == OK {
		return r.Periods - r.toAlarm() + 1
	}
	return r.toAlarm()
}

func (r *Rule) filled(v Verdict) string {
	how := "NonBreaching"
	if r.Missing == Breaching {
		how = "Breaching"
	}
	return plural.Of(v.Filled, "missing datapoint was treated as", "missing datapoints were treated as") + " [" + how + "]"
}

func (r *Rule) minimum(to State) string {
	if r.DatapointsToM == 0 {
		return ""
	}
	way := "ALARM -> OK"
	if to == InAlarm {
		way = "OK -> ALARM"
	}
	return fmt.Sprintf(" (minimum %s for %s transition)", plural.Of(r.needed(to), "datapoint", "datapoints"), way)
}

func was(n int) string {
	if n == 1 {
		return "was"
	}
	return "were"
}

func negation(s State) string {
	if s == InAlarm {
		return ""
	}
	return " not"
}

// JavaDouble prints a number as Java's Double.toString does, which CloudWatch's texts use: 100.0, 1.0E7, 5.0E-4.
func JavaDouble(v float64) string {
	switch a := math.Abs(v); {
	case math.IsNaN(v):
		return "NaN"
	case math.IsInf(v, 1):
		return "Infinity"
	case math.IsInf(v, -1):
		return "-Infinity"
	case a != 0 && (a < 1e-3 || a >= 1e7):
		mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(v, 'E', -1, 64), "E")
		power, err := strconv.Atoi(exponent)
		if err != nil {
			panic("alarm: a float's exponent is no number: " + exponent)
		}
		return withPoint(mantissa) + "E" + strconv.Itoa(power)
	default:
		return withPoint(strconv.FormatFloat(v, 'f', -1, 64))
	}
}

func withPoint(s string) string {
	if strings.Contains(s, ".") {
		return s
	}
	return s + ".0"
}
