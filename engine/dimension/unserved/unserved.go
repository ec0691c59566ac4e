// Package unserved has the scalable dimensions of SageMaker that AWS's API knows and this server does not scale yet: they have no resources, and
// none can be registered.
package unserved

import (
	"strings"
	"time"

	"bellows.dev/bellows/engine/dimension/instancecount"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/scaling"
)

// Predefined metrics. AWS: Application Auto Scaling, MetricType.
const (
	InvocationsPerCopy        = "SageMakerInferenceComponentInvocationsPerCopy"
	ConcurrentRequestsPerCopy = "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution"
	ConcurrencyUtilization    = "SageMakerVariantProvisionedConcurrencyUtilization"
)

// refused is what the dimensions of this package have in common: there are no resources.
type refused struct{ name scaling.Dimension }

// Name implements dimension.Dimension.
func (d refused) Name() scaling.Dimension { return d.name }

// Registrable implements dimension.Dimension: it always fails.
func (d refused) Registrable(*hosting.Registry, string) error {
	return scaling.Invalid("The scalable dimension %s is not served here yet: only %s is.", d.name, scaling.VariantInstances)
}

// Place implements dimension.Dimension.
func (refused) Place(*hosting.Registry, string) (endpoint, variant string) { return "", "" }

// Resources implements dimension.Dimension.
func (refused) Resources(ids []string, _ *hosting.Endpoint) []string { return ids }

// Find implements dimension.Dimension.
func (refused) Find(*hosting.Registry, string) scaling.Resource { return nil }

// SetDesired implements dimension.Dimension: it always fails.
func (d refused) SetDesired(_ time.Time, h *hosting.Registry, resourceID string, _ int) error {
	return d.Registrable(h, resourceID)
}

// Concurrency is the dimension of the provisioned concurrency of serverless variants.
type Concurrency struct{ refused }

// NewConcurrency returns the dimension.
func NewConcurrency() Concurrency {
	return Concurrency{refused{"sagemaker:variant:DesiredProvisionedConcurrency"}}
}

// Fits implements dimension.Dimension.
func (Concurrency) Fits(resourceID string) bool { return instancecount.Dimension{}.Fits(resourceID) }

// MetricDimensions implements scaling.Metrics.
func (Concurrency) MetricDimensions(resourceID string) []metric.Dimension {
	return instancecount.Dimension{}.MetricDimensions(resourceID)
}

// Predefined implements scaling.Metrics. AWS: SageMaker developer guide, autoscale serverless provisioned concurrency.
func (Concurrency) Predefined() []scaling.PredefinedMetric {
	return []scaling.PredefinedMetric{{
		Name: ConcurrencyUtilization, Namespace: "AWS/SageMaker", Metric: "ServerlessProvisionedConcurrencyUtilization", Statistic: metric.Maximum,
		Period: time.Minute,
	}}
}

// Copies is the dimension of the copies of inference components.
type Copies struct{ refused }

// NewCopies returns the dimension.
func NewCopies() Copies { return Copies{refused{"sagemaker:inference-component:DesiredCopyCount"}} }

// componentPrefix begins the resource IDs of inference components; their name follows.
const componentPrefix = "inference-component/"

// Fits implements dimension.Dimension.
func (Copies) Fits(resourceID string) bool {
	name, found := strings.CutPrefix(resourceID, componentPrefix)
	return found && name != "" && !strings.Contains(name, "/")
}

// MetricDimensions implements scaling.Metrics.
func (Copies) MetricDimensions(resourceID string) []metric.Dimension {
	return []metric.Dimension{{Name: "InferenceComponentName", Value: strings.TrimPrefix(resourceID, componentPrefix)}}
}

// Predefined implements scaling.Metrics. AWS: SageMaker developer guide, endpoint automatic scaling policy; monitoring with CloudWatch.
func (Copies) Predefined() []scaling.PredefinedMetric {
	const namespace = "AWS/SageMaker"
	return []scaling.PredefinedMetric{
		{Name: InvocationsPerCopy, Namespace: namespace, Metric: "InvocationsPerCopy", Statistic: metric.Sum, Period: time.Minute},
		{
			Name: ConcurrentRequestsPerCopy, Namespace: namespace, Metric: "ConcurrentRequestsPerCopy", Statistic: metric.Maximum,
			Period: 10 * time.Second,
		},
	}
}
