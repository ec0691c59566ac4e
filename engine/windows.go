package engine

import (
	"cmp"
	"fmt"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/scaling"
)

// Rules that read metrics themselves (scaling.Windowed) read them as alarms do: the same periods with the same delay after their end. So each
// window is an alarm that is not visible to users, and its readings are recorded with those of alarms, for repeating the step without metrics.

// windowed is the windows of one policy.
type windowed []window

// window is one of them.
type window struct {
	*alarm.Alarm
	earlier string // its name in snapshots and archives of versions whose names of windows had no dimension
}

// windowName names a window among those of a scope. of is the target.
func windowName(i int, policy, of string) string {
	return fmt.Sprintf("window %d of policy %s of %s", i, policy, of)
}

// watchWindows has the metrics that a policy reads kept in memory for as long as it looks back.
func (r *Region) watchWindows(k scaling.TargetKey, p *scaling.Policy) {
	rule, ok := p.Rule.(scaling.Windowed)
	if !ok {
		delete(r.windows, p)
		return
	}
	var all windowed
	for i, w := range rule.Windows(k) {
		a := &alarm.Alarm{
			Name: windowName(i, p.Name, string(k.Dimension)+" "+k.ResourceID),
			Rule: alarm.Rule{Metric: w.Metric, Statistic: w.Statistic, Period: w.Period, Periods: w.Periods, Comparison: alarm.GreaterThanThreshold},
		}
		r.Metrics.Series(w.Metric).Keep(a.Rule.Reach())
		all = append(all, window{a, windowName(i, p.Name, k.ResourceID)})
	}
	if r.windows == nil {
		r.windows = map[*scaling.Policy]windowed{}
	}
	r.windows[p] = all
}

// windows returns how the windows of a target's policies are read in this step; nil where no rule's moment has come.
func (e *Engine) windows(r *Region, t *scaling.Target) func(*scaling.Policy) []scaling.Readings {
	if !t.RuleDue || len(r.windows) == 0 {
		return nil
	}
	return func(p *scaling.Policy) []scaling.Readings {
		for _, a := range r.windows[p] {
			e.readWindow(r, a)
		}
		return r.readings(t, p)
	}
}

func (e *Engine) readWindow(r *Region, a window) {
	if readings := e.readingsOf(r.Scope); readings == nil {
		a.Evaluate(e.now, e.config.EvaluationDelay, r.Metrics.Series(a.Rule.Metric), &e.step.scratch)
	} else if x := cmp.Or(readings[a.Name], readings[a.earlier]); x != nil {
		a.Restore(e.now, e.config.EvaluationDelay, x.Recent, x.Ages)
	} else {
		a.Restore(e.now, e.config.EvaluationDelay, nil, nil)
	}
	e.step.out.Evaluated = append(e.step.out.Evaluated, Evaluated{r, a.Alarm, false})
}

// readings are what the windows of a policy saw last, each value with the least capacity that has served since its period began.
func (r *Region) readings(t *scaling.Target, p *scaling.Policy) []scaling.Readings {
	v := r.resource(t)
	out := make([]scaling.Readings, 0, len(r.windows[p]))
	for _, a := range r.windows[p] {
		var all scaling.Readings
		for i, value := range a.Recent {
			x := scaling.Reading{Value: value}
			if v != nil {
				x.Served = v.LeastServed(a.RecentStart(i))
			}
			all = append(all, x)
		}
		out = append(out, all)
	}
	return out
}

// WindowState is what a window saw when it was last read, as alarm.Alarm has it.
type WindowState struct {
	Recent []float64
	Ages   []int
	Newest time.Time
}

// windowStates returns what each window saw last, by its name.
func (r *Region) windowStates() map[string]WindowState {
	var out map[string]WindowState
	for _, all := range r.windows { //tidy:unordered put into a map
		for _, a := range all {
			if a.Newest.IsZero() {
				continue // never read
			}
			if out == nil {
				out = map[string]WindowState{}
			}
			out[a.Name] = WindowState{a.Recent, a.Ages, a.Newest}
		}
	}
	return out
}

// restoreWindows is the inverse of windowStates. Steps read their windows again; explanations need what was read last.
func (r *Region) restoreWindows(states map[string]WindowState) {
	for _, all := range r.windows { //tidy:unordered each has a state of its own
		for _, a := range all {
			x, found := states[a.Name]
			if !found {
				x, found = states[a.earlier]
			}
			if found {
				a.Recent, a.Ages, a.Newest = x.Recent, x.Ages, x.Newest
			}
		}
	}
}
