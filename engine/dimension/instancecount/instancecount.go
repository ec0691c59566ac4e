// Package instancecount is the dimension of production variants: how many instances one has.
package instancecount

import (
	"errors"
	"slices"
	"time"

	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/scaling"
)

// Predefined metrics. AWS: Application Auto Scaling, MetricType.
const (
	InvocationsPerInstance     = "SageMakerVariantInvocationsPerInstance"
	ConcurrentRequestsPerModel = "SageMakerVariantConcurrentRequestsPerModelHighResolution"
)

// Predefined metrics of predictive scaling. AWS has none for SageMaker; these are named as AWS names ECS's: a pair, the metric per instance that
// is to be at its target value, and the load of the whole variant.
const (
	PairInvocations = "SageMakerVariantInvocations"    // invocations a minute and instance, and all
	PairCPU         = "SageMakerVariantCPUUtilization" // percent of one core, average of the instances, and all

	ScalingInvocations = "SageMakerVariantInvocationsPerInstance"
	ScalingCPU         = "SageMakerVariantAverageCPUUtilization"
	LoadInvocations    = "SageMakerVariantTotalInvocations"
	LoadCPU            = "SageMakerVariantTotalCPUUtilization"
)

const (
	namespace      = "AWS/SageMaker"
	usageNamespace = "/aws/sagemaker/Endpoints"
)

// Dimension is the dimension sagemaker:variant:DesiredInstanceCount, whose resources are endpoint/E/variant/V.
type Dimension struct{}

// Name implements dimension.Dimension.
func (Dimension) Name() scaling.Dimension { return scaling.VariantInstances }

// Fits implements dimension.Dimension.
func (Dimension) Fits(resourceID string) bool {
	_, _, ok := scaling.TargetKey{ResourceID: resourceID}.Variant()
	return ok
}

// Place implements dimension.Dimension.
func (Dimension) Place(_ *hosting.Registry, resourceID string) (endpoint, variant string) {
	endpoint, variant, _ = scaling.TargetKey{ResourceID: resourceID}.Variant()
	return endpoint, variant
}

// MetricDimensions implements scaling.Metrics.
func (d Dimension) MetricDimensions(resourceID string) []metric.Dimension {
	endpoint, variant := d.Place(nil, resourceID)
	return []metric.Dimension{{Name: "EndpointName", Value: endpoint}, {Name: "VariantName", Value: variant}}
}

// Predefined implements scaling.Metrics. Invocations are counted a minute; of concurrency the greatest counts, which is not documented.
// AWS: SageMaker developer guide, endpoint automatic scaling policy; monitoring with CloudWatch.
func (Dimension) Predefined() []scaling.PredefinedMetric {
	return []scaling.PredefinedMetric{
		{Name: InvocationsPerInstance, Namespace: namespace, Metric: "InvocationsPerInstance", Statistic: metric.Sum, Period: time.Minute},
		{
			Name: ConcurrentRequestsPerModel, Namespace: namespace, Metric: "ConcurrentRequestsPerModel", Statistic: metric.Maximum,
			Period: 10 * time.Second,
		},
	}
}

// Pairs implements scaling.Forecastable.
func (Dimension) Pairs() []scaling.MetricPair {
	return []scaling.MetricPair{
		{
			Name:    PairInvocations,
			Scaling: scaling.ForecastMetric{Name: ScalingInvocations, Namespace: namespace, Metric: "InvocationsPerInstance", Statistic: metric.Sum},
			Load:    scaling.ForecastMetric{Name: LoadInvocations, Namespace: namespace, Metric: "Invocations", Statistic: metric.Sum},
		},
		{
			Name:    PairCPU,
			Scaling: scaling.ForecastMetric{Name: ScalingCPU, Namespace: usageNamespace, Metric: "CPUUtilization", Statistic: metric.Average},
			Load:    scaling.ForecastMetric{Name: LoadCPU, Namespace: usageNamespace, Metric: "CPUUtilization", Statistic: metric.Sum},
		},
	}
}

// CapacityQueries implements scaling.Forecastable: each invocation adds 1 to the invocations and one by the instances to the other, so their ratio
// is the instances.
func (d Dimension) CapacityQueries(resourceID string, period time.Duration) []metric.DataQuery {
	pair, dimensions := d.Pairs()[0], d.MetricDimensions(resourceID)
	all, each := pair.Load.Query("all", dimensions, period), pair.Scaling.Query("each", dimensions, period)
	all.Hidden, each.Hidden = true, true
	return []metric.DataQuery{all, each, {ID: "capacity", Expression: "all/each"}}
}

// Resources implements dimension.Dimension.
func (Dimension) Resources(ids []string, x *hosting.Endpoint) []string {
	for _, v := range x.Variants {
		ids = append(ids, scaling.VariantTarget(x.Name, v.Config.Name).ResourceID)
	}
	return ids
}

// Registrable implements dimension.Dimension. It refuses to scale what is not there, and what is about to go: a deletion has deregistered the
// endpoint's targets already, and an update has been checked against those that were registered when it began.
func (d Dimension) Registrable(h *hosting.Registry, resourceID string) error {
	endpoint, variant := d.Place(h, resourceID)
	x, err := h.Endpoint(endpoint)
	if err != nil {
		return err
	}
	if x.Status == hosting.Deleting {
		return &hosting.Error{Kind: hosting.KindNotFound, Resource: hosting.ResourceEndpoint, Name: endpoint}
	}
	for _, all := range [][]*hosting.Variant{x.Variants, x.Next()} {
		at := slices.IndexFunc(all, func(v *hosting.Variant) bool { return v.Config.Name == variant })
		if at < 0 {
			return &hosting.Error{Kind: hosting.KindNotFound, Resource: hosting.ResourceVariant, Name: variant}
		}
		if err := scaling.CheckInstanceType(all[at].Config.InstanceType); err != nil {
			return err
		}
	}
	return nil
}

// Find implements dimension.Dimension.
func (d Dimension) Find(h *hosting.Registry, resourceID string) scaling.Resource {
	endpoint, variant := d.Place(h, resourceID)
	x := h.Endpoints[endpoint]
	if x == nil {
		return nil
	}
	at := slices.IndexFunc(x.Variants, func(v *hosting.Variant) bool { return v.Config.Name == variant })
	if at < 0 {
		return nil
	}
	return &instances{x, x.Variants[at], at}
}

// SetDesired implements dimension.Dimension.
func (d Dimension) SetDesired(now time.Time, h *hosting.Registry, resourceID string, capacity int) error {
	endpoint, variant := d.Place(h, resourceID)
	return Refusal(h.UpdateWeightsAndCapacities(now, endpoint, []hosting.Change{{Variant: variant, Desired: &capacity}}))
}

// Refusal returns a refusal of hosting as SageMaker's; nil where there is none.
func Refusal(err error) error {
	if err == nil {
		return nil
	}
	code := "ValidationException"
	if refused := (*hosting.Error)(nil); errors.As(err, &refused) && refused.Kind == hosting.KindLimit {
		code = "ResourceLimitExceeded"
	}
	return &scaling.ServiceError{Service: "AmazonSageMaker", Code: code, Err: err}
}

// instances are those of one variant.
type instances struct {
	endpoint *hosting.Endpoint
	variant  *hosting.Variant
	at       int // its place among the endpoint's variants
}

// Exists implements scaling.Resource.
func (r *instances) Exists() bool {
	return !r.endpoint.Gone() && r.at < len(r.endpoint.Variants) && r.endpoint.Variants[r.at] == r.variant
}

// Capacity implements scaling.Resource.
func (r *instances) Capacity() scaling.Capacity {
	return scaling.Capacity{Desired: r.variant.Desired, Current: r.endpoint.Serving(r.variant), Scalable: r.endpoint.Status == hosting.InService}
}

// ServedSince implements scaling.Resource.
func (r *instances) ServedSince() time.Time { return r.variant.ServedSince() }

// LeastServed implements scaling.Resource.
func (r *instances) LeastServed(from time.Time) int { return r.endpoint.LeastServed(r.variant, from) }
