package console

import (
	"maps"
	"slices"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/machine"
)

// machineStatus is the health page's section on the machine.
type machineStatus struct {
	Has       string `json:"has"`
	Used      string `json:"used_by_instances"`
	Stated    bool   `json:"capacity_is_stated"`
	Unlimited string `json:"limits_not_applied,omitempty"` // why instances are not held to their types' memory and CPU
}

// newMachineStatus returns the section on a machine. unlimited says why instances are not held to their types' memory and CPU.
func newMachineStatus(m *machine.Machine, unlimited string) *machineStatus {
	used, o := m.Used()
	return &machineStatus{o.Found.String(), used.String(), o.Capacity.Stated(), unlimited}
}

// lookAtPrices estimates the cost of each variant's instances.
func (st *status) lookAtPrices(m *machine.Machine) {
	for i := range st.Endpoints {
		x := &st.Endpoints[i]
		x.Cost = float64(x.Current) * m.Size(x.Type).Price
	}
}

// lookAtTypes adds the warnings of settings that are kept and have no effect, and of instance types that are larger than the machine.
func (st *status) lookAtTypes(m *machine.Machine, e *engine.Engine, of sees) {
	for r := range of.regions(e) {
		for _, name := range slices.Sorted(maps.Keys(r.Hosting.Endpoints)) {
			x := r.Hosting.Endpoints[name]
			for _, v := range x.Variants {
				target := name + "/" + v.Config.Name
				for _, w := range r.Hosting.Warnings(x, v) {
					st.Warnings = append(st.Warnings, warning{r.Scope.Region, target, w.Text()})
				}
				if text := m.Misfit(v.Config.InstanceType); text != "" {
					st.Warnings = append(st.Warnings, warning{r.Scope.Region, target, text})
				}
			}
		}
	}
}
