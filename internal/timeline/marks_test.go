package timeline

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/engine/dimension/instancecount"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy/predictive"
)

// marks words the marks of a timeline, one a line, with how long they took.
func marks(x *Timeline) string {
	var out []string
	for _, m := range x.Marks {
		text := m.Kind + " " + m.Text
		if !m.To.IsZero() {
			text += fmt.Sprintf(" (%v)", m.To.Sub(m.At))
		}
		out = append(out, text)
	}
	return strings.Join(out, "\n")
}

// A change by hand, a deployment that keeps the number of instances and a run of a scheduled action are marks; what policies do is none.
func TestMarks(t *testing.T) {
	w, two := newWorld(t), 2
	from := w.Now
	w.must(engine.UpdateEndpointWeightsAndCapacities{
		Key: engine.EndpointKey{Scope: scope, Endpoint: "iris"}, Changes: []hosting.Change{{Variant: "blue", Desired: &two}},
	})
	w.run(2 * time.Minute)
	w.must(engine.CreateEndpointConfig{Scope: scope, Config: hosting.EndpointConfig{Name: "c2", Variants: []hosting.VariantConfig{
		{Name: "blue", Model: "m", InitialCount: 2, InitialWeight: 1, InstanceType: "ml.m5.large"},
	}}})
	w.must(engine.UpdateEndpoint{Scope: scope, Update: hosting.Update{Endpoint: "iris", Config: "c2"}})
	w.run(3 * time.Minute)
	w.track()
	low, high := 3, 8
	w.must(engine.PutScheduledAction{Scope: scope, Input: scaling.ScheduleInput{
		Key: scaling.VariantTarget("iris", "blue"), Name: "morning", Schedule: "at(2026-11-24T10:10:00)", Range: &scaling.Range{Min: &low, Max: &high},
	}})
	w.SetLoad(variant, 600)
	w.run(10 * time.Minute)
	got := w.build(from, w.Now)
	want := `hand 1 → 2. A user request explicitly set group desired capacity. (30s)
deployment A user request moved the endpoint to another endpoint configuration. (30s)
schedule morning: min 1 -> 3`
	if text := marks(got); !strings.HasPrefix(text, want) || strings.Count(text, "\n") != 2 {
		t.Errorf("got\n%s\nwant\n%s…", text, want)
	}
	if later := w.build(w.Now.Add(-time.Minute), w.Now); len(later.Marks) != 0 {
		t.Errorf("of the last minute: %s", marks(later))
	}
}

// The hours that a predictive policy expects are in the timeline, also beyond the present, and so is each forecast that was made.
func TestForecasts(t *testing.T) {
	w := newWorld(t)
	for at := w.Now.Add(-14 * 24 * time.Hour).Truncate(time.Hour); at.Before(w.Now); at = at.Add(5 * time.Minute) {
		for _, name := range []string{"Invocations", "InvocationsPerInstance"} {
			var s metric.Summary
			s.Add(600, 1)
			w.Remember(metric.NewID("AWS/SageMaker", name, metric.Dimension{Name: "EndpointName", Value: "iris"}, metric.Dimension{Name: "VariantName", Value: "blue"}), at, s)
		}
	}
	w.track()
	from := w.Now
	w.must(engine.PutScalingPolicy{Scope: scope, Input: scaling.PolicyInput{
		Key: scaling.VariantTarget("iris", "blue"), Name: "ahead", Type: predictive.Type{}, Configs: []scaling.Config{&predictive.Config{
			Specs: []predictive.Spec{{TargetValue: 60, Pair: &predictive.Metric{Type: instancecount.PairInvocations}}},
		}},
	}})
	w.run(10 * time.Minute)
	got := w.build(from, w.Now.Add(6*time.Hour))
	if len(got.Marks) == 0 || got.Marks[0].Kind != "forecast" || !strings.HasPrefix(got.Marks[0].Text, "ahead: ") {
		t.Errorf("the marks are %s", marks(got))
	}
	if len(got.Forecast) < 6 || got.Forecast[0].At.After(from) || got.Forecast[0].Policy != "ahead" || got.Forecast[0].Acts {
		t.Errorf("the forecast is %+v", got.Forecast)
	}
}
