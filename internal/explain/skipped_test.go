package explain

import (
	"strings"
	"testing"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
)

// An alarm that SetAlarmState set without fresh data scales nothing. The explanation has the reason, in the state and in the story, as long as the
// alarm is in that state; the story keeps it.
func TestAnAlarmSetByHandThatDoesNotScale(t *testing.T) {
	m := newMemory(t)
	m.notebook()
	m.run(30 * time.Minute)
	high := ""
	for name := range m.Engine.Region(scope).Alarms.Metric {
		if strings.Contains(name, "AlarmHigh") {
			high = name
		}
	}
	m.must(engine.SetAlarmState{Scope: scope, Name: high, State: alarm.InsufficientData, Reason: "a drill"}) // nothing acts on it
	at := stamp(m.Now)
	m.must(engine.SetAlarmState{Scope: scope, Name: high, State: alarm.InAlarm, Reason: "a drill"})
	why := "AlarmHigh did not invoke policy keep-10: Skipping autoscaling action: Scaling deemed unsafe"
	got := text(t, m.ask(asked))
	if !strings.Contains(got, "at "+at+" "+why) {
		t.Errorf("the state does not say %q:\n%s", why, got)
	}
	q := asked
	q.Since = time.Hour
	if got := text(t, m.ask(q)); !strings.Contains(got, at+"  alarm      "+why) {
		t.Errorf("the story does not say %q:\n%s", why, got)
	}
	m.run(5 * time.Minute) // it has been evaluated since
	if got := text(t, m.ask(asked)); strings.Contains(got, why) {
		t.Errorf("the state still says why:\n%s", got)
	}
	if got := text(t, m.ask(q)); !strings.Contains(got, at+"  alarm      "+why) {
		t.Errorf("the story no longer says why:\n%s", got)
	}
}
