package predictive

import (
	"slices"
	"strings"
	"time"

	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/metric/expr"
	"bellows.dev/bellows/scaling"
)

// AWS: PredictiveScalingPolicyConfiguration.
const (
	bufferMost    = time.Hour
	maxBufferMost = 100
	queriesMost   = 20 // of one metric. AWS: user guide, target tracking with metric math: ten metrics and ten expressions
)

// Put implements scaling.Type. An absent configuration keeps the stored one, and what it expects. A changed one makes a new forecast due:
// other metrics make the one that is there worthless, another target value scales it.
func (Type) Put(p scaling.Put) (scaling.Rule, error) {
	in, _ := p.Config.(*Config)
	var stored *Rule
	if p.Stored != nil {
		stored = p.Stored.(*Rule)
	}
	switch {
	case in == nil && stored != nil:
		return stored, nil
	case in == nil:
		return nil, scaling.Invalid("You must specify PredictiveScalingConfiguration.")
	}
	if err := in.check(p.Key.Dimension, p.Metrics); err != nil {
		return nil, err
	}
	r := &Rule{Settings: in.completed(), Outlook: &Outlook{Due: p.Now}}
	if stored == nil {
		return r, nil
	}
	if r.Settings.sameMetrics(stored.Settings) {
		o := *stored.Outlook
		o.Due, o.Hours = p.Now, slices.Clone(o.Hours)
		r.Outlook = &o
	}
	r.rescale(p.Now)
	r.Outlook.Lead = r.nextLead(p.Now)
	return r, nil
}

// completed returns the configuration with what the client left out at its defaults.
func (c *Config) completed() *Config {
	next := *c
	if next.Mode == 0 {
		next.Mode = ForecastOnly
	}
	if next.Breach == 0 {
		next.Breach = HonorMaxCapacity
	}
	buffer := next.buffer()
	next.Buffer = &buffer
	return &next
}

// check refuses what AWS refuses. The text about the number of specifications is recorded, the others are worded like it.
func (c *Config) check(name scaling.Dimension, m scaling.Metrics) error {
	if len(c.Specs) != 1 {
		return scaling.Invalid("You must specify one metric specification.")
	}
	d, ok := m.(scaling.Forecastable)
	if !ok {
		return scaling.Invalid("Predictive scaling is not supported for scalable dimension %s", name)
	}
	if c.Buffer != nil && (*c.Buffer < 0 || *c.Buffer > bufferMost) {
		return scaling.Invalid("Scheduling buffer time must be between 0 and 3600 seconds")
	}
	switch {
	case c.Mode < 0 || c.Mode > ForecastAndScale:
		return scaling.Invalid("Mode is not valid")
	case c.Breach < 0 || c.Breach > IncreaseMaxCapacity:
		return scaling.Invalid("MaxCapacityBreachBehavior is not valid")
	case c.Breach == IncreaseMaxCapacity && c.MaxBuffer == nil:
		return scaling.Invalid("MaxCapacityBuffer must be specified when MaxCapacityBreachBehavior is IncreaseMaxCapacity")
	case c.Breach != IncreaseMaxCapacity && c.MaxBuffer != nil:
		return scaling.Invalid("MaxCapacityBuffer can only be specified when MaxCapacityBreachBehavior is IncreaseMaxCapacity")
	case c.MaxBuffer != nil && (*c.MaxBuffer < 0 || *c.MaxBuffer > maxBufferMost):
		return scaling.Invalid("MaxCapacityBuffer must be between 0 and 100")
	}
	return c.Specs[0].check(name, d)
}

func (s *Spec) check(name scaling.Dimension, d scaling.Forecastable) error {
	if err := scaling.CheckTargetValue("predictive scaling", s.TargetValue); err != nil {
		return err
	}
	if err := s.checkChoice(d); err != nil {
		return err
	}
	var pairs, scalings, loads []string
	for _, x := range d.Pairs() {
		pairs, scalings, loads = append(pairs, x.Name), append(scalings, x.Scaling.Name), append(loads, x.Load.Name)
	}
	for _, m := range []struct {
		metric  *Metric
		fitting []string
		what    string
	}{
		{s.Pair, pairs, "metric pairs"},
		{s.Scaling, scalings, "scaling metrics"},
		{s.Load, loads, "load metrics"},
	} {
		switch {
		case m.metric == nil:
		case !slices.Contains(m.fitting, m.metric.Type):
			return scaling.Invalid("Scalable dimension %s only supports the following predefined %s: %s", name, m.what, strings.Join(m.fitting, ", "))
		case m.metric.ResourceLabel != "":
			return scaling.Invalid("Resource label cannot be specified for predefined metric type %s", m.metric.Type)
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
func (s *Spec) checkChoice(d scaling.Forecastable) error {
	scalings, loads := count(s.Scaling != nil, len(s.CustomScaling) > 0), count(s.Load != nil, len(s.CustomLoad) > 0)
	switch {
	case s.Pair != nil && (scalings > 0 || loads > 0 || len(s.CustomCapacity) > 0):
		return scaling.Invalid("A predefined metric pair cannot be combined with other metric specifications.")
	case s.Pair == nil && (scalings != 1 || loads != 1):
		return scaling.Invalid("You must specify either a predefined metric pair, or one scaling metric and one load metric.")
	case len(s.CustomCapacity) > 0 && s.exact(d):
		return scaling.Invalid("A capacity metric cannot be combined with predefined metrics that need none.")
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
	if len(queries) > queriesMost {
		return scaling.Invalid("%s can have at most %d MetricDataQueries.", member, queriesMost)
	}
	returned := 0
	for i := range queries {
		q := &queries[i]
		if !q.Hidden {
			returned++
		}
		if q.Stat != nil && !q.Stat.Statistic.Valid() {
			return scaling.Invalid("%s: the Stat of MetricDataQuery %s is not valid.", member, q.ID)
		}
		if (q.Stat == nil) == (q.Expression == "") {
			return scaling.Invalid("%s: MetricDataQuery %s must have either a MetricStat or an Expression.", member, q.ID)
		}
	}
	if returned != 1 {
		return scaling.Invalid("%s must have exactly one MetricDataQuery that returns data.", member)
	}
	if _, err := expr.Compile(withPeriod(queries, scalingPeriod)); err != nil {
		return scaling.Invalid("The customized metric specification is not valid: %s", err)
	}
	return nil
}

// sameMetrics reports whether two configurations forecast the same load by the same metrics.
func (c *Config) sameMetrics(o *Config) bool {
	a, b := &c.Specs[0], &o.Specs[0]
	return scaling.Or(a.Pair, Metric{}) == scaling.Or(b.Pair, Metric{}) &&
		scaling.Or(a.Scaling, Metric{}) == scaling.Or(b.Scaling, Metric{}) && scaling.Or(a.Load, Metric{}) == scaling.Or(b.Load, Metric{}) &&
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
