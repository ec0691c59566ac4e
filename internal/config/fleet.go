package config

import (
	"fmt"
	"strings"
	"time"

	"bellows.dev/bellows/internal/fleet"
	"bellows.dev/bellows/internal/fleet/process"
)

// Fleets returns the kinds of fleet that `fleet:` in bellows.yaml may name; the first is the default.
func Fleets() []fleet.Kind { return []fleet.Kind{process.Kind()} }

// FleetKind returns the kind of fleet that the configuration names.
func (c *Config) FleetKind() (fleet.Kind, error) { return fleetKind(Fleets(), c.Fleet) }

// fleetKind returns the kind of a name; "" is the default.
func fleetKind(kinds []fleet.Kind, name string) (fleet.Kind, error) {
	var names []string
	for _, k := range kinds {
		if k.Name == name || name == "" {
			return k, nil
		}
		names = append(names, k.Name)
	}
	return fleet.Kind{}, fmt.Errorf("fleet is %q: want %s", name, strings.Join(names, " or "))
}

// FleetSettings returns the settings of the fleet that can change while it runs.
func (c Config) FleetSettings() fleet.Settings {
	return fleet.Settings{DrainTimeout: time.Duration(c.DrainTimeout), KillAfter: time.Duration(c.KillAfter), LogMax: int64(c.LogMax)}
}
