package engine

import (
	"slices"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/metric"
)

// Reading is what an evaluation made of an alarm: with the readings of a step, the step can be taken again without its measurements.
type Reading struct {
	Scope  Scope
	Alarm  string
	Recent []float64
	Ages   []int // as alarm.Alarm has them

	// Moved: the state changed, to State, for Reason and with Data. The three are set only then.
	Moved        bool
	State        alarm.State
	Reason, Data string
}

// Evaluated is an alarm that a step evaluated, as it stands after the step. It is good until the next step.
type Evaluated struct {
	Region *Region // its scope
	Alarm  *alarm.Alarm
	Moved  bool
}

// Measures reports whether all that an input brings are measurements, or news of where they are kept: of what it leads to, a step with
// nothing but Readings is all that is left.
func Measures(in Input) bool {
	switch in.(type) {
	case Tick, Observed, PutMetricData, KeepHistory, HistoryKept:
		return true
	default:
		return false
	}
}

// WithoutMetrics returns a state to relive steps from. It shares memory with s.
func (s State) WithoutMetrics() State {
	s.Keeps = false
	s.Regions = slices.Clone(s.Regions)
	for i := range s.Regions {
		s.Regions[i].Metrics = metric.State{Retention: s.Regions[i].Metrics.Retention}
	}
	return s
}

// Relive takes a step of the past again as Step does, save that it believes the readings rather than to look at metrics: an alarm
// without one stays as it is.
func (e *Engine) Relive(now time.Time, in Input, readings []Reading) (Output, error) {
	e.readings = make(map[alarmKey]*Reading, len(readings))
	for i := range readings {
		e.readings[alarmKey{readings[i].Scope, readings[i].Alarm}] = &readings[i]
	}
	defer func() { e.readings = nil }()
	return e.Step(now, in)
}

// alarmKey names an alarm.
type alarmKey struct {
	Scope
	alarm string
}

// recall puts an alarm where the evaluation of the step that is relived left it.
func (e *Engine) recall(r *Region, a *alarm.Alarm) (t alarm.Transition, changed bool) {
	a.Schedule(e.now, e.config.EvaluationDelay)
	x := e.readings[alarmKey{r.Scope, a.Name}]
	if x == nil {
		return t, false
	}
	a.Restore(e.now, e.config.EvaluationDelay, x.Recent, x.Ages)
	if !x.Moved {
		return t, false
	}
	return a.Set(e.now, x.State, x.Reason, x.Data)
}

// Reading is what one who relives the step has to know of the evaluation. It shares memory with the engine.
func (x Evaluated) Reading() Reading {
	r := Reading{Scope: x.Region.Scope, Alarm: x.Alarm.Name, Recent: x.Alarm.Recent, Ages: x.Alarm.Ages, Moved: x.Moved}
	if x.Moved {
		r.State, r.Reason, r.Data = x.Alarm.State, x.Alarm.Reason, x.Alarm.Data
	}
	return r
}

// Quiet reports whether a step that had only measurements led to nothing: it can be left out when steps are relived.
func (o Output) Quiet() bool {
	return len(o.Events) == 0 && len(o.Evaluated) == 0 && o.Effects.Empty()
}

// evaluated tells of an evaluation that one who relives the step has to know: scaling policies hear of every one, others of changes.
func (e *Engine) evaluated(r *Region, a *alarm.Alarm, changed bool) {
	if changed || slices.ContainsFunc(a.Actions, func(x alarm.Action) bool { return x.Policy != "" }) {
		e.step.out.Evaluated = append(e.step.out.Evaluated, Evaluated{r, a, changed})
	}
}
