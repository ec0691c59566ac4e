package control

import (
	"log/slog"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/scaling"
)

// levelOf is the level at which an event is logged: failures are warnings.
func levelOf(e engine.Event) slog.Level {
	failed := false
	switch x := e.(type) {
	case engine.Decided, engine.PromQLDue, engine.HistoryWanted: // each minute
		return slog.LevelDebug
	case engine.EjectionChanged: // the gateway has logged it, with how long it leaves the instance out
		return slog.LevelDebug
	case engine.InstanceActivityChanged: // other events report the same of the endpoint
		if x.Activity.Why.Cause.API != scaling.EC2AutoScaling {
			return slog.LevelDebug
		}
	case engine.InstanceChanged:
		if x.Report.Cause == hosting.CauseStopped { // the server logs all of them in one line
			return slog.LevelDebug
		}
		failed = x.Report.State == hosting.FleetFailed
	case engine.EndpointChanged:
		failed = x.To == hosting.Failed || x.To == hosting.RollingBack || x.Reason != ""
	case engine.ActivityChanged:
		failed = x.Activity.NotScaled.Code == 0 && (x.Activity.Status == scaling.Failed || x.Activity.Status == scaling.Unfulfilled)
	case engine.ScheduledActionRan:
		failed = x.Run.Outcome == scaling.RunFailed
	case engine.AlarmActed:
		failed = x.Error != ""
	}
	if failed {
		return slog.LevelWarn
	}
	return slog.LevelInfo
}
