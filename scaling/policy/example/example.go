// Package example is the worked example of CONTRIBUTING.md: a policy that keeps a queue short. It is none of policy.Types; tests register it.
package example

import (
	"time"

	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/scaling"
)

// Type is the policy type.
type Type struct{}

// Name implements scaling.Type.
func (Type) Name() string { return "QueueLength" }

// New implements scaling.Type.
func (Type) New() scaling.Rule { return &Rule{} }

// Put implements scaling.Type.
func (Type) Put(p scaling.Put) (scaling.Rule, error) {
	c, ok := p.Config.(*Rule)
	if !ok || c.Each <= 0 {
		return nil, scaling.Invalid("Each must be greater than 0")
	}
	return &Rule{Each: c.Each, Due: p.Now.Add(time.Minute)}, nil
}

// Settings implements scaling.Parser.
func (Type) Settings() []scaling.Setting {
	return []scaling.Setting{{Name: "each", Required: true, Help: "messages for each instance"}}
}

// Parse implements scaling.Parser: each=5.
func (Type) Parse(s *scaling.Settings) scaling.Config { return &Rule{Each: s.Number("each")} }

// Format implements scaling.Parser.
func (Type) Format(c scaling.Config) map[string]string {
	out := scaling.SettingList{}
	out.Number("each", c.(*Rule).Each)
	return out
}

// Rule is what the policy does. It is its own Config.
type Rule struct {
	Each float64   // messages for each instance
	Due  time.Time // when it looks next
}

// Propose is the whole rule: so many instances that each has Each messages at most. E.g. 12 messages at 5 each need ceil(12 / 5) = 3.
func (r *Rule) Propose(s scaling.Situation) scaling.Proposal {
	p := s.Proposal()
	queue := s.Windows[0]
	if len(queue) == 0 {
		p.Outcome = scaling.NoData
		return p
	}
	length := queue[len(queue)-1].Value
	p.Wanted, p.Formula = scaling.Ceil(length/r.Each), scaling.FormulaReason
	p.Reason = &scaling.Reason{Formula: "ceil(queue / each)", Terms: []scaling.Term{{Name: "queue", Value: length}, {Name: "each", Value: r.Each}}}
	return s.Limit(p)
}

// Windows implements scaling.Windowed: the newest minute of the queue's length.
func (*Rule) Windows(scaling.TargetKey) []scaling.MetricWindow {
	return []scaling.MetricWindow{{
		Metric: metric.NewID("App", "Queue"), Statistic: metric.Statistic{Kind: metric.Maximum}, Period: time.Minute, Periods: 1,
	}}
}

// Next implements scaling.Timed.
func (r *Rule) Next() time.Time { return r.Due }

// Wake implements scaling.Timed: it looks once a minute.
func (r *Rule) Wake(now time.Time) scaling.Asks {
	r.Due = now.Add(time.Minute)
	return scaling.Asks{Decision: true}
}

// Acts implements scaling.Timed.
func (*Rule) Acts() bool { return true }

// Type implements scaling.Rule.
func (*Rule) Type() scaling.Type { return Type{} }

// Config implements scaling.Rule.
func (r *Rule) Config() scaling.Config {
	if r.Each == 0 {
		return nil
	}
	return r
}

// Rule implements scaling.Config.
func (r *Rule) Rule() scaling.Rule { return r }
