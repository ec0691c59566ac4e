package invoke

import "bellows.dev/bellows/engine"

// pick chooses where an invocation goes: a variant, and a copy of it, q.copy, which counts it as in flight. With a
// failure the variant is set if the invocation had got that far, and q.blocked says whether a copy may be there later. After a
// first try that reached no model server, avoid is its copy.
func (g *Gateway) pick(q *request, avoid *modelCopy) (*variant, *failure) {
	q.blocked = notBlocked
	for {
		routes := g.routes.Load()
		x := (*routes)[engine.EndpointKey{Scope: q.scope, Endpoint: string(q.endpoint)}]
		if x == nil || !x.serving {
			return nil, q.notFound()
		}
		if f := q.supported(); f != nil {
			return nil, f
		}
		v, home, f := g.choose(q, x)
		if f != nil {
			return nil, f
		}
		var from *fleet
		if home != nil {
			from = v.fleetOf(home)
		} else {
			from = v.share(avoid)
		}
		if from == nil {
			return v, q.noCapacity(v)
		}
		if from.limit > 0 && !q.waited && v.lane.queue.waiting.Load() > 0 {
			q.blocked, q.home = busy, home // others were here before
			return v, nil
		}
		switch i, a := v.take(from, home, avoid); a {
		case acquired:
			q.copy = i
			return v, nil
		case full:
			q.blocked, q.home = busy, home
			return v, nil
		case retired:
		}
		if g.routes.Load() == routes {
			// The newest routes never name a retired copy, save where two variants name the same one.
			return v, unavailable("No instance of variant %s of endpoint %s is in service.", v.name, q.endpoint)
		}
	}
}

// noCapacity refuses a request for a variant that has no instance in service, or blocks it until there is one.
func (q *request) noCapacity(v *variant) *failure {
	switch {
	case v.held:
		q.blocked = atZero
		return nil
	case v.atZero:
		return unavailable("Variant %s of endpoint %s has no capacity to process this request: it is scaled to zero instances.", v.name, q.endpoint)
	default:
		return unavailable("No instance of variant %s of endpoint %s is in service.", v.name, q.endpoint)
	}
}

// choose returns the variant that an invocation goes to: that of its first try, of its session, the one it names, or one by
// weight. home is the copy of its session; nil leaves the choice open.
func (g *Gateway) choose(q *request, x *endpoint) (v *variant, home *modelCopy, f *failure) {
	target := q.header[targetVariant]
	switch string(q.header[sessionID]) {
	case "":
	case newSession:
		if !g.pins.full() {
			break
		}
		return nil, nil, unavailable("This server has %d open sessions and takes no more.", sessionsMax)
	default:
		return g.session(q, x)
	}
	if q.variant != nil {
		if v = x.named([]byte(q.variant.name)); v != nil {
			return v, nil, nil
		}
	}
	if len(target) > 0 {
		if v = x.named(target); v == nil {
			return nil, nil, invalid("Variant %s does not exist in endpoint %s.", target, q.endpoint)
		}
		return v, nil, nil
	}
	if v = x.weighted(); v == nil {
		return nil, nil, unavailable("No variant of endpoint %s takes invocations that name none.", q.endpoint)
	}
	return v, nil, nil
}

// session returns the variant and the copy of the request's session.
func (g *Gateway) session(q *request, x *endpoint) (*variant, *modelCopy, *failure) {
	id, target := q.header[sessionID], q.header[targetVariant]
	none := func() *failure {
		return invalid("Session %s of endpoint %s does not exist or has ended.", id, q.endpoint)
	}
	p, found := g.pins.find(q.scope, q.endpoint, id, g.options.Now())
	if !found {
		return nil, nil, none()
	}
	v := x.named([]byte(p.variant))
	if v == nil {
		return nil, nil, none()
	}
	if len(target) > 0 && string(target) != v.name {
		return nil, nil, invalid("Session %s of endpoint %s is at variant %s, not at %s.", id, q.endpoint, v.name, target)
	}
	i := v.copy(p.copy)
	if i == nil {
		return nil, nil, none()
	}
	return v, i, nil
}

// supported refuses what endpoints whose instances hold one model cannot do.
func (q *request) supported() *failure {
	switch {
	case len(q.header[targetModel]) > 0:
		return invalid("Endpoint %s is not a multi-model endpoint and does not support target model header.", q.endpoint)
	case len(q.header[targetContainerHostname]) > 0:
		return invalid("Endpoint %s is not a multi-container endpoint and does not support target container hostname header.", q.endpoint)
	case len(q.header[inferenceComponentName]) > 0:
		return invalid("Endpoint %s is not an inference component endpoint and does not support inference component header.", q.endpoint)
	case len(q.header[enableExplanations]) > 0:
		return invalid("Endpoint %s has no explainer and does not support enable explanations header.", q.endpoint)
	}
	return nil
}
