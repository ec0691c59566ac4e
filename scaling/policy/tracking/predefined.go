package tracking

import (
	"slices"

	"bellows.dev/bellows/scaling"
)

// PredefinedMetric is the name of a metric that a target tracking policy may name instead of describing it. Which ones there are, and what
// they measure, depends on the scalable dimension: see scaling.Metrics.
type PredefinedMetric string

// GroupCPUUtilization is the one predefined metric of EC2 Auto Scaling that is served.
const GroupCPUUtilization PredefinedMetric = "ASGAverageCPUUtilization"

// numbered returns the metrics that journals and snapshots have by number. Others are encoded by name.
func numbered() []string {
	return []string{
		"SageMakerVariantInvocationsPerInstance", "SageMakerVariantConcurrentRequestsPerModelHighResolution",
		"SageMakerInferenceComponentInvocationsPerCopy", "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution",
		"SageMakerVariantProvisionedConcurrencyUtilization", string(GroupCPUUtilization),
	}
}

// MarshalJSON encodes the metric.
func (m PredefinedMetric) MarshalJSON() ([]byte, error) {
	return scaling.EncodeName(string(m), numbered())
}

// UnmarshalJSON decodes the metric.
func (m *PredefinedMetric) UnmarshalJSON(data []byte) error {
	name, err := scaling.DecodeName(data, numbered())
	*m = PredefinedMetric(name)
	return err
}

// of returns what the metric measures of a dimension's resources; false where the dimension does not have it.
func (m PredefinedMetric) of(all scaling.Metrics) (scaling.PredefinedMetric, bool) {
	list := all.Predefined()
	at := slices.IndexFunc(list, func(x scaling.PredefinedMetric) bool { return x.Name == string(m) })
	if at < 0 {
		return scaling.PredefinedMetric{}, false
	}
	return list[at], true
}
