package control

import "time"

// Clock is the time that policies run on. Its zero value is not ready; use NewClock.
type Clock struct {
	base  time.Time // policy time at start
	start time.Time // wall time at start
	speed float64
}

// NewClock returns a clock that stands at base and runs speed times as fast as the wall's, whose present reading is wall.
func NewClock(base, wall time.Time, speed float64) *Clock {
	return &Clock{base: base.Round(0).UTC(), start: wall, speed: speed}
}

// At returns the policy time of a wall time.
func (c *Clock) At(wall time.Time) time.Time {
	return c.base.Add(time.Duration(float64(wall.Sub(c.start)) * c.speed))
}

// Speed returns how many seconds of policy time pass in a second.
func (c *Clock) Speed() float64 { return c.speed }

// Wall returns how long a policy duration takes.
func (c *Clock) Wall(policy time.Duration) time.Duration {
	return time.Duration(float64(policy) / c.speed)
}
