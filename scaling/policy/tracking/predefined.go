package tracking

import (
	"encoding/json"
	"slices"
	"strconv"

	"bellows.dev/bellows/scaling"
)

// PredefinedMetric is the name of a metric that a target tracking policy may name instead of describing it. Which ones there are, and what
// they measure, depends on the scalable dimension: see scaling.Metrics.
type PredefinedMetric string

// GroupCPUUtilization is the one predefined metric of EC2 Auto Scaling that is served.
const GroupCPUUtilization PredefinedMetric = "ASGAverageCPUUtilization"

// numbered returns the metrics that journals and snapshots have by number, from 1. Others are encoded by name.
func numbered() []PredefinedMetric {
	return []PredefinedMetric{
		"SageMakerVariantInvocationsPerInstance", "SageMakerVariantConcurrentRequestsPerModelHighResolution",
		"SageMakerInferenceComponentInvocationsPerCopy", "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution",
		"SageMakerVariantProvisionedConcurrencyUtilization", GroupCPUUtilization,
	}
}

// MarshalJSON encodes the metric; "" is 0.
func (m PredefinedMetric) MarshalJSON() ([]byte, error) {
	if at := slices.Index(numbered(), m); at >= 0 || m == "" {
		return strconv.AppendInt(nil, int64(at+1), 10), nil
	}
	return json.Marshal(string(m))
}

// UnmarshalJSON decodes the metric.
func (m *PredefinedMetric) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		return json.Unmarshal(data, (*string)(m))
	}
	var n int
	if err := json.Unmarshal(data, &n); err != nil {
		return err
	}
	if all := numbered(); n >= 1 && n <= len(all) {
		*m = all[n-1]
	}
	return nil
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
