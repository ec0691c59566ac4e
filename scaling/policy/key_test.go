package policy_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	. "bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy"
	"bellows.dev/bellows/scaling/policy/step"
)

// AWS: RegisterScalableTarget; services that integrate with Application Auto Scaling: SageMaker.
func TestParseTargetKey(t *testing.T) {
	const instances, copies = "sagemaker:variant:DesiredInstanceCount", "sagemaker:inference-component:DesiredCopyCount"
	const provisioned = "sagemaker:variant:DesiredProvisionedConcurrency"
	tests := []struct {
		namespace, resource, dimension string
		want                           Dimension // zero: refused
	}{
		{"sagemaker", "endpoint/e/variant/v", instances, VariantInstances},
		{"sagemaker", "endpoint/e/variant/v", provisioned, VariantConcurrency},
		{"sagemaker", "inference-component/n", copies, ComponentCopies},
		{"ecs", "endpoint/e/variant/v", instances, 0},
		{"sagemaker", "endpoint/e/variant/v", copies, 0},
		{"sagemaker", "inference-component/n", instances, 0},
		{"sagemaker", "inference-component/", copies, 0},
		{"sagemaker", "inference-component/a/b", copies, 0},
		{"sagemaker", "endpoint/e", instances, 0},
		{"sagemaker", "endpoint//variant/v", instances, 0},
		{"sagemaker", "endpoint/e/variant/", instances, 0},
		{"sagemaker", "endpoint/e/variant/v/w", instances, 0},
		{"sagemaker", "service/c/s", "ecs:service:DesiredCount", 0},
		{"sagemaker", "", "", 0},
	}
	for _, tt := range tests {
		k, err := ParseTargetKey(tt.namespace, tt.resource, tt.dimension)
		if tt.want == 0 {
			wantError(t, err, KindValidation, "Unsupported service namespace, resource type or scalable dimension")
			continue
		}
		if err != nil || k != (TargetKey{ResourceID: tt.resource, Dimension: tt.want}) {
			t.Errorf("%s %s: got %v, %v", tt.resource, tt.dimension, k, err)
		}
		if filter := CheckResourceID(tt.resource); filter != nil {
			t.Errorf("%s as a filter: %v", tt.resource, filter)
		}
	}
	wantError(t, CheckResourceID("service/c/s"), KindValidation, "Unsupported service namespace, resource type or scalable dimension")
}

func TestTargetKeyNamesItsVariant(t *testing.T) {
	endpoint, variant, ok := blue.Variant()
	if endpoint != "chat" || variant != "blue" || !ok {
		t.Errorf("got %s, %s, %v", endpoint, variant, ok)
	}
	if _, _, ok := (TargetKey{ResourceID: "inference-component/n", Dimension: ComponentCopies}).Variant(); ok {
		t.Error("a component names a variant")
	}
}

// FuzzTargetKey: whatever text is read as a key is written as the same text.
func FuzzTargetKey(f *testing.F) {
	f.Add("sagemaker:variant:DesiredInstanceCount endpoint/e/variant/v")
	f.Add("sagemaker:inference-component:DesiredCopyCount inference-component/n")
	f.Add("invalid endpoint/e")
	f.Fuzz(func(t *testing.T, text string) {
		var k TargetKey
		if k.UnmarshalText([]byte(text)) != nil {
			return
		}
		if got, _ := k.MarshalText(); string(got) != text {
			t.Errorf("%q became %q", text, got)
		}
	})
}

// A registry is its own snapshot: nothing is lost on the way through JSON.
func TestSnapshotKeepsEverything(t *testing.T) {
	up := stepping("up", step.PercentChangeInCapacity, adjustment(0, nil, 30))
	up.Step.Cooldown, up.Step.MinMagnitude, up.Step.Aggregation = seconds(0), ptr(2), step.AggregateMaximum
	r, target := newTarget(t, 1, 9, track("cpu", 70), up)
	d := decide(0, target, steady(2), high(target, "cpu", 140))
	carryOut(t, target, d, 0, 60)
	target.Begin(at(70), "second", Change{From: 4, Want: 5, Cause: Cause{Kind: CauseMinimum, Capacity: 5}})
	target.Tags = map[string]string{"a": "b"}
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	back := NewRegistry(policy.Types())
	if err := json.Unmarshal(text, back); err != nil {
		t.Fatal(err)
	}
	if err := back.Restore(policy.Types()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r, back, cmpopts.IgnoreUnexported(Registry{}, Policy{})); diff != "" {
		t.Errorf("lost in the snapshot (-had +got):\n%s", diff)
	}
}
