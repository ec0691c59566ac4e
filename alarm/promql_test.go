package alarm_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"bellows.dev/bellows/alarm"
)

// Each step is a minute; a letter is a contributor that the query returns in it. Pending 2 minutes, recovery 3.
// AWS: CloudWatch user guide, PromQL alarms: pending and recovery are Prometheus' for and keep_firing_for.
func TestContributors(t *testing.T) {
	for _, tc := range []struct{ name, returned, states string }{
		{"long enough", "a a a a", "OK OK ALARM ALARM"},
		{"a break begins anew", "a a - a a a", "OK OK OK OK OK ALARM"},
		{"recovers", "a a a - - - - -", "OK OK ALARM ALARM ALARM ALARM OK OK"},
		{"returns before it recovered", "a a a - - a - - - -", "OK OK ALARM ALARM ALARM ALARM ALARM ALARM ALARM OK"},
		{"one of two is enough", "a ab ab b b - - - -", "OK OK ALARM ALARM ALARM ALARM ALARM ALARM OK"},
		{"changing ones never last", "a b a b a b", "OK OK OK OK OK OK"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := alarm.Alarm{State: alarm.OK, Rule: alarm.Rule{PromQL: &alarm.PromQL{Pending: 2 * time.Minute, Recovery: 3 * time.Minute}}}
			var got []string
			for i, letters := range strings.Fields(tc.returned) {
				a.Contribute(start.Add(time.Duration(i)*time.Minute), returned(strings.Trim(letters, "-")))
				got = append(got, a.State.String())
			}
			if s := strings.Join(got, " "); s != tc.states {
				t.Errorf("\n got %s\nwant %s", s, tc.states)
			}
		})
	}
}

func returned(letters string) []alarm.Returned {
	var out []alarm.Returned
	for _, l := range letters {
		out = append(out, alarm.Returned{Attributes: map[string]string{"name": string(l)}, Value: "7.5"})
	}
	return out
}

func TestContributorsWithoutPeriods(t *testing.T) {
	a := alarm.Alarm{State: alarm.OK, Rule: alarm.Rule{PromQL: &alarm.PromQL{}}}
	tr, moved, changes := a.Contribute(start, returned("ba"))
	if !moved || tr.To != alarm.InAlarm || len(changes) != 2 || tr.Reason != "Threshold Crossed: 2 contributors are in ALARM." {
		t.Fatalf("%v %+v %+v", moved, tr, changes)
	}
	want := "Threshold Crossed: the query returned the contributor for 0 seconds, at least the pending period of 0 seconds, last with the value 7.5."
	if changes[0].Contributor.Reason != want || changes[0].From != alarm.OK || changes[0].To != alarm.InAlarm {
		t.Errorf("%+v", changes[0])
	}
	if len(a.Recent) != 2 || a.Recent[0] != 7.5 {
		t.Errorf("recent %v", a.Recent)
	}
	tr, moved, changes = a.Contribute(start.Add(time.Minute), nil)
	if !moved || tr.To != alarm.OK || len(changes) != 2 || len(a.Contributors) != 0 || tr.Reason != "Threshold Crossed: no contributor is in ALARM." {
		t.Errorf("%v %+v %+v", moved, tr, changes)
	}
}

// A query that fails moves no state, says so once, and is forgotten when it works again.
func TestQueriesThatFail(t *testing.T) {
	a := alarm.Alarm{State: alarm.OK, Rule: alarm.Rule{PromQL: &alarm.PromQL{}}}
	a.Contribute(start, returned("a"))
	if !a.Fail(start, "it took too long", true) || a.Trouble.String() != "EVALUATION_FAILURE" {
		t.Errorf("the server's failure is %v", a.Trouble)
	}
	if !a.Fail(start.Add(time.Minute), "no such function", false) || a.Fail(start.Add(2*time.Minute), "no such function", false) {
		t.Error("a failure is news once")
	}
	if a.State != alarm.InAlarm || a.Trouble.String() != "EVALUATION_ERROR" || a.Reason != "The query could not be evaluated: no such function" {
		t.Errorf("%v %v %s", a.State, a.Trouble, a.Reason)
	}
	a.Contribute(start.Add(3*time.Minute), returned("a"))
	if a.Trouble != 0 || a.Reason != "Threshold Crossed: 1 contributor is in ALARM." {
		t.Errorf("%v %s", a.Trouble, a.Reason)
	}
}

func TestContributorsAreBounded(t *testing.T) {
	a := alarm.Alarm{State: alarm.OK, Rule: alarm.Rule{PromQL: &alarm.PromQL{}}}
	var all []alarm.Returned
	for i := range alarm.ContributorsMax + 20 {
		all = append(all, alarm.Returned{Attributes: map[string]string{"n": fmt.Sprint(i)}, Value: "NaN"})
	}
	a.Contribute(start, append(all, all[0]))
	if len(a.Contributors) != alarm.ContributorsMax || a.Trouble != alarm.PartialData || len(a.Recent) != 0 {
		t.Errorf("%d contributors, %v, %v", len(a.Contributors), a.Trouble, a.Recent)
	}
}

func TestContributorIDs(t *testing.T) {
	seen := map[string]string{}
	for _, m := range []map[string]string{{}, {"a": "b"}, {"a": "", "b": ""}, {"ab": ""}, {"a": "b", "c": ""}, {"a": "", "b": "c"}, {"b": "a"}} {
		id := alarm.ContributorID(m)
		if other, found := seen[id]; found || len(id) != 16 {
			t.Errorf("%v and %s share %s", m, other, id)
		}
		seen[id] = fmt.Sprint(m)
	}
}
