package console

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/metric"
)

// An action of an alarm that leads nowhere is on the home page and the health page, and in the explanation of the variant that the alarm is about.
func TestActionsThatLeadNowhereAreShown(t *testing.T) {
	f := newFixture(t, 1)
	put := func(name, topic string, watched metric.ID) {
		t.Helper()
		if _, err := f.world.Do(engine.PutMetricAlarm{Scope: inScope, Alarm: alarm.Alarm{
			Name: name, ActionsEnabled: true, Actions: []alarm.Action{{On: alarm.InAlarm, ARN: topic}}, Rule: alarm.Rule{
				Metric: watched, Statistic: metric.Statistic{Kind: metric.Sum}, Period: time.Minute, Periods: 1, Threshold: 1, Comparison: alarm.GreaterThanThreshold,
			},
		}}); err != nil {
			t.Fatal(err)
		}
	}
	put("mine", "arn:aws:sns:us-east-1:123456789012:mine",
		metric.NewID("AWS/SageMaker", "Invocations", metric.Dimension{Name: "EndpointName", Value: "e00000"}, metric.Dimension{Name: "VariantName", Value: "v"}))
	put("nobodys", "arn:aws:sns:us-east-1:123456789012:nobodys", metric.NewID("App", "Queue"))
	const mine, nobodys = "arn:aws:sns:us-east-1:123456789012:mine, which no webhook is configured for", "arn:aws:sns:us-east-1:123456789012:nobodys, which no webhook is configured for"
	cookie := f.signInAs(t, keyID, secret)
	var list variantList
	if err := json.Unmarshal(f.ask(http.MethodGet, "variants", cookie, "").Body.Bytes(), &list); err != nil {
		t.Fatal(err)
	}
	if len(list.Variants) != 1 || len(list.Variants[0].Warnings) != 1 || !strings.Contains(list.Variants[0].Warnings[0], mine) || list.Counts["warned"] != 1 {
		t.Errorf("the variant has the warnings %v", list.Variants)
	}
	if len(list.Warnings) != 1 || !strings.Contains(list.Warnings[0].Text, nobodys) || list.Warnings[0].Region != "us-east-1" {
		t.Errorf("the home page has the warnings %v", list.Warnings)
	}
	var st status
	st.look(f.world.Engine, sees{all: true})
	var page strings.Builder
	if err := writePage(&page, &st); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"<li>e00000/v <small>us-east-1</small>: alarm mine notifies " + mine, "<li>alarms <small>us-east-1</small>: alarm nobodys notifies " + nobodys} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("the health page does not have %q:\n%s", want, page.String())
		}
	}
	text := f.ask(http.MethodGet, "explain?endpoint=e00000", cookie, "").Body.String()
	if !strings.Contains(text, `"kind":"ActionLeadsNowhere"`) || !strings.Contains(text, "warning: alarm mine notifies "+mine) || strings.Contains(text, "nobodys") {
		t.Errorf("the explanation is %s", text)
	}
}
