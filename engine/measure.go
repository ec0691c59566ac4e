package engine

import (
	"time"

	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/metric"
)

// Namespaces of the metrics of endpoints. AWS: SageMaker developer guide, monitoring with CloudWatch.
const (
	namespaceInvocations = "AWS/SageMaker"
	namespaceInstances   = "/aws/sagemaker/Endpoints"
)

// idleStep is how often concurrency is measured, and so how often zeros are published for idle variants.
const idleStep = 10 * time.Second

func (in Observed) apply(e *Engine) (Result, error) {
	for i := range in.Variants {
		e.observe(&in.Variants[i])
	}
	for i := range in.Instances {
		e.use(&in.Instances[i])
	}
	return nil, nil
}

// The metrics of a variant, in the order of its recorder's series.
const (
	invocations = iota
	invocationsPerInstance
	errors4XX
	errors5XX
	modelErrors
	modelLatency
	overheadLatency
	concurrentRequests
	noCapacity
	cpuUtilization
	cpuNormalized
	memoryUtilization
	diskUtilization
	startTimes     // and those after it, in the order of hosting.StartTime
	variantMetrics = startTimes + int(hosting.StartTimes)
)

// variantMetric is how a variant's metric is published.
type variantMetric struct {
	namespace, name, unit string
	resolution            time.Duration
}

var published = [variantMetrics]variantMetric{
	invocations:            {namespaceInvocations, "Invocations", "None", metric.StandardResolution},
	invocationsPerInstance: {namespaceInvocations, "InvocationsPerInstance", "None", metric.StandardResolution},
	errors4XX:              {namespaceInvocations, "Invocation4XXErrors", "None", metric.StandardResolution},
	errors5XX:              {namespaceInvocations, "Invocation5XXErrors", "None", metric.StandardResolution},
	modelErrors:            {namespaceInvocations, "InvocationModelErrors", "None", metric.StandardResolution},
	modelLatency:           {namespaceInvocations, "ModelLatency", "Microseconds", metric.StandardResolution},
	overheadLatency:        {namespaceInvocations, "OverheadLatency", "Microseconds", metric.StandardResolution},
	concurrentRequests:     {namespaceInvocations, "ConcurrentRequestsPerModel", "None", metric.HighResolution},
	// AWS: SageMaker developer guide, scale to zero instances: alarms on it may have periods of 10 and 30 seconds. AWS names the
	// inference component; variants that scale to zero are ours, and so are their dimensions here.
	noCapacity:        {namespaceInvocations, "NoCapacityInvocationFailures", "None", metric.HighResolution},
	cpuUtilization:    {namespaceInstances, "CPUUtilization", "Percent", metric.StandardResolution},
	cpuNormalized:     {namespaceInstances, "CPUUtilizationNormalized", "Percent", metric.StandardResolution},
	memoryUtilization: {namespaceInstances, "MemoryUtilization", "Percent", metric.StandardResolution},
	diskUtilization:   {namespaceInstances, "DiskUtilization", "Percent", metric.StandardResolution},
	// AWS: CloudWatch user guide, SageMaker AI Insights metrics, lifecycle. There they are OpenTelemetry metrics; namespace, dimensions and
	// unit are ours.
	startTimes + int(hosting.ModelDownloadTime):      {namespaceInstances, "ModelDownloadTime", "Seconds", metric.StandardResolution},
	startTimes + int(hosting.ContainerStartDuration): {namespaceInstances, "ContainerStartDuration", "Seconds", metric.StandardResolution},
	startTimes + int(hosting.ColdStartDuration):      {namespaceInstances, "ColdStartDuration", "Seconds", metric.StandardResolution},
}

func (m *variantMetric) id(endpoint, variant string) metric.ID {
	return variantID(m.namespace, m.name, endpoint, variant)
}

// InvocationMetric returns the identity of a metric that gateways measure of a variant, such as Invocations or ModelLatency.
func InvocationMetric(name, endpoint, variant string) metric.ID {
	return variantID(namespaceInvocations, name, endpoint, variant)
}

func variantID(namespace, name, endpoint, variant string) metric.ID {
	return metric.NewID(namespace, name,
		metric.Dimension{Name: "EndpointName", Value: endpoint}, metric.Dimension{Name: "VariantName", Value: variant})
}

// recorder holds a variant's series, each looked up when it is first recorded into.
type recorder struct {
	endpoint, variant string
	series            [variantMetrics]*metric.Series
}

// recorderOf returns a variant's recorder. It is dropped with its endpoint, and all recorders when the window removes series.
func (r *Region) recorderOf(endpoint, variant string) *recorder {
	all := r.recorders[endpoint]
	for _, x := range all {
		if x.variant == variant {
			return x
		}
	}
	x := &recorder{endpoint: endpoint, variant: variant}
	r.recorders[endpoint] = append(all, x)
	return x
}

func (x *recorder) of(w *metric.Window, what int) *metric.Series {
	if x.series[what] == nil {
		x.series[what] = w.Series(published[what].id(x.endpoint, x.variant))
	}
	return x.series[what]
}

func (x *recorder) record(r *Region, now time.Time, what int, s *metric.Summary) {
	if !s.Empty() {
		x.of(r.Metrics, what).Record(now, published[what].resolution, published[what].unit, s)
	}
}

// observe records what a gateway measured of a variant.
func (e *Engine) observe(o *VariantObservation) {
	r := e.region(o.Key.Scope)
	x := r.recorderOf(o.Key.Endpoint, o.Key.Variant)
	perInstance := o.Invocations - o.NoCapacity
	if o.InvocationsPerInstance == 0 {
		perInstance = 0 // without instances there is no ratio, and so no sample
	}
	for _, n := range [...]struct {
		what       int
		sum, count float64
	}{
		{invocations, o.Invocations, o.Invocations},
		{invocationsPerInstance, o.InvocationsPerInstance, perInstance},
		{errors4XX, o.Errors4XX, o.Answered},
		{errors5XX, o.Errors5XX, o.Answered},
		{modelErrors, o.ModelErrors, o.Answered},
		{noCapacity, o.NoCapacity, o.NoCapacity},
	} {
		s := ones(n.sum, n.count)
		x.record(r, e.now, n.what, &s)
	}
	x.record(r, e.now, modelLatency, &o.ModelLatency)
	x.record(r, e.now, overheadLatency, &o.OverheadLatency)
	// AWS: SageMaker developer guide, monitoring with CloudWatch: concurrency is published every 10 seconds.
	x.record(r, metric.Align(e.now, idleStep), concurrentRequests, &o.Concurrency)
}

// ones returns a summary of samples of 0 to 1 each, of which only the sum and the count are known.
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

// use records the utilization of an instance: one sample per instance, so that Average is the mean over instances.
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
	x := r.recorderOf(key.Endpoint, variant)
	for i, v := range [...]float64{u.CPUPercent, u.CPUNormalized, u.MemoryPercent, u.DiskPercent} {
		s := metric.Summary{StatisticSet: metric.StatisticSet{Count: 1, Sum: v, Min: v, Max: v}}
		x.record(r, e.now, cpuUtilization+i, &s)
	}
}

// publishStart records the times of a copy's start that a report made known: one sample a start.
func (e *Engine) publishStart(r *Region, endpoint string, x hosting.Reported) {
	for _, m := range x.Measured {
		v := m.Took.Seconds()
		s := metric.Summary{StatisticSet: metric.StatisticSet{Count: 1, Sum: v, Min: v, Max: v}}
		r.recorderOf(endpoint, x.Variant).record(r, e.now, startTimes+int(m.What), &s)
	}
}

// fillIdle publishes zeros for variants in service that had no invocation in a whole interval: without them no alarm could make them scale
// in. AWS: SageMaker developer guide, endpoint automatic scaling policy: metrics of value zero are emitted without traffic.
func (e *Engine) fillIdle(r *Region) {
	end := metric.Align(e.now, idleStep)
	if !end.After(r.idle) {
		return
	}
	before := r.idle
	r.idle = end
	r.Metrics.Seal(e.now)
	if evictions(end) != evictions(before) {
		e.evict(r)
	}
	for name := range e.step.touched[r] { //tidy:unordered each by itself
		for i := range r.idlers[name] {
			r.idlers[name][i].look()
		}
	}
	minute := metric.Align(end, time.Minute)
	for _, all := range r.idlers { //tidy:unordered each has series of its own
		for i := range all {
			if all[i].serving {
				all[i].fill(end, minute)
			}
		}
	}
}

// evict drops old samples, except those that existing alarms and policies need.
func (e *Engine) evict(r *Region) {
	if !r.Metrics.Evictable(e.now) {
		return
	}
	r.Metrics.Release()
	r.Alarms.Keep()
	e.keepPasts(r)
	if r.Metrics.Evict(e.now) {
		clear(r.recorders)
		for name, x := range r.Hosting.Endpoints { //tidy:unordered each has series of its own
			r.index(name, x)
		}
	}
}

// evictions returns the last half minute before a time: old samples are dropped then, once a minute, when no alarm is due.
func evictions(at time.Time) time.Time { return metric.Align(at.Add(-30*time.Second), time.Minute) }

// idleVariant is a variant in service, and the series that get its zeros.
type idleVariant struct {
	endpoint *hosting.Endpoint
	variant  *hosting.Variant
	serving  bool              // an instance takes invocations; kept here, since counting the instances of all variants would take longest
	since    time.Time         // when its endpoint came into service
	minute   time.Time         // the end of the newest one in which the first two series have samples
	series   [3]*metric.Series // Invocations, InvocationsPerInstance, ConcurrentRequestsPerModel
}

// index updates the indexes of an endpoint; x is nil where it was deleted.
func (r *Region) index(name string, x *hosting.Endpoint) {
	r.changing.set(name, time.Time{})
	delete(r.idlers, name)
	if x == nil {
		delete(r.recorders, name)
	}
	if x == nil {
		return
	}
	if x.Status != hosting.InService && x.Status != hosting.Failed {
		r.changing.set(name, r.Hosting.Wake(x))
	}
	if !x.Serves() {
		return
	}
	all := make([]idleVariant, 0, len(x.Variants))
	for _, v := range x.Variants {
		idle := idleVariant{endpoint: x, variant: v, since: x.Served}
		for i, what := range [...]int{invocations, invocationsPerInstance, concurrentRequests} {
			idle.series[i] = r.recorderOf(name, v.Config.Name).of(r.Metrics, what)
		}
		idle.look()
		all = append(all, idle)
	}
	r.idlers[name] = all
}

// look brings serving up to date. It is called for each endpoint that a step touches.
func (v *idleVariant) look() { v.serving = v.endpoint.Serving(v.variant) > 0 }

// fill publishes a zero for each series without a sample in the last interval of its resolution, unless the endpoint was not in service then:
// end is the end of the last ten seconds, minute that of the last minute.
func (v *idleVariant) fill(end, minute time.Time) {
	if minute != v.minute {
		v.minute = minute
		v.zero(v.series[0], minute, metric.StandardResolution, &idleCount)
		v.zero(v.series[1], minute, metric.StandardResolution, &idleCount)
	}
	v.zero(v.series[2], end, metric.HighResolution, &idleConcurrency)
}

// What idle variants publish. Concurrency is measured with a distribution, and so are its zeros: percentiles need all samples.
var (
	idleCount       = metric.Summary{StatisticSet: metric.StatisticSet{Count: 1}}
	idleConcurrency = metric.Summary{
		StatisticSet: metric.StatisticSet{Count: 1}, Distribution: metric.Distribution{{Index: metric.ZeroBucket, Count: 1}},
	}
)

// zero publishes a zero in the interval, a minute or idleStep, that ends at end, where it has no sample.
func (v *idleVariant) zero(s *metric.Series, end time.Time, resolution time.Duration, sum *metric.Summary) {
	period := idleStep
	if resolution == metric.StandardResolution {
		period = time.Minute
	}
	if from := end.Add(-period); end.After(v.since) && !s.Any(from, period) {
		s.Record(from, resolution, "None", sum)
	}
}
