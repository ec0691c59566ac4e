package hosting

import (
	"cmp"
	"slices"
)

// Specs returns what a fleet should run for each of the endpoint's variants, by variant name: in use, coming and going. A
// variant without instances is there with none.
func (r *Registry) Specs(e *Endpoint) map[string][]InstanceSpec {
	out := map[string][]InstanceSpec{}
	for _, v := range e.all() {
		specs := out[v.Config.Name]
		for _, i := range v.Instances {
			specs = append(specs, InstanceSpec{
				ID: i.ID, Endpoint: e.Name, Variant: v.Config.Name, Model: v.Model.Name,
				Image: v.Model.Container.Image, ModelData: v.Model.Container.ModelData(), Environment: v.Model.Container.Environment,
				InstanceType: v.Config.InstanceType, DownloadTimeout: v.Config.DownloadTimeout, StartupTimeout: r.timeout(v),
				Draining: i.State == InstanceDraining,
			})
		}
		out[v.Config.Name] = specs
	}
	for _, specs := range out { //tidy:unordered each is sorted by itself
		slices.SortFunc(specs, func(a, b InstanceSpec) int { return cmp.Compare(a.ID, b.ID) })
	}
	return out
}
