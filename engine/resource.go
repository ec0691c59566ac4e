package engine

import (
	"slices"

	"bellows.dev/bellows/engine/dimension"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/scaling"
)

// Resources are what targets scale. Decisions know them by scaling.Resource only; what resources a dimension has, and how their capacity is
// set, is the dimension's.

// dimension returns the dimension of a key; nil where there is none of its name.
func (r *Region) dimension(k scaling.TargetKey) dimension.Dimension {
	return r.config.Dimensions.Named(k.Dimension)
}

// metricsOf returns the metrics of a key's dimension; nil where there is none of its name.
func (r *Region) metricsOf(k scaling.TargetKey) scaling.Metrics {
	return r.config.Dimensions.Metrics(k.Dimension)
}

// resource returns what a target scales; nil where there is none now. It does not keep what it finds: views call it, too.
func (r *Region) resource(t *scaling.Target) scaling.Resource {
	if x := t.Resource(); x != nil {
		return x
	}
	if d := r.dimension(t.Key); d != nil {
		return d.Find(r.Hosting, t.Key.ResourceID)
	}
	return nil
}

// indexTargets keeps what the targets of an endpoint scale, so that decisions need not search for it.
func (r *Region) indexTargets(x *hosting.Endpoint) {
	for _, t := range r.targetsOf(x) {
		if t.Resource() == nil {
			t.SetResource(r.dimension(t.Key).Find(r.Hosting, t.Key.ResourceID))
		}
	}
}

// Capacity returns what a target's resource has now.
func (r *Region) Capacity(t *scaling.Target) scaling.Capacity {
	if x := r.resource(t); x != nil {
		return x.Capacity()
	}
	return scaling.Capacity{}
}

// placeOf returns the endpoint that a target's resource belongs to, and the variant; "" for all of the endpoint's.
func (r *Region) placeOf(k scaling.TargetKey) (endpoint, variant string) {
	if d := r.dimension(k); d != nil {
		return d.Place(r.Hosting, k.ResourceID)
	}
	return "", ""
}

// touchTarget has the endpoint that a target's resource belongs to reconciled in this step.
func (e *Engine) touchTarget(r *Region, k scaling.TargetKey) {
	endpoint, _ := r.placeOf(k)
	e.touch(r, endpoint)
}

// targetsOf returns the targets of an endpoint's resources, in order, and departed ones whose activity is in flight.
func (r *Region) targetsOf(x *hosting.Endpoint) []*scaling.Target {
	var out []*scaling.Target
	var ids []string
	for _, d := range r.config.Dimensions {
		ids = d.Resources(ids[:0], x)
		for _, id := range ids {
			if t := r.Targets.Tracked(scaling.TargetKey{ResourceID: id, Dimension: d.Name()}); t != nil {
				out = append(out, t)
			}
		}
	}
	slices.SortFunc(out, func(a, b *scaling.Target) int { return a.Key.Compare(b.Key) })
	return out
}

// targetsOfVariant returns the targets whose resources determine the instances of a variant, in order.
func (r *Region) targetsOfVariant(x *hosting.Endpoint, variant string) []*scaling.Target {
	return slices.DeleteFunc(r.targetsOf(x), func(t *scaling.Target) bool {
		_, at := r.placeOf(t.Key)
		return at != "" && at != variant || r.Targets.Of(t.Key) != t
	})
}
