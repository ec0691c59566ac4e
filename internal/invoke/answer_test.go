package invoke

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/valyala/fasthttp"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
)

const (
	logs = `"LogStreamArn":"arn:aws:logs:eu-west-1:123456789012:log-group:/aws/sagemaker/Endpoints/chat"`
	see  = ` See /fleet/logs/i-1.log for more information.`
)

// model answers as the payload says.
func model(ctx *fasthttp.RequestCtx) {
	switch string(ctx.PostBody()) {
	case "400":
		ctx.Error(`bad <row> "7"`, 400)
	case "500":
		ctx.Error("boom", 500)
	case "302":
		ctx.Redirect("/elsewhere", 302)
	case "binary":
		ctx.Error("\xff\x00é", 500)
	case "large":
		ctx.SetBody(make([]byte, 2000))
	case "slow":
		<-ctx.UserValue("release").(chan struct{})
	}
}

type refusalCase struct {
	name, method, path, body string
	headers                  []string
	status                   int
	code, want               string
}

var refusals = []refusalCase{
	{
		name: "an unknown endpoint", path: "/endpoints/other/invocations", status: 400, code: "ValidationError",
		want: `{"ErrorCode":"NO_SUCH_ENDPOINT","Message":"Endpoint other of account 123456789012 not found."}`,
	}, {
		name: "another case", path: "/endpoints/Chat/invocations", status: 400, code: "ValidationError",
		want: `{"ErrorCode":"NO_SUCH_ENDPOINT","Message":"Endpoint Chat of account 123456789012 not found."}`,
	}, {
		name: "an endpoint that does not serve", path: "/endpoints/creating/invocations", status: 400, code: "ValidationError",
		want: `{"ErrorCode":"NO_SUCH_ENDPOINT","Message":"Endpoint creating of account 123456789012 not found."}`,
	}, {
		name: "a bad name", path: "/endpoints/-chat_/invocations", status: 400, code: "ValidationError",
		want: `{"Message":"1 validation error detected: Value '-chat_' at 'endpointName' failed to satisfy constraint: ` +
			`Member must satisfy regular expression pattern: ^[a-zA-Z0-9](-*[a-zA-Z0-9])*"}`,
	}, {
		name: "an escaped slash", path: "/endpoints/a%2fb/invocations", status: 400, code: "ValidationError",
		want: `{"Message":"1 validation error detected: Value 'a/b' at 'endpointName' failed to satisfy constraint: ` +
			`Member must satisfy regular expression pattern: ^[a-zA-Z0-9](-*[a-zA-Z0-9])*"}`,
	}, {
		name: "long attributes", headers: []string{"X-Amzn-SageMaker-Custom-Attributes", strings.Repeat("a", 1025)}, status: 400, code: "ValidationError",
		want: `{"Message":"1 validation error detected: Value '` + strings.Repeat("a", 200) + `...' at 'customAttributes' failed to satisfy ` +
			`constraint: Member must have length less than or equal to 1024"}`,
	}, {
		name: "two faults", headers: []string{"X-Amzn-SageMaker-Inference-Id", strings.Repeat("i", 65), "Accept", "é"}, status: 400, code: "ValidationError",
		want: `{"Message":"2 validation errors detected: Value 'é' at 'accept' failed to satisfy constraint: Member must satisfy regular ` +
			`expression pattern: \\p{ASCII}*; Value '` + strings.Repeat("i", 65) + `' at 'inferenceId' failed to satisfy constraint: ` +
			`Member must have length less than or equal to 64"}`,
	}, {
		name: "a target model", headers: []string{"X-Amzn-SageMaker-Target-Model", "m.tar.gz"}, status: 400, code: "ValidationError",
		want: `{"Message":"Endpoint chat is not a multi-model endpoint and does not support target model header."}`,
	}, {
		name: "a target container", headers: []string{"X-Amzn-SageMaker-Target-Container-Hostname", "c1"}, status: 400, code: "ValidationError",
		want: `{"Message":"Endpoint chat is not a multi-container endpoint and does not support target container hostname header."}`,
	}, {
		name: "a component", headers: []string{"X-Amzn-SageMaker-Inference-Component", "c1"}, status: 400, code: "ValidationError",
		want: `{"Message":"Endpoint chat is not an inference component endpoint and does not support inference component header."}`,
	}, {
		name: "explanations", headers: []string{"X-Amzn-SageMaker-Enable-Explanations", "`true`"}, status: 400, code: "ValidationError",
		want: `{"Message":"Endpoint chat has no explainer and does not support enable explanations header."}`,
	}, {
		name: "an unknown variant", headers: []string{"X-Amzn-SageMaker-Target-Variant", "green"}, status: 400, code: "ValidationError",
		want: `{"Message":"Variant green does not exist in endpoint chat."}`,
	}, {
		name: "a session that does not exist", headers: []string{"X-Amzn-SageMaker-Session-Id", "s1"}, status: 400, code: "ValidationError",
		want: `{"Message":"Session s1 of endpoint chat does not exist or has ended."}`,
	}, {
		name: "nobody in service", path: "/endpoints/empty/invocations", status: 503, code: "ServiceUnavailable",
		want: `{"Message":"No instance of variant blue of endpoint empty is in service."}`,
	}, {
		name: "no weight", path: "/endpoints/weightless/invocations", status: 503, code: "ServiceUnavailable",
		want: `{"Message":"No variant of endpoint weightless takes invocations that name none."}`,
	}, {
		name: "nobody there", path: "/endpoints/refusing/invocations", status: 503, code: "ServiceUnavailable",
		want: `{"Message":"The instances of variant blue of endpoint refusing could not be reached."}`,
	}, {
		name: "a payload over the limit", body: strings.Repeat("a", 1001), status: 413, code: "RequestEntityTooLarge",
		want: `{"Message":"The payload is larger than 1000 bytes."}`,
	}, {
		name: "a client's error", body: "400", status: 424, code: "ModelError",
		want: `{"ErrorCode":"CLIENT_ERROR_FROM_MODEL",` + logs + `,"Message":"Received client error (400) from primary with message ` +
			`\"bad <row> \"7\"\".` + see + `","OriginalMessage":"bad <row> \"7\"","OriginalStatusCode":400}`,
	}, {
		name: "a server's error", body: "500", status: 424, code: "ModelError",
		want: `{` + logs + `,"Message":"Received server error (500) from primary with message \"boom\".` + see +
			`","OriginalMessage":"boom","OriginalStatusCode":500}`,
	}, {
		name: "no text", body: "binary", status: 424, code: "ModelError",
		want: `{` + logs + `,"Message":"Received server error (500) from primary with message \"\ufffd\u0000é\".` + see +
			`","OriginalMessage":"\ufffd\u0000é","OriginalStatusCode":500}`,
	}, {
		name: "a redirection", body: "302", status: 424, code: "ModelError",
		want: `{` + logs + `,"Message":"Received server error (302) from primary with message \"\".` + see + `","OriginalMessage":"","OriginalStatusCode":302}`,
	}, {
		name: "a large answer", body: "large", status: 424, code: "ModelError",
		want: `{` + logs + `,"Message":"Received server error (0) from primary with message \"The response of container primary is larger than a ` +
			`payload may be.\".` + see + `","OriginalMessage":"The response of container primary is larger than a payload may be.","OriginalStatusCode":0}`,
	}, {
		name: "a slow model", body: "slow", status: 424, code: "ModelError",
		want: `{` + logs + `,"Message":"Received server error (0) from primary with message \"` + timeoutText + `\".` + see +
			`","OriginalMessage":"` + timeoutText + `","OriginalStatusCode":0}`,
	}, {
		name: "no HTTP", path: "/endpoints/broken/invocations", status: 424, code: "ModelError",
		want: strings.ReplaceAll(`{`+logs+`,"Message":"Received server error (0) from primary with message \"Container primary closed the connection `+
			`before it had answered, or its answer was no valid HTTP.\".`+see+`","OriginalMessage":"Container primary closed the connection before it `+
			`had answered, or its answer was no valid HTTP.","OriginalStatusCode":0}`, "Endpoints/chat", "Endpoints/broken"),
	}, {
		name: "asynchronous", path: "/endpoints/chat/async-invocations", status: 404, code: "UnknownOperationException",
		want: `{"Message":"This server does not serve the operation InvokeEndpointAsync of SageMaker Runtime."}`,
	}, {
		name: "streaming", path: "/endpoints/chat/invocations-response-stream", status: 404, code: "UnknownOperationException",
		want: `{"Message":"This server does not serve the operation InvokeEndpointWithResponseStream of SageMaker Runtime."}`,
	}, {
		name: "another method", method: "GET", status: 404, code: "UnknownOperationException",
		want: `{"Message":"This server does not serve an operation at GET /endpoints/chat/invocations."}`,
	}, {
		name: "another path", path: "/endpoints/chat/invocations/", status: 404, code: "UnknownOperationException",
		want: `{"Message":"This server does not serve an operation at POST /endpoints/chat/invocations/."}`,
	},
}

func TestRefusals(t *testing.T) {
	release := make(chan struct{})
	address := serve(t, func(ctx *fasthttp.RequestCtx) { ctx.SetUserValue("release", release); model(ctx) })
	t.Cleanup(func() { close(release) })
	g, url := start(t, Options{MaxBody: 1000, LogFile: func(hosting.CopyID) string { return "/fleet/logs/i-1.log" }})
	named := func(name string, r engine.Route) engine.Route {
		r.Key.Endpoint = name
		for i := range r.Variants[0].Fleets[0].Copies {
			r.Variants[0].Fleets[0].Copies[i].ID += "-" + "of-" + r.Variants[0].Fleets[0].Copies[i].ID
		}
		return r
	}
	hasty := blue(address)
	hasty.Variants[0].Timeout = 200 * time.Millisecond
	creating := named("creating", blue(address))
	creating.Serving = false
	weightless := named("weightless", blue(address))
	weightless.Variants[0].Weight = 0
	unreachable := named("refusing", blue(refusing(t)))
	unreachable.Variants[0].Fleets[0].Copies[0].ID = "i-refusing"
	broken := named("broken", blue(raw(t, "SMTP ready\r\n\r\n", false)))
	broken.Variants[0].Fleets[0].Copies[0].ID = "i-broken"
	g.Apply([]engine.Route{blue(address), creating, weightless, unreachable, broken, named("empty", blue())})
	for _, c := range refusals {
		t.Run(c.name, func(t *testing.T) {
			if c.path == "" {
				c.path = "/endpoints/chat/invocations"
			}
			if c.method == "" {
				c.method = "POST"
			}
			if c.body == "slow" { // the others have all the time that they need
				g.Apply([]engine.Route{hasty})
				defer g.Apply([]engine.Route{blue(address)})
			}
			answer, body := call(t, c.method, url+c.path, c.body, c.headers...)
			if answer.StatusCode != c.status || answer.Header.Get("x-amzn-ErrorType") != c.code || answer.Header.Get("Content-Type") != "application/json" {
				t.Errorf("status %d, type %q, content %q", answer.StatusCode, answer.Header.Get("x-amzn-ErrorType"), answer.Header.Get("Content-Type"))
			}
			if body != c.want {
				t.Errorf("got  %s\nwant %s", body, c.want)
			}
			if answer.Header.Get("x-amzn-RequestId") == "" {
				t.Error("no request ID")
			}
			if !json.Valid([]byte(body)) {
				t.Error("the body is no JSON")
			}
		})
	}
}

func TestPathsAreTakenAsTheyCame(t *testing.T) {
	for path, want := range map[string]string{
		"/endpoints/%2x/invocations":            "Value '%2x' at 'endpointName'",
		"/endpoints//invocations":               "Value '' at 'endpointName'",
		"/endpoints/a/../chat/invocations":      "does not serve an operation at POST /endpoints/a/../chat/invocations.",
		"http://host/endpoints/x/invocations?a": "Endpoint x of account",
		"/endpoints/":                           "does not serve an operation at POST /endpoints/.",
		"/endpoints":                            "does not serve an operation at POST /endpoints.",
		"/endpoints/chat":                       "does not serve an operation at POST /endpoints/chat.",
	} {
		g := New(Options{Authenticate: func(*fasthttp.RequestCtx) (engine.Scope, *Refusal) { return scope, nil }})
		var ctx fasthttp.RequestCtx
		ctx.Request.Header.SetMethod("POST")
		ctx.Request.Header.SetRequestURI(path)
		g.Handle(&ctx)
		if body := string(ctx.Response.Body()); !strings.Contains(body, want) {
			t.Errorf("%s: %s", path, body)
		}
	}
}

func TestAuthenticationComesFirst(t *testing.T) {
	g, url := start(t, Options{Authenticate: func(*fasthttp.RequestCtx) (engine.Scope, *Refusal) {
		return engine.Scope{}, &Refusal{403, "InvalidSignatureException", "The signature does not match."}
	}})
	g.Apply([]engine.Route{blue(serve(t, echo))})
	for _, path := range []string{"/endpoints/chat/invocations", "/endpoints/-/async-invocations"} {
		answer, body := post(t, url+path, "x")
		if answer.StatusCode != http.StatusForbidden || answer.Header.Get("x-amzn-ErrorType") != "InvalidSignatureException" || body != `{"Message":"The signature does not match."}` {
			t.Errorf("%d %v %s", answer.StatusCode, answer.Header, body)
		}
	}
	closed := New(Options{})
	var ctx fasthttp.RequestCtx
	closed.Handle(&ctx)
	if ctx.Response.StatusCode() != 403 {
		t.Errorf("without authentication: %d", ctx.Response.StatusCode())
	}
}

func TestScopesShareNothing(t *testing.T) {
	other := engine.Scope{Account: "210987654321", Region: "eu-west-1"}
	who := other
	g, url := start(t, Options{Authenticate: func(*fasthttp.RequestCtx) (engine.Scope, *Refusal) { return who, nil }})
	g.Apply([]engine.Route{blue(serve(t, echo))})
	if answer, body := post(t, url+"/endpoints/chat/invocations", "x"); answer.StatusCode != http.StatusBadRequest || !strings.Contains(body, "210987654321") {
		t.Errorf("%d %s", answer.StatusCode, body)
	}
	who = scope
	if answer, _ := post(t, url+"/endpoints/chat/invocations", "x"); answer.StatusCode != http.StatusOK {
		t.Errorf("%d", answer.StatusCode)
	}
}

func TestAModelsErrorIsCutBetweenCharacters(t *testing.T) {
	q := request{scope: scope, endpoint: []byte("chat")}
	f := q.modelError(500, []byte("a"+strings.Repeat("é", originalMax)), "")
	if n := len(*f.OriginalMessage); n != originalMax-1 || !utf8.ValidString(*f.OriginalMessage) {
		t.Errorf("%d bytes", n)
	}
	f = q.modelError(500, []byte(strings.Repeat("\x80", 2*originalMax)), "") // no character starts anywhere
	if n := len(*f.OriginalMessage); n > originalMax || n < originalMax-utf8.UTFMax {
		t.Errorf("%d bytes", n)
	}
}

// A header that was sent in several fields means what it means in one, as its signature does not tell them apart.
func TestHeadersInSeveralFieldsAreJoined(t *testing.T) {
	var q request
	var h fasthttp.RequestHeader
	for _, f := range [][2]string{
		{"X-Amzn-SageMaker-Custom-Attributes", "a"}, {"X-Amzn-SageMaker-Custom-Attributes", "b"}, {"X-Amzn-SageMaker-Target-Variant", "blue"},
		{"X-Amzn-SageMaker-Target-Variant", "green"},
	} {
		h.Add(f[0], f[1])
	}
	q.endpoint = []byte("chat")
	q.readHeaders(&h)
	if got := string(q.header[customAttributes]); got != "a,b" {
		t.Errorf("custom attributes %q", got)
	}
	if f := q.check(); f == nil || !strings.Contains(f.Message, "Value 'blue,green' at 'targetVariant'") {
		t.Errorf("two variants: %+v", f)
	}
}

// Interim answers are no answer, and what follows them is held to what answers are held to. A status that HTTP does not have is a model's
// error, and no success.
func TestStatusesOfModels(t *testing.T) {
	const (
		ok      = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
		proceed = "HTTP/1.1 100 Continue\r\n\r\n"
		hints   = "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\nX-Amzn-SageMaker-Custom-Attributes: early\r\n\r\n"
		none    = "has a status that HTTP does not have."
		broken  = "closed the connection before it had answered, or its answer was no valid HTTP."
	)
	of := func(status string) string { return strings.Replace(ok, "200", status, 1) }
	for name, c := range map[string]struct {
		answer string
		status int
		want   string
	}{
		"000": {of("000"), 424, none}, "001": {of("001"), 424, none}, "099": {of("099"), 424, none},
		"100, 200":            {proceed + ok, 200, "hi"},
		"103, 200":            {hints + ok, 200, "hi"},
		"100, 103, 200":       {proceed + hints + ok, 200, "hi"},
		"100, 500":            {proceed + of("500"), 424, "Received server error (500)"},
		"100, 404":            {proceed + of("404"), 424, "Received client error (404)"},
		"100, 000":            {proceed + of("000"), 424, none},
		"103, 000":            {hints + of("000"), 424, none},
		"103, 099":            {hints + of("099"), 424, none},
		"100, garbage":        {proceed + "SMTP ready\r\n\r\n", 424, broken},
		"103, garbage":        {hints + "\x00\x01\x02\xff garbage without an end", 424, broken},
		"100, no status":      {proceed + "HTTP/1.1 OK\r\nContent-Length: 2\r\n\r\nhi", 424, broken},
		"100, nothing":        {proceed, 424, broken},
		"half an interim":     {"HTTP/1.1 103 Early", 424, broken},
		"a garbled interim":   {"HTTP/1.1 100 Continue\r\nno header\r\n\r\n" + ok, 424, broken},
		"interim without end": {strings.Repeat(proceed, interimMax+1) + ok, 424, broken},
		"101":                 {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", 424, "(101)"},
		"two lengths":         {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", 424, broken},
		"two other lengths":   {"HTTP/1.1 200 OK\r\ntransfer-encoding : chunked\r\nX: y\r\ncontent-length:2\r\n\r\n2\r\nhi\r\n0\r\n\r\n", 424, broken},
		"103, two lengths":    {hints + "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", 424, broken},
		"no second length":    {"HTTP/1.1 200 OK\r\nX: Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\nhi", 200, "hi"},
		"a lone status line":  {"HTTP/1.1 200 OK", 424, broken},
	} {
		t.Run(name, func(t *testing.T) {
			g, url := start(t, Options{})
			g.Apply([]engine.Route{blue(raw(t, c.answer, false))})
			answer, body := post(t, url+"/endpoints/chat/invocations", "x")
			if answer.StatusCode != c.status || !strings.Contains(body, c.want) {
				t.Errorf("%d %s, want %d with %q", answer.StatusCode, body, c.status, c.want)
			}
			if got := answer.Header.Get("X-Amzn-SageMaker-Custom-Attributes"); got != "" {
				t.Errorf("a header of an interim answer reached the client: %q", got)
			}
		})
	}
}

// What carries no part of the body, yet never ends, is cut as a body that is too large is.
func TestAnswersWithoutAnEnd(t *testing.T) {
	head := "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	for name, c := range map[string]struct{ head, again string }{
		"a chunk's extension":  {head + "1;", "x"},
		"trailers":             {head + "1\r\nx\r\n0\r\n", "X-T: y\r\n"},
		"chunks without bytes": {head, "000000001\r\nx\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			l := listen(t)
			t.Cleanup(func() { l.Close() })
			go func() {
				peer, err := l.Accept()
				if err != nil {
					return
				}
				defer peer.Close()
				if _, err = peer.Read(make([]byte, 1<<10)); err == nil {
					_, err = io.WriteString(peer, c.head)
				}
				for more := strings.Repeat(c.again, 1000); err == nil; {
					_, err = io.WriteString(peer, more)
				}
			}()
			g, url := start(t, Options{MaxBody: 1000})
			g.Apply([]engine.Route{blue(l.Addr().String())})
			answer, body := post(t, url+"/endpoints/chat/invocations", "x")
			if answer.StatusCode != http.StatusFailedDependency || strings.Contains(body, "timed out") {
				t.Errorf("%d %s", answer.StatusCode, body)
			}
		})
	}
}
