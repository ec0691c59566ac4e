package engine

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/scaling"
)

// State is the snapshot of an engine, in a form that can be encoded. It shares memory with the engine: it must be encoded before the next
// step.
type State struct {
	Config  Config
	Now     time.Time
	IDs     uint64 // state of the generator of identifiers
	Keeps   bool   `json:",omitzero"` // a metric history is kept
	Regions []RegionState
}

// RegionState is the snapshot of one scope.
type RegionState struct {
	Scope   Scope
	Metrics metric.State
	Alarms  map[string]*alarm.Alarm
	Targets *scaling.Registry
	Hosting *hosting.Registry
	Idle    time.Time

	Composites map[string]*alarm.Composite                      `json:",omitzero"`
	Moving     map[hosting.InstanceID]*scaling.InstanceActivity `json:",omitempty"`
	Mutes      map[string]*alarm.MuteRule                       `json:",omitempty"`
	Windows    map[string]WindowState                           `json:",omitempty"` // of policies that read metrics themselves
}

// State returns a snapshot.
func (e *Engine) State() State {
	s, regions := e.Parts(true)
	s.Regions = slices.Collect(regions)
	return s
}

// Parts returns the State in parts, for callers that need not have all of it in memory: everything but the regions, and these one by one.
// Without metrics it is State.WithoutMetrics.
func (e *Engine) Parts(metrics bool) (State, iter.Seq[RegionState]) {
	head := State{Config: e.config, Now: e.now, IDs: e.ids.state, Keeps: e.keeps && metrics}
	return head, func(yield func(RegionState) bool) {
		for _, r := range e.sorted {
			if !yield(r.state(metrics)) {
				return
			}
		}
	}
}

func (r *Region) state(metrics bool) RegionState {
	all := moving{}
	for _, x := range r.moving { //tidy:unordered put into a map
		maps.Copy(all, x)
	}
	m := r.Metrics.Settings()
	if metrics {
		m = r.Metrics.State()
	}
	return RegionState{r.Scope, m, r.Alarms.Metric, r.Targets, r.Hosting, r.idle, r.Alarms.Composite, all, r.Alarms.MuteRules, r.windowStates()}
}

// FromState returns an engine that continues from a snapshot: the same inputs give the same outputs. It takes over the memory of the
// snapshot. It fails where a text in it cannot be parsed: the rule of a composite alarm, the schedule of a mute rule or of a scheduled action; or where the type of a
// policy is not one of Config.Policies, or a target's dimension none of Config.Dimensions.
func FromState(s State) (*Engine, error) {
	e := New(s.Config)
	e.now, e.ids.state, e.keeps = s.Now, s.IDs, s.Keeps
	for _, x := range s.Regions {
		if err := e.restoreRegion(x); err != nil {
			return nil, fmt.Errorf("engine: restoring %s/%s: %w", x.Scope.Account, x.Scope.Region, err)
		}
	}
	e.Level() // finds every instance's endpoint
	return e, nil
}

func (e *Engine) restoreRegion(x RegionState) error {
	r := e.region(x.Scope)
	r.Metrics, r.idle = metric.FromState(x.Metrics), x.Idle
	for _, a := range x.Moving { //tidy:unordered put into a map
		r.open(a)
	}
	r.Alarms = alarm.NewRegistry(r.Metrics, e.config.EvaluationDelay)
	if err := r.Alarms.Restore(x.Alarms, x.Composites, x.Mutes); err != nil {
		return err
	}
	if x.Targets != nil {
		if err := x.Targets.CheckSchedules(); err != nil {
			return err
		}
		r.Targets = x.Targets
		if err := r.Targets.Restore(e.config.Policies, e.config.Dimensions); err != nil {
			return err
		}
		e.keepPasts(r)
		r.restoreWindows(x.Windows)
	}
	if x.Hosting != nil {
		x.Hosting.Restore(e.ids.instance)
		r.Hosting = x.Hosting
	}
	for _, x := range r.Hosting.Endpoints { //tidy:unordered each has targets of its own
		r.indexTargets(x)
	}
	return nil
}
