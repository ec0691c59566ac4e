package policy_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"bellows.dev/bellows/engine/dimension/instancecount"
	. "bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy"
	"bellows.dev/bellows/scaling/policy/predictive"
	"bellows.dev/bellows/scaling/policy/step"
	"bellows.dev/bellows/scaling/policy/tracking"
)

// Settings make the configuration that AWS's request would, and the configuration is described by the same settings.
func TestPoliciesAsSettings(t *testing.T) {
	for _, tt := range []struct {
		kind     string
		settings map[string]string
		want     Config
	}{
		{
			"TargetTrackingScaling", map[string]string{"metric": "SageMakerVariantInvocationsPerInstance", "target": "70"},
			&tracking.Config{TargetValue: 70, Predefined: &tracking.PredefinedSpec{Metric: "SageMakerVariantInvocationsPerInstance"}},
		},
		{
			"TargetTrackingScaling", map[string]string{
				"metric": "SageMakerVariantConcurrentRequestsPerModelHighResolution", "target": "0.5", "scale-out-cooldown": "60s", "scale-in-cooldown": "0s",
				"disable-scale-in": "true",
			},
			&tracking.Config{
				TargetValue: 0.5, Predefined: &tracking.PredefinedSpec{Metric: "SageMakerVariantConcurrentRequestsPerModelHighResolution"},
				ScaleOutCooldown: seconds(60), ScaleInCooldown: seconds(0), DisableScaleIn: ptr(true),
			},
		},
		{
			"StepScaling", map[string]string{"adjustment-type": "ChangeInCapacity", "steps": "0..10:1,10..:3"},
			&step.Config{AdjustmentType: step.ChangeInCapacity, Steps: []step.Adjustment{adjustment(0, 10, 1), adjustment(10, nil, 3)}},
		},
		{
			"StepScaling", map[string]string{
				"adjustment-type": "PercentChangeInCapacity", "steps": "..-2.5:-50,-2.5..0:0", "cooldown": "90s", "aggregation": "Maximum", "min-magnitude": "2",
			},
			&step.Config{
				AdjustmentType: step.PercentChangeInCapacity, Steps: []step.Adjustment{{Upper: ptr(-2.5), Adjustment: -50}, {Lower: ptr(-2.5), Upper: ptr(0.0)}},
				Cooldown: seconds(90), Aggregation: step.AggregateMaximum, MinMagnitude: ptr(2),
			},
		},
		{
			"PredictiveScaling", map[string]string{
				"metric": "SageMakerVariantInvocations", "target": "70", "mode": "ForecastAndScale", "buffer": "600s", "max-breach": "IncreaseMaxCapacity",
				"max-buffer": "10",
			},
			&predictive.Config{
				Specs: []predictive.Spec{{TargetValue: 70, Pair: &predictive.Metric{Type: instancecount.PairInvocations}}}, Mode: predictive.ForecastAndScale,
				Buffer: seconds(600), Breach: predictive.IncreaseMaxCapacity, MaxBuffer: ptr(10),
			},
		},
	} {
		kind, got, err := policy.Types().ParsePolicy(tt.kind, tt.settings)
		if err != nil {
			t.Errorf("%v: %v", tt.settings, err)
			continue
		}
		if diff := cmp.Diff(tt.want, got); diff != "" || kind.Name() != tt.kind {
			t.Errorf("%v: %s (-want +got):\n%s", tt.settings, kind.Name(), diff)
		}
		if diff := cmp.Diff(tt.settings, kind.(Parser).Format(got)); diff != "" {
			t.Errorf("written as settings again (-want +got):\n%s", diff)
		}
		if _, err := kind.Put(Put{Now: t0, Key: blue, Name: "p", Config: got, Metrics: instancecount.Dimension{}}); err != nil {
			t.Errorf("%v: %v", tt.settings, err)
		}
	}
	for name, c := range map[string]Config{
		"TargetTrackingScaling": &tracking.Config{Customized: &tracking.CustomizedSpec{Namespace: "App", Name: "Queue", Statistic: tracking.Average}},
		"PredictiveScaling":     &predictive.Config{Specs: []predictive.Spec{{Scaling: &predictive.Metric{Type: instancecount.ScalingCPU}}}},
	} {
		if got := policy.Types().Named(name).(Parser).Format(c); got != nil {
			t.Errorf("%s: %v describes a metric that settings cannot", name, got)
		}
	}
}

func TestSettingsThatAreRefused(t *testing.T) {
	tracked := func(name, value string) map[string]string {
		all := map[string]string{"metric": "SageMakerVariantInvocationsPerInstance", "target": "70"}
		all[name] = value
		return all
	}
	stepped := func(name, value string) map[string]string {
		all := map[string]string{"adjustment-type": "ChangeInCapacity", "steps": "0..:1"}
		all[name] = value
		return all
	}
	forecast := func(name, value string) map[string]string {
		all := map[string]string{"metric": "SageMakerVariantInvocations", "target": "70"}
		all[name] = value
		return all
	}
	const duration = "a duration of whole seconds such as 90s or 5m"
	for _, tt := range []struct {
		kind     string
		settings map[string]string
		want     string
	}{
		{"Queue", nil, "There is no policy type Queue: the types are StepScaling, TargetTrackingScaling, SimpleScaling, PredictiveScaling"},
		{"SimpleScaling", nil, "Policies of type SimpleScaling cannot be written as settings"},
		{"TargetTrackingScaling", map[string]string{"target": "70"}, "Policy type TargetTrackingScaling needs the setting metric: a predefined metric of the scalable dimension, such as SageMakerVariantInvocationsPerInstance"},
		{"TargetTrackingScaling", tracked("cooldown", "1s"), "Policy type TargetTrackingScaling has no setting cooldown: its settings are metric, target, scale-out-cooldown, scale-in-cooldown, disable-scale-in"},
		{"TargetTrackingScaling", tracked("target", "many"), "The setting target must be a finite number, but was 'many'"},
		{"TargetTrackingScaling", tracked("target", "NaN"), "The setting target must be a finite number, but was 'NaN'"},
		{"TargetTrackingScaling", tracked("scale-in-cooldown", "60"), "The setting scale-in-cooldown must be " + duration + ", but was '60'"},
		{"TargetTrackingScaling", tracked("scale-in-cooldown", "-1s"), "The setting scale-in-cooldown must be " + duration + ", but was '-1s'"},
		{"TargetTrackingScaling", tracked("scale-in-cooldown", "1.5s"), "The setting scale-in-cooldown must be " + duration + ", but was '1.5s'"},
		{"TargetTrackingScaling", tracked("scale-in-cooldown", "700000h"), "The setting scale-in-cooldown must be " + duration + ", but was '700000h'"},
		{"TargetTrackingScaling", tracked("disable-scale-in", "yes"), "The setting disable-scale-in must be true or false, but was 'yes'"},
		{"StepScaling", stepped("adjustment-type", "Exact"), "The setting adjustment-type must be one of ChangeInCapacity, PercentChangeInCapacity, ExactCapacity, but was 'Exact'"},
		{"StepScaling", stepped("steps", "0..10"), "The setting steps must be a list such as 0..10:1,10..:3, but was '0..10'"},
		{"StepScaling", stepped("steps", "0-10:1"), "The setting steps must be a list such as 0..10:1,10..:3, but was '0-10:1'"},
		{"StepScaling", stepped("steps", "0..Inf:1"), "The setting steps must be a list such as 0..10:1,10..:3, but was '0..Inf:1'"},
		{"StepScaling", stepped("steps", "0..:99999999999"), "The setting steps must be a list such as 0..10:1,10..:3, but was '0..:99999999999'"},
		{"StepScaling", stepped("min-magnitude", "2.5"), "The setting min-magnitude must be a whole number, but was '2.5'"},
		{"PredictiveScaling", forecast("mode", "Scale"), "The setting mode must be one of ForecastOnly, ForecastAndScale, but was 'Scale'"},
	} {
		_, _, err := policy.Types().ParsePolicy(tt.kind, tt.settings)
		if err == nil || err.Error() != tt.want {
			t.Errorf("%s %v:\n got %v\nwant %s", tt.kind, tt.settings, err, tt.want)
		}
	}
}
