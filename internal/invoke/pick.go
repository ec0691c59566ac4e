package invoke

import "bellows.dev/bellows/engine"

// pick chooses where an invocation goes: a variant, and an instance of it, q.instance, that counts it as in flight. With a
// failure the variant is set if the invocation had got that far, and q.blocked says whether an instance may be there later. After a
// first try that reached nobody, avoid is its instance.
func (g *Gateway) pick(q *request, avoid *instance) (*variant, *failure) {
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
			return v, q.nobody(v)
		}
		if from.limit > 0 && !q.waited && v.lane.queue.waiting.Load() > 0 {
			q.blocked, q.home = busy, home // others were here before
			return v, nil
		}
		switch i, a := v.take(from, home, avoid); a {
		case acquired:
			q.instance = i
			return v, nil
		case full:
			q.blocked, q.home = busy, home
			return v, nil
		case retired:
		}
		if g.routes.Load() == routes {
			// The newest routes never name a retired instance, save where two variants name the same one.
			return v, unavailable("No instance of variant %s of endpoint %s is in service.", v.name, q.endpoint)
		}
	}
}

// nobody refuses a request for a variant that has no instance in service, or says that it waits for one.
func (q *request) nobody(v *variant) *failure {
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
// weight. home is the instance of its session; nil leaves the choice open.
func (g *Gateway) choose(q *request, x *endpoint) (v *variant, home *instance, f *failure) {
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

// session returns where the request's session is.
func (g *Gateway) session(q *request, x *endpoint) (*variant, *instance, *failure) {
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
	i := v.instance(p.instance)
	if i == nil {
		return nil, nil, none()
	}
	return v, i, nil
}

// supported refuses what endpoints of one model to an instance cannot do.
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
