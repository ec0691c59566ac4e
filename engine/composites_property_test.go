package engine_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/metric"
)

// life is an engine with composite alarms that change at random, and a twin that is written down and read again after each step.
type life struct {
	t     *rapid.T
	one   *engine.Engine
	twin  *engine.Engine
	now   time.Time
	names []string // of metric alarms, then of composite ones, in the order of their making

	// rings are the composite alarms that have been in a cycle: evaluation stops in one, so they may lag behind their rules.
	rings map[string]bool
}

func (l *life) do(in engine.Input) error {
	out, err := l.one.Step(l.now, in)
	text, failed := json.Marshal(l.twin.State())
	if failed != nil {
		l.t.Fatal(failed)
	}
	var s engine.State
	if err := json.Unmarshal(text, &s); err != nil {
		l.t.Fatal(err)
	}
	if l.twin, failed = engine.FromState(s); failed != nil {
		l.t.Fatal(failed)
	}
	twinOut, twinErr := l.twin.Step(l.now, in)
	if fmt.Sprint(err) != fmt.Sprint(twinErr) || lines(out) != lines(twinOut) {
		l.t.Fatalf("a twin that was read again differs: %v, %v\n%s\n---\n%s", err, twinErr, lines(out), lines(twinOut))
	}
	return err
}

func lines(out engine.Output) string {
	var all []string
	for _, e := range out.Events {
		all = append(all, e.String())
	}
	return strings.Join(all, "\n")
}

// rule draws a rule over the alarms that there are.
func (l *life) rule(depth int) string {
	name := rapid.SampledFrom(l.names).Draw(l.t, "name")
	kind := rapid.IntRange(0, 6).Draw(l.t, "kind")
	if depth == 0 && kind > 1 {
		kind = 0
	}
	switch kind {
	case 1:
		return "INSUFFICIENT_DATA(" + name + ")"
	case 2:
		return "NOT (" + l.rule(depth-1) + ")"
	case 3:
		return "(" + l.rule(depth-1) + " AND " + l.rule(depth-1) + ")"
	case 4:
		return l.rule(depth-1) + " OR " + l.rule(depth-1)
	case 5:
		other := rapid.SampledFrom(l.names).Draw(l.t, "other")
		return fmt.Sprintf("AT_LEAST(50%%, NOT OK, (%s, %s))", name, other)
	default:
		return "ALARM(" + name + ")"
	}
}

// check holds every composite alarm against its rule.
func (l *life) check() {
	r := l.one.Region(scope)
	stand := func(name string) alarm.State {
		if a := r.Alarms[name]; a != nil {
			return a.State
		}
		return r.Composites[name].State
	}
	for _, name := range slices.Sorted(maps.Keys(r.Composites)) {
		c := r.Composites[name]
		x, err := alarm.ParseRule(c.Rule)
		if err != nil {
			l.t.Fatal(err)
		}
		want := alarm.OK
		if x.Holds(stand) {
			want = alarm.InAlarm
		}
		if l.rings[name] = l.rings[name] || cyclic(r, name); c.State != want && !l.rings[name] {
			l.t.Fatalf("%s is %v, its rule %s says %v", name, c.State, c.Rule, want)
		}
		inAlarm := c.Suppressor != "" && stand(c.Suppressor) == alarm.InAlarm
		if inAlarm != (c.Suppressed == alarm.ByAlarm) {
			l.t.Fatalf("%s: its suppressor is in ALARM %v, it is suppressed by %v", name, inAlarm, c.Suppressed)
		}
		if waiting := c.Suppressed == alarm.ByWaitPeriod || c.Suppressed == alarm.ByExtensionPeriod; waiting != !c.Until.IsZero() || waiting && !c.Until.After(l.now) {
			l.t.Fatalf("%s: suppressed by %v until %v, now is %v", name, c.Suppressed, c.Until, l.now)
		}
		if c.Suppressed == 0 && c.Held != nil {
			l.t.Fatalf("%s: actions are held back by nothing", name)
		}
	}
}

// cyclic tells whether a composite alarm depends on itself by others.
func cyclic(r *engine.Region, name string) bool {
	seen := map[string]bool{}
	for next := r.Children(name); len(next) > 0; next = next[1:] {
		if next[0] == name {
			return true
		}
		if !seen[next[0]] {
			seen[next[0]] = true
			next = append(next, r.Children(next[0])...)
		}
	}
	return false
}

// Whatever happens, a composite alarm outside cycles is what its rule says, suppressed exactly while it should be, and a state that was
// written down and read again goes on alike.
func TestCompositesAreWhatTheirRulesSay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := &life{t: t, one: engine.New(engine.Config{Seed: 3}), twin: engine.New(engine.Config{Seed: 3}), now: ten, rings: map[string]bool{}}
		for _, name := range []string{"m1", "m2", "m3"} {
			l.names = append(l.names, name)
			if err := l.do(engine.PutMetricAlarm{Scope: scope, Alarm: alarm.Alarm{Name: name, Rule: alarm.Rule{
				Metric: metric.NewID("N", name), Statistic: metric.Statistic{Kind: metric.Sum}, Period: time.Minute, Periods: 1,
				Threshold: 1, Comparison: alarm.GreaterThanThreshold, Missing: alarm.Ignore,
			}}}); err != nil {
				t.Fatal(err)
			}
		}
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			state := rapid.SampledFrom([]alarm.State{alarm.OK, alarm.InAlarm, alarm.InsufficientData}).Draw(t, "state")
			switch rapid.IntRange(0, 4).Draw(t, "what") {
			case 0, 1:
				name := rapid.SampledFrom(l.names[:3]).Draw(t, "alarm")
				if err := l.do(engine.SetAlarmState{Scope: scope, Name: name, State: state, Reason: "r"}); err != nil {
					t.Fatal(err)
				}
			case 2:
				name := rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "composite")
				c := alarm.Composite{Name: name, Rule: l.rule(2), ActionsEnabled: true, Actions: []alarm.Action{{On: alarm.InAlarm, ARN: "x"}}}
				if rapid.Bool().Draw(t, "suppressed") {
					c.Suppressor = rapid.SampledFrom(l.names).Draw(t, "suppressor")
					c.Wait = time.Duration(rapid.IntRange(0, 3).Draw(t, "wait")) * time.Second
					c.Extension = time.Duration(rapid.IntRange(0, 3).Draw(t, "extension")) * time.Second
				}
				if l.do(engine.PutCompositeAlarm{Scope: scope, Alarm: c}) == nil && !slices.Contains(l.names, name) {
					l.names = append(l.names, name)
				}
			case 3:
				name := rapid.SampledFrom(l.names).Draw(t, "gone")
				if l.one.Region(scope).Composites[name] != nil && l.do(engine.DeleteAlarms{Scope: scope, Names: []string{name}}) == nil {
					l.names = slices.DeleteFunc(l.names, func(s string) bool { return s == name })
					delete(l.rings, name)
				}
			default:
				l.now = l.now.Add(time.Duration(rapid.IntRange(1, 3).Draw(t, "seconds")) * time.Second)
				if err := l.do(engine.Tick{}); err != nil {
					t.Fatal(err)
				}
			}
			l.check()
		}
	})
}
