package alarm_test

import (
	"fmt"
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
		{"ALARM(a1)", true, "a1"},
		{"ALARM(o1)", false, "o1"},
		{"OK(o1)", true, "o1"},
		{"INSUFFICIENT_DATA(i1)", true, "i1"},
		{`ALARM("a1")`, true, "a1"},
		{`ALARM("a name (with) \"all\", of it")`, true, `a name (with) "all", of it`},
		{"ALARM ( a1 )", true, "a1"},
		{"ALARM(a1) AND OK(o1)", true, "a1 o1"},
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
		{"AT_LEAST(2, ALARM, (a1, a1, o1))", true, "a1"}, // an alarm counts as often as it is named
		{"AT_LEAST(66%, ALARM, (a1, a1, o1))", true, "a1"},
		{"AT_LEAST(67%, ALARM, (a1, a1, o1))", false, "o1"},
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
	const (
		anyOf  = "'(', 'NOT', AT_LEAST, TRUE or FALSE, ALARM, OK, or INSUFFICIENT_DATA"
		aName  = "'NOT', 'AND', 'OR', 'AT_LEAST', NUMBER, PERCENTAGE NUMBER, TRUE or FALSE, ALARM, OK, or INSUFFICIENT_DATA, unquoted alarm name, quoted alarm name"
		number = "NUMBER, PERCENTAGE NUMBER"
	)
	wrong := func(token string, at int, wanted string) string {
		return fmt.Sprintf("Error in AlarmRule [Unsupported token '%s' at char %d, must be: %s]", token, at, wanted)
	}
	for rule, want := range map[string]string{
		"":                             "AlarmRule must not contain leading or trailing whitespace or be null",
		" TRUE":                        "AlarmRule must not contain leading or trailing whitespace or be null",
		"true":                         wrong("true", 0, anyOf),
		"True":                         wrong("True", 0, anyOf),
		"not TRUE":                     wrong("not", 0, anyOf),
		"!TRUE":                        wrong("!TRUE", 0, anyOf),
		"Alarm(a)":                     wrong("Alarm", 0, anyOf),
		"MAYBE(a)":                     wrong("MAYBE", 0, anyOf),
		"TRUE and FALSE":               wrong("and", 5, "<EOF>, 'AND', 'OR'"),
		"TRUE && FALSE":                wrong("&&", 5, "<EOF>, 'AND', 'OR'"),
		"TRUE FALSE":                   wrong("FALSE", 5, "<EOF>"),
		"TRUE junk":                    wrong("junk", 5, "<EOF>"),
		"ALARM(a) AND":                 wrong("<EOF>", 12, anyOf),
		"ALARM(a) ALARM(b)":            wrong("ALARM", 9, "<EOF>, 'AND', 'OR'"),
		"ALARM(a":                      wrong("<EOF>", 7, "')'"),
		"ALARM a":                      wrong("a", 6, "'('"),
		"ALARM(an alarm with spaces)":  wrong("alarm", 9, "')'"),
		"ALARM()":                      wrong(")", 6, aName),
		`ALARM("a)`:                    wrong(`"`, 6, aName),
		"(ALARM(a)":                    wrong("<EOF>", 9, "')'"),
		"AT_LEAST(-1, ALARM, (a, b))":  wrong("-1", 9, number),
		"AT_LEAST(1.5, ALARM, (a, b))": wrong("1.5", 9, number),
		"AT_LEAST(50.5%, OK, (a, b))":  wrong("50.5%", 9, number),
		"AT_LEAST(0, ALARM, (a, b))":   "Error in AlarmRule [AT_LEAST absolute threshold must be between 1 and number of alarms (2)]",
		"AT_LEAST(3, ALARM, (a, b))":   "Error in AlarmRule [AT_LEAST absolute threshold must be between 1 and number of alarms (2)]",
		"AT_LEAST(0%, ALARM, (a))":     "Error in AlarmRule [AT_LEAST percentage threshold must be between 1 and 100]",
		"AT_LEAST(101%, ALARM, (a))":   "Error in AlarmRule [AT_LEAST percentage threshold must be between 1 and 100]",
		"AT_LEAST(1, BOGUS, (a))":      wrong("BOGUS", 12, "'NOT', ALARM, OK, or INSUFFICIENT_DATA"),
		"AT_LEAST(1, ALARM, ())":       wrong("))", 20, aName),

		"TRUE" + strings.Repeat(" OR TRUE", 500):                 "AlarmRule must not have more than 500 elements",
		strings.Repeat("(", 501):                                 "AlarmRule must not have more than 500 elements",
		"TRUE" + strings.Repeat(" ", 10_237) + "":                "AlarmRule must not contain leading or trailing whitespace or be null",
		"TRUE" + strings.Repeat(" OR TRUE", 1300):                "AlarmRule must not be longer than 10240 characters",
		"AT_LEAST(1, ALARM, (" + strings.Join(names, ",") + "))": "AlarmRule must not refer to more than 100 alarms",
	} {
		if _, err := alarm.ParseRule(rule); err == nil || err.Error() != want {
			t.Errorf("%.40q:\n got %v\nwant %s", rule, err, want)
		}
	}
}

// Any text is refused or means the same each time, and the alarms that its value is based on are among its children.
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
