package scaling

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Explainer is a Type with texts of its own in explanations: for its formulas, for what it acts on instead of an alarm, and for outcomes
// that no other type has. Explanations are made of recorded decisions too, whose policies may be gone, so they come from the type.
type Explainer interface {
	// Explain returns the type's texts for a proposal of a decision. Each is "" where the general one fits, and for proposals of other types.
	Explain(d *Decision, p *Proposal) Texts
}

// Texts are the parts of an explanation that depend on the policy type.
type Texts struct {
	Saw      string // what the policy acted on: "forecast for 2026-11-24 09:00: load 4200"
	Computed string // the capacity and its formula with the numbers: "load 560 = 140 x 4; wanted 8 = ceil(560 / 70)"
	Outcome  string // what became of it: "no step adjustment for a breach of -3"
}

// AlarmLabeler is a Type whose own alarms have long names and short labels.
type AlarmLabeler interface {
	// AlarmLabel returns the label of one of the type's own alarms; "" for other alarms.
	AlarmLabel(name string) string
}

// AlarmLabel returns a short label of an alarm that a policy owns, and the whole name of any other.
func (ts Types) AlarmLabel(name string) string {
	for _, t := range ts {
		if x, ok := t.(AlarmLabeler); ok {
			if label := x.AlarmLabel(name); label != "" {
				return label
			}
		}
	}
	return name
}

// explain returns the texts of the first type that has each.
func (ts Types) explain(d *Decision, p *Proposal) Texts {
	var out Texts
	for _, t := range ts {
		if x, ok := t.(Explainer); ok {
			own := x.Explain(d, p)
			out = Texts{cmp.Or(out.Saw, own.Saw), cmp.Or(out.Computed, own.Computed), cmp.Or(out.Outcome, own.Outcome)}
		}
	}
	return out
}

// Explain says in one line what was decided and why, with the numbers: "desired 4 -> 8: p: AlarmHigh in ALARM, 3 of 3: 140 > 70;
// load 560 = 140 x 4; wanted 8 = ceil(560 / 70)". Several proposals are parted by " | ".
func (d *Decision) Explain(types Types) string {
	var b strings.Builder
	fmt.Fprintf(&b, "desired %d", d.Capacity.Desired)
	if d.Acted {
		fmt.Fprintf(&b, " -> %d", d.Want)
	}
	for i := range d.Proposals {
		separator := ": "
		if i > 0 {
			separator = " | "
		}
		b.WriteString(separator + d.Proposals[i].Policy + ": " + d.ExplainProposal(types, i))
	}
	return b.String()
}

// ExplainProposal says in one line what proposal i saw and wanted, and what became of it: "AlarmHigh in ALARM, 3 of 3: 41.2 > 10; load 41.2 =
// 41.2 x 1; wanted 5 = ceil(41.2 / 10); scale-out cooldown for 87 s more; max 4".
func (d *Decision) ExplainProposal(types Types, i int) string {
	p := &d.Proposals[i]
	own := types.explain(d, p)
	var parts []string
	if s := cmp.Or(own.Saw, p.saw(types)); s != "" {
		parts = append(parts, s)
	}
	if p.Formula != 0 {
		parts = append(parts, cmp.Or(own.Computed, p.computed()))
	}
	if s := cmp.Or(own.Outcome, p.result(d)); s != "" {
		parts = append(parts, s)
	}
	return strings.Join(append(parts, p.limits(d)...), "; ")
}

// saw says what invoked the policy; "" where the policy acts at a moment of its own.
func (p *Proposal) saw(types Types) string {
	if p.Waiting > 0 {
		return p.waits()
	}
	if p.byRule() {
		return ""
	}
	s := types.AlarmLabel(p.Alarm) + " in " + p.State.String()
	if p.Executed {
		s = "executed by a user"
	}
	if p.Evaluated == 0 {
		return s
	}
	comparison := p.Comparison.Comparison()
	sign := comparison.Sign()
	if !comparison.Breaches(p.Metric, p.Threshold) {
		sign = "not " + sign
	}
	if p.Needs > 0 {
		return fmt.Sprintf("%s, %d of the %d datapoints that the alarm needs: %s %s %s", s, p.Evaluated, p.Needs, FormatNumber(p.Metric), sign, FormatNumber(p.Threshold))
	}
	return fmt.Sprintf("%s, %d of %d: %s %s %s", s, p.Breaching, p.Evaluated, FormatNumber(p.Metric), sign, FormatNumber(p.Threshold))
}

// computed returns the capacity that was computed, with the formula where it is no type's own.
func (p *Proposal) computed() string {
	s := fmt.Sprintf("wanted %d", p.Wanted)
	switch {
	case p.Reason != nil:
		return fmt.Sprintf("%s = %s", s, p.Reason)
	case p.Formula == FormulaWake:
		return s + ", from zero"
	default:
		return s
	}
}

// result says what became of the proposal; "" where the capacity changes to it, or none was computed.
func (p *Proposal) result(d *Decision) string {
	switch p.Outcome {
	case HeldByForecast:
		return "policy " + p.By + " expects to need the capacity"
	case OutvotedBy:
		if min(max(p.Wanted-p.Credit, d.Min), d.Max) == d.Want {
			return "as policy " + p.By
		}
		return "outvoted by policy " + p.By
	case NotAgreed:
		return "policy " + p.By + " is not ready to scale in" + more(", its cooldown lasts", p.Left)
	case HeldByCooldown:
		if p.By != "" {
			return "cooldown after policy " + p.By + more(" for", p.Left)
		}
		return "scale-" + p.direction(d) + more(" cooldown for", p.Left)
	case AtMax:
		return fmt.Sprintf("at max %d already", d.Max)
	case AtMin:
		return fmt.Sprintf("at min %d already", d.Min)
	case AtDesired:
		return fmt.Sprintf("desired is %d already", d.Capacity.Desired)
	case Unscalable:
		return "the resource takes no change now"
	case SuspendedOut, SuspendedIn:
		return "scale-" + p.direction(d) + " is suspended"
	case ScaleInDisabled:
		return "scale-in is disabled"
	case NoData:
		return "no data"
	case WouldAct:
		return fmt.Sprintf("dry run, or desired would be %d", p.Clamped)
	case ActivityInProgress:
		return "waits for the activity in progress"
	case WarmingUp:
		return "new instances warm up" + more(" for", p.Left)
	case ProcessSuspended:
		return "process " + p.Process.String() + " is suspended"
	case PolicyDisabled:
		return "the policy is disabled"
	default:
		return ""
	}
}

func (p *Proposal) direction(d *Decision) string {
	if p.Wanted > d.Capacity.Current-p.Warming {
		return "out"
	}
	return "in"
}

// more tells what is left of a cooldown, in whole seconds begun.
func more(prefix string, left time.Duration) string {
	if left == 0 {
		return ""
	}
	return fmt.Sprintf("%s %d s more", prefix, int(math.Ceil(left.Seconds())))
}

// limits says what reduced the capacity wanted: a scale-out cooldown, another policy, the range.
func (p *Proposal) limits(d *Decision) []string {
	if p.Formula == 0 || p.Outcome == AtMax || p.Outcome == AtMin {
		return nil
	}
	var parts []string
	if p.Credit > 0 && p.Outcome != HeldByCooldown && p.Outcome != ActivityInProgress {
		parts = append(parts, fmt.Sprintf("at most %d until the last scale-out's cooldown ends", p.Wanted-p.Credit))
	}
	if p.Warming > 0 {
		parts = append(parts, fmt.Sprintf("%d warming up", p.Warming))
	}
	if p.By != "" && (p.Outcome == Acted || p.Outcome == Unscalable) {
		parts = append(parts, fmt.Sprintf("policy %s needs %d", p.By, p.Clamped))
	}
	switch held := p.Outcome == HeldByCooldown; {
	case p.Wanted > d.Max && (held || p.Wanted-p.Credit > d.Max):
		parts = append(parts, fmt.Sprintf("max %d", d.Max))
	case p.Wanted < d.Min:
		parts = append(parts, fmt.Sprintf("min %d", d.Min))
	}
	return parts
}

// FormatNumber returns a number of an explanation with at most six significant digits.
func FormatNumber(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }
