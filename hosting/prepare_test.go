package hosting_test

import (
	"strings"
	"testing"
	"time"

	"bellows.dev/bellows/hosting"
)

func (w *world) say(e *hosting.Endpoint, rep hosting.InstanceReport) {
	e.Report(w.now, rep)
	w.Reconcile(w.now, e)
}

func (w *world) pass(e *hosting.Endpoint, d time.Duration) {
	w.now = w.now.Add(d)
	w.Reconcile(w.now, e)
}

func creating(t *testing.T) (*world, *hosting.Endpoint) {
	t.Helper()
	w := newWorld(t)
	w.must(w.CreateEndpoint(w.now, "e", "c", nil))
	return w, w.Endpoints["e"]
}

const noData = `Failed to download model data for container "container_1"`

func TestAStartThatCannotSucceedFailsTheCreationAtOnce(t *testing.T) {
	w, e := creating(t)
	w.say(e, hosting.InstanceReport{ID: "i-1", State: hosting.FleetPreparing, Cause: hosting.CauseModelData, Reason: "Fetching."})
	w.status(e, hosting.Creating)
	w.say(e, hosting.InstanceReport{ID: "i-1", State: hosting.FleetFailed, Cause: hosting.CauseModelData, Reason: noData, Final: true})
	w.status(e, hosting.Failed)
	if e.FailureReason != noData {
		t.Errorf("FailureReason = %q, want the model data's alone", e.FailureReason)
	}
}

func TestAStartThatCannotSucceedRollsAScaleOutBack(t *testing.T) {
	w, e := serving(t)
	w.resizeTo(3)
	w.say(e, hosting.InstanceReport{ID: "i-3", State: hosting.FleetFailed, Cause: hosting.CauseModelData, Reason: noData, Final: true})
	w.status(e, hosting.RollingBack)
	w.gone(e, "i-3")
	w.status(e, hosting.InService)
	if e.Variants[0].Desired != 2 || e.FailureReason != noData {
		t.Errorf("desired %d, reason %q", e.Variants[0].Desired, e.FailureReason)
	}
}

func TestAnInstanceThatServedIsNeverFinal(t *testing.T) {
	w, e := serving(t)
	w.resizeTo(3)
	w.say(e, hosting.InstanceReport{ID: "i-1", State: hosting.FleetFailed, Cause: hosting.CauseModelData, Reason: noData, Final: true})
	w.status(e, hosting.Updating)
}

func TestStartUpTimeBeginsOnceModelDataIsThere(t *testing.T) {
	w, e := creating(t)
	w.ready(e, "i-2")
	w.say(e, hosting.InstanceReport{ID: "i-1", State: hosting.FleetPreparing, Cause: hosting.CauseModelData, Reason: "Fetching."})
	if at := w.Wake(e); !at.IsZero() {
		t.Errorf("it wakes at %v while model data is fetched", at)
	}
	w.pass(e, 3*patience)
	w.status(e, hosting.Creating)
	w.say(e, hosting.InstanceReport{ID: "i-1", State: hosting.FleetStarting})
	if at := w.Wake(e); !at.Equal(w.now.Add(patience)) {
		t.Errorf("it wakes at %v, want %v", at, w.now.Add(patience))
	}
	w.pass(e, patience-time.Second)
	w.status(e, hosting.Creating)
	w.pass(e, time.Second)
	w.status(e, hosting.Failed)
	if !strings.Contains(e.FailureReason, "did not pass the ping health check") || strings.Contains(e.FailureReason, "Fetching") {
		t.Errorf("FailureReason = %q", e.FailureReason)
	}
}

func TestWaitingForCapacityEndsAfterTheProvisionTimeout(t *testing.T) {
	const full = "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error."
	w, e := creating(t)
	w.ready(e, "i-2")
	w.say(e, hosting.InstanceReport{ID: "i-1", State: hosting.FleetPreparing, Cause: hosting.CauseCapacity, Reason: full})
	w.pass(e, 30*time.Minute-time.Second)
	w.status(e, hosting.Creating)
	if got := e.Variants[0].LastFailure(); got != full {
		t.Errorf("while it waits the reason is %q", got)
	}
	w.pass(e, time.Second)
	w.status(e, hosting.Failed)
	if e.FailureReason != full {
		t.Errorf("FailureReason = %q", e.FailureReason)
	}
}

func TestRepeatedReportsOfPreparationChangeNothing(t *testing.T) {
	w, e := creating(t)
	rep := hosting.InstanceReport{ID: "i-1", State: hosting.FleetPreparing, Cause: hosting.CauseModelData, Reason: "Fetching."}
	for i, want := range []bool{true, false} {
		if got := e.Report(w.now, rep); got.Changed != want {
			t.Errorf("report %d: changed = %v", i, got.Changed)
		}
	}
	if got := e.Report(w.now, hosting.InstanceReport{ID: "i-2", State: hosting.FleetStarting}); got.Changed {
		t.Error("starting without preparation changes something")
	}
}

func TestPromisesThatAreNotKeptAreWarnedOf(t *testing.T) {
	w, e := serving(t)
	if got := w.Warnings(e, e.Variants[0]); len(got) != 0 {
		t.Errorf("%v", got)
	}
	e.Variants[0].Model.VPC = &hosting.VPC{Subnets: []string{"subnet-1"}}
	if got := w.Warnings(e, e.Variants[0]); len(got) != 1 || got[0] != hosting.VPCNotApplied || !strings.Contains(got[0].Text(), "no effect") {
		t.Errorf("%v", got)
	}
	w.Configs["c"].NetworkIsolation, w.Configs["c"].KMSKeyID = true, "key" // of an earlier version
	if got := w.Warnings(e, e.Variants[0]); len(got) != 3 {
		t.Errorf("%v", got)
	}
}
