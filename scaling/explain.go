package scaling

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// String says in one line what was decided and why, with the numbers: "desired 4 -> 8: p: AlarmHigh in ALARM, 3 of 3: 140 > 70;
// load 560 = 140 x 4; wanted 8 = ceil(560 / 70)". Several proposals are parted by " | ".
func (d *Decision) String() string {
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
		b.WriteString(separator + d.Proposals[i].Policy + ": " + d.Explain(i))
	}
	return b.String()
}

// Explain says in one line what proposal i saw and wanted, and what became of it: "AlarmHigh in ALARM, 3 of 3: 41.2 > 10; load 41.2 = 41.2 x 1; wanted
// 5 = ceil(41.2 / 10); scale-out cooldown for 87 s more; max 4".
func (d *Decision) Explain(i int) string {
	p := &d.Proposals[i]
	var parts []string
	if s := p.saw(); s != "" {
		parts = append(parts, s)
	}
	if p.Formula != 0 {
		parts = append(parts, p.wish(d.Capacity.Current-p.Warming))
	}
	if s := p.fate(d); s != "" {
		parts = append(parts, s)
	}
	return strings.Join(append(parts, p.limits(d)...), "; ")
}

// saw says what invoked the policy; "" where the policy acts at a moment of its own.
func (p *Proposal) saw() string {
	if p.Forecast != nil {
		return fmt.Sprintf("forecast for %s: load %s", p.Forecast.Start.UTC().Format("2006-01-02 15:04"), number(p.Forecast.Load))
	}
	if p.Waiting > 0 {
		return p.waits()
	}
	if p.Outcome == NoForecast {
		return "no forecast for this hour"
	}
	if p.byRule() {
		return ""
	}
	s := shortAlarm(p.Alarm) + " in " + p.State.String()
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
		return fmt.Sprintf("%s, %d of the %d datapoints that the alarm needs: %s %s %s", s, p.Evaluated, p.Needs, number(p.Metric), sign, number(p.Threshold))
	}
	return fmt.Sprintf("%s, %d of %d: %s %s %s", s, p.Breaching, p.Evaluated, number(p.Metric), sign, number(p.Threshold))
}

// shortAlarm shortens the names of target tracking's own alarms.
func shortAlarm(name string) string {
	if strings.HasPrefix(name, "TargetTracking-") {
		for _, label := range []string{"AlarmHigh", "AlarmLow"} {
			if strings.Contains(name, "-"+label+"-") {
				return label
			}
		}
	}
	return name
}

// wish tells the capacity wanted and the formula with its numbers.
func (p *Proposal) wish(current int) string {
	s, sign := fmt.Sprintf("wanted %d", p.Wanted), "+"
	if p.Factor < 0 {
		sign = "-"
	}
	switch p.Formula {
	case FormulaTracking:
		return fmt.Sprintf("%s; %s = ceil(%s / %s)", p.load(), s, number(p.Metric*float64(p.Served)), number(p.Factor))
	case FormulaForecast:
		return fmt.Sprintf("%s = ceil(%s / %s)", s, number(p.Metric), number(p.Factor))
	case FormulaReason:
		return fmt.Sprintf("%s = %s", s, p.Reason)
	case FormulaFromZero, FormulaWake:
		return s + ", from zero"
	case FormulaChange:
		return fmt.Sprintf("%s = %d %s %s", s, current, sign, number(math.Abs(p.Factor)))
	case FormulaPercent:
		s = fmt.Sprintf("%s = %d %s %s %%", s, current, sign, number(math.Abs(p.Factor)))
		if p.Least > 0 {
			s += fmt.Sprintf(", by %d at least", p.Least)
		}
		return s
	default:
		return s + " exactly"
	}
}

// load tells the load of a target tracking policy's reading: "load 500 = 62.5 x 8".
func (p *Proposal) load() string {
	sum := fmt.Sprintf("%s = %s x %d", number(p.Metric*float64(p.Served)), number(p.Metric), p.Served)
	if p.Partial {
		return "load at least " + sum + " (no reading since capacity changed)"
	}
	return "load " + sum
}

// fate tells what became of the wish; "" where it simply came true or none was made.
func (p *Proposal) fate(d *Decision) string {
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
	case AnticipatedFlapping:
		return "one less would push the metric above its target again"
	case Unscalable:
		return "the resource takes no change now"
	case SuspendedOut, SuspendedIn:
		return "scale-" + p.direction(d) + " is suspended"
	case ScaleInDisabled:
		return "scale-in is disabled"
	case NoStepMatches:
		return fmt.Sprintf("no step adjustment for a breach of %s", number(p.Metric-p.Threshold))
	case NoData:
		return "no data"
	case Blind:
		return "its high alarm has no data"
	case Unsettled:
		return "no reading since capacity changed"
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

func number(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }
