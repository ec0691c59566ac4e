package engine

import (
	"cmp"
	"maps"
	"slices"

	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/scaling"
)

// reconcile moves the region's endpoints on, follows the activities that wait for them, and holds capacities against ranges
// that were set meanwhile.
func (e *Engine) reconcile(r *Region) {
	for _, name := range e.unsettled(r) {
		x := r.Hosting.Endpoints[name]
		from, key, replacing := x.Status, EndpointKey{r.Scope, name}, x.Deployment != nil
		e.touch(r, name)
		gone := r.Hosting.Reconcile(e.now, x)
		if gone {
			e.emit(EndpointChanged{Key: key, From: from})
		} else if x.Status != from {
			e.emit(EndpointChanged{Key: key, From: from, To: x.Status, Reason: x.FailureReason})
		}
		e.follow(r, x)
		if replacing {
			e.orphans(r, x)
		}
	}
}

// unsettled lists the region's endpoints that this step touched or whose time has come.
func (e *Engine) unsettled(r *Region) []string {
	var names []string
	for name := range e.step.touched[r] { //tidy:unordered sorted below
		if r.Hosting.Endpoints[name] != nil {
			names = append(names, name)
		}
	}
	for _, name := range r.changing.due(e.now) {
		if !e.step.touched[r][name] {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// follow ends activities whose capacity is reached or was given up, then clamps.
func (e *Engine) follow(r *Region, x *hosting.Endpoint) {
	r.indexTargets(x)
	for _, t := range r.targetsOf(x) {
		var a scaling.Activity
		var ended bool
		if x.Status == hosting.RollingBack { // first: otherwise Track would take the restored capacity for a manual change
			a, ended = t.Unfulfil(e.now, x.FailureReason)
		} else {
			a, ended = t.Track(e.now, r.Capacity(t))
		}
		if ended {
			e.emit(ActivityChanged{r.Scope, a})
		}
		if c, ok := t.Clamp(r.Capacity(t)); ok {
			e.scale(r, t, c)
		}
		e.release(r, t)
		if (t.RuleDue || t.WakeDue > 0) && r.Capacity(t).Scalable {
			e.decideOne(r, t, nil) // the signals of alarms have been decided on
		}
	}
}

// effects outputs the routes and levels of every endpoint that this step touched.
func (e *Engine) effects() {
	e.noteServed()
	for _, r := range e.sorted {
		touched := e.step.touched[r]
		if len(touched) == 0 {
			continue // without the memory that sorting takes
		}
		for _, name := range slices.Sorted(maps.Keys(touched)) {
			e.followInstances(r, name, r.Hosting.Endpoints[name])
			e.announce(EndpointKey{r.Scope, name}, &e.step.out.Effects)
		}
	}
}

// Level returns the whole level: what gateways and fleets should do for every endpoint. It is for a server that starts again.
func (e *Engine) Level() Effects {
	var f Effects
	for _, r := range e.sorted {
		for _, name := range slices.Sorted(maps.Keys(r.Hosting.Endpoints)) {
			e.announce(EndpointKey{r.Scope, name}, &f)
		}
	}
	return f
}

// announce appends one endpoint's route and levels, and empty levels for fleets that it had and has no more.
func (e *Engine) announce(key EndpointKey, f *Effects) {
	r := e.regions[key.Scope]
	x := r.Hosting.Endpoints[key.Endpoint]
	r.index(key.Endpoint, x)
	f.Routes = append(f.Routes, e.route(key, x))
	specs := map[hosting.FleetKey][]hosting.InstanceSpec{}
	if x != nil {
		specs = r.Hosting.Specs(x)
	}
	before := e.announced[key]
	for _, fleet := range before.fleets {
		if specs[fleet] == nil {
			specs[fleet] = []hosting.InstanceSpec{}
		}
	}
	for _, id := range before.instances {
		delete(e.where, id)
	}
	var now announced
	for _, fleet := range slices.SortedFunc(maps.Keys(specs), hosting.FleetKey.Compare) {
		instances := specs[fleet]
		for i := range instances {
			instances[i].Account, instances[i].Region = key.Account, key.Region
			e.where[instances[i].ID] = key
			now.instances = append(now.instances, instances[i].ID)
		}
		f.Levels = append(f.Levels, FleetLevel{
			Key: VariantKey{key.Scope, key.Endpoint, fleet.Variant}, Generation: fleet.Generation, Instances: instances,
		})
		if len(instances) > 0 {
			now.fleets = append(now.fleets, fleet)
		}
	}
	if e.announced[key] = now; len(now.fleets) == 0 {
		delete(e.announced, key)
	}
}

// route is what gateways should do with an endpoint's invocations; x is nil where it is gone.
func (e *Engine) route(key EndpointKey, x *hosting.Endpoint) Route {
	route := Route{Key: key}
	if x == nil || !x.Serves() {
		return route
	}
	route.Serving = true
	for _, v := range x.Variants {
		share := VariantRoute{
			Name: v.Config.Name, Weight: v.CurrentWeight, Timeout: e.config.InvocationTimeout, Concurrency: concurrency(x, v.Config.Name),
		}
		share.AtZero, share.Held = e.regions[key.Scope].zeroState(x, v)
		for _, s := range x.Shares(v) {
			share.Fleets = append(share.Fleets, fleetRoute(s))
		}
		route.Variants = append(route.Variants, share)
	}
	return route
}

// fleetRoute is what gateways should do with a fleet's share of a variant's invocations.
func fleetRoute(s hosting.Share) FleetRoute {
	v := s.Fleet
	f := FleetRoute{
		Generation: v.Generation, Weight: s.Weight, Strategy: strategy(v.Config.Routing), Image: v.Model.Container.Image,
		Copies: make([]CopyRoute, 0, len(v.Instances)),
	}
	for _, i := range v.Instances {
		if i.State != hosting.InstanceInService {
			continue
		}
		for _, c := range i.Copies {
			if c.Ready {
				f.Copies = append(f.Copies, CopyRoute{c.ID, i.ID, c.Address})
			}
		}
	}
	slices.SortFunc(f.Copies, func(a, b CopyRoute) int { return cmp.Compare(a.ID, b.ID) })
	return f
}

func strategy(r hosting.Routing) RoutingStrategy {
	if r == hosting.RoutingLeastOutstanding {
		return RouteLeastOutstanding
	}
	return RouteRandom
}
