package hosting_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"bellows.dev/bellows/hosting"
)

var start = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)

const patience = 4 * time.Minute

// world is a registry and a hand on its clock and its fleet.
type world struct {
	*hosting.Registry
	t   *testing.T
	now time.Time
}

func newWorld(t *testing.T) *world {
	t.Helper()
	n := 0
	w := &world{t: t, now: start}
	w.Registry = hosting.NewRegistry(patience, func() hosting.InstanceID {
		n++
		return hosting.InstanceID(fmt.Sprintf("i-%d", n))
	})
	w.must(w.CreateModel(w.now, hosting.Model{Name: "m", Container: hosting.Container{Image: "bellows/demo-model"}}))
	w.config("c", 2)
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) config(name string, count int) {
	w.t.Helper()
	w.must(w.CreateConfig(w.now, hosting.EndpointConfig{Name: name, Variants: []hosting.VariantConfig{
		{Name: "blue", Model: "m", InitialCount: count, InitialWeight: 1, InstanceType: "ml.m5.large"},
	}}))
}

// serving returns an endpoint whose two instances are healthy.
func serving(t *testing.T) (*world, *hosting.Endpoint) {
	t.Helper()
	w := newWorld(t)
	w.must(w.CreateEndpoint(w.now, "e", "c", nil))
	e := w.Endpoints["e"]
	w.ready(e, "i-1", "i-2")
	w.status(e, hosting.InService)
	return w, e
}

func (w *world) report(e *hosting.Endpoint, s hosting.FleetState, ids ...hosting.InstanceID) {
	for _, id := range ids {
		e.Report(w.now, hosting.InstanceReport{ID: id, State: s, Address: "127.0.0.1:1", Reason: "exited with code 3"})
	}
	w.Reconcile(w.now, e)
}

func (w *world) ready(e *hosting.Endpoint, ids ...hosting.InstanceID) {
	w.report(e, hosting.FleetReady, ids...)
}

func (w *world) gone(e *hosting.Endpoint, ids ...hosting.InstanceID) {
	w.report(e, hosting.FleetGone, ids...)
}

// specs are those of all of the variant's fleets, by generation.
func (w *world) specs(e *hosting.Endpoint) []hosting.InstanceSpec {
	w.t.Helper()
	var all []hosting.InstanceSpec
	specs := w.Specs(e)
	for _, k := range slices.SortedFunc(maps.Keys(specs), hosting.FleetKey.Compare) {
		if k.Variant != "blue" || k.Generation == 0 {
			w.t.Errorf("a fleet %+v", k)
		}
		all = append(all, specs[k]...)
	}
	return all
}

func (w *world) status(e *hosting.Endpoint, want hosting.Status) {
	w.t.Helper()
	if e.Status != want {
		w.t.Fatalf("status = %v (%s), want %v", e.Status, e.FailureReason, want)
	}
}

func (w *world) resizeTo(n int) {
	w.t.Helper()
	w.must(w.UpdateWeightsAndCapacities(w.now, "e", []hosting.Change{{Variant: "blue", Desired: &n}}))
	w.Reconcile(w.now, w.Endpoints["e"])
}

func kind(err error) hosting.ErrorKind {
	var e *hosting.Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return 0
}

func TestCreatingUntilEveryInstanceIsHealthy(t *testing.T) {
	w := newWorld(t)
	w.must(w.CreateEndpoint(w.now, "e", "c", nil))
	e := w.Endpoints["e"]
	w.ready(e, "i-1")
	w.status(e, hosting.Creating)
	if e.Serves() {
		t.Error("a Creating endpoint serves")
	}
	w.ready(e, "i-2")
	w.status(e, hosting.InService)
	if got := e.Variants[0].Current(); got != 2 {
		t.Errorf("current = %d, want 2", got)
	}
}

func TestFailedWhenAnInstanceNeverAnswers(t *testing.T) {
	w := newWorld(t)
	w.must(w.CreateEndpoint(w.now, "e", "c", nil))
	e := w.Endpoints["e"]
	w.ready(e, "i-1")
	w.report(e, hosting.FleetFailed, "i-2")
	if got := w.Wake(e); !got.Equal(start.Add(patience)) {
		t.Fatalf("wake = %v, want the start-up timeout", got)
	}
	w.now = start.Add(patience - time.Nanosecond)
	w.Reconcile(w.now, e)
	w.status(e, hosting.Creating)
	w.now = start.Add(patience)
	w.Reconcile(w.now, e)
	w.status(e, hosting.Failed)
	for _, part := range []string{"production variant blue did not pass the ping health check", "exited with code 3"} {
		if !strings.Contains(e.FailureReason, part) {
			t.Errorf("failure reason %q lacks %q", e.FailureReason, part)
		}
	}
	n := 1
	err := w.UpdateWeightsAndCapacities(w.now, "e", []hosting.Change{{Variant: "blue", Desired: &n}})
	if kind(err) != hosting.KindFailed {
		t.Errorf("an update of a failed endpoint: %v, want a refusal", err)
	}
	w.must(w.DeleteEndpoint(w.now, "e"))
}

func TestScaleOutAndInPassThroughUpdating(t *testing.T) {
	w, e := serving(t)
	w.resizeTo(3)
	w.status(e, hosting.Updating)
	if v := e.Variants[0]; v.Desired != 3 || v.Current() != 2 {
		t.Fatalf("desired %d current %d, want 3 and 2", v.Desired, v.Current())
	}
	w.ready(e, "i-3")
	w.status(e, hosting.InService)

	w.resizeTo(1)
	w.status(e, hosting.Updating)
	specs := w.specs(e)
	if len(specs) != 3 || specs[0].Draining || !specs[1].Draining || !specs[2].Draining {
		t.Fatalf("the youngest two should drain: %+v", specs)
	}
	w.gone(e, "i-2")
	w.status(e, hosting.Updating)
	w.gone(e, "i-3")
	w.status(e, hosting.InService)
}

func TestChangesInFlightAreRefused(t *testing.T) {
	w, e := serving(t)
	w.config("c2", 1)
	w.resizeTo(3)
	n := 4
	refusals := map[string]error{
		"capacities": w.UpdateWeightsAndCapacities(w.now, "e", []hosting.Change{{Variant: "blue", Desired: &n}}),
		"update":     w.UpdateEndpoint(w.now, hosting.Update{Endpoint: "e", Config: "c2"}),
		"delete":     w.DeleteEndpoint(w.now, "e"),
	}
	for name, err := range refusals {
		if kind(err) != hosting.KindInProgress {
			t.Errorf("%s while Updating: %v, want an in-progress refusal", name, err)
		}
	}
	if e.Variants[0].Desired != 3 {
		t.Errorf("a refused change moved desired to %d", e.Variants[0].Desired)
	}
}

func TestScaleOutThatNeverStartsRollsBack(t *testing.T) {
	w, e := serving(t)
	w.resizeTo(4)
	w.ready(e, "i-3")
	w.now = w.now.Add(patience)
	w.Reconcile(w.now, e)
	w.status(e, hosting.RollingBack)
	if !e.Serves() || e.Variants[0].Desired != 2 {
		t.Fatalf("serves %v desired %d, want to serve with the former 2", e.Serves(), e.Variants[0].Desired)
	}
	w.gone(e, "i-3", "i-4")
	w.status(e, hosting.InService)
	if e.FailureReason == "" {
		t.Error("no failure reason after a rollback")
	}
}

func TestCrashAfterServingKeepsTheEndpointInService(t *testing.T) {
	w, e := serving(t)
	w.report(e, hosting.FleetFailed, "i-2")
	w.status(e, hosting.InService)
	v := e.Variants[0]
	if v.Current() != 1 || v.Desired != 2 || v.LastFailure() != "exited with code 3" {
		t.Errorf("current %d desired %d failure %q", v.Current(), v.Desired, v.LastFailure())
	}
	w.ready(e, "i-2")
	if v.Current() != 2 || v.LastFailure() != "" {
		t.Errorf("after the restart: current %d failure %q", v.Current(), v.LastFailure())
	}
}

func notScaled(string) bool { return false }

func TestUpdateEndpointMovesTrafficOnceAllOfTheNewFleetIsHealthy(t *testing.T) {
	w, e := serving(t)
	w.config("c2", 1)
	w.must(w.UpdateEndpoint(w.now, hosting.Update{Endpoint: "e", Config: "c2", Scaled: notScaled}))
	w.Reconcile(w.now, e)
	if e.Config != "c" || e.Deployment == nil || len(w.specs(e)) != 3 {
		t.Fatalf("the new fleet should come up beside the old: %+v", e)
	}
	w.ready(e, "i-3")
	w.status(e, hosting.Updating)
	if e.Config != "c2" || e.Replaced != "c" || e.Variants[0].Current() != 1 {
		t.Fatalf("traffic has not moved: config %s, before %q", e.Config, e.Replaced)
	}
	w.gone(e, "i-1", "i-2")
	w.status(e, hosting.InService)
	if e.Deployment != nil {
		t.Error("a deployment is left over")
	}
}

func TestUpdateEndpointRollsBackWhenTheNewFleetNeverStarts(t *testing.T) {
	w, e := serving(t)
	w.config("c2", 1)
	w.must(w.UpdateEndpoint(w.now, hosting.Update{Endpoint: "e", Config: "c2", Scaled: notScaled}))
	w.now = w.now.Add(patience)
	w.Reconcile(w.now, e)
	w.status(e, hosting.RollingBack)
	w.gone(e, "i-3")
	w.status(e, hosting.InService)
	if e.Config != "c" || e.Replaced != "" || e.Variants[0].Current() != 2 || e.FailureReason == "" {
		t.Errorf("config %s (before %q) current %d reason %q", e.Config, e.Replaced, e.Variants[0].Current(), e.FailureReason)
	}
}

func TestUpdateEndpointRetainsOrResetsCapacity(t *testing.T) {
	for _, tc := range []struct {
		name   string
		update hosting.Update
		want   int
	}{
		{"reset to the config's", hosting.Update{}, 1},
		{"retained", hosting.Update{RetainAll: true}, 2},
		{"excluded from retaining", hosting.Update{RetainAll: true, ExcludeCount: true}, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w, e := serving(t)
			w.config("c2", 1)
			tc.update.Endpoint, tc.update.Config, tc.update.Scaled = "e", "c2", notScaled
			w.must(w.UpdateEndpoint(w.now, tc.update))
			v := e.Deployment.Variants[0]
			if v.Desired != tc.want || len(v.Instances) != tc.want {
				t.Errorf("desired %d with %d instances, want %d", v.Desired, len(v.Instances), tc.want)
			}
		})
	}
}

func TestUpdateEndpointKeepsScalableVariants(t *testing.T) {
	w, _ := serving(t)
	w.must(w.CreateConfig(w.now, hosting.EndpointConfig{Name: "other", Variants: []hosting.VariantConfig{
		{Name: "green", Model: "m", InitialCount: 1, InstanceType: "ml.m5.large"},
	}}))
	w.must(w.CreateConfig(w.now, hosting.EndpointConfig{Name: "bigger", Variants: []hosting.VariantConfig{
		{Name: "blue", Model: "m", InitialCount: 1, InstanceType: "ml.m5.4xlarge"},
	}}))
	for _, config := range []string{"other", "bigger"} {
		err := w.UpdateEndpoint(w.now, hosting.Update{Endpoint: "e", Config: config, Scaled: func(v string) bool { return v == "blue" }})
		if kind(err) != hosting.KindInvalid {
			t.Errorf("update to %q: %v, want a refusal", config, err)
		}
	}
}

func TestDeleteDrainsEverythingFirst(t *testing.T) {
	w, e := serving(t)
	w.must(w.DeleteEndpoint(w.now, "e"))
	if e.Serves() {
		t.Error("a Deleting endpoint serves")
	}
	w.gone(e, "i-1")
	if _, err := w.Endpoint("e"); err != nil {
		t.Fatalf("gone too early: %v", err)
	}
	w.gone(e, "i-2")
	if _, err := w.Endpoint("e"); kind(err) != hosting.KindNotFound {
		t.Fatalf("after its last instance: %v, want not found", err)
	}
}

func TestNamesAreUniqueWhateverTheirCase(t *testing.T) {
	w, _ := serving(t)
	if err := w.CreateEndpoint(w.now, "E", "c", nil); kind(err) != hosting.KindExists {
		t.Errorf("CreateEndpoint of another case: %v, want exists", err)
	}
	if _, err := w.Endpoint("E"); kind(err) != hosting.KindNotFound {
		t.Errorf("Endpoint by another case: %v, want not found", err)
	}
}

func TestTags(t *testing.T) {
	w, _ := serving(t)
	tags := hosting.Tags{}.With([]hosting.Tag{{Key: "b", Value: "1"}, {Key: "a", Value: "1"}}).With([]hosting.Tag{{Key: "b", Value: "2"}})
	w.must(w.SetTags(hosting.ResourceEndpoint, "e", tags))
	got, err := w.TagsOf(hosting.ResourceEndpoint, "e")
	w.must(err)
	if len(got) != 2 || got[0].Key != "a" || got[1].Value != "2" {
		t.Errorf("tags = %v", got)
	}
	if left := got.Without([]string{"a", "absent"}); len(left) != 1 {
		t.Errorf("after taking a: %v", left)
	}
}
