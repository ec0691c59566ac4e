package hosting

import "time"

// policyTime is how long a duration of wall time takes on the policy clock. Instances start on the wall's clock, whatever clock
// policies run on.
func (r *Registry) policyTime(wall time.Duration) time.Duration {
	if r.ClockSpeed == 0 {
		return wall
	}
	return time.Duration(float64(wall) * r.ClockSpeed)
}

// SetClockSpeed says how many seconds of policy time pass in a second of wall time from now on. What an instance that starts has used of
// its time stays what it was on the wall's clock. speed is positive.
func (r *Registry) SetClockSpeed(now time.Time, speed float64) {
	before := r.ClockSpeed
	if r.ClockSpeed = speed; before == 0 || speed == before { // 0: of an earlier version, which did not note it
		return
	}
	for _, e := range r.Endpoints { //tidy:unordered each is changed by itself
		for _, v := range e.all() {
			for _, i := range v.Instances {
				if i.unborn() {
					i.carry(now, speed/before)
				}
			}
		}
	}
}

// carry makes the time that an instance has used so far count as on a clock that is so many times as fast.
func (i *Instance) carry(now time.Time, faster float64) {
	used := now.Sub(i.began())
	i.Grace = used - time.Duration(float64(used-i.Grace)*faster)
}

// began is when the time that an instance may take began.
func (i *Instance) began() time.Time {
	if !i.Preparing && !i.Launched.IsZero() {
		return i.Launched
	}
	return i.Started
}
