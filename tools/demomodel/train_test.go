package main

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"bellows.dev/bellows/internal/demomodel"
)

// The model that ships is the one that this program makes. The tolerance is for processors that fuse multiplication and
// addition.
func TestTheShippedModelIsReproducible(t *testing.T) {
	again, err := train()
	if err != nil {
		t.Fatal(err)
	}
	shipped, err := demomodel.Trained()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(shipped, again, cmpopts.EquateApprox(1e-6, 1e-6)); diff != "" {
		t.Errorf("trained again, the model differs (run go generate ./internal/demomodel):\n%s", diff)
	}
	if again.Accuracy < 0.96 {
		t.Errorf("accuracy on all flowers is %.4f, want 0.96 or more", again.Accuracy)
	}
	if again.HeldOut < 0.95 {
		t.Errorf("accuracy on flowers held out is %.4f, want 0.95 or more", again.HeldOut)
	}
}

// The means are those that Fisher's table gives, so no fact was lost or altered on its way here.
func TestFlowersAreFishers(t *testing.T) {
	all, err := flowers()
	if err != nil {
		t.Fatal(err)
	}
	sums := map[int]*demomodel.Row{0: {}, 1: {}, 2: {}}
	counts := map[int]int{}
	for _, f := range all {
		counts[f.class]++
		for i, x := range f.row {
			sums[f.class][i] += x
		}
	}
	if diff := cmp.Diff(map[int]int{0: 50, 1: 50, 2: 50}, counts); diff != "" {
		t.Fatalf("flowers a species (-want +got):\n%s", diff)
	}
	want := map[int]demomodel.Row{
		0: {5.006, 3.428, 1.462, 0.246},
		1: {5.936, 2.770, 4.260, 1.326},
		2: {6.588, 2.974, 5.552, 2.026},
	}
	for class, means := range want {
		for i, mean := range means {
			if got := sums[class][i] / 50; math.Abs(got-mean) > 1e-9 {
				t.Errorf("%s: mean of feature %d is %v, want %v", classes()[class], i, got, mean)
			}
		}
	}
}

// A model of shuffled species must not reach what the real one reaches: the measure can fail.
func TestHeldOutMeasuresSomething(t *testing.T) {
	all, err := flowers()
	if err != nil {
		t.Fatal(err)
	}
	for i := range all {
		all[i].class = (i * 7 / 3) % 3
	}
	if got := heldOut(all); got > 0.6 {
		t.Errorf("held-out accuracy on meaningless labels is %.4f", got)
	}
}
