package alarm_test

import (
	"fmt"
	"slices"
	"testing"

	"bellows.dev/bellows/alarm"
)

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
