package scaling

import "time"

// Decide says what becomes of a target's capacity, given its capacity and what alarms tell its policies at this instant. It
// changes nothing in the target. Each signal gets a proposal; of those that may act, any scale-out beats any scale-in and the
// largest capacity wins.
//
// votes are the present states of target tracking policies' low alarms, for policies that have no such signal now: target
// tracking scales in only when all of them agree. They may be nil where no signal is of a low alarm.
//
// The result goes into d, whose memory is used again: a decision that is kept must be cloned (Decision.Clone). The order of
// policies, signals and votes never matters.
func Decide(now time.Time, t *Target, c Capacity, signals, votes []Signal, d *Decision) {
	panic("filled in next")
}
