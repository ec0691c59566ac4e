package engine

import (
	"slices"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/metric"
)

// Reading is what an evaluation made of an alarm: with the readings of a step, the step can be repeated without its measurements.
type Reading struct {
	Scope Scope
	alarm.Reading
}

// Evaluated is an alarm that a step evaluated, as it is after the step. It is valid until the next step.
type Evaluated struct {
	Region *Region // its scope
	Alarm  *alarm.Alarm
	Moved  bool
}

// Measures reports whether an input only brings measurements, or says where they are kept: a Tick with the Readings of its step has the same
// results.
func Measures(in Input) bool {
	switch in.(type) {
	case Tick, Observed, PutMetricData, KeepHistory, HistoryKept:
		return true
	default:
		return false
	}
}

// WithoutMetrics returns a state from which StepWithReadings can continue. It shares memory with s.
func (s State) WithoutMetrics() State {
	s.Keeps = false
	s.Regions = slices.Clone(s.Regions)
	for i := range s.Regions {
		s.Regions[i].Metrics = metric.State{Retention: s.Regions[i].Metrics.Retention}
	}
	return s
}

// StepWithReadings repeats a past step as Step does, but with the readings of its alarms instead of its metrics: an alarm without a reading
// stays as it is.
func (e *Engine) StepWithReadings(now time.Time, in Input, readings []Reading) (Output, error) {
	e.readings = map[Scope]alarm.Readings{}
	for i := range readings {
		x := &readings[i]
		if e.readings[x.Scope] == nil {
			e.readings[x.Scope] = alarm.Readings{}
		}
		e.readings[x.Scope][x.Alarm] = &x.Reading
	}
	defer func() { e.readings = nil }()
	return e.Step(now, in)
}

// readingsOf returns the readings of a scope in a step that is repeated by them; nil in any other step.
func (e *Engine) readingsOf(s Scope) alarm.Readings {
	if e.readings == nil {
		return nil
	}
	if x := e.readings[s]; x != nil {
		return x
	}
	return alarm.Readings{}
}

// Reading returns what it takes to repeat the evaluation. It shares memory with the engine.
func (x Evaluated) Reading() Reading {
	return Reading{x.Region.Scope, alarm.Evaluation{Alarm: x.Alarm, Moved: x.Moved}.Reading()}
}

// Quiet reports whether a step that only had measurements had no results: it can be left out when steps are repeated from Readings.
func (o Output) Quiet() bool {
	return len(o.Events) == 0 && len(o.Evaluated) == 0 && o.Effects.Empty()
}
