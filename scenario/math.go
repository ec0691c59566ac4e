package scenario

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/metric/expr"
)

// mathematics prints the value of an expression for metrics' datapoints, one per minute, _ for none: "IF(m1,m2,5)" m1=1,1,0,_ m2=30,_,0,0.
func (r *runner) mathematics(c *command) error {
	text, err := c.argument(1)
	if err != nil {
		return err
	}
	period, err := c.duration("period", time.Minute)
	if err != nil || period < time.Minute {
		return fmt.Errorf("math: period is not a duration of a minute or more")
	}
	window, longest, queries := metric.NewWindow(runMax), 0, []metric.DataQuery(nil)
	for _, id := range slices.Sorted(maps.Keys(c.pairs)) {
		if id == "period" {
			continue
		}
		list, _ := c.pair(id)
		values, err := series(strings.Split(list, ","))
		if err != nil {
			return err
		}
		known := metric.NewID("Math", id)
		for i, v := range values {
			if v == "_" {
				continue
			}
			x, err := strconv.ParseFloat(v, 64)
			if err != nil {
				return err
			}
			d := metric.Datum{ID: known, At: r.start.Add(time.Duration(i) * period), Resolution: metric.StandardResolution, Unit: "None"}
			d.Summary.Add(x, 1)
			window.Record(&d)
		}
		longest = max(longest, len(values))
		queries = append(queries, metric.DataQuery{
			ID: id, Hidden: true, Stat: &metric.MetricStat{Metric: known, Statistic: metric.Statistic{Kind: metric.Average}, Period: period},
		})
	}
	program, err := expr.Compile(append(queries, metric.DataQuery{ID: "e1", Expression: text}))
	if err != nil {
		r.lines = append(r.lines, fmt.Sprintf("%s: refused: %v", text, err))
		return nil
	}
	results, err := program.Eval(window, expr.Options{From: r.start, Until: r.start.Add(time.Duration(longest) * period)}, &expr.Scratch{})
	if err != nil {
		return err
	}
	for _, x := range results {
		r.lines = append(r.lines, text+" = "+datapoints(x.Values))
	}
	return nil
}

func datapoints(values []float64) string {
	var out []string
	for _, v := range values {
		if math.IsNaN(v) {
			out = append(out, "_")
			continue
		}
		out = append(out, strconv.FormatFloat(v, 'g', 6, 64))
	}
	return strings.Join(out, " ")
}
