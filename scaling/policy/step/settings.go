package step

import (
	"strconv"
	"strings"

	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/scaling"
)

// The names of the settings.
const (
	settingType        = "adjustment-type"
	settingSteps       = "steps"
	settingCooldown    = "cooldown"
	settingAggregation = "aggregation"
	settingMagnitude   = "min-magnitude"
)

var _ scaling.Parser = Type{}

// Settings implements scaling.Parser.
func (Type) Settings() []scaling.Setting {
	return []scaling.Setting{
		{Name: settingType, Required: true, Help: "ChangeInCapacity, PercentChangeInCapacity or ExactCapacity"},
		{Name: settingSteps, Required: true, Help: "LOWER..UPPER:ADJUSTMENT, …, with the bounds of metric less threshold: 0..10:1,10..:3"},
		{Name: settingCooldown, Help: "time after a scale-out in which its capacity counts toward the next, and after a scale-in until the next; default 300s"},
		{Name: settingAggregation, Help: "Average, Minimum or Maximum of the alarm's datapoints; default Average"},
		{Name: settingMagnitude, Help: "least number of instances to change by; PercentChangeInCapacity only"},
	}
}

// Parse implements scaling.Parser.
func (Type) Parse(s *scaling.Settings) scaling.Config {
	c := &Config{
		AdjustmentType: scaling.Choice(s, settingType, ExactCapacity), Cooldown: s.Duration(settingCooldown),
		Aggregation: scaling.Choice(s, settingAggregation, AggregateMaximum), MinMagnitude: s.Integer(settingMagnitude),
	}
	for text := range strings.SplitSeq(s.Text(settingSteps), ",") {
		a, ok := parseStep(strings.TrimSpace(text))
		if !ok {
			s.Fail(settingSteps, "a list such as 0..10:1,10..:3")
		}
		c.Steps = append(c.Steps, a)
	}
	return c
}

// parseStep reads LOWER..UPPER:ADJUSTMENT; a bound may be missing.
func parseStep(text string) (a Adjustment, ok bool) {
	interval, adjustment, found := strings.Cut(text, ":")
	lower, upper, between := strings.Cut(interval, "..")
	n, err := strconv.ParseInt(adjustment, 10, 32)
	if !found || !between || err != nil {
		return a, false
	}
	a.Adjustment, ok = int(n), true
	bound := func(text string) *float64 {
		if text == "" {
			return nil
		}
		v, err := strconv.ParseFloat(text, 64)
		ok = ok && err == nil && metric.IsFinite(v)
		return &v
	}
	a.Lower, a.Upper = bound(lower), bound(upper)
	return a, ok
}

// Format implements scaling.Parser.
func (Type) Format(c scaling.Config) map[string]string {
	x := c.(*Config)
	steps := make([]string, len(x.Steps))
	for i, a := range x.Steps {
		steps[i] = formatBound(a.Lower) + ".." + formatBound(a.Upper) + ":" + strconv.Itoa(a.Adjustment)
	}
	out := scaling.SettingList{settingSteps: strings.Join(steps, ",")}
	out.Name(settingType, x.AdjustmentType, true)
	out.Duration(settingCooldown, x.Cooldown)
	out.Name(settingAggregation, x.Aggregation, x.Aggregation != 0)
	out.Integer(settingMagnitude, x.MinMagnitude)
	return out
}

func formatBound(v *float64) string {
	if v == nil {
		return ""
	}
	return strconv.FormatFloat(*v, 'f', -1, 64)
}
