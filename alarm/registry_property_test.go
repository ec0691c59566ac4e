package alarm_test

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
	"bellows.dev/bellows/metric"
)

// history is a registry whose alarms change at random, and a twin that is restored from a snapshot before each call.
type history struct {
	t         *rapid.T
	registry  *alarm.Registry
	twin      *alarm.Registry
	now       time.Time
	names     []string        // of metric alarms, then of composite ones, in the order of their creation
	wasCyclic map[string]bool // composite alarms that have ever been in a cycle: evaluation stops in one, so they may lag behind their rules
}

// do makes a call on the registry and the twin, and then a step, and compares their events.
func (h *history) do(call func(*alarm.Registry) ([]alarm.Event, error)) error {
	h.twin = restored(h.t, h.twin)
	before := maps.Clone(h.registry.Composite)
	got, err := both(h.registry, h.now, call)
	if twinText, twinErr := both(h.twin, h.now, call); got != twinText || fmt.Sprint(err) != fmt.Sprint(twinErr) {
		h.t.Fatalf("a registry from a snapshot differs: %v, %v\n%s\n---\n%s", err, twinErr, got, twinText)
	}
	if a, b := h.registry.Wake(h.now), h.twin.Wake(h.now); !a.Equal(b) {
		h.t.Fatalf("it wakes at %v, one from a snapshot at %v", a, b)
	}
	h.checkOrder(got, before)
	return err
}

func both(r *alarm.Registry, now time.Time, call func(*alarm.Registry) ([]alarm.Event, error)) (string, error) {
	events, err := call(r)
	got := texts(events)
	if err == nil {
		got += texts(r.Step(now, nil).Events)
	}
	return got, err
}

// restored returns a registry with what a snapshot of another one holds.
func restored(t interface{ Fatal(...any) }, old *alarm.Registry) *alarm.Registry {
	var s struct {
		Metric    map[string]*alarm.Alarm
		Composite map[string]*alarm.Composite
		MuteRules map[string]*alarm.MuteRule
	}
	s.Metric, s.Composite, s.MuteRules = old.Metric, old.Composite, old.MuteRules
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	s.Metric, s.Composite, s.MuteRules = nil, nil, nil
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	next := alarm.NewRegistry(metric.NewWindow(time.Hour), 10*time.Second)
	if err := next.Restore(s.Metric, s.Composite, s.MuteRules); err != nil {
		t.Fatal(err)
	}
	return next
}

// checkOrder checks that no composite alarm outside cycles changes its state before an alarm in its rule does, in one step.
func (h *history) checkOrder(got string, before map[string]*alarm.Composite) {
	var order []string
	for line := range strings.Lines(got) {
		if name, ok := strings.CutPrefix(line, "state "); ok {
			order = append(order, strings.Fields(name)[0])
		}
	}
	for at, name := range order {
		if h.registry.Composite[name] == nil || before[name] == nil || cyclic(h.registry, name) {
			continue // metric alarms lead, and a new composite alarm is evaluated before the step
		}
		for _, child := range h.registry.Children(name) {
			if last := lastIndex(order, child); last > at && lastIndex(order, name) == at && !cyclic(h.registry, child) {
				h.t.Fatalf("%s changes before %s, which is in its rule:\n%s", name, child, got)
			}
		}
	}
}

func lastIndex(all []string, s string) int {
	for i := len(all) - 1; i >= 0; i-- {
		if all[i] == s {
			return i
		}
	}
	return -1
}

// rule draws a rule over the alarms that exist.
func (h *history) rule(depth int) string {
	name := rapid.SampledFrom(h.names).Draw(h.t, "name")
	kind := rapid.IntRange(0, 6).Draw(h.t, "kind")
	if depth == 0 && kind > 1 {
		kind = 0
	}
	switch kind {
	case 1:
		return "INSUFFICIENT_DATA(" + name + ")"
	case 2:
		return "NOT (" + h.rule(depth-1) + ")"
	case 3:
		return "(" + h.rule(depth-1) + " AND " + h.rule(depth-1) + ")"
	case 4:
		return h.rule(depth-1) + " OR " + h.rule(depth-1)
	case 5:
		other := rapid.SampledFrom(h.names).Draw(h.t, "other")
		return fmt.Sprintf("AT_LEAST(50%%, NOT OK, (%s, %s))", name, other)
	default:
		return "ALARM(" + name + ")"
	}
}

// check compares every composite alarm with its rule and its suppressor.
func (h *history) check() {
	r := h.registry
	state := func(name string) alarm.State {
		if a := r.Metric[name]; a != nil {
			return a.State
		}
		return r.Composite[name].State
	}
	for _, name := range slices.Sorted(maps.Keys(r.Composite)) {
		c := r.Composite[name]
		x, err := alarm.ParseRule(c.Rule)
		if err != nil {
			h.t.Fatal(err)
		}
		want := alarm.OK
		if x.Holds(state) {
			want = alarm.InAlarm
		}
		if h.wasCyclic[name] = h.wasCyclic[name] || cyclic(r, name); c.State != want && !h.wasCyclic[name] {
			h.t.Fatalf("%s is %v, its rule %s says %v", name, c.State, c.Rule, want)
		}
		inAlarm := c.Suppressor != "" && state(c.Suppressor) == alarm.InAlarm
		if inAlarm != (c.Suppressed == alarm.ByAlarm) {
			h.t.Fatalf("%s: its suppressor is in ALARM %v, it is suppressed by %v", name, inAlarm, c.Suppressed)
		}
		if waits := c.Suppressed == alarm.ByWaitPeriod || c.Suppressed == alarm.ByExtensionPeriod; waits != !c.Until.IsZero() || waits && !c.Until.After(h.now) {
			h.t.Fatalf("%s: suppressed by %v until %v, now is %v", name, c.Suppressed, c.Until, h.now)
		}
		if c.Suppressed == 0 && c.Held != nil {
			h.t.Fatalf("%s: actions are held back by nothing", name)
		}
	}
}

// cyclic reports whether a composite alarm's rule depends on itself through others.
func cyclic(r *alarm.Registry, name string) bool {
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

// Whatever happens, a composite alarm outside cycles is what its rule says and changes after the alarms in its rule, is suppressed exactly
// while it should be, and a registry restored from a snapshot continues in the same way.
func TestCompositesAreWhatTheirRulesSay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := &history{t: t, registry: newRegistry(), twin: newRegistry(), now: start, wasCyclic: map[string]bool{}}
		must := func(call func(*alarm.Registry) ([]alarm.Event, error)) {
			if err := h.do(call); err != nil {
				t.Fatal(err)
			}
		}
		for _, name := range []string{"m1", "m2", "m3"} {
			h.names = append(h.names, name)
			must(func(r *alarm.Registry) ([]alarm.Event, error) { return r.Put(h.now, unfed(name)), nil })
		}
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			state := rapid.SampledFrom([]alarm.State{alarm.OK, alarm.InAlarm, alarm.InsufficientData}).Draw(t, "state")
			switch rapid.IntRange(0, 4).Draw(t, "what") {
			case 0, 1:
				name := rapid.SampledFrom(h.names[:3]).Draw(t, "alarm")
				must(func(r *alarm.Registry) ([]alarm.Event, error) {
					return r.SetState(h.now, name, alarm.Override{State: state, Reason: "by hand"})
				})
			case 2:
				name := rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "composite")
				c := alarm.Composite{Name: name, Rule: h.rule(2), ActionsEnabled: true, Actions: []alarm.Action{{On: alarm.InAlarm, ARN: "topic"}}}
				if rapid.Bool().Draw(t, "suppressed") {
					c.Suppressor = rapid.SampledFrom(h.names).Draw(t, "suppressor")
					c.Wait = time.Duration(rapid.IntRange(0, 3).Draw(t, "wait")) * time.Second
					c.Extension = time.Duration(rapid.IntRange(0, 3).Draw(t, "extension")) * time.Second
				}
				err := h.do(func(r *alarm.Registry) ([]alarm.Event, error) { return r.PutComposite(h.now, c) })
				if err == nil && !slices.Contains(h.names, name) {
					h.names = append(h.names, name)
				}
			case 3:
				name := rapid.SampledFrom(h.names).Draw(t, "deleted")
				if h.registry.Composite[name] == nil || h.registry.Deletable([]string{name}) != nil {
					continue
				}
				must(func(r *alarm.Registry) ([]alarm.Event, error) { return r.Delete(h.now, []string{name}), nil })
				h.names = slices.DeleteFunc(h.names, func(s string) bool { return s == name })
				delete(h.wasCyclic, name)
			default:
				h.now = h.now.Add(time.Duration(rapid.IntRange(1, 3).Draw(t, "seconds")) * time.Second)
				must(func(*alarm.Registry) ([]alarm.Event, error) { return nil, nil })
			}
			h.check()
		}
	})
}
