package policy_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bellows.dev/bellows/engine/dimension"
	. "bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy"
	"bellows.dev/bellows/scaling/policy/step"
)

// AWS: RegisterScalableTarget, API reference; texts recorded.
func TestRegisterRefuses(t *testing.T) {
	tests := []struct {
		name string
		g    Registration
		msg  string
	}{
		{"no minimum", Registration{Max: ptr(1)}, "Minimum capacity must be specified"},
		{"no maximum", Registration{Min: ptr(1)}, "Maximum capacity must be specified"},
		{"nothing", Registration{}, "Minimum capacity must be specified"},
		{"max < min", Registration{Min: ptr(2), Max: ptr(1)}, "Maximum capacity cannot be less than minimum capacity"},
		{"negative", Registration{Min: ptr(-1), Max: ptr(1)}, "Minimum capacity cannot be less than 0"},
		{
			"system tag", Registration{Min: ptr(0), Max: ptr(1), Tags: map[string]string{"aws:x": "y"}},
			"Caller is an end user and not allowed to mutate system tags",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := NewRegistry(policy.Types(), dimension.All())
			tt.g.Key = blue
			_, err := r.Register(t0, tt.g, noID)
			wantError(t, err, KindValidation, tt.msg)
			if len(r.Targets) != 0 {
				t.Error("a refused registration left a target")
			}
		})
	}
}

func TestRegisterAcceptsEqualBoundsAndZero(t *testing.T) {
	for _, n := range []int{0, 3} {
		newTarget(t, n, n)
	}
}

// AWS: an update changes the members that are present, none where there are none; SuspendedState merges flag by flag.
func TestRegisterMerges(t *testing.T) {
	r, target := newTarget(t, 1, 4)
	update := func(g Registration) error {
		g.Key = blue
		_, err := r.Register(at(60), g, noID)
		return err
	}
	want := func(least, most int, s Suspended) {
		t.Helper()
		if target.Min != least || target.Max != most || target.Suspended != s {
			t.Errorf("got %d..%d %+v, want %d..%d %+v", target.Min, target.Max, target.Suspended, least, most, s)
		}
	}
	mustDo := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	mustDo(update(Registration{}))
	want(1, 4, Suspended{})
	mustDo(update(Registration{Max: ptr(6), SuspendScheduled: ptr(true)}))
	want(1, 6, Suspended{Scheduled: true})
	mustDo(update(Registration{SuspendIn: ptr(true)}))
	want(1, 6, Suspended{DynamicIn: true, Scheduled: true})
	mustDo(update(Registration{Min: ptr(2), SuspendIn: ptr(false), SuspendOut: ptr(true)}))
	want(2, 6, Suspended{DynamicOut: true, Scheduled: true})

	wantError(t, update(Registration{Min: ptr(7)}), KindValidation, "Maximum capacity cannot be less than minimum capacity")
	wantError(t, update(Registration{Max: ptr(1)}), KindValidation, "Maximum capacity cannot be less than minimum capacity")
	wantError(t, update(Registration{Tags: map[string]string{"a": "b"}}), KindValidation,
		"The scalable target that you tried to tag already exists. To update tags on an existing scalable target, use the TagResource API.")
	want(2, 6, Suspended{DynamicOut: true, Scheduled: true})
	if target.Created != t0 || target.ID36() != "056m11111111222233334444555555555555" {
		t.Errorf("an update changed the identity: %v %s", target.Created, target.ID36())
	}
}

// AWS: every registration, even one without a capacity, holds the present capacity against the range.
func TestClamp(t *testing.T) {
	tests := []struct {
		desired int
		want    Change // zero: stays
		cause   string
	}{
		{1, Change{From: 1, Want: 2, Cause: Cause{Kind: CauseMinimum, Capacity: 2}}, "minimum capacity was set to 2"},
		{2, Change{}, ""},
		{3, Change{}, ""},
		{5, Change{}, ""},
		{9, Change{From: 9, Want: 5, Cause: Cause{Kind: CauseMaximum, Capacity: 5}}, "maximum capacity was set to 5"},
	}
	for _, tt := range tests {
		r, target := newTarget(t, 2, 5)
		if _, moved := target.Clamp(steady(tt.desired)); moved {
			t.Fatal("clamped though nothing was registered since")
		}
		if _, err := r.Register(at(1), Registration{Key: blue}, noID); err != nil {
			t.Fatal(err)
		}
		busy := Capacity{Desired: tt.desired, Current: tt.desired}
		if _, moved := target.Clamp(busy); moved || !target.ClampDue {
			t.Fatal("an endpoint that is not InService was clamped, or forgotten")
		}
		got, moved := target.Clamp(steady(tt.desired))
		if got != tt.want || moved != (tt.cause != "") || target.ClampDue {
			t.Errorf("desired %d: got %+v, %v", tt.desired, got, moved)
		}
		if moved && got.Cause.String() != tt.cause {
			t.Errorf("cause %q, want %q", got.Cause, tt.cause)
		}
	}
}

// AWS: SageMaker; text from a public issue.
func TestCheckInstanceType(t *testing.T) {
	wantError(t, CheckInstanceType("ml.t2.medium"), KindValidation,
		"You cannot register a variant with ml.t2.medium instance type as a scalable target. This is because the burstable "+
			"performance of these instances can lead to unpredictable behavior with Auto Scaling.")
	if err := CheckInstanceType("ml.m5.large"); err != nil {
		t.Error(err)
	}
}

func TestDeregister(t *testing.T) {
	r, target := newTarget(t, 1, 4, track("cpu", 70), stepping("up", step.ChangeInCapacity, adjustment(0, nil, 1)))
	target.Begin(t0, "a", Change{From: 1, Want: 2})
	gone, err := r.Deregister(at(5), blue)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"TargetTracking-endpoint/chat/variant/blue-AlarmHigh-id-2", "TargetTracking-endpoint/chat/variant/blue-AlarmLow-id-3",
	}
	if diff := cmp.Diff(want, gone.AlarmNames()); diff != "" {
		t.Error(diff)
	}
	const id = ", resource ID: endpoint/chat/variant/blue, scalable dimension: sagemaker:variant:DesiredInstanceCount"
	_, err = r.Deregister(at(5), blue)
	wantError(t, err, KindObjectNotFound, "No scalable target found for service namespace: sagemaker"+id)
	_, err = r.PutPolicy(at(5), request{Key: blue, Name: "p", Type: step.Type{}}.input(), noID)
	wantError(t, err, KindObjectNotFound, "No scalable target registered for service namespace: sagemaker"+id)
	_, err = r.DeletePolicy(blue, "up")
	wantError(t, err, KindObjectNotFound, "No scalable target found for service namespace: sagemaker"+id)
	if _, err := r.ByID(target.ID36()); err == nil {
		t.Error("tags of a deregistered target are found")
	}
}

// AWS: history does not depend on registration: what is in flight ends, and what repeats is not repeated.
func TestHistoryOutlivesRegistration(t *testing.T) {
	r, target := newTarget(t, 1, 4)
	target.Begin(t0, "a", Change{From: 1, Want: 2})
	target.Accept()
	target.LastNotScaled = AlreadyAtMaxCapacity
	if _, err := r.Deregister(at(5), blue); err != nil {
		t.Fatal(err)
	}
	if r.Tracked(blue) == nil {
		t.Fatal("the activity in flight is lost")
	}
	again, err := r.Register(at(9), Registration{Key: blue, Min: ptr(1), Max: ptr(4)}, func() string { return "new" })
	if err != nil {
		t.Fatal(err)
	}
	if again.UUID != "new" || again.LastNotScaled != AlreadyAtMaxCapacity || len(r.Departed) != 0 {
		t.Errorf("got %+v, departed %v", again, r.Departed)
	}
	if a, ended := r.Tracked(blue).Track(at(30), steady(2)); !ended || a.ID != "a" || a.Status != Successful {
		t.Errorf("got %+v, %v", a, ended)
	}
	if r.Departed[blue] != nil || r.Tracked(VariantTarget("x", "y")) != nil {
		t.Error("something is tracked that never was")
	}
}

// AWS: history is kept for six weeks, so what departed targets leave behind is too.
func TestDepartedAreForgotten(t *testing.T) {
	r, _ := newTarget(t, 1, 4)
	other := VariantTarget("chat", "green")
	if _, err := r.Deregister(t0, blue); err != nil {
		t.Fatal(err)
	}
	for i, kept := range []bool{true, false} {
		now := t0.Add(HistoryKept + time.Duration(i)*time.Second)
		if _, err := r.Register(now, Registration{Key: other, Min: ptr(1), Max: ptr(1)}, counter()); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Deregister(now, other); err != nil {
			t.Fatal(err)
		}
		if got := r.Departed[blue] != nil; got != kept {
			t.Errorf("%v later: kept %v, want %v", now.Sub(t0), got, kept)
		}
	}
}

// AWS: quotas: 500 targets of a dimension; 50 tags.
func TestQuotas(t *testing.T) {
	r := NewRegistry(policy.Types(), dimension.All())
	for i := range TargetsMax {
		k := VariantTarget(fmt.Sprint("e", i), "v")
		if _, err := r.Register(t0, Registration{Key: k, Min: ptr(0), Max: ptr(1)}, counter()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.Register(t0, Registration{Key: VariantTarget("e0", "v")}, noID); err != nil {
		t.Errorf("at the quota an update is refused: %v", err)
	}
	_, err := r.Register(t0, Registration{Key: blue, Min: ptr(0), Max: ptr(1)}, noID)
	wantError(t, err, KindLimitExceeded,
		"The limit of 500 scalable targets of dimension sagemaker:variant:DesiredInstanceCount is reached.")
	if s := r.Sorted(); len(s) != TargetsMax || s[0].Key.Compare(s[1].Key) >= 0 {
		t.Error("targets are not sorted")
	}
}

// AWS: TagResource, UntagResource; texts recorded.
func TestTags(t *testing.T) {
	r, target := newTarget(t, 1, 2)
	id := target.ID36()
	wantError(t, r.Tag(id, nil), KindValidation, "Tags cannot be empty")
	wantError(t, r.Tag("other", map[string]string{"a": "1"}), KindResourceNotFound, "Scalable Target not found")
	wantError(t, r.Untag("other", []string{"a"}), KindResourceNotFound, "Scalable Target not found")
	wantError(t, r.Untag(id, nil), KindValidation, "TagKeys cannot be null or empty")
	wantError(t, r.Tag(id, map[string]string{"aws:a": "1"}), KindValidation, "Caller is an end user and not allowed to mutate system tags")
	many := map[string]string{}
	for i := range TagsMax {
		many[fmt.Sprint(i)] = "x"
	}
	if err := r.Tag(id, many); err != nil {
		t.Fatal(err)
	}
	wantError(t, r.Tag(id, map[string]string{"one more": ""}), KindTooManyTags, "A scalable target can have at most 50 tags.")
	if err := r.Tag(id, map[string]string{"0": "other"}); err != nil || target.Tags["0"] != "other" {
		t.Errorf("replacing a tag: %v, %v", err, target.Tags["0"])
	}
	if err := r.Untag(id, []string{"0", "unknown"}); err != nil || len(target.Tags) != TagsMax-1 {
		t.Errorf("removing a tag: %v, %d tags", err, len(target.Tags))
	}
}
