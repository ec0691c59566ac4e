package hosting_test

import (
	"strings"
	"testing"
	"time"

	"bellows.dev/bellows/hosting"
)

func failed(id hosting.InstanceID, reason string) hosting.InstanceReport {
	return hosting.InstanceReport{ID: id, State: hosting.FleetFailed, Reason: reason}
}

// tells fails unless what hinders an endpoint ends with a reason; "" is for nothing.
func tells(t *testing.T, e *hosting.Endpoint, reason string) {
	t.Helper()
	if got := e.PendingReason(); !strings.HasSuffix(got, reason) || (reason == "") != (got == "") {
		t.Errorf("%v: hindered by %q, want %q", e.Status, got, reason)
	}
}

func TestACreationTellsItsNewestFailureAtOnce(t *testing.T) {
	w, e := creating(t)
	tells(t, e, "")
	w.say(e, failed("i-2", "second, first"))
	tells(t, e, "Last failure: second, first")
	w.pass(e, time.Second)
	w.say(e, failed("i-1", "first"))
	tells(t, e, "variant blue has not passed the ping health check yet. Last failure: first") // the newest, not the last in order
	if e.FailureReason != "" {
		t.Errorf("it has not failed yet: %q", e.FailureReason)
	}
	if e.Delayed("i-1") != hosting.Creating || e.Delayed("i-9") != 0 {
		t.Errorf("delayed by i-1: %v, by i-9: %v", e.Delayed("i-1"), e.Delayed("i-9"))
	}
	w.ready(e, "i-1")
	tells(t, e, "second, first")
	w.say(e, hosting.InstanceReport{ID: "i-2", State: hosting.FleetFailed, Cause: hosting.CauseModelData, Reason: "No data."})
	if got := e.PendingReason(); got != "No data." {
		t.Errorf("model data's reason stands alone, got %q", got)
	}
	w.pass(e, 2*patience)
	w.status(e, hosting.Failed)
	tells(t, e, "") // FailureReason does
	if e.FailureReason != "No data." || e.Failure("blue") != "No data." || e.Delayed("i-2") != 0 {
		t.Errorf("reason %q, of the variant %q, delayed %v", e.FailureReason, e.Failure("blue"), e.Delayed("i-2"))
	}
}

func TestAnUpdateTellsItsNewestFailureAtOnce(t *testing.T) {
	w, e := serving(t)
	w.must(w.CreateConfig(w.now, hosting.EndpointConfig{Name: "d", Variants: []hosting.VariantConfig{
		{Name: "green", Model: "m", InitialCount: 1, InitialWeight: 1, InstanceType: "ml.m5.large"},
	}}))
	w.must(w.UpdateEndpoint(w.now, hosting.Update{Endpoint: "e", Config: "d", Scaled: func(string) bool { return false }}))
	w.say(e, failed("i-1", "old")) // serves, and does not hold the update up
	tells(t, e, "")
	w.say(e, failed("i-3", "new"))
	tells(t, e, "variant green has not passed the ping health check yet. Last failure: new")
	if e.Failure("green") != "new" || e.Failure("blue") != "old" || e.Delayed("i-3") != hosting.Updating || e.Delayed("i-1") != 0 {
		t.Errorf("green %q, blue %q, delayed by i-3 %v, by i-1 %v", e.Failure("green"), e.Failure("blue"), e.Delayed("i-3"), e.Delayed("i-1"))
	}
	var shown []string
	for _, v := range e.Shown() {
		shown = append(shown, v.Config.Name)
	}
	if got := strings.Join(shown, " "); got != "blue green" {
		t.Errorf("shown: %s", got)
	}
	if err := w.DeleteEndpoint(w.now, "e"); kind(err) != hosting.KindInProgress {
		t.Errorf("deletion while it serves and changes: %v", err)
	}
}

func TestAScaleOutTellsItsNewestFailureAtOnce(t *testing.T) {
	w, e := serving(t)
	w.resizeTo(3)
	w.say(e, failed("i-3", "new"))
	tells(t, e, "Last failure: new")
}

func TestWhatIsBeingCreatedCanBeDeleted(t *testing.T) {
	w, e := creating(t)
	w.ready(e, "i-1") // it serves nothing yet: the endpoint is not in service
	w.must(w.DeleteEndpoint(w.now, "e"))
	w.status(e, hosting.Deleting)
	w.gone(e, "i-1", "i-2")
	if len(w.Endpoints) != 0 {
		t.Error("it is still there")
	}
}

// What /ping answers while a copy starts is shown without being a failure, and is the reason if its time runs out before its fleet reports one.
func TestWhatPingAnswersIsTheReason(t *testing.T) {
	const why = "/ping answered 503: not healthy"
	w, e := creating(t)
	starts := func(id hosting.InstanceID, reason string) bool {
		return e.Report(w.now, hosting.InstanceReport{ID: id, State: hosting.FleetStarting, Reason: reason}).Changed
	}
	if starts("i-1", "") || !starts("i-1", why) || starts("i-1", why) {
		t.Error("only a new reason changes anything")
	}
	v := e.Variants[0]
	if want := "The primary container for production variant blue has not passed the ping health check yet: " + why; e.Waiting() != want || v.Waiting() != why {
		t.Errorf("waits for %q, variant for %q", e.Waiting(), v.Waiting())
	}
	tells(t, e, "")
	w.say(e, failed("i-2", "It exited with code 3."))
	if e.Waiting() != e.PendingReason() || v.Waiting() != "It exited with code 3." {
		t.Errorf("a failure comes first: %q, %q", e.Waiting(), v.Waiting())
	}
	w.ready(e, "i-2")
	w.pass(e, 2*patience)
	w.status(e, hosting.Failed)
	if want := " Last failure: It did not become healthy within " + patience.String() + ": " + why; !strings.HasSuffix(e.FailureReason, want) || e.Waiting() != "" {
		t.Errorf("reason %q, waits for %q", e.FailureReason, e.Waiting())
	}
}

// The answer to a ping is forgotten when the copy fails, serves, or starts again.
func TestWhatPingAnswersIsForgotten(t *testing.T) {
	for _, rep := range []hosting.InstanceReport{
		failed("i-1", "It crashed."), {ID: "i-1", State: hosting.FleetReady, Address: "127.0.0.1:1"}, {ID: "i-1", State: hosting.FleetStarting},
		{ID: "i-1", State: hosting.FleetPreparing, Cause: hosting.CauseCapacity, Reason: "Full."},
		{ID: "i-1", State: hosting.FleetFailed, Cause: hosting.CauseStopped},
	} {
		w, e := creating(t)
		w.say(e, hosting.InstanceReport{ID: "i-1", State: hosting.FleetStarting, Reason: "/ping answered 503"})
		w.say(e, rep)
		if c := e.Variants[0].Instances[0].Copies[0]; c.Unhealthy != "" {
			t.Errorf("%v: %q", rep, c.Unhealthy)
		}
	}
}
