package predictive

import (
	"fmt"

	"bellows.dev/bellows/scaling"
)

var (
	_ scaling.Explainer = Type{}
	_ scaling.Remarking = (*Rule)(nil)
)

// Remark implements scaling.Remarking: why there is no newer forecast, and that the policy only forecasts.
func (r *Rule) Remark() string {
	switch {
	case r.Acts() && r.Outlook != nil:
		return r.Outlook.Reason
	case r.Acts():
		return ""
	case r.Outlook != nil && r.Outlook.Reason != "":
		return "forecasts only, and changes no capacity. " + r.Outlook.Reason
	default:
		return "forecasts only, and changes no capacity"
	}
}

// Explain implements scaling.Explainer: "forecast for 2026-11-24 09:00: load 252000; wanted 60 = ceil(4200 / 70)".
func (Type) Explain(d *scaling.Decision, p *scaling.Proposal) scaling.Texts {
	var t scaling.Texts
	if h := p.Forecast; h != nil {
		t.Saw = fmt.Sprintf("forecast for %s: load %s", h.Start.UTC().Format("2006-01-02 15:04"), scaling.FormatNumber(h.Load))
	} else if p.Outcome == scaling.NoForecast {
		t.Saw = "no forecast for this hour"
	}
	if p.Formula == scaling.FormulaForecast {
		if p.Outcome == scaling.AtDesired && p.Wanted < d.Capacity.Desired {
			t.Outcome = fmt.Sprintf("desired is %d, and this policy never scales in", d.Capacity.Desired)
		}
		t.Computed = fmt.Sprintf("wanted %d = ceil(%s / %s)", p.Wanted, scaling.FormatNumber(p.Metric), scaling.FormatNumber(p.Factor))
	}
	return t
}
