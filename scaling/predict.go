package scaling

import (
	"slices"
	"time"
)

// sight is where the targets are that have predictive scaling policies, so that a step need not look for them. It is made again
// where policies come or go.
type sight struct {
	known   bool
	targets []*Target // by key

	timed bool // next is known
	next  time.Time
}

func (r *Registry) predictive() []*Target {
	if r.sight.known {
		return r.sight.targets
	}
	r.sight = sight{known: true}
	for _, t := range r.Targets { //tidy:unordered sorted below
		if slices.ContainsFunc(t.Policies, func(p *Policy) bool { return p.Type == PredictiveScaling }) {
			r.sight.targets = append(r.sight.targets, t)
		}
	}
	slices.SortFunc(r.sight.targets, func(a, b *Target) int { return a.Key.Compare(b.Key) })
	return r.sight.targets
}

// NextForecast returns when a predictive scaling policy next wants a history, or its forecast asks for capacity, as of Plan; zero: never.
func (r *Registry) NextForecast() time.Time { return r.sight.next }

func (r *Registry) planForecasts() time.Time {
	if r.sight.timed {
		return r.sight.next
	}
	targets := r.predictive()
	r.sight.timed, r.sight.next = true, time.Time{}
	for _, t := range targets {
		for _, p := range t.Policies {
			if p.Type == PredictiveScaling {
				r.sight.earlier(p.Outlook.Due)
				r.sight.earlier(p.Outlook.Lead)
			}
		}
	}
	return r.sight.next
}

func (s *sight) earlier(t time.Time) {
	if !t.IsZero() && (s.next.IsZero() || t.Before(s.next)) {
		s.next = t
	}
}

// Wanted is a predictive scaling policy that wants a history.
type Wanted struct {
	Target *Target
	Policy *Policy
}

// ForecastsDue returns the policies that want a history now, and the targets of which a forecast asks for capacity now. A history
// that does not come is wanted again after an hour.
func (r *Registry) ForecastsDue(now time.Time) (wanted []Wanted, due []*Target) {
	if next := r.planForecasts(); next.IsZero() || now.Before(next) {
		return nil, nil
	}
	r.sight.timed = false
	for _, t := range r.predictive() {
		asks := false
		for _, p := range t.Policies {
			if p.Type != PredictiveScaling {
				continue
			}
			if !now.Before(p.Outlook.Due) {
				p.Outlook.Due = now.Add(retryEvery)
				wanted = append(wanted, Wanted{t, p})
			}
			if lead := p.Outlook.Lead; !lead.IsZero() && !now.Before(lead) {
				p.Outlook.Lead = p.nextLead(now)
				asks = asks || p.Predictive.scales()
			}
		}
		if asks {
			t.PredictDue = true
			due = append(due, t)
		}
	}
	return wanted, due
}

// LoadHistory makes a policy's forecast from its past. found is false where the policy has been deleted or is not a predictive one.
func (r *Registry) LoadHistory(now time.Time, k TargetKey, policy string, past PastLoad) (p *Policy, found bool) {
	t := r.Targets[k]
	if t == nil || t.Policy(policy) == nil || t.Policy(policy).Type != PredictiveScaling {
		return nil, false
	}
	p = t.Policy(policy)
	p.Foretell(now, past)
	p.Outlook.Lead = p.nextLead(now)
	r.sight.timed = false
	t.PredictDue = t.PredictDue || p.Predictive.scales()
	return p, true
}

// reconsider holds the outlook against a changed configuration: other metrics make it worthless, another target value scales it. A new
// forecast is due either way.
func (p *Policy) reconsider(now time.Time, before *PredictiveConfig) {
	if !p.Predictive.sameMetrics(before) {
		p.Outlook = &Outlook{}
	}
	p.Outlook.Due = now
	p.rescale(now)
	p.Outlook.Lead = p.nextLead(now)
}

// RaiseMax raises the target's maximum for a forecast that approaches or exceeds it, where its policy may do so. It stays raised, as
// on AWS, until somebody sets it. It returns what the maximum was, and false where it stays.
// AWS: PredictiveScalingConfiguration of EC2 Auto Scaling, MaxCapacityBreachBehavior.
func (t *Target) RaiseMax(now time.Time) (before int, policy string, raised bool) {
	before = t.Max
	if t.DryRun() || t.Suspended.DynamicOut {
		return before, "", false
	}
	for _, p := range t.Policies {
		if p.Type != PredictiveScaling || !p.Predictive.scales() {
			continue
		}
		h, found := p.expects(now)
		if to := p.Predictive.maxFor(h.Capacity, t.Max); found && to > t.Max {
			t.Max, policy = to, p.Name
		}
	}
	return before, policy, t.Max > before
}

// Held tells the target what a decision made of its forecasts: they stay due where the resource took no change.
func (t *Target) Held(d *Decision) {
	t.PredictDue = slices.ContainsFunc(d.Proposals, func(p Proposal) bool { return p.Forecast != nil && p.Outcome == Unscalable })
}

// PredictedCapacity returns the capacity that the target's forecasts say is needed now, within its range; false where none scales it.
func (t *Target) PredictedCapacity(now time.Time) (int, bool) {
	n, policy := t.foretold(now)
	return t.clamp(n), policy != ""
}

// foretold is the capacity below which no policy scales in, and the policy whose forecast says so; never more than the maximum.
// AWS: predictive scaling, how it works: it does not scale in; what was foretold is the least there is.
func (t *Target) foretold(now time.Time) (capacity int, policy string) {
	for _, p := range t.Policies {
		if p.Type != PredictiveScaling || !p.Predictive.scales() {
			continue
		}
		h, found := p.expects(now)
		if n := min(h.Capacity, t.Max); found && (policy == "" || n > capacity || n == capacity && p.Name < policy) {
			capacity, policy = n, p.Name
		}
	}
	return capacity, policy
}

// proposeForecasts adds what the target's forecasts want of this moment.
func (s *situation) proposeForecasts(d *Decision) {
	for _, p := range s.target.Policies {
		if p.Type == PredictiveScaling && p.Predictive.scales() {
			d.Proposals = append(d.Proposals, s.proposeForecast(p))
		}
	}
}

// proposeForecast holds the capacity against the hour that decides. A forecast only adds.
// AWS: predictive scaling, how it works: with an expected increase it adds capacity; it never takes any away.
func (s *situation) proposeForecast(p *Policy) Proposal {
	t, c := s.target, s.capacity
	pr := Proposal{Policy: p.Name, Wanted: c.Desired, Clamped: c.Desired, Outcome: NoForecast}
	h, found := p.expects(s.now)
	if !found {
		return pr
	}
	pr.Forecast, pr.Formula, pr.Factor = &h, FormulaForecast, p.Predictive.target()
	pr.Metric, pr.Wanted = finite(h.Load*p.Outlook.Need), h.Capacity
	pr.Raw = finite(pr.Metric / pr.Factor)
	switch {
	case pr.Wanted <= c.Desired:
		pr.Outcome = AtDesired
	case t.Suspended.DynamicOut:
		pr.Outcome = SuspendedOut
	case c.Desired >= t.Max:
		pr.Outcome = AtMax
	default:
		pr.Clamped = t.clamp(pr.Wanted)
		pr.Outcome = s.possible(&pr)
	}
	return pr
}
