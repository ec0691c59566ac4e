package explain

import (
	"fmt"
	"time"
)

// Live is what a running server says of itself.
type Live struct {
	Clock  Clock
	Outage *Outage // nil: its journal is written
}

// Clock has the readings of both clocks of a server at one moment.
type Clock struct {
	Policy time.Time `json:"policy_time"` // the time of decisions, and of explanations
	Wall   time.Time `json:"wall_time"`   // the time of logs, and of the stages of starts
	Speed  float64   `json:"speed"`       // seconds of policy time that pass in a second

	Started time.Time `json:"-"` // wall time of the server's start: before it, the clocks may have differed otherwise
}

// Outage is why a server's decisions are not recorded at present.
type Outage struct {
	Since time.Time `json:"since"` // wall time
	Text  string    `json:"text"`

	// State is the policy time of the last state that is recorded, which is the one that is explained.
	State time.Time `json:"state"`
}

// String says what is shown, and why.
func (o *Outage) String() string {
	return fmt.Sprintf("warning: %s What is shown is the last state that was recorded, of %s.", o.Text, stamp(o.State))
}

// closeClocks is a difference of two clocks that readers need not know of.
const closeClocks = 2 * time.Second

// apart reports whether the clocks differ.
func (c Clock) apart() bool {
	return c.Speed != 1 || c.Policy.Sub(c.Wall).Abs() > closeClocks
}

// policy returns the policy time of a wall time since the server's start.
func (c Clock) policy(wall time.Time) time.Time {
	return c.Policy.Add(time.Duration(float64(wall.Sub(c.Wall)) * c.Speed)).UTC()
}

// at returns the readings at a policy time; false where that is before the server's start.
func (c Clock) at(policy time.Time) (Clock, bool) {
	c.Wall = c.Wall.Add(time.Duration(float64(policy.Sub(c.Policy)) / c.Speed)).UTC()
	c.Policy = policy
	return c, !c.Wall.Before(c.Started)
}

// String relates the clocks.
func (c Clock) String() string {
	relation := "policy time is not the wall clock's"
	if c.Speed != 1 {
		relation = fmt.Sprintf("policy time runs %g times as fast as the wall clock", c.Speed)
	}
	return fmt.Sprintf("%s: %s here is %s in logs, which have wall time", relation, stamp(c.Policy), stamp(c.Wall))
}

// live notes what the server says: the relation of its clocks, and an outage where what is explained is the last state that was recorded.
// recorded is the policy time of that state.
func (m *Moment) live(l Live, recorded time.Time) {
	if l.Clock.apart() {
		if c, known := l.Clock.at(m.At); known {
			m.Clock = &c
		}
		if m.Source == present {
			m.convert(l.Clock)
		}
	}
	if l.Outage != nil && (m.Source == present || m.At.After(recorded)) {
		m.Outage = &Outage{l.Outage.Since, l.Outage.Text, recorded}
	}
}

// convert sets the policy times of starts.
func (m *Moment) convert(c Clock) {
	for i := range m.Instances {
		for j := range m.Instances[i].Copies {
			if s := m.Instances[i].Copies[j].Stages; s != nil && !s.Asked.Before(c.Started) {
				s.Policy = c.policy(s.Asked)
			}
		}
	}
}
