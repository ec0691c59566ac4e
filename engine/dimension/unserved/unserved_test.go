package unserved_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bellows.dev/bellows/engine/dimension"
	. "bellows.dev/bellows/engine/dimension/unserved"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/scaling"
)

// AWS: services that integrate with Application Auto Scaling: SageMaker.
func TestResourceIDs(t *testing.T) {
	for id, of := range map[string]string{
		"inference-component/c": "copies", "inference-component/": "", "inference-component/a/b": "", "endpoint/e/variant/v": "concurrency", "endpoint/e": "",
	} {
		if NewCopies().Fits(id) != (of == "copies") || NewConcurrency().Fits(id) != (of == "concurrency") {
			t.Errorf("%q: copies %v, concurrency %v", id, NewCopies().Fits(id), NewConcurrency().Fits(id))
		}
	}
}

// There are no resources: none can be registered or set, in the same words, and none is found on any endpoint.
func TestThereAreNoResources(t *testing.T) {
	x := &hosting.Endpoint{Name: "e", Status: hosting.InService, Variants: []*hosting.Variant{{Config: hosting.VariantConfig{Name: "v"}}}}
	h := &hosting.Registry{Endpoints: map[string]*hosting.Endpoint{"e": x}}
	for id, d := range map[string]dimension.Dimension{"inference-component/c": NewCopies(), "endpoint/e/variant/v": NewConcurrency()} {
		want := "The scalable dimension " + string(d.Name()) + " is not served here yet: only sagemaker:variant:DesiredInstanceCount is."
		for what, err := range map[string]error{"registering": d.Registrable(h, id), "setting": d.SetDesired(time.Time{}, h, id, 2)} {
			if e := (*scaling.Error)(nil); !errors.As(err, &e) || e.Kind != scaling.KindValidation || e.Msg != want {
				t.Errorf("%s %s: %v", what, id, err)
			}
		}
		endpoint, variant := d.Place(h, id)
		if d.Find(h, id) != nil || len(d.Resources(nil, x)) != 0 || endpoint != "" || variant != "" {
			t.Errorf("%s has resources", d.Name())
		}
		if _, is := d.(scaling.Forecastable); is {
			t.Errorf("%s has metrics for forecasts", d.Name())
		}
	}
}

// AWS: SageMaker developer guide, monitoring with CloudWatch.
func TestMetrics(t *testing.T) {
	if diff := cmp.Diff([]metric.Dimension{{Name: "InferenceComponentName", Value: "c"}}, NewCopies().MetricDimensions("inference-component/c")); diff != "" {
		t.Error(diff)
	}
	want := []metric.Dimension{{Name: "EndpointName", Value: "e"}, {Name: "VariantName", Value: "v"}}
	if diff := cmp.Diff(want, NewConcurrency().MetricDimensions("endpoint/e/variant/v")); diff != "" {
		t.Error(diff)
	}
	var names []string
	for _, m := range append(NewCopies().Predefined(), NewConcurrency().Predefined()...) {
		names = append(names, m.Name+" "+m.Metric)
	}
	if diff := cmp.Diff([]string{
		"SageMakerInferenceComponentInvocationsPerCopy InvocationsPerCopy",
		"SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution ConcurrentRequestsPerCopy",
		"SageMakerVariantProvisionedConcurrencyUtilization ServerlessProvisionedConcurrencyUtilization",
	}, names); diff != "" {
		t.Error(diff)
	}
}
