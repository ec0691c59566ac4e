package invoke

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"net/url"
	"runtime/debug"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"bellows.dev/bellows/engine"
)

// request is one InvokeEndpoint in progress. Its bytes are the client request's own: nothing of it outlives Handle.
type request struct {
	scope    engine.Scope
	endpoint []byte // the name, decoded
	header   [members][]byte
	body     []byte
	started  time.Time

	variant *variant   // where it goes, once it was picked
	copy    *modelCopy // acquired for it
	socket  *conn      // in use for it
	sent    time.Time  // when it was sent to the copy

	blocked blocked    // why no instance can take it now
	home    *modelCopy // where blocked: the only one that it may go to, of its session
	waited  bool       // in the variant's queue
}

var requests = sync.Pool{New: func() any { return new(request) }}

const (
	pathPrefix  = "/endpoints/"
	headerID    = "x-amzn-RequestId"
	headerPanic = "The request processing has failed because of an internal error. The server's log says more under request "
)

// Handle answers a request to any path under /endpoints/. A panic is answered with InternalFailure and logged.
func (g *Gateway) Handle(ctx *fasthttp.RequestCtx) {
	q := requests.Get().(*request)
	defer func() {
		if p := recover(); p != nil {
			g.recovered(ctx, q, p)
		}
		g.totals.add(ctx.Response.StatusCode() == fasthttp.StatusOK)
		*q = request{}
		requests.Put(q)
	}()
	q.started = g.options.Now()
	g.identify(ctx)
	if f := g.handle(ctx, q); f != nil {
		f.write(&ctx.Response)
	}
}

// recovered answers an invocation that panicked and releases what it held.
func (g *Gateway) recovered(ctx *fasthttp.RequestCtx, q *request, p any) {
	if q.socket != nil {
		q.socket.discard()
	}
	if q.variant != nil {
		q.variant.lane.counter.answered(outcome{server: true, total: g.options.Now().Sub(q.started)})
	}
	if q.copy != nil {
		q.copy.release()
	}
	id := string(ctx.Response.Header.Peek(headerID))
	g.options.Log.Error("an invocation panicked", "request_id", id, "endpoint", string(q.endpoint), "panic", p, "stack", string(debug.Stack()))
	ctx.Response.Reset()
	ctx.Response.Header.Set(headerID, id)
	f := failure{Status: fasthttp.StatusInternalServerError, Code: "InternalFailure", Message: headerPanic + id + "."}
	f.write(&ctx.Response)
}

// Headers of every answer in fasthttp's spelling, so that it need not look for it.
var (
	canonicalID      = []byte("X-Amzn-Requestid")
	canonicalVariant = []byte("X-Amzn-Invoked-Production-Variant")
)

// identify gives the request its ID.
func (g *Gateway) identify(ctx *fasthttp.RequestCtx) {
	if g.options.RequestID != nil {
		ctx.Response.Header.Set(headerID, g.options.RequestID())
		return
	}
	var id [36]byte
	randomUUID(&id)
	ctx.Response.Header.SetCanonical(canonicalID, id[:])
}

// randomUUID writes a UUID of version 4.
func randomUUID(id *[36]byte) {
	var u [16]byte
	binary.LittleEndian.PutUint64(u[:8], rand.Uint64())
	binary.LittleEndian.PutUint64(u[8:], rand.Uint64())
	u[6] = u[6]&0x0f | 0x40
	u[8] = u[8]&0x3f | 0x80
	hex.Encode(id[0:8], u[0:4])
	hex.Encode(id[9:13], u[4:6])
	hex.Encode(id[14:18], u[6:8])
	hex.Encode(id[19:23], u[8:10])
	hex.Encode(id[24:36], u[10:16])
	id[8], id[13], id[18], id[23] = '-', '-', '-', '-'
}

// handle answers a request, or returns why it cannot.
func (g *Gateway) handle(ctx *fasthttp.RequestCtx, q *request) *failure {
	if g.closed.Load() {
		return shuttingDown()
	}
	scope, refusal := g.options.Authenticate(ctx)
	if refusal != nil {
		return &failure{Status: refusal.Status, Code: refusal.Code, Message: refusal.Message}
	}
	q.scope = scope
	name, operation := split(path(ctx))
	if f := q.decode(name); f != nil {
		return f
	}
	if operation != "invocations" || !ctx.IsPost() {
		return unknown(ctx, operation)
	}
	q.readHeaders(&ctx.Request.Header)
	if f := q.check(); f != nil {
		return f
	}
	bodyMax := g.bodyMax()
	if tooLarge := ctx.Request.Header.ContentLength() > bodyMax; !tooLarge {
		q.body = ctx.Request.Body()
	}
	if len(q.body) > bodyMax || ctx.Request.Header.ContentLength() > bodyMax {
		f := invalid("The payload is larger than %d bytes.", bodyMax)
		f.Status, f.Code = fasthttp.StatusRequestEntityTooLarge, "RequestEntityTooLarge"
		return f
	}
	return g.invoke(ctx, q)
}

// path is the request's path as the client wrote it: nothing is decoded or cleaned.
func path(ctx *fasthttp.RequestCtx) []byte {
	uri := ctx.RequestURI()
	if len(uri) == 0 || uri[0] != '/' {
		return ctx.URI().PathOriginal() // http://host/path
	}
	uri, _, _ = bytes.Cut(uri, []byte("?"))
	return uri
}

// split returns the endpoint's name, still escaped, and what follows it.
func split(path []byte) (name []byte, operation string) {
	rest, _ := bytes.CutPrefix(path, []byte(pathPrefix))
	name, tail, _ := bytes.Cut(rest, []byte("/"))
	if string(tail) == "invocations" {
		return name, "invocations" // a constant: no copy
	}
	return name, string(tail)
}

func (q *request) decode(name []byte) *failure {
	q.endpoint = name
	if bytes.IndexByte(name, '%') < 0 {
		return nil
	}
	plain, err := url.PathUnescape(string(name))
	if err != nil {
		return invalid("%s", nameRule.check(nil, name)[0]) // a percent sign is not allowed in a name
	}
	q.endpoint = []byte(plain)
	return nil
}

// unknown refuses an operation other than InvokeEndpoint, by its name where it has one.
func unknown(ctx *fasthttp.RequestCtx, operation string) *failure {
	what := "an operation at " + string(ctx.Method()) + " " + shown(path(ctx))
	if ctx.IsPost() {
		switch operation {
		case "async-invocations":
			what = "the operation InvokeEndpointAsync of SageMaker Runtime"
		case "invocations-response-stream":
			what = "the operation InvokeEndpointWithResponseStream of SageMaker Runtime"
		case "invocations-bidirectional-stream":
			what = "the operation InvokeEndpointWithBidirectionalStream of SageMaker Runtime"
		}
	}
	return &failure{
		Status: fasthttp.StatusNotFound, Code: "UnknownOperationException", Message: "This server does not serve " + what + ".",
	}
}
