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
