package scaling

import (
	"time"

	"bellows.dev/bellows/metric"
)

// Metrics are the metrics of a dimension's resources that policies know without a description.
type Metrics interface {
	// MetricDimensions returns the dimensions that the metrics of a resource have.
	MetricDimensions(resourceID string) []metric.Dimension

	// Predefined returns the metrics that a target tracking policy can name, in the order in which refusals list them.
	Predefined() []PredefinedMetric
}

// Forecastable is the Metrics of a dimension that predictive scaling policies scale. Those of other dimensions are refused.
type Forecastable interface {
	Metrics

	// Pairs returns the pairs of metrics that predictive scaling policies can name, in the order in which refusals list them.
	Pairs() []MetricPair

	// CapacityQueries returns the queries of the capacity that served, with a period for the metrics that they read. Policies use them whose
	// load and scaling metric belong to different pairs, or are customized, and that have no capacity metric of their own.
	CapacityQueries(resourceID string, period time.Duration) []metric.DataQuery
}

// MetricPair is a load, and the part of it that one unit of capacity bears: over each minute the load is the scaling metric times the capacity.
// E.g. 4,200 invocations are 70 on each of 60 instances.
type MetricPair struct {
	Name          string // of the pair, as requests have it
	Scaling, Load ForecastMetric
}

// ForecastMetric is a metric of a MetricPair.
type ForecastMetric struct {
	Name              string // as requests have it
	Namespace, Metric string
	Statistic         metric.StatisticKind
}

// Query returns the query of the metric of a resource.
func (m ForecastMetric) Query(id string, dimensions []metric.Dimension, period time.Duration) metric.DataQuery {
	return metric.DataQuery{ID: id, Stat: &metric.MetricStat{
		Metric: metric.NewID(m.Namespace, m.Metric, dimensions...), Statistic: metric.Statistic{Kind: m.Statistic}, Period: period,
	}}
}

// PredefinedMetric is a metric that a target tracking policy can name. It is measured at gateways, which report each second.
type PredefinedMetric struct {
	Name              string // as requests have it
	Namespace, Metric string
	Statistic         metric.StatisticKind
	Period            time.Duration // of the alarm that scales out: 10 s for a metric of high resolution, else a minute
}

// Dimensions is a list of the scalable dimensions that there are.
type Dimensions interface {
	// Metrics returns the metrics of a dimension's resources; nil where the dimension is not known.
	Metrics(d Dimension) Metrics
}
