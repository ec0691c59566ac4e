package tracking

import (
	"slices"
	"strings"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/scaling"
)

// Limits of a customized metric that is computed. AWS: user guide, target tracking with metric math; CloudWatch's of an alarm.
const (
	mathBytesMax = 50 << 10
	mathEachMax  = 10 // metrics, and expressions
)

// mathPeriod is that of every metric and expression: Application Auto Scaling's queries name none (AWS: recorded). Those of groups may.
const mathPeriod = time.Minute

const invalidSpecification = "The customized metric specification is not valid."

// checkQueries checks a metric that is computed: what its alarms will watch is one time series.
func (s *CustomizedSpec) checkQueries() error {
	size, metrics := 0, 0
	for _, q := range s.Queries {
		size += len(q.ID) + len(q.Expression) + len(q.Label)
		switch {
		case !validQueryID(q.ID):
			return scaling.Invalid("%s The Id '%s' must begin with a small letter and have letters, digits and _ only.", invalidSpecification, q.ID)
		case (q.Stat == nil) == (q.Expression == ""):
			return scaling.Invalid("%s The query %s must have exactly one of MetricStat and Expression.", invalidSpecification, q.ID)
		case q.Stat == nil:
			continue
		}
		metrics++
		size += len(q.Stat.Namespace) + len(q.Stat.Name) + len(q.Stat.Statistic) + len(q.Stat.Unit)
		for _, d := range q.Stat.Dimensions {
			size += len(d.Name) + len(d.Value)
		}
		if _, err := metric.ParseStatistic(q.Stat.Statistic); err != nil || q.Stat.Namespace == "" || q.Stat.Name == "" {
			return scaling.Invalid("%s The query %s must have a Metric with Namespace and MetricName, and a valid Stat.", invalidSpecification, q.ID)
		}
	}
	switch {
	case size > mathBytesMax:
		return scaling.Invalid("%s Its size must not be larger than 50 KB.", invalidSpecification)
	case metrics > mathEachMax || len(s.Queries)-metrics > mathEachMax:
		return scaling.Invalid("%s It can have at most %d metrics and %d expressions.", invalidSpecification, mathEachMax, mathEachMax)
	}
	if _, _, err := alarm.Expects(s.dataQueries(mathPeriod)); err != nil {
		return scaling.Invalid("%s %s", invalidSpecification, err)
	}
	return nil
}

func validQueryID(id string) bool {
	for i, c := range []byte(id) {
		letter := 'a' <= c && c <= 'z' || i > 0 && ('A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_')
		if !letter {
			return false
		}
	}
	return id != ""
}

// dataQueries are the queries as an alarm watches them, with one period for all.
func (s *CustomizedSpec) dataQueries(period time.Duration) []metric.DataQuery {
	out := make([]metric.DataQuery, len(s.Queries))
	for i, q := range s.Queries {
		out[i] = metric.DataQuery{ID: q.ID, Label: q.Label, Expression: q.Expression, Hidden: !scaling.Or(q.ReturnData, true)}
		if q.Stat == nil {
			out[i].Period = period
			continue
		}
		statistic, err := metric.ParseStatistic(q.Stat.Statistic)
		if err != nil {
			panic("scaling: a statistic that was checked is none: " + err.Error())
		}
		var dimensions []metric.Dimension
		for _, d := range q.Stat.Dimensions {
			dimensions = append(dimensions, metric.Dimension{Name: d.Name, Value: d.Value})
		}
		out[i].Stat = &metric.MetricStat{
			Metric: metric.NewID(q.Stat.Namespace, q.Stat.Name, dimensions...), Statistic: statistic, Unit: q.Stat.Unit, Period: period,
		}
	}
	return out
}

// identity is what two policies of one target may not share. A list of one metric is that metric; the order of a list, its labels and
// its units do not make another one. (AWS: recorded.)
func (s *CustomizedSpec) identity() string {
	if len(s.Queries) == 0 {
		return metricIdentity(s.Namespace, s.Name, s.Statistic.String(), s.Dimensions)
	}
	if q := s.Queries[0]; len(s.Queries) == 1 && q.Stat != nil {
		return metricIdentity(q.Stat.Namespace, q.Stat.Name, q.Stat.Statistic, q.Stat.Dimensions)
	}
	parts := make([]string, len(s.Queries))
	for i, q := range s.Queries {
		returned := "hidden"
		if scaling.Or(q.ReturnData, true) {
			returned = "returned"
		}
		parts[i] = strings.Join([]string{q.ID, returned, q.Expression}, "\x00")
		if q.Stat != nil {
			parts[i] += "\x00" + metricIdentity(q.Stat.Namespace, q.Stat.Name, q.Stat.Statistic, q.Stat.Dimensions)
		}
	}
	slices.Sort(parts)
	return strings.Join(parts, "\x01")
}

func metricIdentity(namespace, name, statistic string, dimensions []metric.Dimension) string {
	parts := []string{namespace, name, statistic}
	for _, d := range sortedDimensions(dimensions) {
		parts = append(parts, d.Name, d.Value)
	}
	return strings.Join(parts, "\x00")
}
