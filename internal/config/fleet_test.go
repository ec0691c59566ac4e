package config

import (
	"strings"
	"testing"

	"bellows.dev/bellows/internal/fleet"
)

// A fleet is chosen by its name among those that are registered.
func TestFleetsAreChosenByName(t *testing.T) {
	kinds := append(Fleets(), fleet.Kind{Name: "toy"})
	for name, want := range map[string]string{"": "process", "process": "process", "toy": "toy"} {
		if k, err := fleetKind(kinds, name); err != nil || k.Name != want {
			t.Errorf("%q: %q, %v", name, k.Name, err)
		}
	}
	if _, err := fleetKind(kinds, "docker"); err == nil || !strings.Contains(err.Error(), `fleet is "docker": want process or toy`) {
		t.Errorf("another name: %v", err)
	}
	if c, err := Parse([]byte("region: eu-west-1"), "/etc/bellows"); err != nil || c.Fleet != "process" {
		t.Errorf("by default: %q, %v", c.Fleet, err)
	}
	if _, err := Parse([]byte("region: eu-west-1\nfleet: docker"), "/etc/bellows"); err == nil || !strings.Contains(err.Error(), "line 2: fleet is") {
		t.Errorf("in bellows.yaml: %v", err)
	}
}
