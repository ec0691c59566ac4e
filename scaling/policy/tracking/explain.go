package tracking

import (
	"fmt"
	"strings"

	"bellows.dev/bellows/scaling"
)

var (
	_ scaling.Explainer    = Type{}
	_ scaling.AlarmLabeler = Type{}
)

// Explain implements scaling.Explainer: "load 560 = 140 x 4; wanted 8 = ceil(560 / 70)".
func (Type) Explain(_ *scaling.Decision, p *scaling.Proposal) scaling.Texts {
	t := scaling.Texts{Outcome: outcome(p.Outcome)}
	switch p.Formula {
	case scaling.FormulaTracking:
		load := scaling.FormatNumber(p.Metric * float64(p.Served))
		t.Computed = fmt.Sprintf("%s; wanted %d = ceil(%s / %s)", reading(p, load), p.Wanted, load, scaling.FormatNumber(p.Factor))
	case scaling.FormulaFromZero:
		t.Computed = fmt.Sprintf("wanted %d, from zero", p.Wanted)
	default:
	}
	return t
}

// reading returns the load with the metric and the capacity that it is the product of: "load 500 = 62.5 x 8".
func reading(p *scaling.Proposal, load string) string {
	product := fmt.Sprintf("%s = %s x %d", load, scaling.FormatNumber(p.Metric), p.Served)
	if p.Partial {
		return "load at least " + product + " (no reading since capacity changed)"
	}
	return "load " + product
}

func outcome(o scaling.Outcome) string {
	switch o {
	case scaling.AnticipatedFlapping:
		return "one less would push the metric above its target again"
	case scaling.Blind:
		return "its high alarm has no data"
	case scaling.Unsettled:
		return "no reading since capacity changed"
	default:
		return ""
	}
}

// AlarmLabel implements scaling.AlarmLabeler: AlarmHigh or AlarmLow.
func (Type) AlarmLabel(name string) string {
	if !strings.HasPrefix(name, "TargetTracking-") {
		return ""
	}
	for _, label := range []string{"AlarmHigh", "AlarmLow"} {
		if strings.Contains(name, "-"+label+"-") {
			return label
		}
	}
	return ""
}
