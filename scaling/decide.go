package scaling

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Seen is what a decision rests on besides the target itself.
type Seen struct {
	Signals []Signal                   // of the alarms that invoke policies now; their order does not matter
	Alarms  Alarms                     // the present state of alarms that policies own; nil: there are none
	Windows func(p *Policy) []Readings // the metrics of a Windowed rule; nil: there are none
}

// Decide says what becomes of a target's capacity. It changes nothing in the target:
//
//   - each signal gets a proposal of its policy's rule;
//   - where a rule's own moment has come (Target.RuleDue), so does each rule that acts without alarms;
//   - where requests wait for a first instance (Target.WakeDue), they get one;
//   - of the proposals that may act, any scale-out takes precedence over any scale-in, and the largest capacity wins.
//
// The result goes into d, whose memory is used again: a decision that is kept must be cloned (Decision.Clone).
func Decide(now time.Time, t *Target, c Capacity, in Seen, d *Decision) {
	*d = Decision{At: now, Capacity: c, Min: t.Min, Max: t.Max, Want: c.Desired, Proposals: d.Proposals[:0]}
	s := Situation{Now: now, Target: t, Capacity: c, signals: in.Signals, alarms: in.Alarms}
	for i := range in.Signals {
		s.Policy, s.Signal = in.Signals[i].Policy, &in.Signals[i]
		if outcome, process := s.silenced(); outcome != 0 {
			p := s.Proposal()
			p.Outcome, p.Process = outcome, process
			d.Proposals = append(d.Proposals, p)
			continue
		}
		d.Proposals = append(d.Proposals, s.Policy.Rule.Propose(s))
	}
	if t.RuleDue {
		s.Signal = nil
		for _, p := range t.Policies {
			if r, ok := p.Rule.(Timed); ok && r.Acts() {
				if s.Policy, s.Windows = p, nil; in.Windows != nil {
					s.Windows = in.Windows(p)
				}
				d.Proposals = append(d.Proposals, p.Rule.Propose(s))
			}
		}
	}
	if t.WakeDue > 0 {
		d.Proposals = append(d.Proposals, s.proposeFirst())
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

// canonical orders proposals so that no decision depends on the order in which policies or alarms came. The members after the
// names matter only where two signals bear the same names.
func canonical(a, b Proposal) int {
	if c := cmp.Or(strings.Compare(a.Policy, b.Policy), strings.Compare(a.Alarm, b.Alarm)); c != 0 {
		return c
	}
	if a.API != b.API {
		if b.API == EC2AutoScaling {
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
		if p := &d.Proposals[i]; p.Outcome == Acted && (winner < 0 || p.exceeds(&d.Proposals[winner])) {
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

// exceeds compares two proposals that may act. A larger result is a larger capacity in either direction, and every scale-out
// exceeds every scale-in; of two equal ones the one with the larger unclamped capacity is the cause.
func (p *Proposal) exceeds(o *Proposal) bool {
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
		p := &d.Proposals[i]
		if p.API == EC2AutoScaling || p.Alarm == "" {
			continue // entries tell of alarms that changed nothing, and that API has none
		}
		if c := p.code(); c != 0 && (code == 0 || tellsMore(c) > tellsMore(code)) {
			best, code = p, c
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
