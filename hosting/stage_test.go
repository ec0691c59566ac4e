package hosting_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bellows.dev/bellows/hosting"
)

// stagesAt are stages at some seconds after a moment; a negative number leaves the stage out.
func stagesAt(asked, scheduled, data, started, healthy int) hosting.Stages {
	at := func(s int) time.Time {
		if s < 0 {
			return time.Time{}
		}
		return start.Add(time.Duration(s) * time.Second)
	}
	return hosting.Stages{Asked: at(asked), Scheduled: at(scheduled), DataReady: at(data), Started: at(started), Healthy: at(healthy)}
}

// Each time of a start is measured once, by the report that makes it known; a start after a failure measures its own, but no cold start.
func TestStartTimesAreMeasuredOnce(t *testing.T) {
	w, e := creating(t)
	report := func(s hosting.FleetState, stages hosting.Stages) []hosting.Measured {
		return e.Report(w.now, hosting.InstanceReport{ID: "i-1", State: s, Address: "127.0.0.1:1", Stages: stages}).Measured
	}
	for _, c := range []struct {
		name   string
		state  hosting.FleetState
		stages hosting.Stages
		want   []hosting.Measured
	}{
		{"it waits for its model data", hosting.FleetPreparing, stagesAt(0, 5, -1, -1, -1), nil},
		{"it is started", hosting.FleetStarting, stagesAt(0, 5, 25, 26, -1), []hosting.Measured{{hosting.ModelDownloadTime, 20 * time.Second}}},
		{"and again", hosting.FleetStarting, stagesAt(0, 5, 25, 26, -1), nil},
		{
			"it is healthy", hosting.FleetReady, stagesAt(0, 5, 25, 26, 56),
			[]hosting.Measured{{hosting.ContainerStartDuration, 30 * time.Second}, {hosting.ColdStartDuration, 56 * time.Second}},
		},
		{"it is adopted by the next server", hosting.FleetReady, hosting.Stages{}, nil},
		{"it crashes", hosting.FleetFailed, hosting.Stages{}, nil},
		{"it is healthy again", hosting.FleetReady, stagesAt(100, 100, -1, 101, 104), []hosting.Measured{{hosting.ContainerStartDuration, 3 * time.Second}}},
		{"a clock that was set back", hosting.FleetReady, stagesAt(100, 100, -1, 101, 90), nil},
	} {
		if diff := cmp.Diff(c.want, report(c.state, c.stages)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestStagesAreKeptUntilTheStartFails(t *testing.T) {
	w, e := creating(t)
	v := e.Variants[0]
	w.say(e, hosting.InstanceReport{ID: "i-1", State: hosting.FleetStarting, Stages: stagesAt(0, 1, -1, 2, -1)})
	w.say(e, hosting.InstanceReport{ID: "i-2", State: hosting.FleetPreparing, Reason: "Fetching.", Stages: stagesAt(0, 1, -1, -1, -1)})
	if got := v.Starting(); got != "1 scheduled, 1 started" {
		t.Errorf("starting: %q", got)
	}
	w.say(e, hosting.InstanceReport{ID: "i-1", State: hosting.FleetReady, Address: "127.0.0.1:1"}) // of a fleet that does not say when
	if got := v.Instances[0].Copies[0].Stages; got != stagesAt(0, 1, -1, 2, -1) {
		t.Errorf("after a report without stages: %+v", got)
	}
	w.say(e, hosting.InstanceReport{ID: "i-2", State: hosting.FleetFailed, Reason: "It exited."})
	if got := v.Starting(); got != "" {
		t.Errorf("after a failure: %q", got)
	}
}
