package explain

import (
	"fmt"
	"strings"
	"time"

	"bellows.dev/bellows/hosting"
)

// Instance is one instance of the variant: a machine, and the copies that it holds.
type Instance struct {
	ID         string `json:"id"`
	State      string `json:"state"` // Pending, InService or Terminating
	Generation int    `json:"generation"`
	Copies     []Copy `json:"copies"`
}

// Copy is one model server.
type Copy struct {
	ID     string `json:"id"`
	Ready  bool   `json:"ready"`
	Reason string `json:"reason,omitempty"` // why it is not ready

	// Unhealthy is why /ping has not been answered with 200 since its model server was started.
	Unhealthy string `json:"unhealthy,omitempty"`

	// Stages are the wall times at which its latest start reached each stage; absent if its fleet did not report them.
	Stages *Stages `json:"stages,omitempty"`
}

// Stages are hosting.Stages as text and JSON.
type Stages struct {
	Asked     time.Time `json:"asked,omitzero"`
	Scheduled time.Time `json:"scheduled,omitzero"`
	DataReady time.Time `json:"data_ready,omitzero"`
	Started   time.Time `json:"started,omitzero"`
	Healthy   time.Time `json:"healthy,omitzero"`

	// Policy is the policy time of Asked, where a server says how its clocks relate and they differ.
	Policy time.Time `json:"asked_policy_time,omitzero"`
}

// instances lists the instances of all fleets of a variant.
func instances(x *hosting.Endpoint, variant string) []Instance {
	var out []Instance
	for _, v := range x.All() {
		if v.Config.Name != variant {
			continue
		}
		for _, i := range v.Instances {
			shown := Instance{ID: string(i.ID), State: i.State.String(), Generation: int(v.Generation), Copies: []Copy{}}
			for _, c := range i.Copies {
				shown.Copies = append(shown.Copies, copyOf(c))
			}
			out = append(out, shown)
		}
	}
	return out
}

func copyOf(c *hosting.Copy) Copy {
	out := Copy{ID: string(c.ID), Ready: c.Ready, Reason: c.Reason, Unhealthy: c.Unhealthy}
	if c.Stages != (hosting.Stages{}) {
		s := c.Stages
		out.Stages = &Stages{Asked: s.Asked, Scheduled: s.Scheduled, DataReady: s.DataReady, Started: s.Started, Healthy: s.Healthy}
	}
	return out
}

// startsShown is the number of starting copies that are printed individually.
const startsShown = 5

// starts prints the stages of starting copies, as far as their fleet reports them.
func (m *Moment) starts(b *strings.Builder) {
	n := 0
	for _, i := range m.Instances {
		for _, c := range i.Copies {
			if i.State == hosting.InstanceDraining.String() || c.Ready || c.Stages == nil {
				continue
			}
			if n++; n <= startsShown {
				fmt.Fprintf(b, "  %s starts: %s\n", c.ID, c.start())
			}
		}
	}
	if n > startsShown {
		fmt.Fprintf(b, "  … and %d more\n", n-startsShown)
	}
}

// start lists the reached stages of a copy that starts, and why it is not healthy yet.
func (c *Copy) start() string {
	if c.Unhealthy == "" {
		return c.Stages.String()
	}
	return c.Stages.String() + "; not healthy yet: " + c.Unhealthy
}

// String lists the reached stages in order with their durations.
func (s *Stages) String() string {
	var parts []string
	before := s.Asked
	for _, x := range []struct {
		name string
		at   time.Time
	}{{"scheduled", s.Scheduled}, {"model data ready", s.DataReady}, {"started", s.Started}, {"healthy", s.Healthy}} {
		if x.at.IsZero() {
			continue
		}
		text := x.name
		if took := x.at.Sub(before).Round(time.Millisecond); !before.IsZero() && took > 0 {
			text += " after " + took.String()
			if !s.Policy.IsZero() {
				text += " wall time"
			}
		}
		parts, before = append(parts, text), x.at
	}
	text := "asked for at " + s.Asked.UTC().Format("15:04:05") + " wall time"
	if !s.Policy.IsZero() {
		text = "asked for at " + stamp(s.Policy) + ", " + s.Asked.UTC().Format("15:04:05") + " wall time"
	}
	if s.Asked.IsZero() {
		return strings.Join(parts, ", ")
	}
	return strings.Join(append([]string{text}, parts...), ", ")
}
