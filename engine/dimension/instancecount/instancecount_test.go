package instancecount_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	. "bellows.dev/bellows/engine/dimension/instancecount"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/scaling"
)

var noon = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

// registry has an endpoint with the variants blue, of 2 instances, and burst, whose instance type cannot be scaled.
func registry() (*hosting.Registry, *hosting.Endpoint) {
	x := &hosting.Endpoint{Name: "chat", Config: "c", Status: hosting.InService, Variants: []*hosting.Variant{
		{Config: hosting.VariantConfig{Name: "blue", InstanceType: "ml.m5.large"}, Generation: 1, Desired: 2},
		{Config: hosting.VariantConfig{Name: "burst", InstanceType: "ml.t2.medium"}, Generation: 1, Desired: 1},
	}}
	h := hosting.NewRegistry(time.Minute, func() hosting.InstanceID { return "i-9" })
	h.Endpoints["chat"] = x
	return h, x
}

func TestResourceIDs(t *testing.T) {
	d := Dimension{}
	if d.Name() != "sagemaker:variant:DesiredInstanceCount" {
		t.Errorf("the name is %s", d.Name())
	}
	for id, fits := range map[string]bool{
		"endpoint/chat/variant/blue": true, "endpoint/chat": false, "endpoint/chat/variant/": false, "endpoint//variant/blue": false,
		"endpoint/chat/variant/blue/x": false, "inference-component/c": false, "": false,
	} {
		if d.Fits(id) != fits {
			t.Errorf("%q fits: %v", id, d.Fits(id))
		}
	}
	if endpoint, variant := d.Place(nil, "endpoint/chat/variant/blue"); endpoint != "chat" || variant != "blue" {
		t.Errorf("it is at %s, %s", endpoint, variant)
	}
	_, x := registry()
	if diff := cmp.Diff([]string{"x", "endpoint/chat/variant/blue", "endpoint/chat/variant/burst"}, d.Resources([]string{"x"}, x)); diff != "" {
		t.Error(diff)
	}
}

// AWS: RegisterScalableTarget; burstable instance types cannot be scaled: SageMaker developer guide, autoscaling prerequisites.
func TestRegistrable(t *testing.T) {
	for _, tt := range []struct {
		id     string
		change func(*hosting.Endpoint)
		want   hosting.ErrorKind // 0: none
	}{
		{"endpoint/chat/variant/blue", nil, 0},
		{"endpoint/other/variant/blue", nil, hosting.KindNotFound},
		{"endpoint/chat/variant/green", nil, hosting.KindNotFound},
		{"endpoint/chat/variant/blue", func(x *hosting.Endpoint) { x.Status = hosting.Deleting }, hosting.KindNotFound},
		{"endpoint/chat/variant/blue", func(x *hosting.Endpoint) { // an update is about to remove it
			x.Deployment = &hosting.Deployment{Variants: []*hosting.Variant{{Config: hosting.VariantConfig{Name: "green"}}}}
		}, hosting.KindNotFound},
	} {
		h, x := registry()
		if tt.change != nil {
			tt.change(x)
		}
		err := Dimension{}.Registrable(h, tt.id)
		var refused *hosting.Error
		if errors.As(err, &refused) != (tt.want != 0) || refused != nil && refused.Kind != tt.want || refused == nil && err != nil {
			t.Errorf("%s: %v", tt.id, err)
		}
	}
	h, _ := registry()
	var refused *scaling.Error
	if err := (Dimension{}).Registrable(h, "endpoint/chat/variant/burst"); !errors.As(err, &refused) || refused.Kind != scaling.KindValidation {
		t.Errorf("burstable instances: %v", err)
	}
}

// A resource reads its capacity where it is kept, and ends with the variant or the endpoint.
func TestFind(t *testing.T) {
	h, x := registry()
	find := func(id string) scaling.Resource { return Dimension{}.Find(h, id) }
	if find("endpoint/other/variant/blue") != nil || find("endpoint/chat/variant/green") != nil {
		t.Error("what does not exist was found")
	}
	r := find("endpoint/chat/variant/blue")
	x.Variants[0].Instances = []*hosting.Instance{{ID: "i-1", State: hosting.InstanceInService}}
	x.NoteServed(noon)
	if c := r.Capacity(); c != (scaling.Capacity{Desired: 2, Current: 1, Scalable: true}) || !r.ServedSince().Equal(noon) || r.LeastServed(noon) != 1 {
		t.Errorf("%+v since %v, at least %d", c, r.ServedSince(), r.LeastServed(noon))
	}
	if x.Status = hosting.Updating; r.Capacity().Scalable {
		t.Error("an endpoint that is being updated takes changes")
	}
	if !r.Exists() {
		t.Error("it does not exist")
	}
	if x.Variants = []*hosting.Variant{{Config: x.Variants[0].Config}}; r.Exists() {
		t.Error("it exists after its variant was replaced")
	}
}

// A change that SageMaker refuses is refused with its code, and changes nothing. AWS: activities, StatusMessage; recorded.
func TestSetDesired(t *testing.T) {
	h, x := registry()
	if err := (Dimension{}).SetDesired(noon, h, "endpoint/chat/variant/blue", 3); err != nil || x.Variants[0].Desired != 3 || x.Status != hosting.Updating {
		t.Errorf("%v: desired is %d, the endpoint %v", err, x.Variants[0].Desired, x.Status)
	}
	err := Dimension{}.SetDesired(noon, h, "endpoint/chat/variant/blue", 4)
	var refused *scaling.ServiceError
	if !errors.As(err, &refused) || refused.Service != "AmazonSageMaker" || refused.Code != "ValidationException" || x.Variants[0].Desired != 3 {
		t.Errorf("while it is updated: %v, desired is %d", err, x.Variants[0].Desired)
	}
	err = Refusal(&hosting.Error{Kind: hosting.KindLimit})
	if !errors.As(err, &refused) || refused.Code != "ResourceLimitExceeded" || Refusal(nil) != nil {
		t.Errorf("beyond a quota: %v", err)
	}
}

// Each predefined metric has the dimensions of the variant. AWS: SageMaker developer guide, monitoring with CloudWatch.
func TestMetrics(t *testing.T) {
	d := Dimension{}
	want := []metric.Dimension{{Name: "EndpointName", Value: "chat"}, {Name: "VariantName", Value: "blue"}}
	if diff := cmp.Diff(want, d.MetricDimensions("endpoint/chat/variant/blue")); diff != "" {
		t.Error(diff)
	}
	var names []string
	for _, m := range d.Predefined() {
		names = append(names, m.Name)
	}
	for _, p := range d.Pairs() {
		names = append(names, p.Name, p.Scaling.Name, p.Load.Name)
	}
	for _, q := range d.CapacityQueries("endpoint/chat/variant/blue", time.Minute) {
		if q.Stat == nil {
			names = append(names, q.ID+" = "+q.Expression)
			continue
		}
		names = append(names, q.ID+" = "+q.Stat.Metric.Name)
		if q.Stat.Metric.Key() != metric.NewID("AWS/SageMaker", q.Stat.Metric.Name, want...).Key() || q.Stat.Period != time.Minute || !q.Hidden {
			t.Errorf("query %+v", q)
		}
	}
	if diff := cmp.Diff([]string{
		"SageMakerVariantInvocationsPerInstance", "SageMakerVariantConcurrentRequestsPerModelHighResolution",
		"SageMakerVariantInvocations", "SageMakerVariantInvocationsPerInstance", "SageMakerVariantTotalInvocations",
		"SageMakerVariantCPUUtilization", "SageMakerVariantAverageCPUUtilization", "SageMakerVariantTotalCPUUtilization",
		"all = Invocations", "each = InvocationsPerInstance", "capacity = all/each",
	}, names); diff != "" {
		t.Error(diff)
	}
}
