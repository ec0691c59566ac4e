package alarm

import (
	"encoding/json"
	"testing"
	"time"

	"bellows.dev/bellows/metric"
)

// Held against the recorded form: dates with a numeric zone, gaps as null, missing slots with a timestamp only.
func TestReasonData(t *testing.T) {
	at := func(minute int) time.Time { return time.Date(2026, 11, 24, 10, minute, 0, 0, time.UTC) }
	point := func(minute int, v float64) metric.Datapoint {
		return metric.Datapoint{Start: at(minute), Value: v, Count: 2}
	}
	gap := func(minute int) metric.Datapoint { return metric.Datapoint{Start: at(minute), Missing: true} }
	rule := Rule{
		Statistic: metric.Statistic{Kind: metric.Average}, Unit: "Percent", Period: time.Minute, Periods: 3, DatapointsToM: 2,
		Threshold: 50, Comparison: GreaterThanThreshold,
	}
	slots := []metric.Datapoint{gap(5), point(4, 90), gap(3), point(2, 80), gap(1)}
	v := rule.Decide(slots, OK, nil)
	if v.State != InAlarm {
		t.Fatalf("state %v", v.State)
	}
	got := rule.ReasonData(at(6).Add(10*time.Second), v, slots)
	want := `{"version":"1.0","queryDate":"2026-11-24T10:06:10.000+0000","startDate":"2026-11-24T10:02:00.000+0000","unit":"Percent",` +
		`"statistic":"Average","period":60,"recentDatapoints":[80.0,null,90.0],"threshold":50.0,"evaluatedDatapoints":[` +
		`{"timestamp":"2026-11-24T10:04:00.000+0000","sampleCount":2.0,"value":90.0},` +
		`{"timestamp":"2026-11-24T10:02:00.000+0000","sampleCount":2.0,"value":80.0}]}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	none := []metric.Datapoint{gap(5), gap(4), gap(3), gap(2), gap(1)}
	got = rule.ReasonData(at(6), rule.Decide(none, OK, nil), none)
	want = `{"version":"1.0","queryDate":"2026-11-24T10:06:00.000+0000","unit":"Percent","statistic":"Average","period":60,` +
		`"recentDatapoints":[],"threshold":50.0,"evaluatedDatapoints":[{"timestamp":"2026-11-24T10:05:00.000+0000"},` +
		`{"timestamp":"2026-11-24T10:04:00.000+0000"}]}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if !json.Valid([]byte(got)) {
		t.Error("no JSON")
	}
}

func TestSetToTheSameStateChangesNothing(t *testing.T) {
	a := Alarm{State: OK, Reason: "before", Data: "d"}
	if _, changed := a.Set(time.Unix(9, 0), OK, "after", ""); changed || a.Reason != "before" || a.Data != "d" {
		t.Errorf("changed %v: %+v", changed, a)
	}
	tr, changed := a.Set(time.Unix(9, 0), InAlarm, "after", "")
	if !changed || tr.From != OK || tr.OldReason != "before" || tr.OldData != "d" || a.Data != "" || a.Updated != time.Unix(9, 0) {
		t.Errorf("changed %v: %+v %+v", changed, tr, a)
	}
}
