// Package predictive is predictive scaling: a policy that forecasts a load two days ahead and asks for the capacity that each hour needs
// before the hour begins. The rule is in this file, forecasts are made in outlook.go, what a client may ask for is in check.go.
//
// AWS: predictive scaling, Application Auto Scaling user guide.
package predictive

import (
	"time"

	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/scaling"
)

// Propose is the whole rule: it holds the capacity against the hour that decides, and only adds. E.g. 252,000 invocations are forecast for
// the hour, which are 4,200 a minute: at a target of 70 they need ceil(4200 / 70) = 60 instances.
//
// AWS: predictive scaling, how it works: with an expected increase it adds capacity; it never takes any away.
func (r *Rule) Propose(s scaling.Situation) scaling.Proposal {
	p, t, c := s.Proposal(), s.Target, s.Capacity
	h, found := r.hour(s.Now)
	if !found {
		p.Outcome = scaling.NoForecast
		return p
	}
	p.Forecast, p.Formula, p.Factor = &h, scaling.FormulaForecast, r.Settings.target()
	p.Metric, p.Wanted = metric.Finite(h.Load*r.Outlook.Need), h.Capacity
	p.Raw = metric.Finite(p.Metric / p.Factor)
	switch {
	case p.Wanted <= c.Desired:
		p.Outcome = scaling.AtDesired
	case t.Suspended.DynamicOut:
		p.Outcome = scaling.SuspendedOut
	case c.Desired >= t.Max:
		p.Outcome = scaling.AtMax
	default:
		p.Clamped = s.Clamp(p.Wanted)
		p.Outcome = s.Possible(&p)
	}
	return p
}

// hour returns the hour that decides at a moment: the present one or, within the buffer before it begins, the next where that needs more.
// E.g. with a buffer of 5 minutes, at 9:56 the hour from 10:00 decides if it needs more than the one from 9:00.
// AWS: PredictiveScalingPolicyConfiguration, SchedulingBufferTime.
func (r *Rule) hour(now time.Time) (scaling.ForecastHour, bool) {
	h, found := r.Outlook.at(now)
	if next, ok := r.Outlook.at(now.Add(r.Settings.buffer())); ok && (!found || next.Capacity > h.Capacity) {
		return next, true
	}
	return h, found
}

// Expects implements scaling.Forecaster.
// AWS: predictive scaling, how it works: what was forecast is the least that there is.
func (r *Rule) Expects(now time.Time) (capacity int, found bool) {
	h, found := r.hour(now)
	return h.Capacity, found
}

// Hours implements scaling.Forecaster.
func (r *Rule) Hours() []scaling.ForecastHour { return r.Outlook.Hours }

// RaisedMax implements scaling.Forecaster.
func (r *Rule) RaisedMax(now time.Time, most int) int {
	h, found := r.hour(now)
	if !found {
		return most
	}
	return r.Settings.maxFor(h.Capacity, most)
}

// Next implements scaling.Timed: a history is wanted, or an hour that is forecast begins soon.
func (r *Rule) Next() time.Time {
	o := r.Outlook
	if o.Lead.IsZero() || o.Due.Before(o.Lead) {
		return o.Due
	}
	return o.Lead
}

// Wake implements scaling.Timed. A history that does not come is wanted again after an hour.
func (r *Rule) Wake(now time.Time) scaling.Asks {
	var asks scaling.Asks
	o := r.Outlook
	if !now.Before(o.Due) {
		o.Due, asks.History = now.Add(retryEvery), true
	}
	if !o.Lead.IsZero() && !now.Before(o.Lead) {
		o.Lead, asks.Decision = r.nextLead(now), r.Acts()
	}
	return asks
}

// Acts implements scaling.Timed.
func (r *Rule) Acts() bool { return r.Settings.Mode == ForecastAndScale }

// nextLead is when next the forecast asks for capacity: the buffer before an hour that is forecast begins; zero: never.
func (r *Rule) nextLead(now time.Time) time.Time {
	lead := hourOf(now.Add(r.Settings.buffer())).Add(time.Hour)
	if _, found := r.Outlook.at(lead); !found {
		return time.Time{}
	}
	return lead.Add(-r.Settings.buffer())
}

// Type is the policy type.
type Type struct{}

// Name implements scaling.Type.
func (Type) Name() string { return "PredictiveScaling" }

// Number implements scaling.Numbered.
func (Type) Number() int { return 4 }

// New implements scaling.Type.
func (Type) New() scaling.Rule { return &Rule{} }

// Rule is what a predictive scaling policy does, with what it expects.
type Rule struct {
	Settings *Config `json:"Predictive"`
	Outlook  *Outlook
}

var (
	_ scaling.Forecaster = (*Rule)(nil)
	_ scaling.Directed   = (*Rule)(nil)
)

// Type implements scaling.Rule.
func (*Rule) Type() scaling.Type { return Type{} }

// Config implements scaling.Rule.
func (r *Rule) Config() scaling.Config {
	if r.Settings == nil {
		return nil
	}
	return r.Settings
}

// Rule implements scaling.Config.
func (c *Config) Rule() scaling.Rule { return &Rule{Settings: c} }

// ScalesIn implements scaling.Directed.
func (*Rule) ScalesIn() bool { return false }

// LeavesZero implements scaling.Directed: Acts says so, without an alarm.
func (*Rule) LeavesZero() bool { return false }
