package config

import (
	"fmt"
	"maps"

	"bellows.dev/bellows/internal/machine"
)

// Capacity is what capacity: in bellows.yaml states of this machine. A resource that is not stated is not counted.
type Capacity struct {
	VCPUs  *float64 `yaml:"vcpus"`
	Memory *Size    `yaml:"memory"`
	GPUs   *int     `yaml:"gpus"`
}

// Machine returns the capacity in the form that the machine takes.
func (c Capacity) Machine() machine.Capacity {
	return machine.Capacity{VCPUs: c.VCPUs, Memory: (*int64)(c.Memory), GPUs: c.GPUs}
}

// InstanceType is the size of an instance type. It adds to the built-in table, or replaces an entry of it.
type InstanceType struct {
	Type   string  `yaml:"type"`
	VCPUs  float64 `yaml:"vcpus"`
	Memory Size    `yaml:"memory"`
	GPUs   int     `yaml:"gpus"`
	Price  float64 `yaml:"usd_per_hour"`
}

func (t InstanceType) check() error {
	if len(t.Type) < 4 || t.Type[:3] != "ml." || t.VCPUs == 0 || t.Memory == 0 {
		return fmt.Errorf("%q needs a type that begins with ml., vcpus and memory", t.Type)
	}
	return nil
}

// Types returns the sizes of all known instance types: the built-in table with what instance_types: adds and replaces.
func (c Config) Types() map[string]machine.Size {
	out := maps.Clone(machine.Table())
	for _, t := range c.InstanceTypes {
		out[t.Type] = machine.Size{VCPUs: t.VCPUs, Memory: int64(t.Memory), GPUs: t.GPUs, Price: t.Price}
	}
	return out
}

func (c *Config) checkMachine(s *source) {
	if _, err := fleetKind(Fleets(), c.Fleet); err != nil {
		s.wrong("fleet", "%v", err)
	}
	for i, t := range c.InstanceTypes {
		if err := t.check(); err != nil {
			s.wrong(fmt.Sprintf("instance_types.%d", i), "instance_types[%d]: %v", i, err)
		}
	}
	switch c.Limits {
	case LimitsAuto, LimitsOff, LimitsRequired:
	default:
		s.wrong("limits", "limits is %q: want auto, off or required", c.Limits)
	}
}

// Values of limits: in bellows.yaml.
const (
	LimitsAuto     = "auto"     // limits apply where the server can create control groups
	LimitsOff      = "off"      // instances share the machine without limits
	LimitsRequired = "required" // the server does not start where it cannot create control groups
)
