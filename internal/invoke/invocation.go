package invoke

import (
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"bellows.dev/bellows/engine"
)

// attempts is how often an invocation may be tried where no byte of it reached a copy.
const attempts = 2

// invoke sends an invocation to its endpoint and answers it.
func (g *Gateway) invoke(ctx *fasthttp.RequestCtx, q *request) *failure {
	v, f := g.pick(q, nil)
	if v == nil {
		return f
	}
	q.variant = v
	counter, instances := v.lane.counter, v.instances
	if q.blocked != atZero {
		counter.routed(instances)
	}
	switch q.blocked {
	case atZero: // it is counted once it is known whether a copy came
		f = g.wait(ctx, q)
		instances = q.variant.instances
		counter.routed(instances)
	case busy:
		f = g.wait(ctx, q)
	case notBlocked:
	}
	var o outcome
	switch {
	case f == nil:
		f = g.try(ctx, q, &o)
	case f.Status == statusClientGone:
		return f // there was no answer
	case v.atZero && instances == 0:
		o.noCapacity = true
	default: // no copy took it
		o.server = true
	}
	o.total = g.options.Now().Sub(q.started)
	counter.answered(o)
	if i := q.copy; i != nil {
		q.copy = nil
		i.release() // after counting, so that all that a drained copy did is counted
	}
	if f == nil {
		ctx.Response.Header.SetCanonical(canonicalVariant, q.variant.header)
	}
	return f
}

// try exchanges the invocation with the copy that was picked, or with another if no byte of it reached the first.
func (g *Gateway) try(ctx *fasthttp.RequestCtx, q *request, o *outcome) *failure {
	for attempt := 1; ; attempt++ {
		end := g.exchange(q, o)
		if end != exchangeUnsent && end != exchangeNotTaken {
			return g.conclude(ctx, q, o, end)
		}
		failed := q.copy
		g.failedFast(q.variant, failed, q.sent, reproach(end, nil))
		q.copy = nil
		failed.release()
		if attempt < attempts {
			if v, f := g.pick(q, failed); f == nil && q.blocked == notBlocked {
				q.variant = v
				continue
			}
		}
		o.server, o.model = true, true
		if end == exchangeNotTaken {
			f := unavailable("The instances of variant %s of endpoint %s are busy: none took a connection in time.", q.variant.name, q.endpoint)
			f.RetryAfter = retryBusy
			return f
		}
		return unavailable("The instances of variant %s of endpoint %s could not be reached.", q.variant.name, q.endpoint)
	}
}

// exchange sends the invocation once and measures the model.
func (g *Gateway) exchange(q *request, o *outcome) exchangeEnd {
	q.sent = time.Now()
	asked := g.options.Now()
	for {
		c, err := q.copy.upstream.Load().connect(q.sent, q.variant.timeout)
		if timedOut(err) {
			return exchangeNotTaken
		}
		if err != nil {
			return exchangeUnsent
		}
		q.socket = c
		switch end := c.exchange(q, g.bodyMax()); end {
		case exchangeStale, exchangeUnsent:
			q.socket = nil
			c.discard()
			if end == exchangeUnsent {
				return end
			}
		default:
			o.asked = true
			o.latency = g.options.Now().Sub(asked)
			return end
		}
	}
}

// conclude turns the end of an exchange into the client's answer.
func (g *Gateway) conclude(ctx *fasthttp.RequestCtx, q *request, o *outcome, end exchangeEnd) *failure {
	c, now := q.socket, time.Now()
	var f *failure
	if end == exchangeAnswered {
		f = g.answer(ctx, q, c, o)
		q.copy.answeredAt(now)
	} else {
		o.model, o.server = true, true
		f = q.modelError(0, []byte(silence(end)), g.logOf(q))
	}
	if o.server {
		g.failedFast(q.variant, q.copy, q.sent, reproach(end, c))
	} else {
		g.succeeded(q.copy, q.sent)
	}
	reusable := end == exchangeAnswered && c.reusable()
	c.answer.Reset() // gives its body back to the pool
	q.socket = nil
	if reusable {
		c.home.put(c, now)
	} else {
		c.discard()
	}
	return f
}

// reproach says how a copy failed. c is nil where no connection was made.
func reproach(end exchangeEnd, c *conn) string {
	switch end {
	case exchangeAnswered:
		return "it answered " + strconv.Itoa(c.answer.StatusCode())
	case exchangeUnsent:
		return "the connection was refused or closed at once"
	case exchangeNotTaken:
		return "it took no connection in time"
	case exchangeTimedOut:
		return "it did not answer in time"
	case exchangeTooLarge:
		return "its answer was too large"
	default:
		return "it closed the connection or spoke no HTTP"
	}
}

func silence(end exchangeEnd) string {
	switch end {
	case exchangeTimedOut:
		return timeoutText
	case exchangeStatus:
		return "The response of container primary has a status that HTTP does not have."
	case exchangeTooLarge:
		return "The response of container primary is larger than a payload may be."
	default:
		return "Container primary closed the connection before it had answered, or its answer was no valid HTTP."
	}
}

// answer passes on the container's response: its body, its content type and the documented headers.
func (g *Gateway) answer(ctx *fasthttp.RequestCtx, q *request, c *conn, o *outcome) *failure {
	status := c.answer.StatusCode()
	if status < 200 || status > 299 {
		o.model, o.client = true, status >= 400 && status < 500
		o.server = !o.client
		return q.modelError(status, c.answer.Body(), g.logOf(q))
	}
	r := &ctx.Response
	r.SetStatusCode(fasthttp.StatusOK)
	if t := c.answer.Header.ContentType(); len(t) > 0 {
		r.Header.SetContentTypeBytes(t)
	} else {
		r.Header.SetNoDefaultContentType(true)
	}
	for key, value := range c.answer.Header.All() {
		if len(key) <= len(amznPrefix) || key[0]|0x20 != 'x' || !strings.EqualFold(amznPrefix, string(key[:len(amznPrefix)])) {
			continue
		}
		switch name := string(key[len(amznPrefix):]); {
		case strings.EqualFold(name, "Custom-Attributes"):
			r.Header.SetBytesV("X-Amzn-SageMaker-Custom-Attributes", value)
		case strings.EqualFold(name, "Session-Id"), strings.EqualFold(name, "New-Session-Id"):
			g.sessionOpened(r, q, value)
		case strings.EqualFold(name, "Closed-Session-Id"):
			g.pins.close(q.key(), value)
			r.Header.SetBytesV("X-Amzn-SageMaker-Closed-Session-Id", value)
		}
	}
	r.SwapBody(c.answer.SwapBody(r.SwapBody(nil)))
	return nil
}

func (g *Gateway) sessionOpened(r *fasthttp.Response, q *request, value []byte) {
	if string(q.header[sessionID]) != newSession {
		return
	}
	at := pin{variant: q.variant.name, copy: q.copy.id}
	if g.pins.open(q.key(), value, at, g.options.Now()) {
		r.Header.SetBytesV("X-Amzn-SageMaker-New-Session-Id", value)
	}
}

func (q *request) key() engine.EndpointKey {
	return engine.EndpointKey{Scope: q.scope, Endpoint: string(q.endpoint)}
}
