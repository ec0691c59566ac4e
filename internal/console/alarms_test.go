package console

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/metric"
)

// putAlarm makes a metric alarm on the invocations of an endpoint's variant v.
func (f *fixture) putAlarm(t *testing.T, name, endpoint string) {
	t.Helper()
	if _, err := f.world.Do(engine.PutMetricAlarm{Scope: inScope, Alarm: alarm.Alarm{Name: name, ActionsEnabled: true, Rule: alarm.Rule{
		Metric: engine.InvocationMetric("Invocations", endpoint, "v"), Statistic: metric.Statistic{Kind: metric.Sum}, Period: time.Minute, Periods: 3, DatapointsToM: 2, Threshold: 60,
		Comparison: alarm.GreaterThanThreshold,
	}}}); err != nil {
		t.Fatal(err)
	}
}

// answer decodes the answer to a request with a session.
func answer[T any](t *testing.T, f *fixture, cookie, method, path, body string) T {
	t.Helper()
	w := f.ask(method, path, cookie, body)
	var out T
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil || w.Code != http.StatusOK {
		t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
	return out
}

// refusedWith asserts that a request is refused with a code and a message.
func refusedWith(t *testing.T, f *fixture, cookie, method, path, body, code, message string) {
	t.Helper()
	w := f.ask(method, path, cookie, body)
	var out struct {
		Error struct{ Code, Message string }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil || w.Code != http.StatusBadRequest || out.Error.Code != code || !strings.Contains(out.Error.Message, message) {
		t.Errorf("%s %s: %d %s, want %s and %q", method, path, w.Code, w.Body, code, message)
	}
}

// The list of alarms is filtered, searched, sorted and paged by the server, those in ALARM first.
func TestAlarmsAreListed(t *testing.T) {
	f := newFixture(t, 2)
	cookie := f.signInAs(t, keyID, secret)
	for i := range 150 {
		f.putAlarm(t, fmt.Sprintf("busy-%03d", i), fmt.Sprintf("e%05d", i%2))
	}
	if _, err := f.world.Do(engine.PutCompositeAlarm{Scope: inScope, Alarm: alarm.Composite{Name: "both", Rule: "ALARM(busy-000) AND ALARM(busy-001)"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.world.Do(engine.SetAlarmState{Scope: inScope, Name: "busy-077", State: alarm.InAlarm, Reason: "a test"}); err != nil {
		t.Fatal(err)
	}
	list := answer[alarmList](t, f, cookie, "GET", "alarms?limit=10", "")
	if list.All != 151 || list.Total != 151 || len(list.Alarms) != 10 || list.Counts["ALARM"] != 1 || list.Counts["disabled"] != 1 {
		t.Errorf("the list has %d of %d alarms in %d rows, counts %v", list.Total, list.All, len(list.Alarms), list.Counts)
	}
	first := list.Alarms[0]
	want := listedAlarm{
		Region: "us-east-1", Name: "busy-077", Short: "busy-077", Kind: "metric", State: "ALARM", Since: f.world.Now, Reason: "a test", Watches: "Sum of Invocations",
		Condition: "> 60 for 2 of 3 × min", Endpoint: "e00001", Variant: "v", Enabled: true,
	}
	if diff := cmp.Diff(want, first); diff != "" {
		t.Errorf("the first row (-want +got):\n%s", diff)
	}
	for query, want := range map[string]string{
		"q=BUSY-01&sort=name&limit=1":         "10 busy-010",
		"q=e00001/v&sort=name&limit=1":        "75 busy-001",
		"state=ALARM":                         "1 busy-077",
		"state=disabled":                      "1 both",
		"kind=composite":                      "1 both",
		"sort=name&offset=150":                "151 busy-149",
		"sort=changed&limit=1":                "151 busy-077",
		"kind=metric&sort=watches&q=busy-149": "1 busy-149",
	} {
		got := answer[alarmList](t, f, cookie, "GET", "alarms?"+query, "")
		if len(got.Alarms) == 0 || fmt.Sprintf("%d %s", got.Total, got.Alarms[0].Name) != want {
			t.Errorf("%s: %d, %+v, want %s", query, got.Total, got.Alarms, want)
		}
	}
	refusedWith(t, f, cookie, "GET", "alarms?state=BAD", "", "InvalidRequest", "state is BAD")
	refusedWith(t, f, cookie, "GET", "alarms?kind=BAD", "", "InvalidRequest", "kind is BAD")
	refusedWith(t, f, cookie, "GET", "alarms?sort=BAD", "", "InvalidRequest", "sort is BAD")
}

// A rule is a tree with the states of its alarms; one that is wrong is refused in CloudWatch's words.
func TestARuleIsATree(t *testing.T) {
	f := newFixture(t, 1)
	cookie := f.signInAs(t, keyID, secret)
	f.putAlarm(t, "busy", "e00000")
	if _, err := f.world.Do(engine.SetAlarmState{Scope: inScope, Name: "busy", State: alarm.InAlarm, Reason: "a test"}); err != nil {
		t.Fatal(err)
	}
	rule := `(ALARM(arn:aws:cloudwatch:us-east-1:` + inScope.Account + `:alarm:busy) AND NOT OK(gone)) OR AT_LEAST(2, NOT ALARM, (busy, gone)) OR FALSE`
	got := answer[rulePart](t, f, cookie, "GET", "rule?rule="+url.QueryEscape(rule), "")
	busy, gone := ruleChild{Name: "busy", State: "ALARM", Exists: true}, ruleChild{Name: "gone"}
	want := rulePart{Op: "OR", Holds: true, Parts: []rulePart{
		{Op: "AND", Holds: true, Parts: []rulePart{
			{Op: "STATE", Holds: true, Want: "ALARM", Alarms: []ruleChild{busy}},
			{Op: "NOT", Holds: true, Parts: []rulePart{{Op: "STATE", Want: "OK", Alarms: []ruleChild{gone}}}},
		}},
		{Op: "AT_LEAST", Count: 2, Want: "ALARM", Except: true, Alarms: []ruleChild{busy, gone}},
		{Op: "FALSE"},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the tree (-want +got):\n%s", diff)
	}
	refusedWith(t, f, cookie, "GET", "rule?rule="+url.QueryEscape("ALARM(busy) AND"), "", "ValidationError", "Error in AlarmRule [Unsupported token '<EOF>'")
	refusedWith(t, f, cookie, "GET", "rule", "", "InvalidRequest", "rule")
}

// A tryout says what an alarm would have done, by the rules that alarms are evaluated by.
func TestAnAlarmIsTriedOut(t *testing.T) {
	f := newFixture(t, 0)
	cookie := f.signInAs(t, keyID, secret)
	body := func(missing, values string) string {
		return `{"comparison":"GreaterThanThreshold","threshold":10,"evaluation_periods":2,"treat_missing_data":"` + missing +
			`","from":600,"step":60,"values":` + values + `}`
	}
	got := answer[tryout](t, f, cookie, "POST", "tryout", body("", "[1,1,1,1,20,20,20,1,1]"))
	want := tryout{Bands: []timeBand{{"OK", 840, 960}, {"ALARM", 960, 1080}, {"OK", 1080, 1200}}, Alarms: 1, Seconds: 120, Breaches: 3, Real: 6}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the tryout (-want +got):\n%s", diff)
	}
	for missing, want := range map[string]string{"missing": "INSUFFICIENT_DATA", "ignore": "OK", "breaching": "ALARM", "notBreaching": "OK"} {
		got := answer[tryout](t, f, cookie, "POST", "tryout", body(missing, "[1,1,1,1,null,null,null,null,null,null,null]"))
		if last := got.Bands[len(got.Bands)-1]; last.State != want || got.Real != 1 {
			t.Errorf("without data, treated as %s, the alarm is %s, want %s", missing, last.State, want)
		}
	}
	for part, message := range map[string]string{
		`"comparison":"Over"`: "comparison is Over", `"evaluation_periods":0`: "evaluation_periods must be", `"datapoints_to_alarm":9`: "not more",
		`"treat_missing_data":"x"`: "treat_missing_data is x", `"step":0`: "step must be", `"other":1`: "unknown field",
		`"evaluation_periods":1000000`: "too many",
	} {
		text := strings.TrimSuffix(body("", "[1]"), "}") + "," + part + "}" // the last member of a name counts
		refusedWith(t, f, cookie, "POST", "tryout", text, "InvalidRequest", message)
	}
}

// The next runs of a schedule are those that the scheduled action would have; a schedule is refused as PutScheduledAction refuses it.
func TestTheNextRunsOfASchedule(t *testing.T) {
	f := newFixture(t, 0)
	cookie := f.signInAs(t, keyID, secret)
	got := answer[scheduleRuns](t, f, cookie, "GET", "schedule?min=1&timezone=Europe/Berlin&runs=3&schedule="+url.QueryEscape("cron(0 9 ? * MON-FRI *)"), "")
	want := []time.Time{ // the world's time is Tuesday, 24 November, 10:02
		time.Date(2026, 11, 25, 8, 0, 0, 0, time.UTC), time.Date(2026, 11, 26, 8, 0, 0, 0, time.UTC), time.Date(2026, 11, 27, 8, 0, 0, 0, time.UTC),
	}
	if diff := cmp.Diff(want, got.Runs); diff != "" {
		t.Errorf("the runs (-want +got):\n%s", diff)
	}
	once := answer[scheduleRuns](t, f, cookie, "GET", "schedule?max=1&schedule="+url.QueryEscape("at(2026-11-25T09:00:00)"), "")
	if len(once.Runs) != 1 {
		t.Errorf("a schedule of one run has the runs %v", once.Runs)
	}
	for query, message := range map[string]string{
		"min=1&schedule=cron(0%209)":                         "Invalid schedule expression. Details: Parse error at position",
		"min=1&schedule=rate(0%20days)":                      "less than 60 seconds apart",
		"min=1&schedule=rate(1%20day)&timezone=Mars/Olympus": "Invalid schedule timezone: Mars/Olympus",
		"schedule=rate(1%20day)":                             "At least one of minimum capacity and maximum capacity should be provided",
		"min=1":                                              "Schedule must be set",
	} {
		refusedWith(t, f, cookie, "GET", "schedule?"+query, "", "ValidationException", message)
	}
}

// PromQL is asked in the account of the session.
func TestPromQLIsAskedInTheAccountOfTheSession(t *testing.T) {
	f := newFixture(t, 0)
	cookie := f.signInAs(t, keyID, secret)
	if code := f.ask("GET", "promql?query=up&region=eu-west-1", cookie, "").Code; code != http.StatusOK || f.called[0] != "promql "+inScope.Account+" eu-west-1 up" {
		t.Errorf("%d, asked %v", code, f.called)
	}
	refusedWith(t, f, cookie, "GET", "promql", "", "InvalidRequest", "query")
	if code := f.ask("GET", "promql?query=up", "", "").Code; code != http.StatusUnauthorized {
		t.Errorf("without a session: %d", code)
	}
}
