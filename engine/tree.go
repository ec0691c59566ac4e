package engine

import (
	"fmt"
	"iter"
	"maps"
	"slices"

	"bellows.dev/bellows/alarm"
)

// tree is how a region's composite alarms depend on others: an index, made of Region.Composites.
type tree struct {
	rules    map[string]*alarm.Expression
	needs    map[string][]string // of a composite alarm: the alarms in its rule, and its suppressor
	parents  map[string][]string // of an alarm: the composite alarms that have it in their rules
	holds    map[string][]string // of an alarm: the composite alarms that it suppresses
	levels   map[string]int      // how far above metric alarms; found when asked for
	rings    map[string]bool     // composite alarms whose rules depend on themselves by others; found with levels
	waiting  map[string]bool     // composite alarms with a wait or extension period that runs
	children map[string][]string // of a composite alarm: the alarms in its rule
}

func newTree() tree {
	return tree{
		rules: map[string]*alarm.Expression{}, needs: map[string][]string{}, parents: map[string][]string{}, holds: map[string][]string{},
		levels: map[string]int{}, rings: map[string]bool{}, waiting: map[string]bool{}, children: map[string][]string{},
	}
}

// put notes what a composite alarm depends on, in place of what it did before.
func (t *tree) put(c *alarm.Composite, x *alarm.Expression) {
	waiting := t.waiting[c.Name]
	t.remove(c)
	t.rules[c.Name] = x
	for _, reference := range x.Children() {
		name := c.NameOf(reference)
		if !slices.Contains(t.children[c.Name], name) {
			t.children[c.Name] = append(t.children[c.Name], name)
			t.parents[name] = append(t.parents[name], c.Name)
		}
	}
	t.needs[c.Name] = slices.Clone(t.children[c.Name])
	if c.Suppressor != "" {
		name := c.NameOf(c.Suppressor)
		t.needs[c.Name] = append(t.needs[c.Name], name)
		t.holds[name] = append(t.holds[name], c.Name)
	}
	if waiting || !c.Until.IsZero() {
		t.waiting[c.Name] = true
	}
}

// remove forgets a composite alarm.
func (t *tree) remove(c *alarm.Composite) {
	for _, name := range t.needs[c.Name] {
		drop(t.parents, name, c.Name)
		drop(t.holds, name, c.Name)
	}
	delete(t.rules, c.Name)
	delete(t.needs, c.Name)
	delete(t.children, c.Name)
	delete(t.waiting, c.Name)
	clear(t.levels)
	clear(t.rings)
}

func drop(m map[string][]string, key, value string) {
	if rest := slices.DeleteFunc(m[key], func(s string) bool { return s == value }); len(rest) > 0 {
		m[key] = rest
	} else {
		delete(m, key)
	}
}

// reaches tells whether an alarm depends on a composite alarm, directly or by others.
func (t *tree) reaches(c *alarm.Composite, from string) bool {
	seen := map[string]bool{}
	for next := []string{from}; len(next) > 0; {
		name := next[len(next)-1]
		next = next[:len(next)-1]
		if name == c.Name {
			return true
		}
		if !seen[name] {
			seen[name] = true
			next = append(next, t.needs[name]...)
		}
	}
	return false
}

// level is how far an alarm is above metric alarms: above all that it needs. Where alarms need one another, rules come before suppressors;
// those whose rules depend on one another are on one level.
func (t *tree) level(name string) int {
	if _, composite := t.needs[name]; !composite {
		return 0
	}
	if known := t.levels[name]; known > 0 {
		return known
	}
	ring := t.ring(name)
	highest := 0
	for _, member := range ring {
		for _, n := range t.needs[member] {
			if !slices.Contains(ring, n) {
				highest = max(highest, t.level(n))
			}
		}
	}
	for _, member := range ring {
		below := t.below(member, t.children, func(n string) bool { return slices.Contains(ring, n) })
		t.rings[member] = below[member]
		below[member] = true
		t.levels[member] = highest + len(below)
	}
	return t.levels[name]
}

// ring is a composite alarm and all that it depends on and that depend on it: itself alone, mostly. Alarms whose level is known are in
// none with one whose level is not.
func (t *tree) ring(name string) []string {
	below := t.below(name, t.needs, func(n string) bool { return t.levels[n] == 0 })
	ring := []string{name}
	for i := 0; i < len(ring); i++ {
		for _, up := range slices.Concat(t.parents[ring[i]], t.holds[ring[i]]) {
			if below[up] && !slices.Contains(ring, up) {
				ring = append(ring, up)
			}
		}
	}
	return ring
}

// below are the composite alarms that one comes to by going from one of some kind to the next: itself among them only where it is in a cycle.
func (t *tree) below(name string, to map[string][]string, kind func(string) bool) map[string]bool {
	below := map[string]bool{}
	for next := []string{name}; len(next) > 0; {
		at := next[len(next)-1]
		next = next[:len(next)-1]
		for _, n := range to[at] {
			if _, composite := t.needs[n]; composite && !below[n] && kind(n) {
				below[n] = true
				next = append(next, n)
			}
		}
	}
	return below
}

// work is why a composite alarm is looked at.
type work struct{ child, suppressor bool }

// follow adds those that depend on an alarm to what is due, by level.
func (t *tree) follow(due map[int]map[string]work, name string) {
	add := func(parent string, w work) {
		level := t.level(parent)
		if due[level] == nil {
			due[level] = map[string]work{}
		}
		was := due[level][parent]
		due[level][parent] = work{was.child || w.child, was.suppressor || w.suppressor}
	}
	for _, parent := range t.parents[name] {
		add(parent, work{child: true})
	}
	for _, parent := range t.holds[name] {
		add(parent, work{suppressor: true})
	}
}

// Children are the alarms in a composite alarm's rule; nil where it is none.
func (r *Region) Children(name string) []string { return slices.Clone(r.tree.children[name]) }

// Parents are the composite alarms that have an alarm in their rules, by name.
func (r *Region) Parents(name string) []string {
	return slices.Sorted(slices.Values(r.tree.parents[name]))
}

// AlarmStates gives every alarm's state, of metric alarms and composite ones, by name.
func (r *Region) AlarmStates() iter.Seq2[string, alarm.State] {
	return func(yield func(string, alarm.State) bool) {
		names := slices.AppendSeq(slices.Collect(maps.Keys(r.Alarms)), maps.Keys(r.Composites))
		slices.Sort(names)
		for _, name := range names {
			if !yield(name, r.stand(name).State) {
				return
			}
		}
	}
}

// restore makes the index of composite alarms anew. It fails where a rule cannot be parsed.
func (r *Region) restore() error {
	r.tree = newTree()
	for _, name := range slices.Sorted(maps.Keys(r.Composites)) {
		c := r.Composites[name]
		x, err := alarm.ParseRule(c.Rule)
		if err != nil {
			return fmt.Errorf("the rule of composite alarm %s: %w", name, err)
		}
		r.tree.put(c, x)
	}
	return nil
}
