package scaling

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Decide says what becomes of a target's capacity, given its capacity and what alarms tell its policies at this instant. It
// changes nothing in the target. Each signal gets a proposal; of those that may act, any scale-out beats any scale-in and the
// largest capacity wins.
//
// votes are the present states of target tracking policies' own alarms, for policies that have no such signal now: target tracking
// scales in only when all low alarms agree, and no high one is without data. They may be nil where no signal is of a low alarm.
//
// The result goes into d, whose memory is used again: a decision that is kept must be cloned (Decision.Clone). The order of
// policies, signals and votes never matters.
func Decide(now time.Time, t *Target, c Capacity, signals, votes []Signal, d *Decision) {
	*d = Decision{At: now, Capacity: c, Min: t.Min, Max: t.Max, Want: c.Desired, Proposals: d.Proposals[:0]}
	s := situation{now: now, target: t, capacity: c, signals: signals, votes: votes}
	for i := range signals {
		if p := t.told(&signals[i]); p != nil {
			d.Proposals = append(d.Proposals, propose(&s, p, &signals[i]))
		}
	}
	if t.PredictDue {
		s.proposeForecasts(d)
	}
	if t.WakeDue > 0 {
		s.proposeWake(d)
	}
	if len(d.Proposals) > 1 {
		slices.SortFunc(d.Proposals, canonical)
	}
	d.arbitrate()
	if d.Acted && t.DryRun() {
		d.Proposals[d.Winner].Outcome = WouldAct
		d.Acted, d.Want, d.Winner = false, c.Desired, 0
	}
}

// told returns the policy that a signal is for, or nil.
func (t *Target) told(s *Signal) *Policy {
	if s.Group {
		return t.Group.Policy(s.Policy)
	}
	return t.Policy(s.Policy)
}

// situation is what every policy's proposal depends on.
type situation struct {
	now            time.Time
	target         *Target
	capacity       Capacity
	signals, votes []Signal
}

// canonical orders proposals so that no decision depends on the order in which policies or alarms came. The members after the
// names matter only where two signals bear the same names.
func canonical(a, b Proposal) int {
	if c := cmp.Or(strings.Compare(a.Policy, b.Policy), strings.Compare(a.Alarm, b.Alarm)); c != 0 {
		return c
	}
	if a.Group != b.Group {
		if b.Group {
			return -1
		}
		return 1
	}
	return cmp.Or(cmp.Compare(a.State, b.State), cmp.Compare(b.Clamped, a.Clamped), cmp.Compare(a.Metric, b.Metric))
}

// arbitrate picks the proposal that acts: any scale-out before any scale-in, then the largest capacity.
// AWS: PutScalingPolicy: with several policies, the one with the largest capacity wins, for scale-out and scale-in alike.
func (d *Decision) arbitrate() {
	winner := -1
	for i := range d.Proposals {
		if p := &d.Proposals[i]; p.Outcome == Acted && (winner < 0 || p.beats(&d.Proposals[winner])) {
			winner = i
		}
	}
	if winner < 0 {
		return
	}
	d.Acted, d.Winner, d.Want = true, winner, d.Proposals[winner].Clamped
	for i := range d.Proposals {
		if p := &d.Proposals[i]; i != winner && p.Outcome == Acted {
			p.Outcome, p.By = OutvotedBy, d.Proposals[winner].Policy
		}
	}
}

// beats compares two proposals that may act. A larger result is a larger capacity whatever its direction, and every scale-out
// is larger than every scale-in; among equals the one that wanted more is named as the cause.
func (p *Proposal) beats(o *Proposal) bool {
	return cmp.Or(cmp.Compare(p.Clamped, o.Clamped), cmp.Compare(p.Wanted, o.Wanted)) > 0
}

// notScaled returns the proposal that tells best why nothing changed, and AWS's code for it; 0 where something did change or
// AWS has no code: a cooldown, a suspension, a vote leave no entry.
func (d *Decision) notScaled() (*Proposal, NotScaledCode) {
	var best *Proposal
	code := NotScaledCode(0)
	if d.Acted {
		return nil, 0
	}
	for i := range d.Proposals {
		if d.Proposals[i].Group {
			continue // that API has no such entries
		}
		if c := d.Proposals[i].code(); c != 0 && d.Proposals[i].Forecast == nil && d.Proposals[i].Waiting == 0 && (code == 0 || tellsMore(c) > tellsMore(code)) {
			best, code = &d.Proposals[i], c
		}
	}
	return best, code
}

// tellsMore ranks the reasons: what kept capacity from being added matters most, that nothing was to be done least.
func tellsMore(c NotScaledCode) int {
	switch c {
	case TargetServicePutResourceAsUnscalable:
		return 5
	case AlreadyAtMaxCapacity:
		return 4
	case AutoScalingAnticipatedFlapping:
		return 3
	case AlreadyAtMinCapacity:
		return 2
	default:
		return 1
	}
}

// code returns AWS's reason for not scaling that a proposal has; 0 where it has none. A scale-out that is no larger than the one in progress
// or cooling down asks for the capacity that is desired already; a scale-in within a cooldown leaves nothing. AWS: recorded.
func (p *Proposal) code() NotScaledCode {
	switch p.Outcome {
	case HeldByCooldown, ActivityInProgress:
		if p.Credit > 0 {
			return AlreadyAtDesiredCapacity
		}
		return 0
	case AtMax:
		return AlreadyAtMaxCapacity
	case AtMin:
		return AlreadyAtMinCapacity
	case AtDesired:
		return AlreadyAtDesiredCapacity
	case AnticipatedFlapping:
		return AutoScalingAnticipatedFlapping
	case Unscalable:
		return TargetServicePutResourceAsUnscalable
	default:
		return 0
	}
}
