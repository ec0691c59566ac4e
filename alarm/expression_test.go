package alarm_test

import (
	"slices"
	"strings"
	"testing"

	"bellows.dev/bellows/alarm"
)

// look is the state of alarms whose names tell it: a… is in ALARM, o… OK, i… in INSUFFICIENT_DATA.
func look(name string) alarm.State {
	switch name[0] {
	case 'a':
		return alarm.InAlarm
	case 'o':
		return alarm.OK
	default:
		return alarm.InsufficientData
	}
}

func TestRulesOfCompositeAlarms(t *testing.T) {
	for _, tc := range []struct {
		rule    string
		holds   bool
		support string // the alarms that make it so
	}{
		{"TRUE", true, ""},
		{"FALSE", false, ""},
		{"false", false, ""},
		{"ALARM(a1)", true, "a1"},
		{"ALARM(o1)", false, "o1"},
		{"OK(o1)", true, "o1"},
		{"INSUFFICIENT_DATA(i1)", true, "i1"},
		{`ALARM("a1")`, true, "a1"},
		{`ALARM("a name (with) \"all\", of it")`, true, `a name (with) "all", of it`},
		{"ALARM ( a1 )", true, "a1"},
		{"alarm(a1) and ok(o1)", true, "a1 o1"},
		{"ALARM(a1) AND ALARM(o1)", false, "o1"},
		{"ALARM(a1) OR ALARM(o1)", true, "a1"},
		{"ALARM(o1) OR ALARM(o2)", false, "o1 o2"},
		{"NOT ALARM(o1)", true, "o1"},
		{"NOT NOT ALARM(o1)", false, "o1"},
		{"NOT(ALARM(a1) OR ALARM(o1))", false, "a1"},
		// NOT binds tighter than AND, AND than OR.
		{"ALARM(a1) OR ALARM(o1) AND ALARM(o2)", true, "a1"},
		{"(ALARM(a1) OR ALARM(o1)) AND ALARM(o2)", false, "o2"},
		{"NOT ALARM(o1) AND ALARM(o2)", false, "o2"},
		{"NOT (ALARM(o1) AND ALARM(a2))", true, "o1"},
		{"AT_LEAST(2, ALARM, (a1, a2, o1, o2))", true, "a1 a2"},
		{"AT_LEAST(3, ALARM, (a1, a2, o1, o2))", false, "o1 o2"},
		{"AT_LEAST(50%, OK, (o1, o2, a1, a2))", true, "o1 o2"},
		{`AT_LEAST("51%", OK, (o1, o2, a1, a2))`, false, "a1 a2"},
		{"AT_LEAST(50%, ALARM, (a1, o1, o2))", false, "o1 o2"}, // half of three are two
		{"AT_LEAST(60%, NOT OK, (a1, i1, o1))", true, "a1 i1"},
		{"AT_LEAST(1, NOT INSUFFICIENT_DATA, (i1))", false, "i1"},
		{"AT_LEAST(2, ALARM, (a1, a2)) AND NOT ALARM(o1)", true, "a1 a2 o1"},
		{"ALARM(a1)\n  AND\tALARM(a2)", true, "a1 a2"},
	} {
		t.Run(tc.rule, func(t *testing.T) {
			x, err := alarm.ParseRule(tc.rule)
			if err != nil {
				t.Fatal(err)
			}
			if got := x.Holds(look); got != tc.holds {
				t.Errorf("holds: %v", got)
			}
			want := strings.Fields(tc.support)
			if strings.Contains(tc.support, "(with)") {
				want = []string{tc.support}
			}
			if got := x.Support(look); !slices.Equal(got, want) {
				t.Errorf("rests on %q, want %q", got, want)
			}
		})
	}
}

func TestRulesThatAreRefused(t *testing.T) {
	names := make([]string, 101)
	for i := range names {
		names[i] = strings.Repeat("a", i+1)
	}
	for rule, want := range map[string]string{
		"":                                       "AlarmRule must not contain leading or trailing whitespace or be null",
		" TRUE":                                  "AlarmRule must not contain leading or trailing whitespace or be null",
		"MAYBE":                                  "Error in AlarmRule [Unsupported token 'MAYBE' at position 0, must be: '(', 'NOT', AT_LEAST, TRUE or FALSE, ALARM, OK, or INSUFFICIENT_DATA]",
		"ALARM(a) AND":                           "Error in AlarmRule [Unexpected end, must be: '(', 'NOT', AT_LEAST, TRUE or FALSE, ALARM, OK, or INSUFFICIENT_DATA]",
		"ALARM(a) ALARM(b)":                      "Error in AlarmRule [Unsupported token 'ALARM' at position 9, must be: AND or OR]",
		"ALARM(a":                                "Error in AlarmRule [Unexpected end, must be: ')']",
		"ALARM a":                                "Error in AlarmRule [Unsupported token 'a' at position 6, must be: '(']",
		"ALARM(a b)":                             "Error in AlarmRule [Unsupported token 'b' at position 8, must be: ')']",
		"ALARM()":                                "Error in AlarmRule [Unsupported token ')' at position 6, must be: an alarm's name or ARN]",
		`ALARM("a)`:                              `Error in AlarmRule [Unexpected end, must be: '"']`,
		"(ALARM(a)":                              "Error in AlarmRule [Unexpected end, must be: ')']",
		"AT_LEAST(0, ALARM, (a))":                "Error in AlarmRule [Unsupported token '0' at position 9, must be: a number of alarms, or a percentage of them]",
		"AT_LEAST(101%, ALARM, (a))":             "Error in AlarmRule [Unsupported token '101' at position 9, must be: a number of alarms, or a percentage of them]",
		"AT_LEAST(2, ALARM, (a))":                "Error in AlarmRule [AT_LEAST asks for 2 of 1 alarms]",
		"AT_LEAST(1, TRUE, (a))":                 "Error in AlarmRule [Unsupported token 'TRUE' at position 12, must be: ALARM, OK, or INSUFFICIENT_DATA]",
		"AT_LEAST(1, ALARM, ())":                 "Error in AlarmRule [Unsupported token ')' at position 20, must be: an alarm's name or ARN]",
		"TRUE" + strings.Repeat(" OR TRUE", 500): "AlarmRule must not have more than 500 elements",
		strings.Repeat("(", 501):                 "AlarmRule must not have more than 500 elements",
		"TRUE" + strings.Repeat(" ", 10_237) + "":                "AlarmRule must not contain leading or trailing whitespace or be null",
		"TRUE" + strings.Repeat(" OR TRUE", 1300):                "AlarmRule must not be longer than 10240 characters",
		"AT_LEAST(1, ALARM, (" + strings.Join(names, ",") + "))": "AlarmRule must not refer to more than 100 alarms",
	} {
		if _, err := alarm.ParseRule(rule); err == nil || err.Error() != want {
			t.Errorf("%.40q:\n got %v\nwant %s", rule, err, want)
		}
	}
}

// Whatever a stranger writes, a rule is refused or means the same each time, and what it rests on is among its children.
func FuzzRule(f *testing.F) {
	for _, s := range []string{
		"ALARM(a) AND NOT (OK(o) OR TRUE)", `AT_LEAST("50%", NOT OK, (a, "b\"c"))`, "INSUFFICIENT_DATA(\"", "((((", "not not true", "ALARM(ä)",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		x, err := alarm.ParseRule(text)
		if err != nil {
			return
		}
		if len(x.Children()) > alarm.ChildrenMax {
			t.Errorf("%d children", len(x.Children()))
		}
		for _, s := range []alarm.State{alarm.OK, alarm.InAlarm, alarm.InsufficientData} {
			same := func(string) alarm.State { return s }
			holds := x.Holds(same)
			rests := x.Support(same)
			for _, name := range rests {
				if !slices.Contains(x.Children(), name) {
					t.Errorf("rests on %q, which is no child", name)
				}
			}
			// What the rule rests on decides it, whatever the other alarms say.
			others := func(name string) alarm.State {
				if slices.Contains(rests, name) {
					return s
				}
				return s%3 + 1
			}
			if x.Holds(others) != holds {
				t.Errorf("%q: its support %q does not decide it", text, rests)
			}
		}
	})
}
