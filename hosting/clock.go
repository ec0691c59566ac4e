package hosting

import "time"

// policyTime is how long a duration of wall time takes on the policy clock. Instances start on the wall's clock, whatever clock
// policies run on.
func (r *Registry) policyTime(wall time.Duration) time.Duration {
	if r.ClockSpeed == 0 {
		return wall
	}
	return time.Duration(min(float64(wall)*r.ClockSpeed, float64(policyTimeMax)))
}

// policyTimeMax is a century, which no deadline is beyond: the moments of deadlines can be counted.
const policyTimeMax = 100 * 365 * 24 * time.Hour

// SetClockSpeed sets how many seconds of policy time pass in a second of wall time from now on. The part of its time that a copy which
// starts has used stays what it was on the wall's clock. speed is positive.
func (r *Registry) SetClockSpeed(now time.Time, speed float64) {
	before := r.ClockSpeed
	if r.ClockSpeed = speed; before == 0 || speed == before { // 0: of an earlier version, which did not note it
		return
	}
	for _, e := range r.Endpoints { //tidy:unordered each is changed by itself
		for _, v := range e.all() {
			for c := range v.wanted() {
				if !c.EverReady {
					c.rescale(now, speed/before)
				}
			}
		}
	}
}

// rescale makes the time that a copy has used so far count as on a clock that is so many times as fast.
func (c *Copy) rescale(now time.Time, faster float64) {
	used := now.Sub(c.began())
	c.Grace = used - time.Duration(float64(used-c.Grace)*faster)
}
