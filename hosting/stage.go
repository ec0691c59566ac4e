package hosting

import (
	"fmt"
	"strings"
	"time"
)

// Stages are the moments at which the start of a copy reached each of its stages, by its fleet's wall clock; zero for those that it has
// not reached, that do not apply, or that its fleet does not report.
type Stages struct {
	Asked     time.Time `json:",omitzero"` // its fleet began to start it
	Scheduled time.Time `json:",omitzero"` // its instance has room for it
	DataReady time.Time `json:",omitzero"` // its image and its model data are on its instance
	Started   time.Time `json:",omitzero"` // its model server runs
	Healthy   time.Time `json:",omitzero"` // it answered /ping with 200 for the first time since
}

// latest returns the name of the latest stage; "" where none is known.
func (s Stages) latest() string {
	switch {
	case !s.Healthy.IsZero():
		return "healthy"
	case !s.Started.IsZero():
		return "started"
	case !s.DataReady.IsZero():
		return "model data ready"
	case !s.Scheduled.IsZero():
		return "scheduled"
	case !s.Asked.IsZero():
		return "asked for"
	default:
		return ""
	}
}

// Starting counts the copies that start by the latest stage that they have reached, in a text such as "1 scheduled, 2 started"; "" where none
// starts or their fleet reports no stages.
func (v *Variant) Starting() string {
	n := map[string]int{}
	for c := range v.wanted() {
		if !c.Ready {
			n[c.Stages.latest()]++
		}
	}
	var parts []string
	for _, stage := range []string{"asked for", "scheduled", "model data ready", "started"} {
		if n[stage] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[stage], stage))
		}
	}
	return strings.Join(parts, ", ")
}

// Times that the start of a copy takes. AWS: CloudWatch user guide, SageMaker AI Insights metrics, lifecycle: names only; what each spans is
// ours.
const (
	ModelDownloadTime      StartTime = iota // from the room on its instance until its model data is there
	ContainerStartDuration                  // from the start of its model server until that is healthy: the model's loading included
	ColdStartDuration                       // all of its first start: from the fleet's first attempt until it is healthy
	StartTimes                              // how many there are
)

// StartTime is a time that the start of a copy takes.
type StartTime int

// Measured is a time of a start that has become known.
type Measured struct {
	What StartTime
	Took time.Duration // wall time, 0 or more
}

// measured returns the times that are known by s and were not by the stages reported before it. first: the copy had not served before.
func (s Stages) measured(before Stages, first bool) []Measured {
	var out []Measured
	note := func(what StartTime, from, until, earlier time.Time) {
		if !from.IsZero() && !until.Before(from) && !until.Equal(earlier) {
			out = append(out, Measured{what, until.Sub(from)})
		}
	}
	note(ModelDownloadTime, s.Scheduled, s.DataReady, before.DataReady)
	note(ContainerStartDuration, s.Started, s.Healthy, before.Healthy)
	if first {
		note(ColdStartDuration, s.Asked, s.Healthy, before.Healthy)
	}
	return out
}
