package alarm

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// graphOf makes a graph from lines such as "top: left right" or "left: m1 / top", the suppressor last.
func graphOf(t interface{ Fatal(...any) }, lines ...string) *dependencies {
	d := newDependencies()
	for _, line := range lines {
		name, needs, _ := strings.Cut(line, ": ")
		children, suppressor, _ := strings.Cut(needs, " / ")
		var rule []string
		for _, child := range strings.Fields(children) {
			rule = append(rule, "ALARM("+child+")")
		}
		x, err := ParseRule(cmp.Or(strings.Join(rule, " OR "), "TRUE"))
		if err != nil {
			t.Fatal(err)
		}
		d.put(&Composite{Name: name, Suppressor: suppressor}, x)
	}
	return &d
}

func TestLevels(t *testing.T) {
	for _, tc := range []struct {
		name  string
		lines []string
		want  string // levels, with a * for alarms in a cycle of rules
	}{
		{"a rule of metric alarms", []string{"a: m1 m2"}, "a=1"},
		{"a rule without alarms", []string{"a: "}, "a=1"},
		{"a chain, made from its top", []string{"c: b", "b: a", "a: m1"}, "a=1 b=2 c=3"},
		{"two ways up of different length", []string{"a: m1", "b: a", "c: a b m1"}, "a=1 b=2 c=3"},
		{"a suppressor comes before what it suppresses", []string{"a: m1 / b", "b: c", "c: m1"}, "a=3 b=2 c=1"},
		{"two rules need each other", []string{"a: b m1", "b: a"}, "a=2* b=2*"},
		{"a cycle, what is below it and what is above", []string{"low: m1", "a: c low", "b: a", "c: b", "top: c"}, "a=4* b=4* c=4* low=1 top=5"},
		{"a cycle through a suppressor: the rule comes first", []string{"a: m1 / b", "b: a"}, "a=1 b=2"},
		{"a longer cycle through a suppressor", []string{"a: m1 / c", "b: a", "c: b"}, "a=1 b=2 c=3"},
		{"two cycles", []string{"a: b", "b: a", "c: d b", "d: c"}, "a=2* b=2* c=4* d=4*"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := levels(graphOf(t, tc.lines...)); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
			slices.Reverse(tc.lines)
			if got := levels(graphOf(t, tc.lines...)); got != tc.want {
				t.Errorf("put in the other order: got %s, want %s", got, tc.want)
			}
		})
	}
}

func levels(d *dependencies) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(d.needs)) {
		text := fmt.Sprintf("%s=%d", name, d.level(name))
		if d.cyclic[name] {
			text += "*"
		}
		out = append(out, text)
	}
	return strings.Join(out, " ")
}

// However a graph came to be, an alarm is above all that it needs, except within a cycle; cyclic tells exactly the rules that come back to
// themselves; and a graph that was changed equals one made from the start.
func TestLevelsOfAnyGraph(t *testing.T) {
	names := []string{"a", "b", "c", "d", "e", "f"}
	rapid.Check(t, func(t *rapid.T) {
		d := newDependencies()
		lines := map[string]string{}
		for range rapid.IntRange(1, 30).Draw(t, "changes") {
			name := rapid.SampledFrom(names).Draw(t, "name")
			if rapid.IntRange(0, 4).Draw(t, "what") == 0 {
				d.remove(&Composite{Name: name})
				delete(lines, name)
				continue
			}
			some := rapid.SliceOfNDistinct(rapid.SampledFrom(append(slices.Clone(names), "m1", "m2")), 1, 3, rapid.ID[string])
			line := name + ": " + strings.Join(some.Draw(t, "children"), " ")
			if suppressor := rapid.SampledFrom(append([]string{""}, names...)).Draw(t, "suppressor"); suppressor != "" && suppressor != name {
				line += " / " + suppressor
			}
			lines[name] = line
			one := graphOf(t, line)
			d.put(&Composite{Name: name, Suppressor: suppressorOf(line)}, one.rules[name])
			if rapid.Bool().Draw(t, "look") {
				levels(&d)
			}
		}
		fresh := graphOf(t, slices.Collect(maps.Values(lines))...)
		if got, want := levels(&d), levels(fresh); got != want {
			t.Fatalf("changed: %s\nnew:     %s\n%v", got, want, lines)
		}
		for _, name := range slices.Sorted(maps.Keys(d.needs)) {
			if got, want := d.cyclic[name], comesBack(d.children, name, name); got != want {
				t.Fatalf("%s is cyclic: %t, want %t\n%v", name, got, want, lines)
			}
			for _, n := range d.needs[name] {
				together := n == name || comesBack(d.needs, n, name)
				if _, composite := d.needs[n]; composite && !together && d.level(n) >= d.level(name) {
					t.Fatalf("%s on level %d needs %s on level %d\n%v", name, d.level(name), n, d.level(n), lines)
				}
			}
			for _, n := range d.children[name] { // a rule comes before suppressors, also in a cycle
				if _, composite := d.needs[n]; composite && !comesBack(d.children, n, name) && n != name && d.level(n) >= d.level(name) {
					t.Fatalf("%s on level %d has %s on level %d in its rule\n%v", name, d.level(name), n, d.level(n), lines)
				}
			}
		}
	})
}

func suppressorOf(line string) string {
	_, suppressor, _ := strings.Cut(line, " / ")
	return suppressor
}

// comesBack reports whether one comes from one alarm to another along edges between composite alarms.
func comesBack(edges map[string][]string, from, to string) bool {
	seen := map[string]bool{}
	for next := slices.Clone(edges[from]); len(next) > 0; next = next[1:] {
		if next[0] == to {
			return true
		}
		if !seen[next[0]] {
			seen[next[0]] = true
			next = append(next, edges[next[0]]...)
		}
	}
	return false
}
