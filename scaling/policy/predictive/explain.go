package predictive

import (
	"fmt"

	"bellows.dev/bellows/scaling"
)

var _ scaling.Explainer = Type{}

// Explain implements scaling.Explainer: "forecast for 2026-11-24 09:00: load 252000; wanted 60 = ceil(4200 / 70)".
func (Type) Explain(_ *scaling.Decision, p *scaling.Proposal) scaling.Texts {
	var t scaling.Texts
	if h := p.Forecast; h != nil {
		t.Saw = fmt.Sprintf("forecast for %s: load %s", h.Start.UTC().Format("2006-01-02 15:04"), scaling.FormatNumber(h.Load))
	} else if p.Outcome == scaling.NoForecast {
		t.Saw = "no forecast for this hour"
	}
	if p.Formula == scaling.FormulaForecast {
		t.Computed = fmt.Sprintf("wanted %d = ceil(%s / %s)", p.Wanted, scaling.FormatNumber(p.Metric), scaling.FormatNumber(p.Factor))
	}
	return t
}
