package alarm_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"bellows.dev/bellows/alarm"
)

// okAlarms makes metric alarms in state OK, which no data reaches.
func (s *stage) okAlarms(names ...string) {
	s.Helper()
	for _, name := range names {
		s.Put(s.now, unfed(name))
		s.set(name, alarm.OK)
	}
	s.Step(s.now, nil)
}

// Composite alarms follow their children in the same step, the lower ones first, whatever their names.
func TestCompositesFollowInTheSameStep(t *testing.T) {
	s := newStage(t)
	s.okAlarms("m1", "m2")
	s.composite("z-inner", "ALARM(m1) OR ALARM(m2)")
	s.composite("a-outer", "ALARM(z-inner) AND NOT ALARM(m2)")
	s.step(s.composite("b-top", "ALARM(a-outer) OR ALARM(z-inner)"), "configured b-top: created",
		"state b-top INSUFFICIENT_DATA -> OK: b-top was created and its alarm rule evaluates to OK")
	s.now = s.now.Add(time.Second)
	const at = " transitioned to ALARM at Tuesday 24 November, 2026 10:00:01 UTC"
	s.step(s.set("m1", alarm.InAlarm), "state m1 OK -> ALARM: by hand",
		"state z-inner OK -> ALARM: m1"+at, "notify topic of z-inner in ALARM",
		"state a-outer OK -> ALARM: z-inner"+at, "notify topic of a-outer in ALARM",
		"state b-top OK -> ALARM: a-outer"+at, "notify topic of b-top in ALARM")
	s.step(s.set("m2", alarm.InAlarm), "state m2 OK -> ALARM: by hand", // b-top stays
		"state a-outer ALARM -> OK: m2"+at)
}

// AWS: PutCompositeAlarm, DeleteAlarms; texts recorded.
func TestCompositesThatAreRefused(t *testing.T) {
	s := newStage(t)
	s.okAlarms("m")
	s.composite("c", "ALARM(m)")
	s.composite("d", "ALARM(c)")
	put := func(name, rule, suppressor string) error {
		_, err := s.PutComposite(s.now, alarm.Composite{Name: name, Rule: rule, Prefix: "arn:", Suppressor: suppressor})
		return err
	}
	named := unfed("c")
	for _, tc := range []struct {
		err  error
		want string
	}{
		{put("m", "TRUE", ""), "AlarmName [m] is already used by another alarm of a different type"},
		{put("x", "ALARM(gone) OR OK(m) OR ALARM(lost)", ""), "Could not save the composite alarm as alarms [arn:gone, arn:lost] in the alarm rule do not exist"},
		{put("x", "ALARM(x)", ""), "A composite alarm cannot have a child relation with itself via its AlarmRule, as it would introduce a circular dependency"},
		{put("c", "ALARM(m)", "d"), "A composite alarm cannot suppress itself, directly or by the alarms that it depends on"},
		{put("x", "TRUE", "gone"), "Could not save the composite alarm as its ActionsSuppressor gone does not exist"},
		{put("x", "TRUE AND", ""), "Error in AlarmRule [Unsupported token '<EOF>' at char 8, must be: '(', 'NOT', AT_LEAST, TRUE or FALSE, ALARM, OK, or INSUFFICIENT_DATA]"},
		{s.Check(&named), "AlarmName [c] is already used by another alarm of a different type"},
		{s.Deletable([]string{"m"}), "Cannot delete m as there are composite alarm(s) depending on it."},
		{s.Deletable([]string{"m", "c"}), "Cannot delete m,c as there are composite alarm(s) depending on them."},
		{s.Deletable([]string{"c", "d"}), "Only one composite alarm can be deleted in an operation, and the request names more"},
	} {
		if tc.err == nil || tc.err.Error() != tc.want {
			t.Errorf("got %v, want %s", tc.err, tc.want)
		}
	}
	remove := func(names ...string) {
		t.Helper()
		if err := s.Deletable(names); err != nil {
			t.Fatal(err)
		}
		s.Delete(s.now, names)
	}
	remove("d", "d", "nobody")
	if s.Deletable([]string{"m", "c"}) == nil { // recorded: not even together
		t.Error("an alarm may be deleted together with the composite alarm that depends on it")
	}
	remove("c")
	remove("m")
	if len(s.Metric)+len(s.Composite) != 0 {
		t.Errorf("left over: %v %v", s.Metric, s.Composite)
	}
}

// An update keeps the state, and its rule is evaluated at once; an identical one changes nothing. A state that was set lasts until a child
// changes.
func TestCompositesArePutAgainAndSet(t *testing.T) {
	s := newStage(t)
	s.okAlarms("m", "n")
	s.composite("c", "ALARM(m)")
	s.Step(s.now, nil)
	s.now = s.now.Add(time.Second)
	s.step(s.composite("c", "ALARM(m)"))
	s.step(s.composite("c", "ALARM(m) OR OK(n)"), "configured c",
		"state c OK -> ALARM: c was updated and its new alarm rule evaluates to ALARM", "notify topic of c in ALARM")
	s.step(s.set("c", alarm.InsufficientData), "state c ALARM -> INSUFFICIENT_DATA: by hand")
	s.now = s.now.Add(time.Minute)
	s.step(nil)
	s.set("n", alarm.InAlarm)
	s.Step(s.now, nil)
	if got := s.Composite["c"].State; got != alarm.OK {
		t.Errorf("after a child's change it is %v", got)
	}
}

// Wake returns when a wait or extension period ends; actions that it held back run then.
func TestWaitPeriodsWakeTheRegistry(t *testing.T) {
	s := newStage(t)
	s.okAlarms("m", "quiet")
	s.composite("c", "ALARM(m)", func(c *alarm.Composite) { c.Suppressor, c.Wait, c.Extension = "quiet", 7*time.Second, 11*time.Second })
	s.Step(s.now, nil)
	s.now = s.now.Add(10 * time.Second)
	s.Step(s.now, nil) // the wait period of its creation is over, and the metric alarms are due in a minute
	s.step(s.set("m", alarm.InAlarm), "state m OK -> ALARM: by hand",
		"state c OK -> ALARM: m transitioned to ALARM at Tuesday 24 November, 2026 10:00:10 UTC", `suppression c: "WaitPeriod"`)
	if wake, end := s.Wake(s.now), s.now.Add(7*time.Second); !wake.Equal(end) || !s.Composite["c"].Until.Equal(end) {
		t.Errorf("wakes at %v for a wait period until %v", wake, s.Composite["c"].Until)
	}
	s.set("quiet", alarm.InAlarm)
	s.now = s.now.Add(8 * time.Second)
	s.Step(s.now, nil)
	s.step(s.set("quiet", alarm.OK), "state quiet ALARM -> OK: by hand", `suppression c: "ExtensionPeriod"`)
	end := s.now.Add(11 * time.Second)
	if wake := s.Wake(s.now); !wake.Equal(end) || !s.Composite["c"].Until.Equal(end) {
		t.Errorf("wakes at %v for an extension period until %v", wake, s.Composite["c"].Until)
	}
	s.now = end
	s.step(nil, `suppression c: ""`, "notify topic of c in ALARM")
}

// A suppressor that depends on the alarm that it holds back makes no cycle of rules: both follow, the lower one first.
func TestASuppressorAboveItsAlarmFollows(t *testing.T) {
	s := newStage(t)
	for _, name := range []string{"m1", "m2"} {
		s.Put(s.now, unfed(name))
		s.set(name, alarm.OK)
	}
	s.composite("above", "ALARM(m1) AND ALARM(m2)")
	s.composite("below", "ALARM(m1)", func(c *alarm.Composite) { c.Suppressor = "above" })
	s.composite("above", "ALARM(m1) AND NOT ALARM(below)")
	s.Step(s.now, nil)
	s.set("m1", alarm.InAlarm)
	for _, x := range s.Step(s.now, nil).Events {
		if c, is := x.(alarm.StateChange); is && c.Alarm == "above" {
			t.Errorf("above changes: %s", line(x))
		}
	}
	if below, above := s.Composite["below"].State, s.Composite["above"].State; below != alarm.InAlarm || above != alarm.OK {
		t.Errorf("below %v, above %v", below, above)
	}
}

// AWS: CloudWatch quotas.
func TestAnAlarmHasAtMost150Parents(t *testing.T) {
	s := newStage(t)
	s.Put(s.now, unfed("m"))
	for i := range 150 {
		s.composite(fmt.Sprint("c", i), "ALARM(m)")
	}
	if _, err := s.PutComposite(s.now, alarm.Composite{Name: "one-more", Rule: "ALARM(m)"}); err == nil {
		t.Error("151 composite alarms depend on one alarm")
	}
	s.composite("c7", "NOT ALARM(m)") // it counts already
	if got := s.Parents("m"); len(got) != 150 || !slices.IsSorted(got) {
		t.Errorf("%d parents", len(got))
	}
}
