package server

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/valyala/fasthttp"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/internal/console"
	"bellows.dev/bellows/internal/invoke"
	"bellows.dev/bellows/internal/port"
)

// senderKey has the scope of an invocation whose sender is known without a signature: the console's, from its session.
type senderKey struct{}

// invokeFromConsole answers POST /console/api/invoke: InvokeEndpoint of the endpoint that the query names, by the account of the session. The
// gateway serves it as any other invocation, with its limits.
func (s *Server) invokeFromConsole(ctx *fasthttp.RequestCtx) {
	h := &ctx.Request.Header
	refuse := func(status int, code, message string) {
		(&invoke.Refusal{Status: status, Code: code, Message: message}).Write(&ctx.Response)
	}
	target, err := url.Parse(string(h.RequestURI()))
	if err != nil {
		refuse(http.StatusBadRequest, "InvalidRequest", "The query is malformed.")
		return
	}
	if !ctx.IsPost() {
		refuse(http.StatusMethodNotAllowed, "MethodNotAllowed", string(h.Method())+" is not a method of "+console.InvokePath+".")
		return
	}
	asked := requestOf(ctx)
	asked.Host, asked.URL = string(h.Host()), target
	for _, name := range []string{"Cookie", "Authorization"} {
		if v := h.Peek(name); len(v) > 0 {
			asked.Header.Set(name, string(v))
		}
	}
	scope, id, err := s.console.Invoker(asked)
	if denied := (*console.Denied)(nil); errors.As(err, &denied) {
		refuse(denied.Status, denied.Code, denied.Message)
		return
	}
	path := "/endpoints/" + url.PathEscape(target.Query().Get("endpoint")) + "/invocations"
	by := awsapi.Caller{AccessKeyID: id.AccessKeyID, User: id.User, ReadOnly: id.ReadOnly}
	if id.ReadOnly {
		denied := deniedInvocation(scope, by, path)
		s.refusedInvocation(ctx, scope, by, denied)
		denied.Write(&ctx.Response)
		return
	}
	ctx.SetUserValue(senderKey{}, scope)
	ctx.Request.SetRequestURI(path)
	s.gateway.Handle(ctx)
	s.invokedFromConsole(ctx, asked, scope, by, target.Query().Get("endpoint"))
	// The answer is the model's own: a browser must not take it for a page of this server.
	ctx.Response.Header.Set("Content-Security-Policy", "sandbox")
	ctx.Response.Header.Set("X-Content-Type-Options", "nosniff")
	ctx.Response.Header.Set("Cache-Control", "no-store")
}

// knownSender reads the body of an invocation whose sender is known, and returns the sender's scope; known is false where it is not.
func (s *Server) knownSender(ctx *fasthttp.RequestCtx) (scope engine.Scope, refusal *invoke.Refusal, known bool) {
	scope, known = ctx.UserValue(senderKey{}).(engine.Scope)
	if !known {
		return scope, nil, false
	}
	body := port.BodyOf(ctx)
	if err := body.Verified(); err != nil {
		return scope, refusalOf(err), true
	}
	all, err := body.CollectPlain(int(s.conf().PayloadMax))
	if err != nil {
		return scope, refusalOf(err), true
	}
	ctx.Request.SetBodyRaw(all)
	return scope, nil, true
}
