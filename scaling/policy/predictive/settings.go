package predictive

import "bellows.dev/bellows/scaling"

// The names of the settings.
const (
	settingMetric    = "metric"
	settingTarget    = "target"
	settingMode      = "mode"
	settingBuffer    = "buffer"
	settingBreach    = "max-breach"
	settingMaxBuffer = "max-buffer"
)

var _ scaling.Parser = Type{}

// Settings implements scaling.Parser: policies with a predefined pair of metrics. Only PutScalingPolicy describes other metrics.
func (Type) Settings() []scaling.Setting {
	return []scaling.Setting{
		{Name: settingMetric, Required: true, Help: "a predefined pair of metrics of the scalable dimension, such as SageMakerVariantInvocations"},
		{Name: settingTarget, Required: true, Help: "the value of the metric that each instance is to have"},
		{Name: settingMode, Help: "ForecastOnly or ForecastAndScale; default ForecastOnly"},
		{Name: settingBuffer, Help: "time before an hour at which its capacity is asked for, at most 1h; default 300s"},
		{Name: settingBreach, Help: "HonorMaxCapacity or IncreaseMaxCapacity, where a forecast exceeds the maximum; default HonorMaxCapacity"},
		{Name: settingMaxBuffer, Help: "percent of the forecast, 0 to 100, by which the maximum exceeds it; IncreaseMaxCapacity only"},
	}
}

// Parse implements scaling.Parser.
func (Type) Parse(s *scaling.Settings) scaling.Config {
	return &Config{
		Specs: []Spec{{TargetValue: s.Number(settingTarget), Pair: &Metric{Type: s.Text(settingMetric)}}},
		Mode:  scaling.Choice(s, settingMode, ForecastAndScale), Buffer: s.Duration(settingBuffer),
		Breach: scaling.Choice(s, settingBreach, IncreaseMaxCapacity), MaxBuffer: s.Integer(settingMaxBuffer),
	}
}

// Format implements scaling.Parser.
func (Type) Format(c scaling.Config) map[string]string {
	x := c.(*Config)
	if len(x.Specs) != 1 || x.Specs[0].Pair == nil {
		return nil
	}
	out := scaling.SettingList{settingMetric: x.Specs[0].Pair.Type}
	out.Number(settingTarget, x.target())
	out.Name(settingMode, x.Mode, x.Mode != 0)
	out.Duration(settingBuffer, x.Buffer)
	out.Name(settingBreach, x.Breach, x.Breach != 0)
	out.Integer(settingMaxBuffer, x.MaxBuffer)
	return out
}
