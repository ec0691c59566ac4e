// Package example is the worked example of CONTRIBUTING.md: the instances of a whole endpoint, spread evenly over its variants. It is none of
// dimension.All; tests register it.
package example

import (
	"strings"
	"time"

	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/scaling"
)

// Dimension is the dimension example:endpoint:DesiredInstanceCount, whose resources are endpoint/E.
type Dimension struct{}

// Name implements dimension.Dimension.
func (Dimension) Name() scaling.Dimension { return "example:endpoint:DesiredInstanceCount" }

// Fits implements dimension.Dimension.
func (Dimension) Fits(resourceID string) bool {
	name, found := strings.CutPrefix(resourceID, prefix)
	return found && name != "" && !strings.Contains(name, "/")
}

const prefix = "endpoint/"

// Registrable implements dimension.Dimension: an endpoint that exists can be scaled.
func (d Dimension) Registrable(h *hosting.Registry, resourceID string) error {
	name, _ := d.Place(h, resourceID)
	_, err := h.Endpoint(name)
	return err
}

// Place implements dimension.Dimension: all variants of the endpoint.
func (Dimension) Place(_ *hosting.Registry, resourceID string) (endpoint, variant string) {
	return strings.TrimPrefix(resourceID, prefix), ""
}

// Resources implements dimension.Dimension: the endpoint itself.
func (Dimension) Resources(ids []string, x *hosting.Endpoint) []string {
	return append(ids, prefix+x.Name)
}

// Find implements dimension.Dimension.
func (d Dimension) Find(h *hosting.Registry, resourceID string) scaling.Resource {
	name, _ := d.Place(h, resourceID)
	if x := h.Endpoints[name]; x != nil {
		return endpoint{x}
	}
	return nil
}

// SetDesired spreads the instances over the variants. E.g. of 5 instances the first of two variants gets 3, the second 2.
func (d Dimension) SetDesired(now time.Time, h *hosting.Registry, resourceID string, capacity int) error {
	name, _ := d.Place(h, resourceID)
	x, err := h.Endpoint(name)
	if err != nil {
		return err
	}
	var changes []hosting.Change
	for i, v := range x.Variants {
		share := (capacity + len(x.Variants) - 1 - i) / len(x.Variants)
		changes = append(changes, hosting.Change{Variant: v.Config.Name, Desired: &share})
	}
	return h.UpdateWeightsAndCapacities(now, name, changes)
}

// endpoint is an endpoint as a scaling.Resource.
type endpoint struct{ *hosting.Endpoint }

// Exists implements scaling.Resource.
func (e endpoint) Exists() bool { return !e.Gone() }

// Capacity implements scaling.Resource.
func (e endpoint) Capacity() scaling.Capacity {
	c := scaling.Capacity{Scalable: e.Status == hosting.InService}
	for _, v := range e.Variants {
		c.Desired, c.Current = c.Desired+v.Desired, c.Current+e.Serving(v)
	}
	return c
}

// ServedSince implements scaling.Resource: the newest change of any variant.
func (e endpoint) ServedSince() (since time.Time) {
	for _, v := range e.Variants {
		if x := v.ServedSince(); x.After(since) {
			since = x
		}
	}
	return since
}

// LeastServed implements scaling.Resource: no more than that has served at any time.
func (e endpoint) LeastServed(from time.Time) (n int) {
	for _, v := range e.Variants {
		n += e.Endpoint.LeastServed(v, from)
	}
	return n
}

// MetricDimensions implements scaling.Metrics.
func (d Dimension) MetricDimensions(resourceID string) []metric.Dimension {
	name, _ := d.Place(nil, resourceID)
	return []metric.Dimension{{Name: "EndpointName", Value: name}}
}

// Predefined implements scaling.Metrics.
func (Dimension) Predefined() []scaling.PredefinedMetric {
	return []scaling.PredefinedMetric{{
		Name: "ExampleEndpointQueue", Namespace: "App", Metric: "Queue", Statistic: metric.Maximum, Period: time.Minute,
	}}
}

// Pairs implements scaling.Forecastable, which makes predictive scaling policies possible: the messages of the endpoint, and those per instance.
func (Dimension) Pairs() []scaling.MetricPair {
	return []scaling.MetricPair{{
		Name:    "ExampleEndpointMessages",
		Scaling: scaling.ForecastMetric{Name: "ExampleEndpointMessagesPerInstance", Namespace: "App", Metric: "PerInstance", Statistic: metric.Sum},
		Load:    scaling.ForecastMetric{Name: "ExampleEndpointTotalMessages", Namespace: "App", Metric: "Messages", Statistic: metric.Sum},
	}}
}

// CapacityQueries implements scaling.Forecastable: all messages by those per instance.
func (d Dimension) CapacityQueries(resourceID string, period time.Duration) []metric.DataQuery {
	pair, dimensions := d.Pairs()[0], d.MetricDimensions(resourceID)
	all, each := pair.Load.Query("all", dimensions, period), pair.Scaling.Query("each", dimensions, period)
	all.Hidden, each.Hidden = true, true
	return []metric.DataQuery{all, each, {ID: "capacity", Expression: "all/each"}}
}
