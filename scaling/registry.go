package scaling

import (
	"maps"
	"slices"
	"time"
)

// AWS: quotas of Application Auto Scaling, user guide.
const (
	TargetsMax   = 500 // scalable targets of one dimension
	PoliciesMax  = 50  // policies of one target
	SchedulesMax = 200 // scheduled actions of one target
	StepsMax     = 20  // step adjustments of one policy
	TagsMax      = 50  // tags of one target
)

// HistoryKept is how long AWS keeps scaling activities.
const HistoryKept = 6 * 7 * 24 * time.Hour

// Registry is one account's scalable targets in one region. Its exported members are the snapshot: read them, change them
// through methods only.
type Registry struct {
	Targets map[TargetKey]*Target

	// Departed holds deregistered targets for what outlives them: an activity in flight, and the last entry of their history.
	Departed map[TargetKey]*Target

	// Groups holds the own targets of groups whose variant is not registered.
	Groups map[TargetKey]*Target `json:",omitempty"`

	byPolicy map[string]*Target // by the UUID of a group's policy

	// Zones holds the data (TZif) of every time zone that a scheduled action has named, as the newest request had it.
	Zones map[string][]byte `json:",omitempty"`

	byID  map[string]*Target // by ID36, of Targets
	locs  map[string]*time.Location
	types Types
	dims  Dimensions

	timetable timetable
	clock     clock
}

// NewRegistry returns an empty registry that knows these policy types and dimensions.
func NewRegistry(types Types, dims Dimensions) *Registry {
	return &Registry{types: types, dims: dims, Targets: map[TargetKey]*Target{}, Departed: map[TargetKey]*Target{}, byID: map[string]*Target{}}
}

// Sorted returns the registered targets by key.
func (r *Registry) Sorted() []*Target {
	return slices.SortedFunc(maps.Values(r.Targets), func(a, b *Target) int { return a.Key.Compare(b.Key) })
}

// Tracked returns the target whose activity the engine has to follow: the registered one or a group's own, or a departed one whose
// activity is still in flight; nil where there is none.
func (r *Registry) Tracked(k TargetKey) *Target {
	if t := r.Of(k); t != nil {
		return t
	}
	if t := r.Departed[k]; t != nil && t.Activity != nil {
		return t
	}
	return nil
}
