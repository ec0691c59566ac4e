package alarm_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/metric"
)

func newRegistry() *alarm.Registry {
	return alarm.NewRegistry(metric.NewWindow(time.Hour), 10*time.Second)
}

// unfed is a metric alarm without data, which keeps the state that it is set to.
func unfed(name string, actions ...alarm.Action) alarm.Alarm {
	return alarm.Alarm{Name: name, ActionsEnabled: true, Actions: actions, Rule: alarm.Rule{
		Metric: metric.NewID("N", name), Statistic: metric.Statistic{Kind: metric.Sum}, Period: time.Minute, Periods: 1,
		Threshold: 1, Comparison: alarm.GreaterThanThreshold, Missing: alarm.Ignore,
	}}
}

// line renders an event in a line.
func line(x alarm.Event) string {
	switch x := x.(type) {
	case alarm.Configured:
		return "configured " + x.Alarm + change(x.Before == nil, x.After == nil)
	case alarm.CompositeConfigured:
		return "configured " + x.Alarm + change(x.Before == nil, x.After == nil)
	case alarm.StateChange:
		return fmt.Sprintf("state %s %v -> %v: %s", x.Alarm, x.From, x.To, x.Reason)
	case alarm.ContributorStateChange:
		return fmt.Sprintf("state of %s in %s %v -> %v", x.Contributor.Attributes["job"], x.Alarm, x.From, x.To)
	case alarm.SuppressionChange:
		return fmt.Sprintf("suppression %s: %q", x.Alarm, x.To)
	case alarm.QueryDue:
		return "query " + x.Alarm + ": " + x.Query
	case alarm.Unevaluated:
		return "unevaluated " + x.Alarm + ": " + x.Reason
	case alarm.Notification:
		return "notify " + x.Action.ARN + " of " + x.Alarm.Name + " in " + x.Transition.To.String()
	case alarm.Acted:
		return "muted " + x.Action.ARN + x.Action.Policy + " of " + x.Alarm + " until " + x.MutedUntil.Format("15:04:05")
	case *alarm.Invocation:
		first := ""
		if x.First {
			first = ", first"
		}
		if x.Unsafe != "" {
			first += ", unsafe"
		}
		return "invoke " + x.Action.Policy + " by " + x.Alarm.Name + first
	default:
		return fmt.Sprintf("%T", x)
	}
}

func change(created, deleted bool) string {
	switch {
	case created:
		return ": created"
	case deleted:
		return ": deleted"
	default:
		return ""
	}
}

func texts(events []alarm.Event) string {
	var b strings.Builder
	for _, x := range events {
		b.WriteString(line(x) + "\n")
	}
	return b.String()
}

// stage is a registry and a clock that the test moves.
type stage struct {
	*testing.T
	*alarm.Registry
	metrics *metric.Window
	now     time.Time
}

func newStage(t *testing.T) *stage {
	t.Helper()
	w := metric.NewWindow(time.Hour)
	return &stage{T: t, Registry: alarm.NewRegistry(w, 10*time.Second), metrics: w, now: start}
}

// step takes a step after the events of a call, and compares the texts of all events.
func (s *stage) step(events []alarm.Event, want ...string) {
	s.Helper()
	got := texts(events)
	got += texts(s.Step(s.now, nil).Events)
	if diff := cmp.Diff(strings.Join(want, "\n"), strings.TrimSuffix(got, "\n")); diff != "" {
		s.Errorf("at %s (-want +got):\n%s", s.now.Format("15:04:05"), diff)
	}
}

func (s *stage) set(name string, to alarm.State) []alarm.Event {
	s.Helper()
	events, err := s.SetState(s.now, name, alarm.Override{State: to, Reason: "by hand"})
	if err != nil {
		s.Fatal(err)
	}
	return events
}

func (s *stage) composite(name, rule string, more ...func(*alarm.Composite)) []alarm.Event {
	s.Helper()
	c := alarm.Composite{Name: name, Rule: rule, ActionsEnabled: true, Actions: []alarm.Action{{On: alarm.InAlarm, ARN: "topic"}}}
	for _, f := range more {
		f(&c)
	}
	events, err := s.PutComposite(s.now, c)
	if err != nil {
		s.Fatal(err)
	}
	return events
}

func (s *stage) record(name string, at time.Time, v float64) {
	var sum metric.Summary
	sum.Add(v, 1)
	s.metrics.Series(metric.NewID("N", name)).Record(at, metric.StandardResolution, "None", &sum)
}

// Metric alarms are evaluated by the time at which they became due, then by name, and composite alarms after them, those in a rule first.
func TestOrderOfAStep(t *testing.T) {
	s := newStage(t)
	for _, name := range []string{"z", "b", "a"} {
		s.step(s.Put(s.now, unfed(name)), "configured "+name+": created")
	}
	fast := unfed("y")
	fast.Rule.Period = 10 * time.Second
	s.step(s.Put(s.now, fast), "configured y: created")
	s.composite("below", "ALARM(a) OR ALARM(y)")
	s.composite("above", "ALARM(below) AND ALARM(b)")
	s.now = start.Add(10 * time.Second) // all are due
	s.step(nil)
	for _, name := range []string{"a", "b", "y", "z"} {
		s.record(name, start, 5)
	}
	s.now = start.Add(70 * time.Second) // when all but y are due; y was at 10:00:20
	const crossed = ": Threshold Crossed: 1 datapoint [5.0 (24/11/26 10:00:00)] was greater than the threshold (1.0)."
	s.step(nil,
		"state y INSUFFICIENT_DATA -> ALARM"+crossed, "state a INSUFFICIENT_DATA -> ALARM"+crossed,
		"state b INSUFFICIENT_DATA -> ALARM"+crossed, "state z INSUFFICIENT_DATA -> ALARM"+crossed,
		"state below OK -> ALARM: a transitioned to ALARM at Tuesday 24 November, 2026 10:01:10 UTC", "notify topic of below in ALARM",
		"state above OK -> ALARM: b transitioned to ALARM at Tuesday 24 November, 2026 10:01:10 UTC", "notify topic of above in ALARM",
	)
}

// An update keeps the state, the tags and what is muted; an identical one is none; one of another type is refused, and changes nothing.
// AWS: PutMetricAlarm; recorded.
func TestPut(t *testing.T) {
	s := newStage(t)
	s.step(s.Put(s.now, unfed("a")), "configured a: created")
	s.step(s.set("a", alarm.InAlarm), "state a INSUFFICIENT_DATA -> ALARM: by hand")
	if err := s.Tag("a", map[string]string{"k": "v"}, nil); err != nil {
		t.Fatal(err)
	}
	s.now = s.now.Add(time.Second)
	s.step(s.Put(s.now, unfed("a")))
	changed := unfed("a")
	changed.Rule.Threshold = 7
	s.step(s.Put(s.now, changed), "configured a")
	if a := s.Metric["a"]; a.State != alarm.InAlarm || a.Tags["k"] != "v" || !a.Configured.Equal(s.now) || !a.Transitioned.Equal(start) || a.Rule.Threshold != 7 {
		t.Errorf("after an update: %+v", a)
	}
	s.composite("c", "ALARM(a)")
	other := unfed("c")
	if err := s.Check(&other); err == nil || err.Error() != "AlarmName [c] is already used by another alarm of a different type" {
		t.Errorf("got %v", err)
	}
	if _, err := s.PutComposite(s.now, alarm.Composite{Name: "a", Rule: "TRUE"}); err == nil || s.Composite["a"] != nil {
		t.Errorf("got %v", err)
	}
	math := alarm.Alarm{Name: "e", Rule: alarm.Rule{Metrics: []metric.DataQuery{{ID: "e1", Expression: "SEARCH('x', 'Sum', 60)"}}}}
	if err := s.Check(&math); err == nil {
		t.Error("an alarm on a search was accepted")
	}
}

// Scaling policies are invoked on a change of state and then once a minute; other actions run on the change alone. A state set without
// fresh data does not reach policies, unless the server is lenient. AWS: recorded.
func TestInvocations(t *testing.T) {
	s := newStage(t)
	a := unfed("a", alarm.Action{On: alarm.InAlarm, Target: "t", Policy: "p"}, alarm.Action{On: alarm.InAlarm, ARN: "topic"})
	s.step(s.Put(s.now, a), "configured a: created")
	const change = "state a INSUFFICIENT_DATA -> ALARM: by hand"
	s.step(s.set("a", alarm.InAlarm), change, "invoke p by a, first, unsafe", "notify topic of a in ALARM")
	s.now = s.now.Add(70 * time.Second)
	s.step(nil, "invoke p by a") // its state is ignored data's: it stays
	s.now = s.now.Add(30 * time.Second)
	s.step(nil)
	s.now = s.now.Add(30 * time.Second)
	out := s.Step(s.now, nil)
	if texts(out.Events) != "invoke p by a\n" || len(out.Evaluated) != 1 || out.Evaluated[0].Moved {
		t.Errorf("got %s, %v", texts(out.Events), out.Evaluated)
	}
	s.step(s.set("a", alarm.InsufficientData), "state a ALARM -> INSUFFICIENT_DATA: by hand")
	for _, tc := range []struct {
		name string
		x    alarm.Override
		want []float64
	}{
		{"fresh data", alarm.Override{Facts: &alarm.Data{QueryDate: s.now.Add(-alarm.FreshFor), Datapoints: []float64{3}}}, []float64{3}},
		{"old data", alarm.Override{Facts: &alarm.Data{QueryDate: s.now.Add(-alarm.FreshFor - 1), Datapoints: []float64{3}}}, nil},
		{"no datapoints", alarm.Override{Facts: &alarm.Data{QueryDate: s.now}}, nil},
		{"lenient", alarm.Override{Lenient: true}, []float64{1}},
	} {
		tc.x.State, tc.x.Reason = alarm.InAlarm, "by hand"
		events, err := s.SetState(s.now, "a", tc.x)
		if err != nil {
			t.Fatal(err)
		}
		unsafe := strings.Contains(texts(events), "unsafe")
		if unsafe != (tc.want == nil) || tc.want != nil && !slices.Equal(s.Metric["a"].Recent, tc.want) {
			t.Errorf("%s: %s%v", tc.name, texts(events), s.Metric["a"].Recent)
		}
		s.set("a", alarm.InsufficientData)
	}
	s.RemoveActions("t", "p")
	s.step(s.set("a", alarm.InAlarm), change, "notify topic of a in ALARM")
	s.step(s.EnableActions(s.now, []string{"a", "a", "unknown"}, false), "configured a")
	s.set("a", alarm.OK)
	s.step(s.set("a", alarm.InAlarm), "state a OK -> ALARM: by hand")
	if _, err := s.SetState(s.now, "unknown", alarm.Override{State: alarm.OK}); !errors.Is(err, alarm.ErrNoAlarm) {
		t.Errorf("got %v", err)
	}
}

// What was evaluated can be repeated without metrics: the same events, the same states.
func TestReadingsRepeatAStep(t *testing.T) {
	s, again := newStage(t), newStage(t)
	a := unfed("a", alarm.Action{On: alarm.InAlarm, Target: "t", Policy: "p"})
	a.Rule.Periods, a.Rule.DatapointsToM = 3, 1
	for _, x := range []*stage{s, again} {
		x.Put(x.now, a)
		x.Put(x.now, unfed("quiet"))
		x.composite("c", "ALARM(a)")
		x.Step(x.now, nil)
	}
	evaluations := 0
	for minute, v := range []float64{0, 5, 0, 0, 0, 9, -1, 9} { // -1: no data
		if v >= 0 {
			s.record("a", start.Add(time.Duration(minute)*time.Minute), v)
		}
		s.now = start.Add(time.Duration(minute)*time.Minute + 70*time.Second)
		out := s.Step(s.now, nil)
		readings := alarm.Readings{}
		for _, x := range out.Evaluated {
			r := x.Reading()
			readings[r.Alarm] = &r
			evaluations++
		}
		want := texts(out.Events)
		if got := texts(again.Step(s.now, readings).Events); got != want {
			t.Errorf("minute %d: repeated, its events are\n%s\nnot\n%s", minute, got, want)
		}
		x, y := *s.Metric["a"], *again.Metric["a"]
		if diff := cmp.Diff(x, y); diff != "" {
			t.Errorf("minute %d (-first +repeated):\n%s", minute, diff)
		}
	}
	if evaluations != 8 { // quiet invokes no policy
		t.Errorf("%d evaluations were kept", evaluations)
	}
}

// Muted actions run at the end of the window if the alarm is still in the state that they are for.
func TestMuting(t *testing.T) {
	s := newStage(t)
	topics := []alarm.Action{{On: alarm.InAlarm, ARN: "bad"}, {On: alarm.OK, ARN: "good"}}
	s.Put(s.now, unfed("stays", topics...))
	s.Put(s.now, unfed("returns", append(topics, alarm.Action{On: alarm.InAlarm, Target: "t", Policy: "p"})...))
	s.set("returns", alarm.OK)
	s.composite("c", "ALARM(stays)")
	s.Step(s.now, nil)
	rule := alarm.MuteRule{Name: "r", Expression: "at(2026-11-24T10:00)", Duration: 5 * time.Minute, Alarms: []string{"stays", "returns", "c"}}
	if err := s.PutMuteRule(s.now, rule); err != nil {
		t.Fatal(err)
	}
	s.step(s.set("stays", alarm.InAlarm), "state stays INSUFFICIENT_DATA -> ALARM: by hand", "muted bad of stays until 10:05:00",
		"state c OK -> ALARM: stays transitioned to ALARM at Tuesday 24 November, 2026 10:00:00 UTC", "muted topic of c until 10:05:00")
	s.step(s.set("returns", alarm.InAlarm), "state returns OK -> ALARM: by hand", "muted bad of returns until 10:05:00", "muted p of returns until 10:05:00")
	s.step(s.set("returns", alarm.OK), "state returns ALARM -> OK: by hand", "muted good of returns until 10:05:00")
	wakes := 0
	for s.now.Before(start.Add(5 * time.Minute)) {
		if s.now = s.Wake(s.now); wakes > 100 || s.now.IsZero() {
			t.Fatal("nothing wakes the registry at the window's end")
		}
		if wakes++; s.now.Before(start.Add(5 * time.Minute)) {
			s.step(nil)
		}
	}
	s.step(nil, "notify topic of c in ALARM", "notify bad of stays in ALARM")
	s.step(nil)
	if err := s.PutMuteRule(s.now, alarm.MuteRule{Name: "bad", Expression: "cron(never)"}); err == nil || len(s.MuteRules) != 1 {
		t.Errorf("got %v, rules %v", err, s.MuteRules)
	}
	for i := range alarm.MuteRulesMax - 1 {
		rule.Name = fmt.Sprint(i)
		if err := s.PutMuteRule(s.now, rule); err != nil {
			t.Fatal(err)
		}
	}
	rule.Name = "one more"
	if err := s.PutMuteRule(s.now, rule); !errors.Is(err, alarm.ErrTooManyMuteRules) {
		t.Errorf("got %v", err)
	}
	rule.Name = "r" // it counts already
	if err := s.PutMuteRule(s.now, rule); err != nil {
		t.Error(err)
	}
}

// The result of a query that the alarm no longer asks for changes nothing; a failure is recorded once.
func TestTakeResult(t *testing.T) {
	s := newStage(t)
	promql := alarm.Alarm{
		Name: "p", ActionsEnabled: true, Actions: []alarm.Action{{On: alarm.InAlarm, ARN: "topic"}},
		Rule: alarm.Rule{PromQL: &alarm.PromQL{Query: "up == 0", Interval: time.Minute}},
	}
	s.step(s.Put(s.now, promql), "configured p: created")
	if s.Metric["p"].State != alarm.OK {
		t.Errorf("a new PromQL alarm is %v", s.Metric["p"].State)
	}
	s.now = s.Wake(s.now)
	s.step(nil, "query p: up == 0")
	returned := []alarm.Returned{{Attributes: map[string]string{"job": "api"}, Value: "0"}}
	s.step(s.TakeResult(s.now, alarm.QueryResult{Alarm: "p", Query: "another", Returned: returned}))
	s.step(s.TakeResult(s.now, alarm.QueryResult{Alarm: "unknown", Query: "up == 0", Returned: returned}))
	failed := alarm.QueryResult{Alarm: "p", Query: "up == 0", Err: "boom"}
	s.step(s.TakeResult(s.now, failed), "unevaluated p: The query could not be evaluated: boom")
	s.step(s.TakeResult(s.now, failed))
	s.step(s.TakeResult(s.now, alarm.QueryResult{Alarm: "p", Query: "up == 0", Returned: returned}), "state of api in p OK -> ALARM",
		"notify topic of p in ALARM", "state p OK -> ALARM: Threshold Crossed: 1 contributor is in ALARM.", "notify topic of p in ALARM")
}

// Tags are bounded for alarms of either kind and for mute rules; a refusal changes nothing. AWS: TagResource, API reference.
func TestTags(t *testing.T) {
	s := newStage(t)
	s.Put(s.now, unfed("m"))
	s.composite("c", "ALARM(m)")
	if err := s.PutMuteRule(s.now, alarm.MuteRule{Name: "r", Expression: "at(2026-11-24T10:00)", Duration: time.Minute}); err != nil {
		t.Fatal(err)
	}
	many := map[string]string{}
	for i := range alarm.TagsMax {
		many[fmt.Sprint(i)] = ""
	}
	for name, tag := range map[string]func(string, map[string]string, []string) error{"m": s.Tag, "c": s.Tag, "r": s.TagMuteRule} {
		if err := tag(name, many, nil); err != nil {
			t.Fatal(err)
		}
		if err := tag(name, map[string]string{"x": ""}, nil); !errors.Is(err, alarm.ErrTooManyTags) {
			t.Errorf("%s: got %v", name, err)
		}
		if err := tag(name, map[string]string{"x": ""}, []string{"0"}); err != nil {
			t.Error(err)
		}
		if err := tag("unknown", nil, nil); !errors.Is(err, alarm.ErrNoAlarm) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if len(s.Metric["m"].Tags) != alarm.TagsMax || len(s.Composite["c"].Tags) != alarm.TagsMax || len(s.MuteRules["r"].Tags) != alarm.TagsMax {
		t.Error("a refusal changed tags")
	}
}

// A contributor that is returned for less than the pending period raises nothing.
func TestTakeResultWithinThePendingPeriod(t *testing.T) {
	s := newStage(t)
	s.Put(s.now, alarm.Alarm{
		Name: "p", ActionsEnabled: true, Actions: []alarm.Action{{On: alarm.InAlarm, ARN: "topic"}},
		Rule: alarm.Rule{PromQL: &alarm.PromQL{Query: "up == 0", Interval: time.Minute, Pending: time.Minute}},
	})
	result := alarm.QueryResult{Alarm: "p", Query: "up == 0", Returned: []alarm.Returned{{Attributes: map[string]string{"job": "x"}, Value: "0"}}}
	s.now = s.Wake(s.now)
	s.step(nil, "query p: up == 0")
	s.step(s.TakeResult(s.now, result))
	s.now = s.Wake(s.now)
	s.step(nil, "query p: up == 0")
	s.step(s.TakeResult(s.now, result), "state of x in p OK -> ALARM", "notify topic of p in ALARM",
		"state p OK -> ALARM: Threshold Crossed: 1 contributor is in ALARM.", "notify topic of p in ALARM")
}

// States lists every alarm by name, and an alarm that was deleted with its scaling policy counts as one without data.
func TestStates(t *testing.T) {
	s := newStage(t)
	s.Put(s.now, unfed("m"))
	s.set("m", alarm.OK)
	s.composite("c", "OK(m)")
	s.composite("a", "INSUFFICIENT_DATA(m)")
	s.Step(s.now, nil)
	s.Step(s.now, nil)
	states := func() (out []string) {
		for name, state := range s.States() {
			out = append(out, name+" "+state.String())
		}
		return out
	}
	if diff := cmp.Diff([]string{"a OK", "c ALARM", "m OK"}, states()); diff != "" {
		t.Error(diff)
	}
	s.Delete(s.now, []string{"m", "unknown"})
	s.Step(s.now, nil)
	if diff := cmp.Diff([]string{"a ALARM", "c OK"}, states()); diff != "" {
		t.Error(diff)
	}
	if !s.Wake(s.now).IsZero() && len(s.Metric) == 0 && s.Wake(s.now).Before(s.now) {
		t.Errorf("it wakes at %v for nothing", s.Wake(s.now))
	}
}

// A step in which no alarm changes its state allocates nothing, however many are evaluated and whether they invoke policies or not.
func TestStepsOfQuietAlarmsDoNotAllocate(t *testing.T) {
	s := newStage(t)
	const alarms = 300
	for i := range alarms {
		s.Put(s.now, unfed(fmt.Sprint(i), alarm.Action{On: alarm.InAlarm, Target: "t", Policy: "p"}))
		s.set(fmt.Sprint(i), []alarm.State{alarm.OK, alarm.InAlarm}[i%2])
	}
	s.Step(s.now, nil)
	step := func() {
		s.now = s.now.Add(time.Minute)
		if out := s.Step(s.now, nil); len(out.Evaluated) != alarms || len(out.Events) != alarms/2 {
			t.Fatalf("%d evaluations, %d events", len(out.Evaluated), len(out.Events))
		}
	}
	s.now = s.now.Add(10 * time.Second)
	step()
	step()
	if n := testing.AllocsPerRun(10, step); n != 0 {
		t.Errorf("%v allocations a step", n)
	}
}
