package sim

import (
	"time"

	"bellows.dev/bellows/hosting"
)

// copyLife is a copy that its fleet starts or has started.
type copyLife struct {
	instance hosting.InstanceID
	ready    time.Time // when it becomes healthy
	broken   bool      // it exits instead

	// stages are those that its start will have reached when it is healthy; the zero value where none are reported.
	stages hosting.Stages
}

// begin returns a copy that starts now, becomes healthy after startup, and fetches its model data for the first part of it.
func (w *World) begin(instance hosting.InstanceID, startup, download time.Duration) *copyLife {
	c := &copyLife{instance: instance, ready: w.Now.Add(startup), broken: w.Broken}
	if !w.Stages {
		return c
	}
	c.stages = hosting.Stages{Asked: w.Now, Scheduled: w.Now, Started: w.Now.Add(download), Healthy: c.ready}
	if w.Download > 0 { // of a copy that starts again the data is there
		c.stages.DataReady = c.stages.Started
	}
	return c
}

// first is when the fleet reports the beginning of the start.
func (c *copyLife) first() time.Time { return c.stages.Asked.Add(time.Second) }

// next returns when the fleet has something to report of the copy after a time; a time that is not later where it has nothing.
func (c *copyLife) next(now time.Time) time.Time {
	if c.stages != (hosting.Stages{}) {
		for _, at := range []time.Time{c.first(), c.stages.Started} {
			if at.After(now) && at.Before(c.ready) {
				return at
			}
		}
	}
	return c.ready
}

// report returns what the fleet reports of the copy in the second that begins at now, and whether it reports anything.
func (c *copyLife) report(now time.Time, id hosting.CopyID) (hosting.InstanceReport, bool) {
	staged := c.stages != (hosting.Stages{})
	switch {
	case c.ready.Equal(now) && c.broken:
		return exited(c.instance, id), true
	case c.ready.Equal(now):
		r := hosting.NewReport(c.instance, id, hosting.FleetReady)
		r.Address, r.Stages = "192.0.2.1:8080", c.stages
		return r, true
	case !staged || now.After(c.ready) || !now.Equal(c.first()) && !now.Equal(c.stages.Started):
		return hosting.InstanceReport{}, false
	case now.Before(c.stages.Started):
		r := hosting.NewReport(c.instance, id, hosting.FleetPreparing)
		r.Cause, r.Reason = hosting.CauseModelData, "Its model data is being fetched."
		r.Stages = hosting.Stages{Asked: c.stages.Asked, Scheduled: c.stages.Scheduled}
		return r, true
	default:
		r := hosting.NewReport(c.instance, id, hosting.FleetStarting)
		r.Stages = c.stages
		r.Stages.Healthy = time.Time{}
		return r, true
	}
}

// exited returns the report of a copy whose model server exited.
func exited(instance hosting.InstanceID, id hosting.CopyID) hosting.InstanceReport {
	r := hosting.NewReport(instance, id, hosting.FleetFailed)
	r.Reason = "It exited with code 3."
	return r
}
