package tracking

import "bellows.dev/bellows/scaling"

// The names of the settings.
const (
	settingMetric   = "metric"
	settingTarget   = "target"
	settingOut      = "scale-out-cooldown"
	settingIn       = "scale-in-cooldown"
	settingDisabled = "disable-scale-in"
)

var _ scaling.Parser = Type{}

// Settings implements scaling.Parser: policies with a predefined metric. Only PutScalingPolicy describes other metrics.
func (Type) Settings() []scaling.Setting {
	return []scaling.Setting{
		{Name: settingMetric, Required: true, Help: "a predefined metric of the scalable dimension, such as SageMakerVariantInvocationsPerInstance"},
		{Name: settingTarget, Required: true, Help: "the value that the metric is kept at"},
		{Name: settingOut, Help: "time after a scale-out in which its capacity counts toward the next; default 300s"},
		{Name: settingIn, Help: "time after a scale-in until the next; default 300s"},
		{Name: settingDisabled, Help: "true: the policy only scales out; default false"},
	}
}

// Parse implements scaling.Parser.
func (Type) Parse(s *scaling.Settings) scaling.Config {
	return &Config{
		TargetValue: s.Number(settingTarget), Predefined: &PredefinedSpec{Metric: PredefinedMetric(s.Text(settingMetric))},
		ScaleOutCooldown: s.Duration(settingOut), ScaleInCooldown: s.Duration(settingIn), DisableScaleIn: s.Bool(settingDisabled),
	}
}

// Format implements scaling.Parser.
func (Type) Format(c scaling.Config) map[string]string {
	x := c.(*Config)
	if x.Predefined == nil {
		return nil
	}
	out := scaling.SettingList{settingMetric: string(x.Predefined.Metric)}
	out.Number(settingTarget, x.TargetValue)
	out.Duration(settingOut, x.ScaleOutCooldown)
	out.Duration(settingIn, x.ScaleInCooldown)
	out.Bool(settingDisabled, x.DisableScaleIn)
	return out
}
