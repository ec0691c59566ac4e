package engine

import (
	"slices"
	"strings"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/scaling"
)

// WakeRequested says that requests wait at a gateway for a variant that is scaled to zero. Where requests may wake it, its first instance is
// started at once, without an alarm. Repeating it has no effect.
type WakeRequested struct {
	Key     VariantKey
	Waiting int // requests
}

func (in WakeRequested) apply(e *Engine) (Result, error) {
	r, x := e.endpointOf(in.Key)
	if x == nil {
		return nil, nil
	}
	v := x.Variant(in.Key.Variant)
	if v == nil || v.Desired > 0 {
		return nil, nil
	}
	for _, t := range r.targetsOfVariant(x, in.Key.Variant) {
		if t.WakesOnRequest(r.wakes(x)) {
			t.WakeDue = max(in.Waiting, 1)
			r.due = append(r.due, dueTarget{t, noSignal})
		}
	}
	return nil, nil
}

// endpointOf returns the region and the endpoint of a variant that a gateway reports on; nil where the endpoint was deleted meanwhile.
func (e *Engine) endpointOf(k VariantKey) (*Region, *hosting.Endpoint) {
	r := e.regions[k.Scope]
	if r == nil {
		return nil, nil
	}
	return r, r.Hosting.Endpoints[k.Endpoint]
}

// wakes reports whether requests wake an endpoint's variants where their targets do not determine it.
func (r *Region) wakes(x *hosting.Endpoint) bool {
	switch x.Tags.Value(scaling.WakeTag) {
	case "true":
		return true
	case "false":
		return false
	default:
		return r.config.WakeOnRequest
	}
}

// wakesTarget reports whether requests wake a target.
func (r *Region) wakesTarget(t *scaling.Target) bool {
	endpoint, _ := r.placeOf(t.Key)
	x, err := r.Hosting.Endpoint(endpoint)
	return err == nil && t.WakesOnRequest(r.wakes(x))
}

// zeroState reports of a variant without instances in service whether it is scaled to zero, or starting again, and whether requests are
// held for its first instance.
func (r *Region) zeroState(x *hosting.Endpoint, v *hosting.Variant) (atZero, held bool) {
	for _, i := range v.Instances {
		if i.State == hosting.InstanceInService || i.State != hosting.InstanceDraining && i.EverReady() {
			return false, false
		}
	}
	return true, slices.ContainsFunc(r.targetsOfVariant(x, v.Config.Name), func(t *scaling.Target) bool {
		return t.WakesOnRequest(r.wakes(x)) && (v.Desired > 0 || t.Wakeable())
	})
}

// measuredAtZero reports whether an alarm may have data while a variant has no instances: where its metric is not measured at instances.
// AWS: SageMaker developer guide, monitoring with CloudWatch: invocations that fail for lack of capacity have a metric of their own.
func measuredAtZero(a *alarm.Alarm) bool {
	sees := func(id metric.ID) bool {
		switch id.Namespace {
		case namespaceInstances:
			return false
		case namespaceInvocations:
			return id.Name == published[noCapacity].name || id.Name == published[invocations].name
		default:
			return true
		}
	}
	if a.Rule.PromQL != nil {
		return true
	}
	if len(a.Rule.Metrics) == 0 {
		return sees(a.Rule.Metric)
	}
	return slices.ContainsFunc(a.Rule.Metrics, func(q metric.DataQuery) bool {
		return q.Stat != nil && sees(q.Stat.Metric) || strings.Contains(q.Expression, "SEARCH")
	})
}
