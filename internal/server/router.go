package server

import (
	"bytes"
	"crypto/tls"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
	"unsafe"

	"github.com/google/uuid"
	"github.com/valyala/fasthttp"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/internal/awsapi/autoscaling"
	"bellows.dev/bellows/internal/awsapi/cloudwatch"
	"bellows.dev/bellows/internal/awsapi/ec2autoscaling"
	"bellows.dev/bellows/internal/awsapi/keys"
	"bellows.dev/bellows/internal/awsapi/logs"
	"bellows.dev/bellows/internal/awsapi/policies"
	"bellows.dev/bellows/internal/awsapi/sagemaker"
	"bellows.dev/bellows/internal/awsapi/sigv4"
	"bellows.dev/bellows/internal/awsapi/sts"
	"bellows.dev/bellows/internal/config"
	"bellows.dev/bellows/internal/console"
	"bellows.dev/bellows/internal/invoke"
	"bellows.dev/bellows/internal/port"
	"bellows.dev/bellows/internal/prometheus"
)

// router dispatches requests by their path, and renders the refusals of the port.
type router struct {
	s        *Server
	api      *awsapi.Server
	control  port.Handler
	pages    struct{ health, metrics, explain, console, asset, api port.Handler }
	queries  port.Handler
	refusals refusals
}

// services returns the services of AWS's APIs, and our own.
func (s *Server) services() []*awsapi.Service {
	b := backend{s.control, s.series}
	own := policies.New(b)
	keys.Add(own, s.keys, time.Now)
	return []*awsapi.Service{
		sagemaker.New(b, sagemaker.Options{
			Image:     func(image string) error { _, err := s.conf().Program(image); return err },
			ModelData: s.checkModelData, InstanceTypes: s.machine.TypeNames, Fits: s.machine.Check,
		}),
		autoscaling.New(b), own, ec2autoscaling.New(b), cloudwatch.New(b, s.history), logs.New(logSource{s}, time.Now), sts.New(),
		sts.NewIAM(s.keys.Keys()[0].Created),
	}
}

// newPort makes the port, and what is behind it.
func (s *Server) newPort() *port.Server {
	d := &router{s: s, refusals: refusals{log: s.o.Log}}
	d.api = &awsapi.Server{
		Auth: s.auth, NewID: uuid.NewString, Log: s.o.Log, OnRequest: s.instruments.requested, OnEvent: s.audited, Safe: s.safe,
		Services: s.services(),
	}
	d.control = port.HTTP(s.life, d.api)
	pages := s.newConsole(d.api)
	s.console = pages
	s.keys.OnChange(pages.KeysChanged)
	d.pages.health = port.HTTP(s.life, http.HandlerFunc(pages.Health))
	d.pages.metrics = port.HTTP(s.life, s.metrics())
	d.pages.explain = port.HTTP(s.life, http.HandlerFunc(pages.Explain))
	d.pages.console = port.HTTP(s.life, http.HandlerFunc(pages.Page))
	d.pages.asset = port.HTTP(s.life, http.HandlerFunc(pages.Asset))
	d.pages.api = port.HTTP(s.life, http.HandlerFunc(pages.API))
	d.queries = port.HTTP(s.life, s.prometheus)
	connections := s.o.Config.ConnectionsMax
	if most := port.Capacity(); connections == 0 || connections > most {
		connections = most
	}
	unverified, verified := port.NewMemory(config.UnverifiedMax), port.NewMemory(s.o.Config.BodiesMemory())
	var secured *tls.Config
	if s.certs != nil {
		secured = s.certs.Config()
	}
	p := port.New(port.Options{
		TLS:    secured,
		Handle: d.handle, Refuse: d.refuse, Connections: connections, Memory: unverified, Verified: verified, Log: s.o.Log,
	})
	s.instruments.port(p, unverified, verified)
	return p
}

// handle dispatches a request by its path. Invocations come first: they are the most frequent.
func (d *router) handle(ctx *fasthttp.RequestCtx, body *port.Body) {
	path := pathOf(ctx)
	invocation := len(path) > len("/endpoints/") && string(path[:len("/endpoints/")]) == "/endpoints/"
	if d.s.o.NoAuth || !invocation {
		if r := d.s.crossSite(ctx, string(path)); r != nil {
			d.refuse(ctx, port.HeadOf(ctx), r)
			return
		}
	}
	switch get := ctx.IsGet() || ctx.IsHead(); {
	case invocation:
		d.s.gateway.Handle(ctx)
	case prometheus.Serves(string(path)):
		d.queries(ctx, body)
	case string(path) == console.InvokePath:
		d.s.invokeFromConsole(ctx)
	case bytes.HasPrefix(path, []byte(console.APIPath)):
		d.pages.api(ctx, body)
		d.s.hsts(ctx)
	case get && bytes.HasPrefix(path, []byte(console.AssetsPath)):
		d.pages.asset(ctx, body)
	case get && (bytes.HasPrefix(path, []byte(console.Path)) || string(path)+"/" == console.Path), get && forPeople(ctx, path):
		d.pages.console(ctx, body)
		d.s.hsts(ctx)
	case get && signed(ctx) && d.unserved(ctx):
		d.control(ctx, body) // it refuses the request: GET / is S3's ListBuckets, and /metrics may be a bucket
	case get && (string(path) == "/" || string(path) == console.HealthPath) && len(ctx.QueryArgs().Peek("Action")) == 0:
		d.pages.health(ctx, body)
	case get && string(path) == "/metrics":
		d.pages.metrics(ctx, body)
	case get && strings.HasPrefix(string(path), console.ExplainPath):
		d.pages.explain(ctx, body)
	default:
		d.control(ctx, body)
	}
}

// forPeople reports whether a request is a browser's for the root.
func forPeople(ctx *fasthttp.RequestCtx, path []byte) bool {
	return string(path) == "/" && strings.Contains(text(ctx.Request.Header.Peek("Accept")), "text/html") && !signed(ctx) &&
		len(ctx.QueryArgs().Peek("Action")) == 0
}

// signed reports whether a request is signed as calls of AWS's APIs are, for any service.
func signed(ctx *fasthttp.RequestCtx) bool {
	return bytes.HasPrefix(ctx.Request.Header.Peek("Authorization"), []byte("AWS4-")) || ctx.QueryArgs().Has("X-Amz-Signature")
}

// unserved reports whether a request is signed for a service that this server does not implement.
func (d *router) unserved(ctx *fasthttp.RequestCtx) bool {
	facts := requests.Get().(*sigv4.Request)
	defer requests.Put(facts)
	readFacts(ctx, facts)
	return d.api.Unserved(facts) != ""
}

// pathOf returns a request's path as it was sent, without the query.
func pathOf(ctx *fasthttp.RequestCtx) []byte {
	uri := ctx.Request.Header.RequestURI()
	if len(uri) > 0 && uri[0] != '/' { // http://host/path
		_, rest, _ := bytes.Cut(uri, []byte("://"))
		uri = rest[max(0, bytes.IndexByte(rest, '/')):]
	}
	path, _, _ := bytes.Cut(uri, []byte("?"))
	return path
}

// refuse answers a request that the port or crossSite refuses, in the protocol that the request appears to use.
func (d *router) refuse(ctx *fasthttp.RequestCtx, h port.Head, r *port.Refusal) {
	id := uuid.NewString()
	d.refusals.note(ctx, h, r, id)
	if awsapi.Refusal(r.Code) {
		d.s.refused(requestOf(ctx), "", shorten(h.Method+" "+h.Target, nameMax), "", awsapi.Caller{}, r.Code, r.Message)
	}
	path, query, _ := strings.Cut(h.Target, "?")
	if strings.HasPrefix(path, "/endpoints/") {
		(&invoke.Refusal{Status: r.Status, Code: r.Code, Message: r.Message}).Write(&ctx.Response)
		ctx.Response.Header.Set("X-Amzn-Requestid", id)
		return
	}
	w := port.NewResponse(ctx)
	defer w.End()
	w.Header()["x-amzn-RequestId"] = []string{id}
	switch {
	case prometheus.Serves(path):
		prometheus.Refuse(w, path, h.ContentType, r.Status, errors.New(r.Message))
	case path == console.HealthPath, path == "/metrics", strings.HasPrefix(path, console.ExplainPath), path == "/" && strings.Contains(h.Accept, "text/html"):
		http.Error(w, r.Message, r.Status)
	default:
		header := http.Header{"X-Amz-Target": {h.AmzTarget}, "Content-Type": {h.ContentType}}
		d.api.Refuse(w, &http.Request{Method: h.Method, URL: &url.URL{Path: path, RawQuery: query}, Header: header}, id, r.Status, r.Code, r.Message)
	}
}

// authenticate verifies an invocation, reads its body, and returns the scope whose endpoints it may invoke. The head is checked before the body
// is read.
func (s *Server) authenticate(ctx *fasthttp.RequestCtx) (engine.Scope, *invoke.Refusal) {
	scope, caller, refusal := s.verify(ctx)
	if refusal != nil && awsapi.Refusal(refusal.Code) {
		s.refusedInvocation(ctx, scope, caller, refusal)
	}
	return scope, refusal
}

// verify is authenticate. Where it refuses a request, the caller is what the request claims, if anything.
func (s *Server) verify(ctx *fasthttp.RequestCtx) (engine.Scope, awsapi.Caller, *invoke.Refusal) {
	if scope, refusal, known := s.knownSender(ctx); known {
		return scope, awsapi.Caller{}, refusal
	}
	facts := requests.Get().(*sigv4.Request)
	defer requests.Put(facts)
	readFacts(ctx, facts)
	visitor, err := s.auth.Begin(facts, "sagemaker")
	if err != nil {
		return engine.Scope{}, claimedCaller(facts), refusalOf(err)
	}
	body := port.BodyOf(ctx)
	var all []byte
	var sum [32]byte
	if limit := int(s.conf().PayloadMax); s.auth.Open() {
		all, err = body.CollectPlain(limit)
	} else {
		all, sum, err = body.Collect(limit)
	}
	if err != nil {
		return engine.Scope{}, awsapi.Caller{}, refusalOf(err)
	}
	scope, caller, err := visitor.Finish(facts, sum)
	if err != nil {
		return engine.Scope{}, claimedCaller(facts), refusalOf(err)
	}
	if caller.ReadOnly {
		return scope, caller, deniedInvocation(scope, caller, string(pathOf(ctx)))
	}
	if err := body.Verified(); err != nil {
		return scope, caller, refusalOf(err)
	}
	ctx.Request.SetBodyRaw(all)
	return scope, caller, nil
}

var requests = sync.Pool{New: func() any { return new(sigv4.Request) }}

// readFacts fills in what a signature covers. The strings alias the request's buffers: they are valid as long as the request is.
func readFacts(ctx *fasthttp.RequestCtx, r *sigv4.Request) {
	h := &ctx.Request.Header
	r.Method, r.Host = text(h.Method()), text(h.Host())
	r.Path = text(pathOf(ctx))
	_, r.Query, _ = strings.Cut(text(h.RequestURI()), "?")
	r.Header = r.Header[:0]
	for name, value := range h.All() {
		r.Header = append(r.Header, sigv4.Field{Name: text(name), Value: text(value)})
	}
}

// text returns bytes as a string, without a copy.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

func refusalOf(err error) *invoke.Refusal {
	var e *sigv4.Error
	var r *port.Refusal
	switch {
	case errors.As(err, &e):
		code, _, status := e.Codes()
		return &invoke.Refusal{Status: status, Code: code, Message: e.Msg}
	case errors.As(err, &r):
		return &invoke.Refusal{Status: r.Status, Code: r.Code, Message: r.Message}
	default:
		return &invoke.Refusal{Status: http.StatusForbidden, Code: "AccessDeniedException", Message: err.Error()}
	}
}

// refusals logs refusals, at most refusalsLogged a second: a client without a key must not fill the disk through the log.
type refusals struct {
	log *slog.Logger

	mu      sync.Mutex
	second  int64
	count   int
	omitted int
}

// refusalsLogged is how many refusals are logged in one second.
const refusalsLogged = 20

func (n *refusals) note(ctx *fasthttp.RequestCtx, h port.Head, r *port.Refusal, id string) {
	n.mu.Lock()
	if now := time.Now().Unix(); now != n.second {
		n.second, n.count = now, 0
	}
	n.count++
	shown := n.count <= refusalsLogged
	omitted := n.omitted
	if n.omitted++; shown {
		n.omitted = 0
	}
	n.mu.Unlock()
	if shown {
		n.log.Warn("a request was refused", "request_id", id, "status", r.Status, "code", r.Code, "message", r.Message, "method", h.Method,
			"target", h.Target, "client", ctx.RemoteAddr().String(), "not_logged_before", omitted)
	}
}
