package explain

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/engine/dimension"
	"bellows.dev/bellows/engine/dimension/example"
	"bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy/tracking"
)

// A target of a scalable dimension other than the instances of a variant is explained by its resource ID.
func TestATargetOfAnotherDimensionIsExplained(t *testing.T) {
	m := newMemoryWith(t, engine.Config{Seed: 3, Dimensions: append(dimension.All(), example.Dimension{})})
	q := Query{Scope: scope, Since: time.Hour}
	if err := q.Name("endpoint/iris", "example:endpoint:DesiredInstanceCount"); err != nil {
		t.Fatal(err)
	}
	if _, err := Explain(t.Context(), m, q); err != nil {
		t.Fatal(err) // the endpoint is there, and no target yet
	}
	two, five := 2, 5
	m.must(engine.RegisterScalableTarget{Scope: scope, Registration: scaling.Registration{Key: q.Target, Min: &two, Max: &five}})
	m.must(engine.PutScalingPolicy{Scope: scope, Input: scaling.PolicyInput{
		Key: q.Target, Name: "queue", Type: tracking.Type{}, Configs: []scaling.Config{&tracking.Config{
			TargetValue: 4, Predefined: &tracking.PredefinedSpec{Metric: "ExampleEndpointQueue"},
		}},
	}})
	m.run(5 * time.Minute)
	x, err := Explain(t.Context(), m, q)
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := x.Render(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"endpoint/iris at ", "InService", "range 2 to 5", "queue", "Setting desired instance count to 2: minimum capacity was set to 2.",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("without %q:\n%s", want, &text)
		}
	}
	if x.Moment.Desired != 2 || x.Moment.Current != 2 || !x.Moment.Scaled {
		t.Errorf("%+v", x.Moment)
	}
	for name, dimension := range map[string]string{"endpoint/a/b": "example:endpoint:DesiredInstanceCount", "endpoint/iris": "none"} {
		var unknown *UnknownError
		q := Query{Scope: scope}
		if err := q.Name(name, dimension); err != nil {
			t.Fatal(err)
		}
		if _, err := Explain(t.Context(), m, q); !errors.As(err, &unknown) || !strings.Contains(err.Error(), "nothing is known of "+name) {
			t.Errorf("%s of %s: %v", name, dimension, err)
		}
	}
}
