package scaling

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"
)

// Group is what the EC2 Auto Scaling API keeps of a production variant, which it shows as an Auto Scaling group: settings, policies
// and cooldown. The bounds are not here: those of the variant's Target are the group's, whichever API set them.
type Group struct {
	// Bounded: Min and Max of the group's own target were set. Until then both are the desired capacity.
	Bounded bool

	DefaultCooldown *time.Duration // nil: 300 s
	DefaultWarmup   *time.Duration // nil: unset; policies then take the default cooldown
	Suspended       []SuspendedProcess
	Policies        []*Policy      // in the order of their creation
	Schedules       []*GroupAction `json:",omitempty"` // in the order of their creation

	Cooling  GroupCooling
	Launched []Launch // scale-outs whose instances may still warm up, oldest first

	// Held is a change that waits until the variant takes one; nil where there is none.
	Held *Change
}

// GroupCooling is when the last activity of a simple scaling policy ended, and how it cools down.
type GroupCooling struct {
	End    time.Time      // zero: none yet
	Policy string         // whose activity it was
	For    *time.Duration // the policy's own cooldown then; nil: the group's
}

// Launch is how many instances a change of capacity has brought into service, and when.
type Launch struct {
	At    time.Time
	Added int
}

// SuspendedProcess is a process that rests, and since when.
type SuspendedProcess struct {
	Process Process
	Since   time.Time
}

// WarmupMax bounds how long instances can warm up, and so how long launches are remembered. AWS has no maximum: a day is ours.
const WarmupMax = 24 * time.Hour

// VariantInstances is the dimension of what the EC2 Auto Scaling API shows as groups: the instances of production variants.
const VariantInstances Dimension = "sagemaker:variant:DesiredInstanceCount"

// VariantTarget returns the key of a production variant's instances.
func VariantTarget(endpoint, variant string) TargetKey {
	return TargetKey{ResourceID: "endpoint/" + endpoint + "/variant/" + variant, Dimension: VariantInstances}
}

// Variant returns the endpoint and production variant that the resource ID names, if it names one.
func (k TargetKey) Variant() (endpoint, variant string, ok bool) {
	rest, found := strings.CutPrefix(k.ResourceID, "endpoint/")
	if !found {
		return "", "", false
	}
	endpoint, variant, found = strings.Cut(rest, "/variant/")
	ok = found && endpoint != "" && variant != "" && !strings.Contains(endpoint, "/") && !strings.Contains(variant, "/")
	return endpoint, variant, ok
}

// GroupName names the variant's Auto Scaling group: ENDPOINT.VARIANT. Names of endpoints and variants have no dots, and tools split group
// names from policy names at a slash.
func (k TargetKey) GroupName() string {
	endpoint, variant, _ := k.Variant()
	return endpoint + "." + variant
}

// ParseGroupName returns the key of the variant that a group's name names, in its present form or in the former one, ENDPOINT/VARIANT;
// ok is false where it has another form.
func ParseGroupName(name string) (k TargetKey, ok bool) {
	endpoint, variant, found := strings.Cut(name, "/")
	if !found {
		endpoint, variant, found = strings.Cut(name, ".")
	}
	k = VariantTarget(endpoint, variant)
	_, _, ok = k.Variant()
	return k, found && ok
}

// VariantName names the variant for people and in the history: ENDPOINT/VARIANT.
func (k TargetKey) VariantName() string {
	endpoint, variant, _ := k.Variant()
	return endpoint + "/" + variant
}

// Of returns the target that stands for a variant: the registered one, or its group's own; nil where there is neither.
func (r *Registry) Of(k TargetKey) *Target {
	if t := r.Targets[k]; t != nil {
		return t
	}
	return r.Groups[k]
}

// Keys returns the keys of all that Of finds, in order.
func (r *Registry) Keys() []TargetKey {
	all := maps.Clone(r.Targets)
	maps.Copy(all, r.Groups)
	return slices.SortedFunc(maps.Keys(all), TargetKey.Compare)
}

// Grouped returns the target that stands for a variant, with a group. It makes both where there is none: on the first setting or
// policy through the EC2 Auto Scaling API.
func (r *Registry) Grouped(now time.Time, k TargetKey) *Target {
	t := r.Of(k)
	if t == nil {
		t = &Target{Key: k, Created: now}
		if d := r.Departed[k]; d != nil {
			t.Activity, t.LastNotScaled = d.Activity, d.LastNotScaled
			delete(r.Departed, k)
		}
		r.own(t)
	}
	if t.Group == nil {
		t.Group = &Group{}
	}
	return t
}

func (r *Registry) own(t *Target) {
	if r.Groups == nil {
		r.Groups = map[TargetKey]*Target{}
	}
	r.Groups[t.Key] = t
}

// RemoveGroup forgets a group's settings and policies, which it returns, so that their alarms can be deleted.
func (r *Registry) RemoveGroup(k TargetKey) []*Policy {
	t := r.Of(k)
	if t == nil || t.Group == nil {
		return nil
	}
	policies := t.Group.Policies
	for _, p := range policies {
		delete(r.byPolicy, p.UUID)
	}
	r.clock.stale = r.clock.stale || len(t.Group.Schedules) > 0
	t.Group = nil
	delete(r.Groups, k)
	return policies
}

// ByPolicyID finds a group's policy by the identifier in its ARN, with its target; nil where there is none.
func (r *Registry) ByPolicyID(id string) (*Target, *Policy) {
	t := r.byPolicy[id]
	if t == nil || t.Group == nil {
		return nil, nil
	}
	at := slices.IndexFunc(t.Group.Policies, func(p *Policy) bool { return p.UUID == id })
	if at < 0 {
		return nil, nil
	}
	return t, t.Group.Policies[at]
}

// Restore makes a registry that was read from a snapshot usable: it decodes the rules of policies by their types, finds targets, and policies
// of groups, by their identifiers, and the moments that are next. It must be called before anything else. It fails where a policy's type
// or a target's dimension is not known.
func (r *Registry) Restore(types Types, dims Dimensions) error {
	r.types, r.dims = types, dims
	r.byID = make(map[string]*Target, len(r.Targets))
	for _, t := range r.Targets { //tidy:unordered put into a map
		r.byID[t.ID36()] = t
	}
	for _, all := range []map[TargetKey]*Target{r.Targets, r.Groups} {
		for k, t := range all { //tidy:unordered whichever fails first: the registry cannot be used
			if dims.Metrics(k.Dimension) == nil {
				return fmt.Errorf("%s: its scalable dimension is not known: %s", k.ResourceID, k.Dimension)
			}
			for p := range t.All() {
				if err := p.restore(types); err != nil {
					return fmt.Errorf("%s: %w", t.Key.ResourceID, err)
				}
			}
			r.indexPolicies(t)
		}
	}
	r.Plan()
	return nil
}

func (r *Registry) indexPolicies(t *Target) {
	if r.byPolicy == nil {
		r.byPolicy = map[string]*Target{}
	}
	if t.Group == nil {
		return
	}
	for _, p := range t.Group.Policies {
		r.byPolicy[p.UUID] = t
	}
}

// Policy returns the group's policy of this name, or nil.
func (g *Group) Policy(name string) *Policy {
	if g == nil {
		return nil
	}
	for _, p := range g.Policies {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// Cooldown returns the group's default cooldown.
func (g *Group) Cooldown() time.Duration {
	if g == nil {
		return CooldownDefault
	}
	return Or(g.DefaultCooldown, CooldownDefault)
}

// warmup returns how long the instances that a policy starts warm up.
// AWS: PutScalingPolicy, EstimatedInstanceWarmup: else the default instance warm-up, else the default cooldown.
func (g *Group) warmup(p *Policy) time.Duration {
	return Or(p.Warmup, Or(g.DefaultWarmup, g.Cooldown()))
}

// CoolingDown returns what is left of the cooldown after a simple scaling policy's activity; 0 where none runs.
// AWS: scaling cooldowns, user guide: it starts when the last instance has finished launching or terminating.
func (g *Group) CoolingDown(now time.Time) time.Duration {
	if g == nil {
		return 0
	}
	return left(now, g.Cooling.End, Or(g.Cooling.For, g.Cooldown()))
}

// Lost notes that so many instances go. The newest go first, so those that warm up do before all others.
func (g *Group) Lost(n int) {
	if g == nil {
		return
	}
	for last := len(g.Launched) - 1; n > 0 && last >= 0; last-- {
		gone := min(n, g.Launched[last].Added)
		n -= gone
		if g.Launched[last].Added -= gone; g.Launched[last].Added == 0 {
			g.Launched = g.Launched[:last]
		}
	}
}

// completed notes that a change of capacity has succeeded: new instances warm up, and a simple scaling policy cools down.
func (g *Group) completed(a *Activity) {
	if g == nil {
		return
	}
	if a.To > a.From {
		g.Launched = slices.DeleteFunc(g.Launched, func(l Launch) bool { return a.End.Sub(l.At) >= WarmupMax })
		g.Launched = append(g.Launched, Launch{At: a.End, Added: a.To - a.From})
	} else {
		g.Lost(a.From - a.To)
	}
	if p := g.Policy(a.Cause.Policy); a.Cause.API == EC2AutoScaling && p != nil {
		if x, ok := p.Rule.(Resting); ok {
			g.Cooling = GroupCooling{End: a.End, Policy: p.Name, For: x.GroupCooldown()}
		}
	}
}

// Suspends reports whether a process of the group rests.
func (g *Group) Suspends(p Process) bool {
	return g != nil && slices.ContainsFunc(g.Suspended, func(x SuspendedProcess) bool { return x.Process == p })
}

// Suspend suspends processes, all where none is named. Those that are suspended stay so.
func (g *Group) Suspend(now time.Time, processes []Process) {
	for _, p := range allIfNone(processes) {
		if !g.Suspends(p) {
			g.Suspended = append(g.Suspended, SuspendedProcess{p, now})
		}
	}
	slices.SortFunc(g.Suspended, func(a, b SuspendedProcess) int { return int(a.Process - b.Process) })
}

// Resume resumes processes, all where none is named.
func (g *Group) Resume(processes []Process) {
	processes = allIfNone(processes)
	g.Suspended = slices.DeleteFunc(g.Suspended, func(x SuspendedProcess) bool { return slices.Contains(processes, x.Process) })
}

func allIfNone(processes []Process) []Process {
	if len(processes) == 0 {
		return Processes()
	}
	return processes
}

// holds returns the process whose rest keeps a capacity from changing so; zero where none does.
func (g *Group) holds(from, to int) Process {
	switch {
	case to > from && g.Suspends(ProcessLaunch):
		return ProcessLaunch
	case to < from && g.Suspends(ProcessTerminate):
		return ProcessTerminate
	default:
		return 0
	}
}

// All returns the target's policies: its own, then its group's.
func (t *Target) All() iter.Seq[*Policy] {
	return func(yield func(*Policy) bool) {
		for _, p := range t.Policies {
			if !yield(p) {
				return
			}
		}
		if t.Group == nil {
			return
		}
		for _, p := range t.Group.Policies {
			if !yield(p) {
				return
			}
		}
	}
}

// Bounds returns the range of the capacity: that of the target, or the desired capacity for a group without bounds.
func (t *Target) Bounds(desired int) (least, most int) {
	if t.unbounded() {
		return desired, desired
	}
	return t.Min, t.Max
}

func (t *Target) unbounded() bool { return t.UUID == "" && t.Group != nil && !t.Group.Bounded }
