package invoke

import (
	"maps"
	"math/rand/v2"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
)

// timeoutDefault is SageMaker's limit for one answer of a model.
const timeoutDefault = 60 * time.Second

// table is all routes at one moment. It never changes, nor does what it holds, save for the instances' own state.
type table map[engine.EndpointKey]*endpoint

type endpoint struct {
	serving  bool
	variants []variant
	total    float64 // of the weights
}

type variant struct {
	name      string
	weight    float64
	strategy  engine.RoutingStrategy
	timeout   time.Duration
	limit     int64 // invocations that one instance works on at a time; 0: no limit
	atZero    bool  // it has no instances because it is scaled to zero, or on its way back
	held      bool  // requests at zero wait
	instances []*instance
	lane      *lane
}

// Apply replaces the routes of the endpoints that it names, all of them at once. Instances that are named no longer get no
// further invocation.
func (g *Gateway) Apply(routes []engine.Route) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed.Load() {
		return
	}
	before := *g.routes.Load()
	after := maps.Clone(before)
	kept, leaving := map[*instance]bool{}, map[*instance]bool{}
	for _, r := range routes {
		if x := before[r.Key]; x != nil {
			x.each(func(i *instance) { leaving[i] = true })
		}
		if !r.Serving && len(r.Variants) == 0 {
			delete(after, r.Key)
			continue
		}
		x := g.build(r)
		x.each(func(i *instance) { kept[i] = true })
		after[r.Key] = x
	}
	g.routes.Store(&after)
	for i := range leaving {
		if !kept[i] {
			i.retire()
			g.forgive(i)
			i.lane.drop(i)
		}
	}
	g.forget()
	g.signal(routes)
}

// build makes an endpoint of its route. An endpoint that does not serve has no instances: nothing is sent to them.
func (g *Gateway) build(r engine.Route) *endpoint {
	x := &endpoint{serving: r.Serving}
	for _, v := range r.Variants {
		key := engine.VariantKey{Scope: r.Key.Scope, Endpoint: r.Key.Endpoint, Variant: v.Name}
		l := g.lanes[key]
		if l == nil {
			l = newLane(key)
			g.lanes[key] = l
		}
		built := variant{
			name: v.Name, weight: max(v.Weight, 0), strategy: v.Strategy, timeout: v.Timeout, lane: l, limit: int64(v.Concurrency),
			atZero: v.AtZero, held: v.Held,
		}
		if built.limit == 0 && g.options.Concurrency != nil {
			built.limit = int64(g.options.Concurrency(v.Image))
		}
		if built.timeout <= 0 {
			built.timeout = timeoutDefault
		}
		if r.Serving {
			for _, route := range v.Instances {
				built.instances = append(built.instances, g.serve(route, l))
			}
		}
		x.total += built.weight
		x.variants = append(x.variants, built)
	}
	return x
}

func (g *Gateway) serve(r engine.InstanceRoute, l *lane) *instance {
	i := g.instances[r.ID]
	if i != nil && i.lane != l {
		// An instance belongs to one variant for life; should one be born again elsewhere, the old one is another instance.
		i.retire()
		g.forgive(i)
		i.lane.drop(i)
		i = nil
	}
	if i == nil {
		i = &instance{id: r.ID, lane: l}
		g.instances[r.ID] = i
	}
	if i.serve(r.Address) {
		g.forgive(i)
	}
	l.join(i)
	return i
}

// forget drops instances that are drained: an invocation that still holds one of old routes finds it retired.
func (g *Gateway) forget() {
	maps.DeleteFunc(g.instances, func(_ hosting.InstanceID, i *instance) bool { return i.drained() })
}

func (x *endpoint) each(f func(*instance)) {
	for _, v := range x.variants {
		for _, i := range v.instances {
			f(i)
		}
	}
}

// named returns the variant of a name, nil if there is none.
func (x *endpoint) named(name []byte) *variant {
	for i := range x.variants {
		if x.variants[i].name == string(name) {
			return &x.variants[i]
		}
	}
	return nil
}

// weighted picks a variant at random by weight; nil where none has any.
func (x *endpoint) weighted() *variant {
	if len(x.variants) == 1 && x.total > 0 {
		return &x.variants[0]
	}
	at := rand.Float64() * x.total
	var last *variant
	for i := range x.variants {
		v := &x.variants[i]
		if v.weight == 0 {
			continue
		}
		last = v
		if at -= v.weight; at < 0 {
			return v
		}
	}
	return last // at was rounded up to the total
}

// pick chooses an instance, another than avoid where there is one. The variant must have instances.
func (v *variant) pick(avoid *instance) *instance {
	if len(v.instances) == 1 {
		return v.instances[0]
	}
	if v.lane.ejected.Load() > 0 {
		if i := v.sound(avoid); i != nil {
			return i
		}
	}
	if v.strategy == engine.RouteLeastOutstanding {
		return v.leastOutstanding(avoid)
	}
	at := rand.IntN(len(v.instances))
	if v.instances[at] == avoid {
		at = (at + 1 + rand.IntN(len(v.instances)-1)) % len(v.instances)
	}
	return v.instances[at]
}

// leastOutstanding chooses among all instances with the fewest invocations in flight, at random.
func (v *variant) leastOutstanding(avoid *instance) *instance {
	var best *instance
	least, ties := int64(0), 0
	for _, i := range v.instances {
		if i == avoid {
			continue
		}
		switch n := i.inFlight.Load(); {
		case best == nil || n < least:
			best, least, ties = i, n, 1
		case n == least:
			if ties++; rand.IntN(ties) == 0 {
				best = i
			}
		}
	}
	return best
}

// chance is true once in n times.
func chance(n int) bool { return rand.IntN(n) == 0 }

// take acquires an instance, another than avoid where there is one: the one that the strategy picks or, where that has no room, any
// that has. home, where it is set, is the only one.
func (v *variant) take(home, avoid *instance) (*instance, acquisition) {
	i := home
	if i == nil {
		i = v.pick(avoid)
	}
	a := i.acquire(v.limit)
	if a != full || home != nil {
		return i, a
	}
	from := rand.IntN(len(v.instances))
	for n := range v.instances {
		x := v.instances[(from+n)%len(v.instances)]
		if x == i || x == avoid || x.ejected.Load() != 0 {
			continue
		}
		if a := x.acquire(v.limit); a != full {
			return x, a
		}
	}
	return nil, full
}

func (v *variant) instance(id hosting.InstanceID) *instance {
	for _, i := range v.instances {
		if i.id == id {
			return i
		}
	}
	return nil
}
