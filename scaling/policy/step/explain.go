package step

import (
	"fmt"
	"math"

	"bellows.dev/bellows/scaling"
)

var _ scaling.Explainer = Type{}

// Explain implements scaling.Explainer: "wanted 14 = 11 + 30 %".
func (Type) Explain(d *scaling.Decision, p *scaling.Proposal) scaling.Texts {
	t := scaling.Texts{Computed: Computed(d, p)}
	if p.Outcome == scaling.NoStepMatches {
		t.Outcome = "no step adjustment for a breach of " + scaling.FormatNumber(p.Metric-p.Threshold)
	}
	return t
}

// Computed returns the capacity that an adjustment made, with its formula; "" where it was no adjustment that made it.
func Computed(d *scaling.Decision, p *scaling.Proposal) string {
	sign := "+"
	if p.Factor < 0 {
		sign = "-"
	}
	wanted := fmt.Sprintf("wanted %d", p.Wanted)
	sum := fmt.Sprintf("%s = %d %s %s", wanted, d.Capacity.Current-p.Warming, sign, scaling.FormatNumber(math.Abs(p.Factor)))
	switch p.Formula {
	case scaling.FormulaChange:
		return sum
	case scaling.FormulaPercent:
		if p.Least > 0 {
			return fmt.Sprintf("%s %%, by %d at least", sum, p.Least)
		}
		return sum + " %"
	case scaling.FormulaExact:
		return wanted + " exactly"
	default:
		return ""
	}
}
