package scaling

import "time"

// judgeTrackingIn decides whether a target tracking policy's scale-in may be: itself first, then all others of its kind.
func (s *situation) judgeTrackingIn(p *Policy, pr *Proposal) {
	if p.scaleInDisabled() {
		pr.Outcome = ScaleInDisabled
		return
	}
	if _, left := s.warming(p); left > 0 {
		pr.Outcome, pr.Left = WarmingUp, left
		return
	}
	s.judgeIn(p, pr)
	switch {
	case pr.Outcome == SuspendedIn || pr.Outcome == AtMin:
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
// ALARM, has data, and fewer instances are enough.
func (s *situation) vote(o *Policy) (want int, ready bool) {
	sig := lowSignal(s.signals, o)
	if sig == nil {
		sig = lowSignal(s.votes, o)
	}
	if sig == nil || sig.State != Alarm || len(sig.Datapoints) == 0 {
		return 0, false
	}
	_, want = track(s.capacity.Current, mean(sig.Datapoints), o.TargetTracking.TargetValue)
	return want, want < s.capacity.Current
}

// lowSignal finds what a policy's own low alarm says, or nil.
func lowSignal(signals []Signal, p *Policy) *Signal {
	for i := range signals {
		if signals[i].Policy == p.Name && signals[i].Alarm == p.AlarmLow {
			return &signals[i]
		}
	}
	return nil
}
