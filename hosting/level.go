package hosting

import (
	"cmp"
	"slices"
)

// FleetKey names one fleet of an endpoint.
type FleetKey struct {
	Variant    string
	Generation Generation
}

// Compare orders keys by variant, then by generation.
func (k FleetKey) Compare(x FleetKey) int {
	return cmp.Or(cmp.Compare(k.Variant, x.Variant), cmp.Compare(k.Generation, x.Generation))
}

// Specs returns what should run for each of the endpoint's fleets: in use, coming and going, each sorted by identity. A fleet without
// instances is there with none.
func (r *Registry) Specs(e *Endpoint) map[FleetKey][]InstanceSpec {
	out := map[FleetKey][]InstanceSpec{}
	for _, v := range e.all() {
		specs := out[v.key()]
		if specs == nil {
			specs = make([]InstanceSpec, 0, len(v.Instances)) // and so not nil without instances
		}
		for _, i := range v.Instances {
			specs = append(specs, r.spec(e, v, i))
		}
		slices.SortFunc(specs, func(a, b InstanceSpec) int { return cmp.Compare(a.ID, b.ID) })
		out[v.key()] = specs
	}
	return out
}

func (v *Variant) key() FleetKey { return FleetKey{v.Config.Name, v.Generation} }

// spec returns what a fleet should run for one instance.
func (r *Registry) spec(e *Endpoint, v *Variant, i *Instance) InstanceSpec {
	s := InstanceSpec{
		ID: i.ID, Endpoint: e.Name, Variant: v.Config.Name, Generation: v.Generation, InstanceType: v.Config.InstanceType,
		Copies: make([]CopySpec, 0, len(i.Copies)), Draining: i.State == InstanceDraining,
	}
	for _, c := range i.Copies {
		s.Copies = append(s.Copies, CopySpec{
			ID: c.ID, Model: v.Model.Name, Image: v.Model.Container.Image, ModelData: v.Model.Container.ModelData(),
			Environment: v.Model.Container.Environment, DownloadTimeout: v.Config.DownloadTimeout, StartupTimeout: r.timeout(v),
		})
	}
	return s
}

// Share is a fleet's part of its variant's invocations.
type Share struct {
	Fleet  *Variant
	Weight float64 // the part is Weight / sum of the shares' weights
}

// Shares returns the fleets that share the invocations of a variant in use, by generation: the one in use and, where an update under way
// gives it a share already, the new one.
func (e *Endpoint) Shares(v *Variant) []Share {
	d := e.Deployment
	if d == nil || d.Share <= 0 {
		return []Share{{v, 1}}
	}
	at := slices.IndexFunc(d.Variants, func(x *Variant) bool { return x.Config.Name == v.Config.Name })
	if at < 0 || d.Variants[at] == v {
		return []Share{{v, 1}}
	}
	share := min(d.Share, 1)
	return []Share{{v, 1 - share}, {d.Variants[at], share}}
}
