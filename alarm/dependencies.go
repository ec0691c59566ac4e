package alarm

import "slices"

// dependencies is the graph of what a registry's composite alarms depend on: an index, made from their rules and suppressors. Rules mostly
// form a tree, with metric alarms as its leaves; longer cycles are allowed (AWS: recorded), and alarms in one have cyclic set.
type dependencies struct {
	rules       map[string]*Expression
	children    map[string][]string // of a composite alarm: the alarms in its rule
	needs       map[string][]string // of a composite alarm: its children, and its suppressor
	parents     map[string][]string // of any alarm: the composite alarms that have it in their rules
	suppresses  map[string][]string // of any alarm: the composite alarms whose suppressor it is
	levels      map[string]int      // of a composite alarm: how far above metric alarms; filled in on demand
	cyclic      map[string]bool     // composite alarms whose rules depend on themselves through others; filled in with levels
	withPeriods map[string]bool     // composite alarms in a wait or extension period
}

func newDependencies() dependencies {
	return dependencies{
		rules: map[string]*Expression{}, children: map[string][]string{}, needs: map[string][]string{}, parents: map[string][]string{},
		suppresses: map[string][]string{}, levels: map[string]int{}, cyclic: map[string]bool{}, withPeriods: map[string]bool{},
	}
}

// put records what a composite alarm depends on, in place of what it did before.
func (d *dependencies) put(c *Composite, x *Expression) {
	inPeriod := d.withPeriods[c.Name]
	d.remove(c)
	d.rules[c.Name] = x
	for _, reference := range x.Children() {
		name := c.NameOf(reference)
		if !slices.Contains(d.children[c.Name], name) {
			d.children[c.Name] = append(d.children[c.Name], name)
			d.parents[name] = append(d.parents[name], c.Name)
		}
	}
	d.needs[c.Name] = slices.Clone(d.children[c.Name])
	if c.Suppressor != "" {
		name := c.NameOf(c.Suppressor)
		d.needs[c.Name] = append(d.needs[c.Name], name)
		d.suppresses[name] = append(d.suppresses[name], c.Name)
	}
	if inPeriod || !c.Until.IsZero() {
		d.withPeriods[c.Name] = true
	}
}

// remove removes a composite alarm from the graph.
func (d *dependencies) remove(c *Composite) {
	for _, name := range d.needs[c.Name] {
		removeFrom(d.parents, name, c.Name)
		removeFrom(d.suppresses, name, c.Name)
	}
	delete(d.rules, c.Name)
	delete(d.needs, c.Name)
	delete(d.children, c.Name)
	delete(d.withPeriods, c.Name)
	clear(d.levels)
	clear(d.cyclic)
}

func removeFrom(m map[string][]string, key, value string) {
	if rest := slices.DeleteFunc(m[key], func(s string) bool { return s == value }); len(rest) > 0 {
		m[key] = rest
	} else {
		delete(m, key)
	}
}

// dependsOn reports whether an alarm is a composite alarm itself, or depends on it directly or through others.
func (d *dependencies) dependsOn(name, composite string) bool {
	seen := map[string]bool{}
	for next := []string{name}; len(next) > 0; {
		at := next[len(next)-1]
		next = next[:len(next)-1]
		if at == composite {
			return true
		}
		if !seen[at] {
			seen[at] = true
			next = append(next, d.needs[at]...)
		}
	}
	return false
}

// level returns how far an alarm is above metric alarms, which are on level 0: above all that it needs. In a cycle through a suppressor,
// rules come before suppressors; alarms whose rules form a cycle are on one level.
func (d *dependencies) level(name string) int {
	if _, composite := d.needs[name]; !composite {
		return 0
	}
	if known := d.levels[name]; known > 0 {
		return known
	}
	cycle := d.cycle(name)
	highest := 0
	for _, member := range cycle {
		for _, n := range d.needs[member] {
			if !slices.Contains(cycle, n) {
				highest = max(highest, d.level(n))
			}
		}
	}
	for _, member := range cycle {
		below := d.reach(member, d.children, func(n string) bool { return slices.Contains(cycle, n) })
		d.cyclic[member] = below[member]
		below[member] = true
		d.levels[member] = highest + len(below)
	}
	return d.levels[name]
}

// cycle returns a composite alarm and those that it depends on and that depend on it: mostly itself alone. An alarm whose level is known is
// never in a cycle with one whose level is not.
func (d *dependencies) cycle(name string) []string {
	below := d.reach(name, d.needs, func(n string) bool { return d.levels[n] == 0 })
	cycle := []string{name}
	for i := 0; i < len(cycle); i++ {
		for _, up := range slices.Concat(d.parents[cycle[i]], d.suppresses[cycle[i]]) {
			if below[up] && !slices.Contains(cycle, up) {
				cycle = append(cycle, up)
			}
		}
	}
	return cycle
}

// reach returns the composite alarms that can be reached from one along edges, through those that pass a filter. The one itself is among
// them only where it is in a cycle.
func (d *dependencies) reach(name string, edges map[string][]string, through func(string) bool) map[string]bool {
	reached := map[string]bool{}
	for next := []string{name}; len(next) > 0; {
		at := next[len(next)-1]
		next = next[:len(next)-1]
		for _, n := range edges[at] {
			if _, composite := d.needs[n]; composite && !reached[n] && through(n) {
				reached[n] = true
				next = append(next, n)
			}
		}
	}
	return reached
}

// cause says why a composite alarm is due: an alarm in its rule changed, or its suppressor.
type cause struct{ child, suppressor bool }

// addDependents adds the composite alarms that depend on an alarm to those that are due, by level.
func (d *dependencies) addDependents(due map[int]map[string]cause, name string) {
	add := func(parent string, c cause) {
		level := d.level(parent)
		if due[level] == nil {
			due[level] = map[string]cause{}
		}
		before := due[level][parent]
		due[level][parent] = cause{before.child || c.child, before.suppressor || c.suppressor}
	}
	for _, parent := range d.parents[name] {
		add(parent, cause{child: true})
	}
	for _, parent := range d.suppresses[name] {
		add(parent, cause{suppressor: true})
	}
}
