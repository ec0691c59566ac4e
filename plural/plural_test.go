package plural

import "testing"

func TestPlurals(t *testing.T) {
	for got, want := range map[string]string{
		Of(0, "instance"): "0 instances", Of(1, "instance"): "1 instance", Of(-1, "instance"): "-1 instances",
		Of(2, "query", "queries"): "2 queries", Of(1, "query", "queries"): "1 query",
		Are(1, "alarm"): "1 alarm is", Are(3, "alarm"): "3 alarms are", Verb(1, "waits", "wait"): "waits", Noun(1, "minute"): "minute",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
