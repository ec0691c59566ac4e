package engine

import (
	"time"

	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/metric"
)

// AWS's namespaces of hosting's metrics. AWS: SageMaker developer guide, monitoring with CloudWatch.
const (
	namespaceInvocations = "AWS/SageMaker"
	namespaceInstances   = "/aws/sagemaker/Endpoints"
)

// idleStep is how often concurrency is measured, and so how often an idle variant's zeros are due.
const idleStep = 10 * time.Second

func variantMetric(namespace, name, endpoint, variant string) metric.ID {
	return metric.NewID(namespace, name, metric.Dimension{Name: "EndpointName", Value: endpoint}, metric.Dimension{Name: "VariantName", Value: variant})
}

func (in Observed) apply(e *Engine) (Result, error) {
	for i := range in.Variants {
		e.observe(&in.Variants[i])
	}
	for i := range in.Instances {
		e.use(&in.Instances[i])
	}
	return nil, nil
}

// observe records what a gateway measured of a variant.
func (e *Engine) observe(o *VariantObservation) {
	w := e.region(o.Key.Scope).Metrics
	record := func(name, unit string, resolution time.Duration, s metric.Summary) {
		w.Series(variantMetric(namespaceInvocations, name, o.Key.Endpoint, o.Key.Variant)).Record(e.now, resolution, unit, &s)
	}
	record("Invocations", "None", metric.StandardResolution, ones(o.Invocations, o.Invocations))
	record("InvocationsPerInstance", "None", metric.StandardResolution, ones(o.InvocationsPerInstance, o.Invocations))
	record("Invocation4XXErrors", "None", metric.StandardResolution, ones(o.Errors4XX, o.Answered))
	record("Invocation5XXErrors", "None", metric.StandardResolution, ones(o.Errors5XX, o.Answered))
	record("InvocationModelErrors", "None", metric.StandardResolution, ones(o.ModelErrors, o.Answered))
	record("ModelLatency", "Microseconds", metric.StandardResolution, o.ModelLatency)
	record("OverheadLatency", "Microseconds", metric.StandardResolution, o.OverheadLatency)
	record("ConcurrentRequestsPerModel", "None", metric.HighResolution, o.Concurrency)
}

// ones summarises samples of 0 to 1 each of which only the sum is known.
func ones(sum, count float64) metric.Summary {
	s := metric.StatisticSet{Count: count, Sum: sum}
	switch {
	case count > 0 && sum == count:
		s.Min, s.Max = 1, 1
	case count > 0 && sum > 0:
		s.Max = 1
	}
	return metric.Summary{StatisticSet: s}
}

// use records what an instance used: one sample an instance, so that Average is the mean over instances.
func (e *Engine) use(u *InstanceUsage) {
	key, found := e.where[u.ID]
	if !found {
		return
	}
	r := e.regions[key.Scope]
	variant, found := r.Hosting.VariantOf(key.Endpoint, u.ID)
	if !found {
		return
	}
	for _, m := range []struct {
		name  string
		value float64
	}{
		{"CPUUtilization", u.CPUPercent},
		{"CPUUtilizationNormalized", u.CPUNormalized},
		{"MemoryUtilization", u.MemoryPercent},
		{"DiskUtilization", u.DiskPercent},
	} {
		var s metric.Summary
		s.StatisticSet.Add(m.value, 1)
		r.Metrics.Series(variantMetric(namespaceInstances, m.name, key.Endpoint, variant)).Record(e.now, metric.StandardResolution, "Percent", &s)
	}
}

// fillIdle publishes zeros for variants that serve and had no invocation in a whole interval: without them nothing could scale
// in. AWS: SageMaker developer guide, endpoint automatic scaling policy: metrics of value zero are emitted without traffic.
func (e *Engine) fillIdle(r *Region) {
	end := metric.Align(e.now, idleStep)
	if !end.After(r.idle) {
		return
	}
	r.idle = end
	r.Metrics.Seal(e.now)
	r.Metrics.Evict(e.now)
	for _, all := range r.idlers { //tidy:unordered each has series of its own
		for i := range all {
			if all[i].variant.Current() > 0 {
				all[i].fill(end)
			}
		}
	}
}

// idleVariant is a variant that serves, and the series that get its zeros.
type idleVariant struct {
	variant *hosting.Variant
	series  [3]*metric.Series // Invocations, InvocationsPerInstance, ConcurrentRequestsPerModel
}

// index notes what later steps need to find of an endpoint; x is nil where it is gone.
func (r *Region) index(name string, x *hosting.Endpoint) {
	delete(r.changing, name)
	delete(r.idlers, name)
	if x == nil {
		return
	}
	if x.Status != hosting.InService && x.Status != hosting.Failed {
		r.changing[name] = true
	}
	if !x.Serves() {
		return
	}
	all := make([]idleVariant, 0, len(x.Variants))
	for _, v := range x.Variants {
		idle := idleVariant{variant: v}
		for i, what := range []string{"Invocations", "InvocationsPerInstance", "ConcurrentRequestsPerModel"} {
			idle.series[i] = r.Metrics.Series(variantMetric(namespaceInvocations, what, name, v.Config.Name))
		}
		all = append(all, idle)
	}
	r.idlers[name] = all
}

// fill publishes a zero for each series that has no sample in the interval of its resolution that ended last.
func (v *idleVariant) fill(end time.Time) {
	for i, s := range v.series {
		resolution, period := metric.StandardResolution, time.Minute
		if i == 2 {
			resolution, period = metric.HighResolution, idleStep
		}
		if from := metric.Align(end, period).Add(-period); !s.Any(from, period) {
			s.Record(from, resolution, "None", &metric.Summary{StatisticSet: metric.StatisticSet{Count: 1}})
		}
	}
}
