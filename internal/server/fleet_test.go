package server

import (
	"testing"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/machine"
)

// A fleet gets a group for each generation, and instances the resources of their types.
func TestLevelsForFleets(t *testing.T) {
	key := engine.VariantKey{Scope: engine.Scope{Account: "123456789012", Region: "us-east-1"}, Endpoint: "e", Variant: "v"}
	one := []hosting.InstanceSpec{{ID: "i-1", InstanceType: "ml.g5.xlarge"}}
	two := []hosting.InstanceSpec{{ID: "i-2", InstanceType: "ml.unknown"}}
	got := fleetLevels([]engine.FleetLevel{{Key: key, Generation: 1, Instances: one}, {Key: key, Generation: 2, Instances: two}},
		machine.New(machine.Options{Types: machine.Table()}))
	if len(got) != 2 || got[0].Group != "123456789012/us-east-1/e/v/1" || got[1].Group != "123456789012/us-east-1/e/v/2" {
		t.Fatalf("%+v", got)
	}
	if r := got[0].Instances[0].Resources; r != (hosting.Resources{VCPUs: 4, Memory: 16 << 30, GPUs: 1}) {
		t.Errorf("ml.g5.xlarge has %+v", r)
	}
	if r := got[1].Instances[0].Resources; r != (hosting.Resources{}) {
		t.Errorf("an unknown type has %+v", r)
	}
}
