package explain

import (
	"errors"
	"strings"
	"testing"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/engine/dimension/instancecount"
	"bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy/predictive"
)

// A predictive policy, which no alarm invokes, says what it forecasts or why it has no forecast, and whether it acts at all.
func TestPredictivePoliciesAreExplained(t *testing.T) {
	m := newMemory(t)
	one, four := 1, 4
	key := scaling.VariantTarget("iris", "blue")
	m.must(engine.RegisterScalableTarget{Scope: scope, Registration: scaling.Registration{Key: key, Min: &one, Max: &four}})
	const missing = "At least 24 hours of load metric data are required to create a forecast."
	for mode, want := range map[predictive.Mode]string{
		predictive.ForecastAndScale: "  ahead  no forecast for this hour\n         " + missing + "\n",
		predictive.ForecastOnly:     "  ahead  forecasts only, and changes no capacity. " + missing + "\n",
	} {
		m.must(engine.PutScalingPolicy{Scope: scope, Input: scaling.PolicyInput{
			Key: key, Name: "ahead", Type: predictive.Type{}, Configs: []scaling.Config{&predictive.Config{
				Mode: mode, Specs: []predictive.Spec{{TargetValue: 70, Pair: &predictive.Metric{Type: instancecount.PairInvocations}}},
			}},
		}})
		m.run(time.Minute)
		if got := text(t, m.ask(asked)); !strings.Contains(got, want) || strings.Contains(got, "no alarm invokes") {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
}

// An endpoint of another region is not explained, and the error names the region.
func TestAnEndpointOfAnotherRegionIsFound(t *testing.T) {
	m := newMemory(t)
	for _, variant := range []string{"", "green"} {
		q := asked
		q.Variant, q.Scope.Region = variant, "us-east-2"
		_, err := Explain(t.Context(), m, q)
		var unknown *UnknownError
		if !errors.As(err, &unknown) || !strings.HasSuffix(err.Error(), ". There is an endpoint iris in us-east-1: ask with that region") {
			t.Errorf("%q: %v", variant, err)
		}
		q.Scope.Account = "999999999999"
		if _, err = Explain(t.Context(), m, q); !errors.As(err, &unknown) || strings.Contains(err.Error(), "us-east-1") {
			t.Errorf("another account: %v", err)
		}
	}
}
