package engine_test

import (
	"testing"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/scaling"
)

// A log that says "Failed" says why.
func TestActivitiesSayWhyTheyChangedNothing(t *testing.T) {
	key := scaling.TargetKey{ResourceID: "endpoint/e/variant/v", Dimension: "sagemaker:variant:DesiredInstanceCount"}
	a := scaling.Activity{
		Key: key, To: 3, Cause: scaling.Cause{Kind: scaling.CauseForecast, Policy: "p", Capacity: 3},
	}
	const cause = " Cause: predictive scaling policy p forecast a capacity of 3"
	for _, c := range []struct {
		status scaling.Status
		code   scaling.NotScaledCode
		reason string
		want   string
	}{
		{scaling.Pending, 0, "", "Pending: Setting desired instance count to 3."},
		{scaling.Failed, scaling.AlreadyAtMaxCapacity, "", "not scaled: AlreadyAtMaxCapacity."},
		{scaling.Failed, 0, "It is updating.", "Failed: Failed to set desired instance count to 3. Reason: It is updating."},
	} {
		a.Status, a.NotScaled.Code, a.Reason = c.status, c.code, c.reason
		if got, want := (engine.ActivityChanged{Activity: a}).String(), "activity endpoint/e/variant/v "+c.want+cause; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
