package engine_test

import (
	"strings"
	"testing"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/metric"
)

// stage is an engine on a clock that the test moves, and what happened on it.
type stage struct {
	t      *testing.T
	engine *engine.Engine
	now    time.Time
	text   []string
}

func newStage(t *testing.T) *stage {
	t.Helper()
	return &stage{t: t, engine: engine.New(engine.Config{Seed: 1}), now: time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)}
}

// do takes a step, and returns its refusal.
func (s *stage) do(in engine.Input) error {
	out, err := s.engine.Step(s.now, in)
	for _, e := range out.Events {
		s.text = append(s.text, e.String())
	}
	return err
}

func (s *stage) must(in engine.Input) {
	s.t.Helper()
	if err := s.do(in); err != nil {
		s.t.Fatalf("%T: %v", in, err)
	}
}

// changes returns the events since its last call.
func (s *stage) changes() string {
	text := strings.Join(s.text, "\n")
	s.text = nil
	return text
}

// metric makes alarms that nothing feeds, in state OK.
func (s *stage) metric(names ...string) {
	s.t.Helper()
	for _, name := range names {
		s.must(engine.PutMetricAlarm{Scope: scope, Alarm: alarm.Alarm{Name: name, Rule: alarm.Rule{
			Metric: metric.NewID("N", name), Statistic: metric.Statistic{Kind: metric.Sum}, Period: time.Minute, Periods: 1,
			Threshold: 1, Comparison: alarm.GreaterThanThreshold, Missing: alarm.Ignore,
		}}})
		s.set(name, alarm.OK)
	}
}

func (s *stage) set(name string, to alarm.State) {
	s.t.Helper()
	s.must(engine.SetAlarmState{Scope: scope, Name: name, State: to, Reason: "by hand"})
}

func (s *stage) composite(name, rule string, more ...func(*alarm.Composite)) {
	s.t.Helper()
	if err := s.tryComposite(name, rule, more...); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) tryComposite(name, rule string, more ...func(*alarm.Composite)) error {
	c := alarm.Composite{Name: name, Rule: rule, Prefix: "arn:", ActionsEnabled: true, Actions: []alarm.Action{{On: alarm.InAlarm, ARN: "topic"}}}
	for _, f := range more {
		f(&c)
	}
	return s.do(engine.PutCompositeAlarm{Scope: scope, Alarm: c})
}

func (s *stage) state(name string) alarm.State {
	return s.engine.Region(scope).Alarms.Composite[name].State
}

// Composite alarms follow their children in the same step, the lower ones first, whatever their names.
func TestCompositesFollowInTheSameStep(t *testing.T) {
	s := newStage(t)
	s.metric("m1", "m2")
	s.composite("z-inner", "ALARM(m1) OR ALARM(m2)")
	s.composite("a-outer", "ALARM(z-inner) AND NOT ALARM(m2)")
	s.composite("b-top", "ALARM(a-outer) OR ALARM(z-inner)")
	if s.state("b-top") != alarm.OK {
		t.Fatalf("b-top is %v", s.state("b-top"))
	}
	s.changes()
	s.now = s.now.Add(time.Second)
	s.set("m1", alarm.InAlarm)
	want := []string{
		"alarm m1 OK -> ALARM: by hand",
		"alarm z-inner OK -> ALARM: arn:m1 transitioned to ALARM at Tuesday 24 November, 2026 10:00:01 UTC",
		"alarm z-inner is ALARM and notifies topic",
		"alarm a-outer OK -> ALARM: arn:z-inner transitioned to ALARM at Tuesday 24 November, 2026 10:00:01 UTC",
		"alarm a-outer is ALARM and notifies topic",
		"alarm b-top OK -> ALARM: arn:a-outer transitioned to ALARM at Tuesday 24 November, 2026 10:00:01 UTC",
		"alarm b-top is ALARM and notifies topic",
	}
	if got := s.changes(); got != strings.Join(want, "\n") {
		t.Errorf("got\n%s", got)
	}
	s.set("m2", alarm.InAlarm) // a-outer goes back, b-top stays
	if got := s.changes(); strings.Contains(got, "b-top") || s.state("a-outer") != alarm.OK {
		t.Errorf("got\n%s", got)
	}
}

func TestCompositesThatAreRefused(t *testing.T) {
	s := newStage(t)
	s.metric("m")
	s.composite("c", "ALARM(m)")
	s.composite("d", "ALARM(c)")
	suppressor := func(name string) func(*alarm.Composite) { return func(c *alarm.Composite) { c.Suppressor = name } }
	for _, tc := range []struct {
		err  error
		want string
	}{
		{s.tryComposite("m", "TRUE"), "AlarmName [m] is already used by another alarm of a different type"},
		{s.tryComposite("x", "ALARM(gone) OR OK(m) OR ALARM(lost)"), "Could not save the composite alarm as alarms [arn:gone, arn:lost] in the alarm rule do not exist"},
		{
			s.tryComposite("x", "ALARM(x)"),
			"A composite alarm cannot have a child relation with itself via its AlarmRule, as it would introduce a circular dependency",
		},
		{s.tryComposite("c", "ALARM(m)", suppressor("d")), "A composite alarm cannot suppress itself, directly or by the alarms that it depends on"},
		{s.tryComposite("x", "TRUE", suppressor("gone")), "Could not save the composite alarm as its ActionsSuppressor gone does not exist"},
		{s.tryComposite("x", "TRUE AND"), "Error in AlarmRule [Unsupported token '<EOF>' at char 8, must be: '(', 'NOT', AT_LEAST, TRUE or FALSE, ALARM, OK, or INSUFFICIENT_DATA]"},
		{
			s.do(engine.PutMetricAlarm{Scope: scope, Alarm: alarm.Alarm{Name: "c"}}),
			"AlarmName [c] is already used by another alarm of a different type",
		},
		{s.do(engine.DeleteAlarms{Scope: scope, Names: []string{"m"}}), "Cannot delete m as there are composite alarm(s) depending on it."},
		{s.do(engine.DeleteAlarms{Scope: scope, Names: []string{"m", "c"}}), "Cannot delete m,c as there are composite alarm(s) depending on them."},
		{s.do(engine.DeleteAlarms{Scope: scope, Names: []string{"c", "d"}}), "Only one composite alarm can be deleted in an operation, and the request names more"},
	} {
		if tc.err == nil || tc.err.Error() != tc.want {
			t.Errorf("got %v, want %s", tc.err, tc.want)
		}
	}
	s.must(engine.DeleteAlarms{Scope: scope, Names: []string{"d", "d", "nobody"}})
	if err := s.do(engine.DeleteAlarms{Scope: scope, Names: []string{"m", "c"}}); err == nil { // recorded: not even together
		t.Error("an alarm was deleted together with the composite alarm that depends on it")
	}
	s.must(engine.DeleteAlarms{Scope: scope, Names: []string{"c"}})
	s.must(engine.DeleteAlarms{Scope: scope, Names: []string{"m"}})
	if r := s.engine.Region(scope); len(r.Alarms.Metric)+len(r.Alarms.Composite) != 0 {
		t.Errorf("left over: %v %v", r.Alarms.Metric, r.Alarms.Composite)
	}
}

// An update keeps the state, its rule is evaluated at once; an identical one is none. SetAlarmState lasts until a child changes.
func TestCompositesArePutAgainAndSet(t *testing.T) {
	s := newStage(t)
	s.metric("m", "n")
	s.composite("c", "ALARM(m)")
	s.changes()
	s.now = s.now.Add(time.Second)
	s.composite("c", "ALARM(m)")
	if got := s.changes(); got != "" {
		t.Errorf("an identical put text\n%s", got)
	}
	s.composite("c", "ALARM(m) OR OK(n)")
	want := "composite alarm c updated\nalarm c OK -> ALARM: arn:c was updated and its new alarm rule evaluates to ALARM\nalarm c is ALARM and notifies topic"
	if got := s.changes(); got != want {
		t.Errorf("got\n%s", got)
	}
	s.set("c", alarm.InsufficientData)
	s.now = s.now.Add(time.Minute)
	s.must(engine.Tick{})
	if s.state("c") != alarm.InsufficientData {
		t.Error("a state set by hand does not last")
	}
	s.set("n", alarm.InAlarm)
	if s.state("c") != alarm.OK {
		t.Errorf("after a child's change it is %v", s.state("c"))
	}
}

// Wake tells when a period ends; the actions run then.
func TestWaitPeriodsWakeTheEngine(t *testing.T) {
	s := newStage(t)
	s.metric("m", "quiet")
	s.composite("c", "ALARM(m)", func(c *alarm.Composite) { c.Suppressor, c.Wait, c.Extension = "quiet", 7*time.Second, 11*time.Second })
	s.now = s.now.Add(7 * time.Second)
	s.must(engine.Tick{}) // the wait period of its creation is over
	s.changes()
	s.set("m", alarm.InAlarm)
	if got := s.changes(); strings.Contains(got, "notifies") || !strings.Contains(got, "Actions suppressed by WaitPeriod") {
		t.Errorf("got\n%s", got)
	}
	if wake := s.engine.Wake(); !wake.Equal(s.now.Add(3*time.Second)) && !wake.Equal(s.now.Add(7*time.Second)) {
		t.Errorf("wakes at %v, now is %v", wake, s.now)
	}
	s.set("quiet", alarm.InAlarm)
	s.now = s.now.Add(8 * time.Second)
	s.must(engine.Tick{})
	s.set("quiet", alarm.OK)
	if got := s.changes(); strings.Contains(got, "notifies") {
		t.Errorf("got\n%s", got)
	}
	until := s.engine.Region(scope).Alarms.Composite["c"].Until
	if !until.Equal(s.now.Add(11 * time.Second)) {
		t.Fatalf("until %v", until)
	}
	s.now = until
	s.must(engine.Tick{})
	if got := s.changes(); !strings.Contains(got, "alarm c: actions are no longer suppressed\nalarm c is ALARM and notifies topic") {
		t.Errorf("got\n%s", got)
	}
}

func TestPromQLAlarmsAskAndAreAnswered(t *testing.T) {
	s := newStage(t)
	rule := alarm.Rule{PromQL: &alarm.PromQL{Query: "up == 0", Interval: time.Minute, Pending: time.Minute}}
	a := alarm.Alarm{Name: "p", ActionsEnabled: true, Rule: rule, Actions: []alarm.Action{{On: alarm.InAlarm, ARN: "topic"}}}
	s.must(engine.PutMetricAlarm{Scope: scope, Alarm: a})
	if got := s.engine.Region(scope).Alarms.Metric["p"].State; got != alarm.OK {
		t.Errorf("begins in %v", got)
	}
	ask := func() {
		s.now = s.engine.Wake()
		s.changes()
		s.must(engine.Tick{})
		if got := s.changes(); got != "alarm p asks for up == 0" {
			t.Fatalf("got %q", got)
		}
	}
	answer := engine.PromQLEvaluated{
		Scope: scope, Alarm: "p", Query: "up == 0", Contributors: []alarm.Returned{{Attributes: map[string]string{"job": "x"}, Value: "0"}},
	}
	ask()
	s.must(answer)
	if got := s.changes(); got != "" {
		t.Errorf("pending: %s", got)
	}
	ask()
	s.must(answer)
	got := s.changes()
	for _, want := range []string{"contributor", "alarm p is ALARM and notifies topic", "alarm p OK -> ALARM: Threshold Crossed: 1 contributor is in ALARM."} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
	if strings.Count(got, "notifies") != 2 { // for the contributor, and for the alarm
		t.Errorf("got\n%s", got)
	}
	ask()
	s.must(engine.PromQLEvaluated{Scope: scope, Alarm: "p", Query: "up == 0", Err: "boom"})
	if got := s.changes(); got != "alarm p: The query could not be evaluated: boom" {
		t.Errorf("got %q", got)
	}
	s.must(engine.PromQLEvaluated{Scope: scope, Alarm: "p", Query: "another"}) // an answer to an older question
	s.must(engine.PromQLEvaluated{Scope: scope, Alarm: "gone", Query: "up == 0"})
	if got := s.changes(); got != "" {
		t.Errorf("got %q", got)
	}
}
