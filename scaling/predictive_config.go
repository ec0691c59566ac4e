package scaling

import (
	"slices"
	"strings"
	"time"

	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/metric/expr"
)

// AWS: PredictiveScalingPolicyConfiguration.
const (
	bufferMost    = time.Hour
	maxBufferMost = 100
)

// mergePredictive checks a predictive scaling configuration and completes it; an absent one keeps the stored one.
func (t *Target) mergePredictive(stored, in *PredictiveConfig) (*PredictiveConfig, error) {
	if in == nil && stored == nil {
		return nil, invalid("You must specify PredictiveScalingConfiguration.")
	}
	if in == nil {
		return stored, nil
	}
	if err := in.check(t.Key.Dimension); err != nil {
		return nil, err
	}
	next := *in
	if next.Mode == 0 {
		next.Mode = ForecastOnly
	}
	if next.Breach == 0 {
		next.Breach = HonorMaxCapacity
	}
	buffer := next.buffer()
	next.Buffer = &buffer
	return &next, nil
}

// check refuses what AWS refuses. The text about the number of specifications is recorded, the others are worded like it.
func (c *PredictiveConfig) check(d Dimension) error {
	if len(c.Specs) != 1 {
		return invalid("You must specify one metric specification.")
	}
	if d != VariantInstances {
		return invalid("Predictive scaling is not supported for scalable dimension %s", d)
	}
	if c.Buffer != nil && (*c.Buffer < 0 || *c.Buffer > bufferMost) {
		return invalid("Scheduling buffer time must be between 0 and 3600 seconds")
	}
	switch {
	case c.Breach == IncreaseMaxCapacity && c.MaxBuffer == nil:
		return invalid("MaxCapacityBuffer must be specified when MaxCapacityBreachBehavior is IncreaseMaxCapacity")
	case c.Breach != IncreaseMaxCapacity && c.MaxBuffer != nil:
		return invalid("MaxCapacityBuffer can only be specified when MaxCapacityBreachBehavior is IncreaseMaxCapacity")
	case c.MaxBuffer != nil && (*c.MaxBuffer < 0 || *c.MaxBuffer > maxBufferMost):
		return invalid("MaxCapacityBuffer must be between 0 and 100")
	}
	return c.Specs[0].check()
}

func (s *PredictiveSpec) check() error {
	if !(s.TargetValue >= targetValueMin && s.TargetValue <= targetValueMax) {
		return invalid("For predictive scaling, target value must be between '8.51592E-109' and '1.174271E108', but was '%s'.",
			javaDouble(s.TargetValue))
	}
	if err := s.checkChoice(); err != nil {
		return err
	}
	for _, m := range []struct {
		metric  *PredictiveMetric
		fitting []string
		what    string
	}{
		{s.Pair, []string{PairInvocations, PairCPU}, "metric pairs"},
		{s.Scaling, []string{ScalingInvocations, ScalingCPU}, "scaling metrics"},
		{s.Load, []string{LoadInvocations, LoadCPU}, "load metrics"},
	} {
		switch {
		case m.metric == nil:
		case !slices.Contains(m.fitting, m.metric.Type):
			return invalid("Scalable dimension %s only supports the following predefined %s: %s", VariantInstances, m.what, strings.Join(m.fitting, ", "))
		case m.metric.ResourceLabel != "":
			return invalid("Resource label cannot be specified for predefined metric type %s", m.metric.Type)
		}
	}
	for _, q := range []struct {
		queries []metric.DataQuery
		member  string
	}{
		{s.CustomScaling, "CustomizedScalingMetricSpecification"},
		{s.CustomLoad, "CustomizedLoadMetricSpecification"},
		{s.CustomCapacity, "CustomizedCapacityMetricSpecification"},
	} {
		if err := checkQueries(q.queries, q.member); err != nil {
			return err
		}
	}
	return nil
}

// checkChoice checks that there is a pair alone, or one scaling and one load metric; a capacity metric belongs to the latter.
// AWS: PredictiveScalingMetricSpecification.
func (s *PredictiveSpec) checkChoice() error {
	scaling, load := count(s.Scaling != nil, len(s.CustomScaling) > 0), count(s.Load != nil, len(s.CustomLoad) > 0)
	switch {
	case s.Pair != nil && (scaling > 0 || load > 0 || len(s.CustomCapacity) > 0):
		return invalid("A predefined metric pair cannot be combined with other metric specifications.")
	case s.Pair == nil && (scaling != 1 || load != 1):
		return invalid("You must specify either a predefined metric pair, or one scaling metric and one load metric.")
	case len(s.CustomCapacity) > 0 && s.exact():
		return invalid("A capacity metric cannot be combined with predefined metrics that need none.")
	}
	return nil
}

func count(all ...bool) (n int) {
	for _, x := range all {
		if x {
			n++
		}
	}
	return n
}

// checkQueries checks the queries of a customized metric: that they can be evaluated, and that one of them returns data.
func checkQueries(queries []metric.DataQuery, member string) error {
	if len(queries) == 0 {
		return nil
	}
	if len(queries) > 2*mathEachMax {
		return invalid("%s can have at most %d MetricDataQueries.", member, 2*mathEachMax)
	}
	returned := 0
	for i := range queries {
		q := &queries[i]
		if !q.Hidden {
			returned++
		}
		if (q.Stat == nil) == (q.Expression == "") {
			return invalid("%s: MetricDataQuery %s must have either a MetricStat or an Expression.", member, q.ID)
		}
	}
	if returned != 1 {
		return invalid("%s must have exactly one MetricDataQuery that returns data.", member)
	}
	if _, err := expr.Compile(withPeriod(queries, scalingPeriod)); err != nil {
		return invalid("The customized metric specification is not valid: %s", err)
	}
	return nil
}

// sameMetrics reports whether two configurations foretell the same load by the same metrics.
func (c *PredictiveConfig) sameMetrics(o *PredictiveConfig) bool {
	a, b := &c.Specs[0], &o.Specs[0]
	return or(a.Pair, PredictiveMetric{}) == or(b.Pair, PredictiveMetric{}) &&
		or(a.Scaling, PredictiveMetric{}) == or(b.Scaling, PredictiveMetric{}) && or(a.Load, PredictiveMetric{}) == or(b.Load, PredictiveMetric{}) &&
		slices.EqualFunc(a.CustomScaling, b.CustomScaling, sameQuery) && slices.EqualFunc(a.CustomLoad, b.CustomLoad, sameQuery) &&
		slices.EqualFunc(a.CustomCapacity, b.CustomCapacity, sameQuery)
}

func sameQuery(a, b metric.DataQuery) bool {
	if a.ID != b.ID || a.Expression != b.Expression || a.Hidden != b.Hidden || (a.Stat == nil) != (b.Stat == nil) {
		return false
	}
	return a.Stat == nil ||
		a.Stat.Metric.Key() == b.Stat.Metric.Key() && a.Stat.Statistic == b.Stat.Statistic && a.Stat.Unit == b.Stat.Unit
}
