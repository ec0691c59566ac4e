package alarm_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"bellows.dev/bellows/alarm"
)

const prefix = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:"

// The texts are those recorded from CloudWatch.
func TestReasonsOfCompositeAlarms(t *testing.T) {
	at := time.Date(2022, 7, 22, 15, 57, 45, 394e6, time.UTC)
	states := map[string]alarm.StateSince{
		"cpu": {State: alarm.InAlarm, Transitioned: at}, "net": {State: alarm.OK, Transitioned: at.Add(-time.Minute)},
		`odd "one"`: {State: alarm.OK, Transitioned: at.Add(-time.Hour)},
	}
	const cpu = `{"arn":"` + prefix + `cpu","state":{"value":"ALARM","timestamp":"2022-07-22T15:57:45.394+0000"}}`
	const net = `{"arn":"` + prefix + `net","state":{"value":"OK","timestamp":"2022-07-22T15:56:45.394+0000"}}`
	const odd = `{"arn":"` + prefix + `odd \"one\"","state":{"value":"OK","timestamp":"2022-07-22T14:57:45.394+0000"}}`
	for _, tc := range []struct {
		rule         string
		from         alarm.State
		why          alarm.Occasion
		reason, data string
	}{
		{
			"ALARM(cpu) OR ALARM(net)", alarm.OK, alarm.Moved, prefix + "cpu transitioned to ALARM at Friday 22 July, 2022 15:57:45 UTC",
			`{"triggeringAlarms":[` + cpu + `]}`,
		},
		{
			`ALARM("` + prefix + `cpu") AND OK(net)`, alarm.OK, alarm.Moved,
			prefix + "cpu transitioned to ALARM at Friday 22 July, 2022 15:57:45 UTC", `{"triggeringAlarms":[` + cpu + `]}`, // OK(net) only let it
		},
		{
			`ALARM(net) OR ALARM("odd \"one\"")`, alarm.InAlarm, alarm.Moved, prefix + "net transitioned to OK at Friday 22 July, 2022 15:56:45 UTC",
			`{"triggeringAlarms":[` + net + "," + odd + `]}`,
		},
		{
			"ALARM(net)", alarm.InsufficientData, alarm.MadeNew, prefix + "top was created and its alarm rule evaluates to OK",
			`{"triggeringAlarms":[` + net + `]}`,
		},
		{"TRUE", alarm.OK, alarm.Reconfigured, prefix + "top was updated and its new alarm rule evaluates to ALARM", `{"triggeringAlarms":[]}`},
	} {
		x, err := alarm.ParseRule(tc.rule)
		if err != nil {
			t.Fatal(err)
		}
		c := alarm.Composite{Name: "top", Prefix: prefix, State: tc.from}
		_, changed := c.Evaluate(at, x, func(name string) alarm.StateSince { return states[name] }, tc.why)
		if !changed || c.Reason != tc.reason || c.Data != tc.data {
			t.Errorf("%s: %v\n got %s %s\nwant %s %s", tc.rule, changed, c.Reason, c.Data, tc.reason, tc.data)
		}
		if !json.Valid([]byte(c.Data)) {
			t.Errorf("no JSON: %s", c.Data)
		}
		if _, again := c.Evaluate(at, x, func(name string) alarm.StateSince { return states[name] }, alarm.Moved); again {
			t.Error("the same states changed it twice")
		}
	}
}

// AWS: CloudWatch user guide, alarm suppression: its six examples, with a wait period of 2 units of time and an extension period of 3.
// A step is a change at a moment: c ALARM or ok of the composite alarm, s ALARM or ok of its suppressor.
func TestSuppression(t *testing.T) {
	type step struct {
		at   int
		what string
	}
	for _, tc := range []struct {
		name  string
		steps []step
		want  map[int]string // from this moment on; "run" where actions ran at it
	}{
		{
			"actions are not suppressed after the wait period", []step{{2, "c ALARM"}},
			map[int]string{2: "WaitPeriod", 4: "run "},
		},
		{
			"the suppressor comes before the wait period ends", []step{{2, "c ALARM"}, {3, "s ALARM"}},
			map[int]string{2: "WaitPeriod", 3: "Alarm", 9: "Alarm"},
		},
		{
			"a change while the wait period runs", []step{{2, "c ALARM"}, {3, "c OK"}},
			map[int]string{2: "WaitPeriod", 3: "WaitPeriod", 5: "run "},
		},
		{
			"the suppressor is in ALARM already", []step{{1, "s ALARM"}, {2, "c ALARM"}, {3, "c OK"}},
			map[int]string{1: "Alarm", 2: "Alarm", 9: "Alarm"},
		},
		{
			"actions are not suppressed after the extension period", []step{{2, "c ALARM"}, {3, "s ALARM"}, {6, "s OK"}},
			map[int]string{2: "WaitPeriod", 3: "Alarm", 6: "ExtensionPeriod", 9: "run "},
		},
		{
			"a change while the extension period runs", []step{{2, "c ALARM"}, {3, "s ALARM"}, {6, "s OK"}, {7, "c OK"}},
			map[int]string{2: "WaitPeriod", 3: "Alarm", 6: "ExtensionPeriod", 7: "WaitPeriod", 9: "run "},
		},
		{
			"nothing was held back", []step{{1, "s ALARM"}, {2, "s OK"}},
			map[int]string{1: "Alarm", 2: "ExtensionPeriod", 5: ""},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			unit := func(n int) time.Time { return time.Unix(int64(n)*60, 0).UTC() }
			c := alarm.Composite{Name: "c", State: alarm.OK, Suppressor: "s", Wait: 2 * time.Minute, Extension: 3 * time.Minute}
			inAlarm, now := false, ""
			for at := range 10 {
				ran := false
				for _, s := range tc.steps {
					if s.at != at {
						continue
					}
					switch s.what {
					case "s ALARM", "s OK":
						inAlarm = s.what == "s ALARM"
						_, ran = c.SuppressorMoved(unit(at), inAlarm)
					default:
						to := alarm.OK
						if s.what == "c ALARM" {
							to = alarm.InAlarm
						}
						tr, _ := c.Set(unit(at), to, "", "")
						ran = c.Hold(unit(at), tr, inAlarm)
					}
				}
				if _, expired := c.Expire(unit(at)); expired {
					ran = true
				}
				got := c.Suppressed.String()
				if ran {
					got = "run " + got
				}
				if want, set := tc.want[at]; set {
					now = want
				} else if len(now) >= 3 && now[:3] == "run" {
					now = ""
				}
				if got != now {
					t.Errorf("t%d: %q, want %q", at, got, now)
				}
			}
		})
	}
}

// Without periods a suppressor works at once, and without a suppressor actions run at once.
func TestSuppressionWithoutPeriods(t *testing.T) {
	now := time.Unix(0, 0)
	c := alarm.Composite{State: alarm.OK}
	tr, _ := c.Set(now, alarm.InAlarm, "", "")
	if !c.Hold(now, tr, false) {
		t.Error("actions are held back by nothing")
	}
	c.Suppressor = "s"
	tr, _ = c.Set(now, alarm.OK, "", "")
	if !c.Hold(now, tr, false) || c.Hold(now, tr, true) {
		t.Error("the suppressor does not decide")
	}
	if held, run := c.SuppressorMoved(now, false); !run || held.To != alarm.OK {
		t.Errorf("after the suppressor: %v %+v", run, held)
	}
	if c.Suppressed.Reason() != "" || alarm.ByWaitPeriod.Reason() != "Actions suppressed by WaitPeriod" {
		t.Error(c.Suppressed.Reason())
	}
}

// A rule that rests on many alarms names as many of them as StateReasonData holds.
func TestReasonDataIsBounded(t *testing.T) {
	var names []string
	for i := range alarm.ChildrenMax {
		names = append(names, fmt.Sprint("alarm-", i))
	}
	x, err := alarm.ParseRule("AT_LEAST(100%, ALARM, (" + strings.Join(names, ",") + "))")
	if err != nil {
		t.Fatal(err)
	}
	c := alarm.Composite{Name: "top", Prefix: prefix, State: alarm.OK}
	now := time.Unix(0, 0)
	c.Evaluate(now, x, func(string) alarm.StateSince { return alarm.StateSince{State: alarm.InAlarm, Transitioned: now} }, alarm.Moved)
	if c.State != alarm.InAlarm || len(c.Data) > 4000 || len(c.Data) < 3800 || !json.Valid([]byte(c.Data)) {
		t.Errorf("%v, %d bytes: %s", c.State, len(c.Data), c.Data)
	}
}
