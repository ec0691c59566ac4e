package policy_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"bellows.dev/bellows/engine/dimension"
	"bellows.dev/bellows/engine/dimension/unserved"
	. "bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy"
	"bellows.dev/bellows/scaling/policy/step"
)

func TestTargetKeyNamesItsVariant(t *testing.T) {
	endpoint, variant, ok := blue.Variant()
	if endpoint != "chat" || variant != "blue" || !ok {
		t.Errorf("got %s, %s, %v", endpoint, variant, ok)
	}
	if _, _, ok := (TargetKey{ResourceID: "inference-component/n", Dimension: unserved.NewCopies().Name()}).Variant(); ok {
		t.Error("a component names a variant")
	}
}

// The words of activities about a dimension. AWS: recorded of SageMaker; user guide, scaling activities of other services.
func TestDimensionsAreNamedInTexts(t *testing.T) {
	for d, want := range map[Dimension][2]string{
		"sagemaker:variant:DesiredInstanceCount":          {"sagemaker", "desired instance count"},
		"sagemaker:variant:DesiredProvisionedConcurrency": {"sagemaker", "desired provisioned concurrency"},
		"sagemaker:inference-component:DesiredCopyCount":  {"sagemaker", "desired copy count"},
		"ecs:service:DesiredCount":                        {"ecs", "desired count"},
		"ec2:spot-fleet-request:TargetCapacity":           {"ec2", "target capacity"},
	} {
		if got := [2]string{d.Namespace(), d.Noun()}; got != want {
			t.Errorf("%s: %v, want %v", d, got, want)
		}
	}
}

// FuzzTargetKey: whatever text is read as a key is written as the same text.
func FuzzTargetKey(f *testing.F) {
	f.Add("sagemaker:variant:DesiredInstanceCount endpoint/e/variant/v")
	f.Add("sagemaker:inference-component:DesiredCopyCount inference-component/n")
	f.Add("example:endpoint:DesiredInstanceCount endpoint/e")
	f.Add("invalid")
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
	back := NewRegistry(policy.Types(), dimension.All())
	if err := json.Unmarshal(text, back); err != nil {
		t.Fatal(err)
	}
	if err := back.Restore(policy.Types(), dimension.All()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r, back, cmpopts.IgnoreUnexported(Registry{}, Policy{}, Target{})); diff != "" {
		t.Errorf("lost in the snapshot (-had +got):\n%s", diff)
	}
}
