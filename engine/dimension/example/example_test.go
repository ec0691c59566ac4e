package example_test

import (
	"testing"
	"time"

	. "bellows.dev/bellows/engine/dimension/example"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/scaling"
)

var noon = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

func registry() (*hosting.Registry, *hosting.Endpoint) {
	x := &hosting.Endpoint{Name: "chat", Status: hosting.InService, Variants: []*hosting.Variant{
		{Config: hosting.VariantConfig{Name: "blue"}, Generation: 1, Desired: 2}, {Config: hosting.VariantConfig{Name: "green"}, Generation: 1, Desired: 1},
	}}
	h := hosting.NewRegistry(time.Minute, func() hosting.InstanceID { return "i-9" })
	h.Endpoints["chat"] = x
	return h, x
}

func TestTheEndpointIsTheResource(t *testing.T) {
	h, x := registry()
	d := Dimension{}
	if !d.Fits("endpoint/chat") || d.Fits("endpoint/chat/variant/blue") || d.Fits("endpoint/") || d.Fits("chat") {
		t.Error("other resource IDs fit")
	}
	if d.Registrable(h, "endpoint/chat") != nil || d.Registrable(h, "endpoint/other") == nil || d.Find(h, "endpoint/other") != nil {
		t.Error("another endpoint can be registered than there is")
	}
	endpoint, variant := d.Place(h, "endpoint/chat")
	if ids := d.Resources(nil, x); len(ids) != 1 || ids[0] != "endpoint/chat" || endpoint != "chat" || variant != "" {
		t.Errorf("resources %v, at %s %s", ids, endpoint, variant)
	}
	r := d.Find(h, "endpoint/chat")
	for i, v := range []*hosting.Variant{x.Variants[0], x.Variants[1], x.Variants[1]} {
		v.Instances = append(v.Instances, &hosting.Instance{ID: hosting.InstanceID(v.Config.Name), State: hosting.InstanceInService})
		x.NoteServed(noon.Add(time.Duration(max(i-1, 0)) * time.Minute)) // two serve at noon, three a minute later
	}
	if c := r.Capacity(); c != (scaling.Capacity{Desired: 3, Current: 3, Scalable: true}) || !r.ServedSince().Equal(noon.Add(time.Minute)) || r.LeastServed(noon) != 2 {
		t.Errorf("%+v since %v, at least %d", c, r.ServedSince(), r.LeastServed(noon))
	}
	if !r.Exists() {
		t.Error("it does not exist")
	}
}

// The first variants get what is left of an even share.
func TestSetDesiredSpreads(t *testing.T) {
	for capacity, want := range map[int][2]int{0: {0, 0}, 1: {1, 0}, 4: {2, 2}, 5: {3, 2}} {
		h, x := registry()
		if err := (Dimension{}).SetDesired(noon, h, "endpoint/chat", capacity); err != nil || x.Variants[0].Desired != want[0] || x.Variants[1].Desired != want[1] {
			t.Errorf("%d: %d and %d, %v", capacity, x.Variants[0].Desired, x.Variants[1].Desired, err)
		}
	}
	h, _ := registry()
	if err := (Dimension{}).SetDesired(noon, h, "endpoint/other", 1); err == nil {
		t.Error("another endpoint takes a capacity")
	}
}
