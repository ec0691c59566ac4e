package main

import (
	"fmt"
	"maps"
	"slices"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/machine"
)

// capacityConfig is capacity: in bellows.yaml. What is not stated is not counted.
type capacityConfig struct {
	VCPUs  *float64 `yaml:"vcpus"`
	Memory *size    `yaml:"memory"`
	GPUs   *int     `yaml:"gpus"`
}

func (c capacityConfig) capacity() machine.Capacity {
	return machine.Capacity{VCPUs: c.VCPUs, Memory: (*int64)(c.Memory), GPUs: c.GPUs}
}

// instanceType is the size of an instance type: one that is not known yet, or instead of the known one.
type instanceType struct {
	Type   string  `yaml:"type"`
	VCPUs  float64 `yaml:"vcpus"`
	Memory size    `yaml:"memory"`
	GPUs   int     `yaml:"gpus"`
	Price  float64 `yaml:"usd_per_hour"`
}

func (t instanceType) check() error {
	if len(t.Type) < 4 || t.Type[:3] != "ml." || t.VCPUs == 0 || t.Memory == 0 {
		return fmt.Errorf("%q needs a type that begins with ml., vcpus and memory", t.Type)
	}
	return nil
}

// types are the instance types that are served.
func (c config) types() map[string]machine.Size {
	out := maps.Clone(machine.Table())
	for _, t := range c.InstanceTypes {
		out[t.Type] = machine.Size{VCPUs: t.VCPUs, Memory: int64(t.Memory), GPUs: t.GPUs, Price: t.Price}
	}
	return out
}

func (c *config) checkMachine() error {
	if _, err := fleetKind(fleets(), c.Fleet); err != nil {
		return c.wrong("fleet", "%w", err)
	}
	for i, t := range c.InstanceTypes {
		if err := t.check(); err != nil {
			return c.wrong(fmt.Sprintf("instance_types.%d", i), "instance_types: %w", err)
		}
	}
	switch c.Limits {
	case limitsAuto, limitsOff, limitsRequired:
		return nil
	default:
		return c.wrong("limits", "limits is %q: want auto, off or required", c.Limits)
	}
}

// Values of limits: in bellows.yaml.
const (
	limitsAuto     = "auto"     // where control groups can be had
	limitsOff      = "off"      // instances share the machine
	limitsRequired = "required" // the server does not start without
)

// machineStatus is what the health page says of the machine.
type machineStatus struct {
	Has       string `json:"has"`
	Used      string `json:"used_by_instances"`
	Stated    bool   `json:"capacity_is_stated"`
	Unlimited string `json:"limits_not_applied,omitempty"` // why instances are not held to their types' memory and CPU
}

func (s *server) lookAtMachine(st *status) {
	used, o := s.machine.Used()
	st.Machine = &machineStatus{o.Found.String(), used.String(), o.Capacity.Stated(), s.unlimited}
	data := s.data.Status()
	st.ModelData = &data
}

// lookAtPrices estimates what each variant's instances would cost.
func (s *server) lookAtPrices(st *status) {
	for i := range st.Endpoints {
		x := &st.Endpoints[i]
		x.Cost = float64(x.Current) * s.machine.Size(x.Type).Price
	}
}

// lookAtTypes warns of what variants do not get: what their owners asked for, and instance types that are larger than the machine.
func (s *server) lookAtTypes(st *status, e *engine.Engine) {
	for _, r := range e.Regions() {
		for _, name := range slices.Sorted(maps.Keys(r.Hosting.Endpoints)) {
			x := r.Hosting.Endpoints[name]
			for _, v := range x.Variants {
				target := name + "/" + v.Config.Name
				for _, w := range r.Hosting.Warnings(x, v) {
					st.Warnings = append(st.Warnings, warning{r.Scope.Region, target, w.Text()})
				}
				if text := s.machine.Misfit(v.Config.InstanceType); text != "" {
					st.Warnings = append(st.Warnings, warning{r.Scope.Region, target, text})
				}
			}
		}
	}
}
