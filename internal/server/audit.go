package server

import (
	"crypto/tls"
	"errors"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/valyala/fasthttp"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/audit"
	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/internal/awsapi/sigv4"
	"bellows.dev/bellows/internal/console"
	"bellows.dev/bellows/internal/invoke"
)

// auditDir is the folder of the audit log in a data directory.
const auditDir = "audit"

// Limits of what clients write into records, in bytes.
const (
	nameMax  = 128
	agentMax = 256
	errorMax = 1024
)

func (s *Server) openAudit() (err error) {
	s.audit, err = audit.Open(audit.Options{
		Dir: filepath.Join(s.o.Dir, auditDir), BytesMax: int64(s.o.Config.AuditMax), Now: s.control.Now, Log: s.o.Log,
		OnAdd: func(account string) { s.console.Audited(account) },
	})
	return err
}

// audited records a call of an AWS API.
func (s *Server) audited(e awsapi.Event) {
	r := s.record(e.HTTP, e.Account, e.Caller)
	r.EventType, r.EventName, r.RequestID, r.ReadOnly = audit.TypeCall, shorten(e.Operation, nameMax), e.RequestID, awsapi.Reads(e.Operation)
	r.EventSource, r.AWSRegion = source(e.Service), shorten(e.Region, nameMax)
	r.Request, r.Response = e.Request(), e.Response()
	if e.Console {
		r.FromConsole = "true"
	}
	if e.Resource != "" {
		r.Resources = []audit.Resource{{ARN: e.Resource}}
	}
	if e.Error != nil {
		r.ErrorCode, r.ErrorMessage = e.Error.Code, shorten(e.Error.Message, errorMax)
	}
	s.audit.Add(r, e.Refusal)
}

// source returns the eventSource of a service. AWS: CloudTrail record contents.
func source(service string) string {
	switch service {
	case "", "bellows":
		return "bellows"
	default:
		return service + ".amazonaws.com"
	}
}

// record returns a record of a request with who sent it. Where no account is known, the administrator's keys see it.
func (s *Server) record(r *http.Request, account string, by awsapi.Caller) audit.Record {
	x := audit.Record{
		EventID: uuid.NewString(), SourceIP: s.client(r), UserAgent: shorten(r.UserAgent(), agentMax), AWSRegion: s.o.Config.Region, Recipient: account,
		UserIdentity: audit.UserIdentity{Type: "IAMUser", AccountID: account, AccessKeyID: shorten(by.AccessKeyID, nameMax), UserName: by.User},
	}
	if r.TLS != nil {
		x.TLS = &audit.TLS{Version: strings.ReplaceAll(tls.VersionName(r.TLS.Version), "TLS 1.", "TLSv1."), Cipher: tls.CipherSuiteName(r.TLS.CipherSuite)}
	}
	if account == "" || s.o.NoAuth {
		x.Recipient, x.UserIdentity.Type = s.account(), "Unknown"
	} else if by.User != "" {
		x.UserIdentity.ARN = awsapi.UserARN(account, by.User)
	}
	return x
}

// signedIn records an attempt to sign in to the console, or a sign-out. AWS: CloudTrail, console sign-in events.
func (s *Server) signedIn(r *http.Request, e console.SignInEvent) {
	by := awsapi.Caller{AccessKeyID: e.By.AccessKeyID, User: e.By.User}
	x := s.record(r, e.By.Account, by)
	x.EventType, x.EventName, x.EventSource = audit.TypeSignIn, "ConsoleLogin", "signin.amazonaws.com"
	if e.Out {
		x.EventName = "ConsoleLogout"
	}
	result := "Success"
	if e.Code != "" {
		result, x.ErrorCode, x.ErrorMessage = "Failure", e.Code, e.Message
	}
	x.Response = []byte(`{"` + x.EventName + `":"` + result + `"}`)
	s.audit.Add(x, e.Code != "")
}

// refused records a request that was refused because of who sent it, and that is no call of the control plane.
func (s *Server) refused(r *http.Request, service, operation, account string, by awsapi.Caller, code, message string) {
	x := s.record(r, account, by)
	x.EventType, x.EventSource, x.EventName = audit.TypeCall, source(service), operation
	x.ErrorCode, x.ErrorMessage = code, shorten(message, errorMax)
	x.ReadOnly = r.Method == http.MethodGet || r.Method == http.MethodHead
	s.audit.Add(x, true)
}

// refusedInvocation records an invocation that was refused because of who sent it.
func (s *Server) refusedInvocation(ctx *fasthttp.RequestCtx, in engine.Scope, by awsapi.Caller, why *invoke.Refusal) {
	s.refused(requestOf(ctx), "sagemaker", "InvokeEndpoint", in.Account, by, why.Code, why.Message)
}

// refusedSeries records a request of Prometheus' and OpenTelemetry's APIs that was refused because of who sent it.
func (s *Server) refusedSeries(r *http.Request, account string, by awsapi.Caller, err error) {
	code := "AccessDeniedException"
	if e := (*sigv4.Error)(nil); errors.As(err, &e) {
		code, _, _ = e.Codes()
	}
	if by.AccessKeyID == "" {
		id, _, _ := r.BasicAuth()
		if claims, ok := sigv4.Claims(awsapi.Facts(r)); ok {
			id = claims.AccessKeyID
		}
		by.AccessKeyID = id
	}
	s.refused(r, "aps", shorten(r.Method+" "+r.URL.Path, nameMax), account, by, code, err.Error())
}

// invokedFromConsole records an invocation from the console, by hand.
func (s *Server) invokedFromConsole(ctx *fasthttp.RequestCtx, r *http.Request, in engine.Scope, by awsapi.Caller, endpoint string) {
	x := s.record(r, in.Account, by)
	x.EventType, x.EventSource, x.EventName, x.AWSRegion, x.FromConsole = audit.TypeAction, source("sagemaker"), "InvokeEndpoint", in.Region, "true"
	x.RequestID = string(ctx.Response.Header.Peek("x-amzn-RequestId"))
	x.Resources = []audit.Resource{{ARN: awsapi.ARN(in, "sagemaker", "endpoint/"+shorten(strings.ToLower(endpoint), nameMax))}}
	if status := ctx.Response.StatusCode(); status != http.StatusOK {
		x.ErrorCode = strconv.Itoa(status)
	}
	s.audit.Add(x, false)
}

// claimedCaller returns who a request that is refused claims to be from.
func claimedCaller(facts *sigv4.Request) awsapi.Caller {
	id, _ := sigv4.Claims(facts)
	return awsapi.Caller{AccessKeyID: strings.Clone(id.AccessKeyID)} // the request's strings are not valid after it
}

// requestOf returns of a request what records have of it.
func requestOf(ctx *fasthttp.RequestCtx) *http.Request {
	return &http.Request{
		Method: string(ctx.Method()), RemoteAddr: ctx.RemoteAddr().String(),
		Header: http.Header{
			"User-Agent": {string(ctx.Request.Header.UserAgent())}, "X-Forwarded-For": {string(ctx.Request.Header.Peek("X-Forwarded-For"))},
			"X-Forwarded-Proto": {string(ctx.Request.Header.Peek("X-Forwarded-Proto"))},
		},
		TLS: ctx.TLSConnectionState(),
	}
}

// shorten returns at most so many bytes of a client's text, as valid UTF-8.
func shorten(text string, most int) string {
	if len(text) <= most {
		return strings.ToValidUTF8(text, "�")
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
