package engine

import (
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/metric"
)

// Observed carries what gateways and fleets measured since the last one, about once a second. The engine turns it into
// datapoints in AWS's namespaces; gateways know nothing of metric names.
type Observed struct {
	Variants  []VariantObservation // sorted by key
	Instances []InstanceUsage      // sorted by ID; about once a minute
}

// VariantObservation is what a gateway measured of one variant in one interval.
type VariantObservation struct {
	Key VariantKey

	Invocations            float64 // invocations that were sent to the variant
	InvocationsPerInstance float64 // the sum of 1/instances, each taken when its invocation was routed
	Errors4XX              float64 // answers with a 4XX status
	Errors5XX              float64
	ModelErrors            float64 // the model did not answer 2XX: its own errors, time-outs, broken HTTP
	Answered               float64 // invocations that were answered in the interval: the sample count of the three errors
	NoCapacity             float64 `json:",omitempty"` // invocations that failed because the variant is scaled to zero; not among Answered

	ModelLatency    metric.Summary // microseconds in the model server, local network included
	OverheadLatency metric.Summary // microseconds from the request's arrival to its answer, less ModelLatency

	// Concurrency: one sample an instance, its invocations in flight when the interval ended.
	Concurrency metric.Summary
}

// InstanceUsage is what one instance used of its machine in the last interval.
type InstanceUsage struct {
	ID            hosting.InstanceID
	CPUPercent    float64 // 100 is one core, fully used
	CPUNormalized float64 // 0 to 100: of all cores
	MemoryPercent float64 // 0 to 100
	DiskPercent   float64 // 0 to 100
}
