package control

import (
	"log/slog"
	"testing"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/scaling"
)

func TestFailuresAreWarnings(t *testing.T) {
	for _, c := range []struct {
		event engine.Event
		want  slog.Level
	}{
		{engine.InstanceChanged{Report: hosting.InstanceReport{State: hosting.FleetFailed}}, slog.LevelWarn},
		{engine.InstanceChanged{Report: hosting.InstanceReport{State: hosting.FleetFailed, Cause: hosting.CauseStopped}}, slog.LevelDebug},
		{engine.InstanceChanged{Report: hosting.InstanceReport{State: hosting.FleetReady}}, slog.LevelInfo},
		{engine.EndpointChanged{To: hosting.Failed}, slog.LevelWarn},
		{engine.EndpointChanged{To: hosting.RollingBack}, slog.LevelWarn},
		{engine.EndpointChanged{To: hosting.InService, Reason: "rolled back"}, slog.LevelWarn},
		{engine.EndpointChanged{To: hosting.InService}, slog.LevelInfo},
		{engine.ActivityChanged{Activity: scaling.Activity{Status: scaling.Unfulfilled}}, slog.LevelWarn},
		{engine.ActivityChanged{Activity: scaling.Activity{Status: scaling.Failed}}, slog.LevelWarn},
		{engine.ActivityChanged{Activity: scaling.Activity{Status: scaling.Failed, NotScaled: scaling.NotScaledReason{Code: scaling.AlreadyAtMaxCapacity}}}, slog.LevelInfo},
		{engine.ActivityChanged{Activity: scaling.Activity{Status: scaling.Successful}}, slog.LevelInfo},
		{engine.ScheduledActionRan{Run: scaling.Run{Outcome: scaling.RunFailed}}, slog.LevelWarn},
		{engine.AlarmActed{Acted: alarm.Acted{Error: "no such policy"}}, slog.LevelWarn},
		{engine.AlarmActed{}, slog.LevelInfo},
		{engine.Decided{}, slog.LevelDebug},
		{engine.EjectionChanged{}, slog.LevelDebug},
		{engine.InstanceActivityChanged{Activity: scaling.InstanceActivity{Launch: true}}, slog.LevelDebug},
		{engine.InstanceActivityChanged{Activity: scaling.InstanceActivity{Why: scaling.CapacityChange{Cause: scaling.Cause{Kind: scaling.CauseDesired, API: scaling.EC2AutoScaling}}}}, slog.LevelInfo},
	} {
		if got := levelOf(c.event); got != c.want {
			t.Errorf("%T %+v: %v, want %v", c.event, c.event, got, c.want)
		}
	}
}
