package scaling

import (
	"time"

	"bellows.dev/bellows/alarm"
)

// judgeTrackingIn decides whether a target tracking policy's scale-in may be: itself first, then all others of its kind.
func (s *situation) judgeTrackingIn(p *Policy, sig *Signal, pr *Proposal) {
	l, known := s.loadIn(sig)
	if known {
		pr.take(l)
	} else {
		pr.Formula = 0
	}
	_, warming := s.warming(p)
	switch {
	case p.scaleInDisabled():
		pr.Outcome = ScaleInDisabled
		return
	case s.blind(p):
		pr.Outcome = Blind
		return
	case warming > 0:
		pr.Outcome, pr.Left = WarmingUp, warming
		return
	}
	s.judgeIn(p, pr)
	switch {
	case pr.Outcome == SuspendedIn || pr.Outcome == AtMin:
	case !known:
		pr.Outcome, pr.Left, pr.Clamped = Unsettled, 0, s.capacity.Desired
	case pr.Wanted >= s.capacity.Current:
		// The alarm is low, yet one instance less would lift the metric above its target: 2 at 60 of 70 are 1 at 120.
		pr.Outcome, pr.Left, pr.Clamped = AnticipatedFlapping, 0, s.capacity.Desired
	case pr.Outcome == Acted || pr.Outcome == Unscalable:
		s.agree(p, pr)
	}
}

// agree holds a target tracking scale-in against the target's other target tracking policies that may scale in: each must be
// ready for it, and the largest of their capacities is taken. One that is not ready names itself, the first by name.
//
// AWS: target tracking, user guide: scale-in only if all of the target tracking policies (with scale-in enabled) are ready.
func (s *situation) agree(p *Policy, pr *Proposal) {
	veto, largest, cooling := "", "", time.Duration(0)
	for o := range s.target.all() {
		if o == p || o.Type != TargetTrackingScaling || o.Disabled || o.scaleInDisabled() {
			continue
		}
		want, ready := s.vote(o)
		left := o.coolingIn(s.now)
		if _, warm := s.warming(o); warm > 0 {
			left = warm
		}
		to := s.target.clamp(want)
		switch {
		case !ready || left > 0 || to >= s.capacity.Desired:
			if veto == "" || o.Name < veto {
				veto, cooling = o.Name, left
			}
		case to > pr.Clamped || (to == pr.Clamped && largest != "" && o.Name < largest):
			pr.Clamped, largest = to, o.Name
		}
	}
	if largest != "" {
		pr.By = largest
	}
	if veto != "" {
		pr.Outcome, pr.By, pr.Left, pr.Clamped = NotAgreed, veto, cooling, s.capacity.Desired
	}
}

// vote returns the capacity that a policy's low alarm would scale in to, and whether it would scale in at all: the alarm is in
// ALARM, has data of the present capacity, and fewer instances are enough.
func (s *situation) vote(o *Policy) (want int, ready bool) {
	sig := s.says(o, o.AlarmLow)
	if sig == nil || sig.State != alarm.InAlarm || len(sig.Datapoints) == 0 || s.blind(o) {
		return 0, false
	}
	l, known := s.loadIn(sig)
	if !known {
		return 0, false
	}
	want = ceil(l.value() / o.TargetTracking.TargetValue)
	return want, want < s.capacity.Current
}

// blind reports whether a policy's metric has ended: its high alarm looks back minutes and misses it, while the low alarm still lives on
// what it saw a quarter of an hour ago.
// AWS: target tracking, user guide: no scaling while the metric has insufficient data, which is no sign of low use.
func (s *situation) blind(p *Policy) bool {
	sig := s.says(p, p.AlarmHigh)
	return sig != nil && sig.State == alarm.InsufficientData
}

// says finds what one of a policy's own alarms says now, or nil.
func (s *situation) says(p *Policy, alarm string) *Signal {
	for _, all := range [][]Signal{s.signals, s.votes} {
		for i := range all {
			if all[i].Policy == p.Name && all[i].Alarm == alarm {
				return &all[i]
			}
		}
	}
	return nil
}
