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

// table is all routes at one moment. It is immutable, save for the copies' own state.
type table map[engine.EndpointKey]*endpoint

type endpoint struct {
	serving  bool
	variants []variant
	total    float64 // of the weights
}

type variant struct {
	name    string
	header  []byte // the name, as a header's value
	weight  float64
	timeout time.Duration
	atZero  bool // it has no instances because it is scaled to zero, or on its way back
	held    bool // requests at zero wait
	lane    *lane

	fleets    []fleet      // that share its invocations
	total     float64      // of the weights of the fleets that have copies
	copies    []*modelCopy // of all fleets, those of a fleet side by side
	instances int          // machines of the fleets with a share of its invocations: hosting.Endpoint.Serving
}

// Apply replaces the routes of the endpoints that it names, all of them at once. Copies that are no longer named get no
// further invocation.
func (g *Gateway) Apply(routes []engine.Route) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed.Load() {
		return
	}
	before := *g.routes.Load()
	after := maps.Clone(before)
	kept, leaving := map[*modelCopy]bool{}, map[*modelCopy]bool{}
	for _, r := range routes {
		if x := before[r.Key]; x != nil {
			x.each(func(i *modelCopy) { leaving[i] = true })
		}
		if !r.Serving && len(r.Variants) == 0 {
			delete(after, r.Key)
			continue
		}
		x := g.build(r)
		x.each(func(i *modelCopy) { kept[i] = true })
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
		built := variant{name: v.Name, header: []byte(v.Name), weight: max(v.Weight, 0), timeout: v.Timeout, lane: l, atZero: v.AtZero, held: v.Held}
		if built.timeout <= 0 {
			built.timeout = timeoutDefault
		}
		g.fill(&built, r.Serving, v)
		x.total += built.weight
		x.variants = append(x.variants, built)
	}
	return x
}

// fill makes the fleets of a variant of its route.
func (g *Gateway) fill(v *variant, serving bool, r engine.VariantRoute) {
	machines := map[hosting.InstanceID]bool{}
	for _, f := range r.Fleets {
		built := fleet{generation: f.Generation, weight: max(f.Weight, 0), strategy: f.Strategy, limit: int64(r.Concurrency), lane: v.lane}
		if built.limit == 0 && g.options.Concurrency != nil {
			built.limit = int64(g.options.Concurrency(f.Image))
		}
		if serving {
			for _, route := range f.Copies {
				built.copies = append(built.copies, g.serve(route, f.Generation, v.lane))
				if built.weight > 0 {
					machines[route.Instance] = true
				}
			}
		}
		if len(built.copies) > 0 {
			v.total += built.weight
		}
		v.copies = append(v.copies, built.copies...)
		v.fleets = append(v.fleets, built)
	}
	v.instances = len(machines)
}

func (g *Gateway) serve(r engine.CopyRoute, of hosting.Generation, l *lane) *modelCopy {
	i := g.copies[r.ID]
	if i != nil && (i.lane != l || i.generation != of) {
		// A copy belongs to one fleet for life; the same identity in another fleet is another copy.
		i.retire()
		g.forgive(i)
		i.lane.drop(i)
		i = nil
	}
	if i == nil {
		i = &modelCopy{id: r.ID, generation: of, lane: l}
		g.copies[r.ID] = i
	}
	if i.serve(r.Address) {
		g.forgive(i)
	}
	l.join(i)
	return i
}

// forget drops copies that are drained: an invocation that still holds one of old routes finds it retired.
func (g *Gateway) forget() {
	maps.DeleteFunc(g.copies, func(_ hosting.CopyID, i *modelCopy) bool { return i.drained() })
}

func (x *endpoint) each(f func(*modelCopy)) {
	for _, v := range x.variants {
		for _, i := range v.copies {
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

func (v *variant) copy(id hosting.CopyID) *modelCopy {
	for _, i := range v.copies {
		if i.id == id {
			return i
		}
	}
	return nil
}
