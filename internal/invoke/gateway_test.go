package invoke

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
)

var (
	scope = engine.Scope{Account: "123456789012", Region: "eu-west-1"}
	chat  = engine.EndpointKey{Scope: scope, Endpoint: "chat"}
)

func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// serve answers requests on a new loopback port until the test ends.
func serve(t testing.TB, h fasthttp.RequestHandler) (address string) {
	t.Helper()
	l := listen(t)
	s := &fasthttp.Server{Handler: h, MaxRequestBodySize: 64 << 20, Logger: silent{}, IdleTimeout: time.Minute}
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(l) }()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().String()
}

type silent struct{}

func (silent) Printf(string, ...any) {}

// raw answers requests with fixed bytes. It closes each connection after the first response unless the response states its length:
// closing a connection that the other side may reuse can lose a request, which is not what these tests check.
func raw(t testing.TB, answer string, keepOpen bool) (address string) {
	t.Helper()
	l := listen(t)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go speak(c, answer, keepOpen)
		}
	}()
	return l.Addr().String()
}

func speak(c net.Conn, answer string, keepOpen bool) {
	defer c.Close()
	for {
		if _, err := c.Read(make([]byte, 64<<10)); err != nil {
			return
		}
		if _, err := io.WriteString(c, answer); err != nil || !keepOpen {
			return
		}
	}
}

// refusing is an address that refuses connections.
func refusing(t testing.TB) (address string) {
	t.Helper()
	l := listen(t)
	defer l.Close()
	return l.Addr().String()
}

// start serves a gateway that trusts everybody.
func start(t testing.TB, o Options) (g *Gateway, url string) {
	t.Helper()
	if o.Authenticate == nil {
		o.Authenticate = func(*fasthttp.RequestCtx) (engine.Scope, *Refusal) { return scope, nil }
	}
	g = New(o)
	url = "http://" + serve(t, g.Handle)
	t.Cleanup(func() { g.Close() })
	return g, url
}

// blue is a route of one variant to instances at addresses.
func blue(addresses ...string) engine.Route {
	f := engine.FleetRoute{Generation: 1, Weight: 1, Strategy: engine.RouteRandom}
	for n, a := range addresses {
		id := fmt.Sprintf("i-%d", n)
		f.Copies = append(f.Copies, engine.CopyRoute{ID: hosting.CopyID(id), Instance: hosting.InstanceID(id), Address: a})
	}
	return engine.Route{Key: chat, Serving: true, Variants: []engine.VariantRoute{{Name: "blue", Weight: 1, Fleets: []engine.FleetRoute{f}}}}
}

// post invokes with headers given as name, value, …
func post(t testing.TB, url, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	return call(t, http.MethodPost, url, body, headers...)
}

func call(t testing.TB, method, url, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(text)
}

func echo(ctx *fasthttp.RequestCtx) { ctx.SetBody(ctx.PostBody()) }

// eventually waits for a condition.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !condition(); {
		if time.Now().After(deadline) {
			t.Fatalf("not within a minute: %s", what)
		}
		runtime.Gosched()
	}
}

func TestInvocationPassesOnlyWhatIsDocumented(t *testing.T) {
	var head atomic.Value
	address := serve(t, func(ctx *fasthttp.RequestCtx) {
		head.Store(ctx.Request.Header.String())
		ctx.SetContentType("text/csv")
		ctx.Response.Header.Set("X-Amzn-SageMaker-Custom-Attributes", "trace=2")
		ctx.Response.Header.Set("X-Amzn-SageMaker-Other", "hidden")
		ctx.Response.Header.Set("X-Secret", "hidden")
		ctx.Response.Header.Set("Set-Cookie", "a=b")
		ctx.SetStatusCode(201)
		ctx.SetBodyString("1,2")
	})
	g, url := start(t, Options{RequestID: func() string { return "id-1" }})
	g.Apply([]engine.Route{blue(address)})
	answer, body := post(t, url+"/endpoints/chat/invocations", `{"x":1}`,
		"Content-Type", "application/json", "Accept", "text/csv", "X-Amzn-SageMaker-Custom-Attributes", "trace=1, b",
		"x-amzn-sagemaker-INFERENCE-id", "abc", "X-Amzn-SageMaker-Target-Variant", "blue",
		"Authorization", "AWS4 secret", "X-Amz-Date", "today", "Cookie", "c=d", "X-Forwarded-For", "1.2.3.4", "Transfer-Encoding", "chunked")
	if answer.StatusCode != http.StatusOK || body != "1,2" {
		t.Errorf("answer %d %q", answer.StatusCode, body)
	}
	answer.Header.Del("Date")
	want := http.Header{
		"Content-Type": {"text/csv"}, "Content-Length": {"3"}, "X-Amzn-Sagemaker-Custom-Attributes": {"trace=2"},
		"X-Amzn-Invoked-Production-Variant": {"blue"}, "X-Amzn-Requestid": {"id-1"}, "Server": {"fasthttp"},
	}
	if got := fmt.Sprint(answer.Header); got != fmt.Sprint(want) {
		t.Errorf("the client got %v, want %v", got, want)
	}
	wantHead := "POST /invocations HTTP/1.1\r\nHost: " + address + "\r\nContent-Type: application/json\r\nContent-Length: 7\r\n" +
		"Accept: text/csv\r\nX-Amzn-Sagemaker-Custom-Attributes: trace=1, b\r\nX-Amzn-Sagemaker-Inference-Id: abc\r\n\r\n"
	if head.Load() != wantHead {
		t.Errorf("the container got\n%q, want\n%q", head.Load(), wantHead)
	}
}

func TestPayloadsOfAllSizesComeBack(t *testing.T) {
	g, url := start(t, Options{})
	g.Apply([]engine.Route{blue(serve(t, echo))})
	for _, size := range []int{0, 1, smallBody - 1, smallBody, smallBody + 1, 1 << 20, 8 << 20} {
		sent := strings.Repeat("a\x00\xff\n", size/4+1)[:size]
		answer, got := post(t, url+"/endpoints/chat/invocations", sent)
		if answer.StatusCode != http.StatusOK || got != sent {
			t.Errorf("%d bytes: status %d, %d bytes back", size, answer.StatusCode, len(got))
		}
	}
}

func TestAnswersInEveryFraming(t *testing.T) {
	for name, c := range map[string]struct {
		answer   string
		keepOpen bool
	}{
		"chunked":      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", true},
		"until closed": {"HTTP/1.1 200 OK\r\n\r\nhello", false},
		"HTTP/1.0":     {"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", false},
		"continue":     {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", true},
		"and more":     {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello, world", true},
	} {
		g, url := start(t, Options{})
		g.Apply([]engine.Route{blue(raw(t, c.answer, c.keepOpen))})
		for range 2 {
			if got, body := post(t, url+"/endpoints/chat/invocations", "x"); got.StatusCode != http.StatusOK || body != "hello" || got.Header["Content-Type"] != nil {
				t.Errorf("%s: %d %q %v", name, got.StatusCode, body, got.Header)
			}
		}
	}
}

// What an instance sends behind an answer that has no body, by its status, would be taken for the answer to the next request.
func TestConnectionsThatMoreMayComeOnAreNotKept(t *testing.T) {
	for answer, kept := range map[string]bool{
		"101 Switching Protocols\r\nUpgrade: x":          false,
		"204 No Content":                                 true,
		"204 No Content\r\nContent-Length: 0":            true,
		"204 No Content\r\nContent-Length: 5":            false,
		"204 No Content\r\nTransfer-Encoding: chunked":   false,
		"304 Not Modified\r\nContent-Length: 5":          false,
		"103 Early Hints\r\n\r\nHTTP/1.1 204 No Content": true,
	} {
		var connections atomic.Int64
		l := listen(t)
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				connections.Add(1)
				go speak(c, "HTTP/1.1 "+answer+"\r\n\r\n", true)
			}
		}()
		g, url := start(t, Options{})
		g.Apply([]engine.Route{blue(l.Addr().String())})
		for range 3 {
			post(t, url+"/endpoints/chat/invocations", "x")
		}
		want := int64(3)
		if kept {
			want = 1
		}
		if got := connections.Load(); got != want {
			t.Errorf("%q: three invocations took %d connections, want %d", answer, got, want)
		}
	}
}

func TestEndpointNamesAreDecoded(t *testing.T) {
	g, url := start(t, Options{})
	g.Apply([]engine.Route{blue(serve(t, echo))})
	for _, name := range []string{"chat", "%63hat", "ch%61t"} {
		if answer, body := post(t, url+"/endpoints/"+name+"/invocations?x=/y", "x"); answer.StatusCode != http.StatusOK {
			t.Errorf("%s: %d %s", name, answer.StatusCode, body)
		}
	}
}

func TestRequestIDsAreUUIDs(t *testing.T) {
	_, url := start(t, Options{})
	seen := map[string]bool{}
	for range 10 {
		answer, _ := post(t, url+"/endpoints/none/invocations", "")
		id := answer.Header.Get("x-amzn-RequestId")
		if len(id) != 36 || id[14] != '4' || strings.Count(id, "-") != 4 || !strings.ContainsRune("89ab", rune(id[19])) || seen[id] {
			t.Errorf("request ID %q", id)
		}
		seen[id] = true
	}
}

func TestAPanicFailsItsRequestOnly(t *testing.T) {
	faulty := true
	g, url := start(t, Options{
		RequestID:    func() string { return "id-1" },
		Authenticate: func(*fasthttp.RequestCtx) (engine.Scope, *Refusal) { return scope, nil },
		Now: func() time.Time {
			if faulty {
				faulty = false
				panic("broken clock")
			}
			return time.Now()
		},
	})
	g.Apply([]engine.Route{blue(serve(t, echo))})
	answer, body := post(t, url+"/endpoints/chat/invocations", "x")
	want := `{"Message":"The request processing has failed because of an internal error. The server's log says more under request ` + `."}`
	if answer.StatusCode != http.StatusInternalServerError || answer.Header.Get("X-Amzn-ErrorType") != "InternalFailure" || body != want {
		t.Errorf("%d %s", answer.StatusCode, body)
	}
	if answer, _ := post(t, url+"/endpoints/chat/invocations", "x"); answer.StatusCode != http.StatusOK {
		t.Errorf("the next request got %d", answer.StatusCode)
	}
	if served, failed := g.Totals(); served != 1 || failed != 1 {
		t.Errorf("totals %d, %d", served, failed)
	}
}

func TestAFaultAmidAnInvocationGivesBackWhatItHeld(t *testing.T) {
	var calls atomic.Int32
	var buffer bytes.Buffer
	g, url := start(t, Options{
		Now: func() time.Time {
			if calls.Add(1) == 3 { // started, asked, answered
				panic("broken clock")
			}
			return time.Now()
		},
	})
	g.Apply([]engine.Route{blue(serve(t, echo))})
	if answer, _ := post(t, url+"/endpoints/chat/invocations", "x"); answer.StatusCode != http.StatusInternalServerError {
		t.Errorf("%d %s", answer.StatusCode, buffer.String())
	}
	g.Apply([]engine.Route{{Key: chat}})
	if err := g.Drain(t.Context(), "i-0"); err != nil {
		t.Error(err)
	}
	o := g.Flush()
	if len(o) != 1 || o[0].Invocations != 1 || o[0].Answered != 1 || o[0].Errors5XX != 1 {
		t.Errorf("counted %+v", o)
	}
}

func TestClosedGatewaysRefuse(t *testing.T) {
	g, url := start(t, Options{})
	g.Apply([]engine.Route{blue(serve(t, echo))})
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	g.Apply([]engine.Route{blue(serve(t, echo))})
	answer, body := post(t, url+"/endpoints/chat/invocations", "x")
	if answer.StatusCode != http.StatusServiceUnavailable || body != `{"Message":"This server is shutting down."}` || answer.Header.Get("Retry-After") != "5" {
		t.Errorf("%d %s", answer.StatusCode, body)
	}
}
