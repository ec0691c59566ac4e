package hosting_test

import (
	"errors"
	"math"
	"testing"

	"bellows.dev/bellows/hosting"
)

// An excessive number of instances is refused before anything is created.
func TestEndpointsHaveALimitOfInstances(t *testing.T) {
	w, e := serving(t)
	config := func(counts ...int) error {
		c := hosting.EndpointConfig{Name: "large"}
		for i, n := range counts {
			c.Variants = append(c.Variants, hosting.VariantConfig{
				Name: string(rune('a' + i)), Model: "m", InitialCount: n, InitialWeight: 1, InstanceType: "ml.m5.large",
			})
		}
		return w.CreateConfig(w.now, c)
	}
	resize := func(n int) error {
		return w.UpdateWeightsAndCapacities(w.now, "e", []hosting.Change{{Variant: "blue", Desired: &n}})
	}
	for name, err := range map[string]error{
		"capacity": resize(math.MaxInt32), "one more": resize(hosting.InstancesMax + 1), "initial": config(math.MaxInt32),
		"initial, in all": config(hosting.InstancesMax, 1),
	} {
		var refused *hosting.Error
		if !errors.As(err, &refused) || refused.Kind != hosting.KindLimit {
			t.Errorf("%s: %v", name, err)
		}
	}
	if v := e.Variants[0]; v.Desired != 2 || len(v.Instances) != 2 || e.Status != hosting.InService {
		t.Errorf("a refusal left %d instances of %d wanted, %v", len(v.Instances), v.Desired, e.Status)
	}
	w.must(resize(hosting.InstancesMax))
	if n := len(e.Variants[0].Instances); n != hosting.InstancesMax {
		t.Errorf("%d instances", n)
	}
}
