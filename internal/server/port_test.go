package server

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"bellows.dev/bellows/internal/config"
	"bellows.dev/bellows/internal/credentials"
)

// logged is a log that a test reads.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) has(s string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.text.String(), s)
}

// running is a whole server in this process.
type running struct {
	*Server
	t   *testing.T
	log *logged
}

func startServer(t *testing.T, change func(*Options)) *running {
	t.Helper()
	r := &running{t: t, log: &logged{}}
	o := Options{
		Dir: t.TempDir(), Listen: "127.0.0.1:0", Speed: 1, Config: config.Default(), Log: slog.New(slog.NewTextHandler(r.log, nil)),
	}
	o.Config.DrainTimeout = config.Duration(5 * time.Second)
	if change != nil {
		change(&o)
	}
	var err error
	if r.Server, err = New(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx, false) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the server ended with %v", err)
		}
	})
	return r
}

// raw sends bytes on a connection of their own and returns all that comes back until the server ends it.
func (r *running) raw(request string) string {
	r.t.Helper()
	c, err := net.Dial("tcp", r.Address())
	if err != nil {
		r.t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(60 * time.Second))
	_, _ = io.WriteString(c, request) // a server that has refused may read no further
	if x, ok := c.(*net.TCPConn); ok {
		_ = x.CloseWrite()
	}
	all, err := io.ReadAll(c)
	if err != nil {
		r.t.Errorf("%.60q: reading the answer: %v after %q", request, err, all)
	}
	return string(all)
}

// signedBy returns a request that is signed with a key.
func (r *running) signedBy(k credentials.Key, service, method, target, body string, header http.Header) *http.Request {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, "http://"+r.Address()+target, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	sum := sha256.Sum256([]byte(body))
	if err := v4.NewSigner().SignHTTP(r.t.Context(), aws.Credentials{AccessKeyID: k.AccessKeyID, SecretAccessKey: k.SecretAccessKey}, req,
		hex.EncodeToString(sum[:]), service, "us-east-1", time.Now()); err != nil {
		r.t.Fatal(err)
	}
	return req
}

// answer is what came back.
type answer struct {
	code int
	body string
}

// ask sends a request that is signed with a key.
func (r *running) ask(service string, k credentials.Key, method, target, body string, header http.Header) answer {
	r.t.Helper()
	return r.send(r.signedBy(k, service, method, target, body, header))
}

func (r *running) send(req *http.Request) answer {
	r.t.Helper()
	w, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer w.Body.Close()
	text, err := io.ReadAll(w.Body)
	if err != nil {
		r.t.Error(err)
	}
	return answer{w.StatusCode, string(text)}
}

// signed is a request that is signed with the server's key, as its head and its body go over the wire.
func (r *running) signed(service, method, target, body string, header http.Header) (head string) {
	r.t.Helper()
	k, _ := r.Key()
	req := r.signedBy(k, service, method, target, body, header)
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n", method, target, r.Address(), len(body))
	for name, values := range req.Header {
		for _, v := range values {
			if name != "Content-Length" {
				fmt.Fprintf(&b, "%s: %s\r\n", name, v)
			}
		}
	}
	return b.String() + "\r\n"
}

// Everything that the port refuses by itself is refused in the protocol that the request speaks, with an ID, and logged.
func TestRefusalsOfThePort(t *testing.T) {
	r := startServer(t, nil)
	const host = "Host: h\r\n"
	long := strings.Repeat("x", 90<<10)
	// What tells the protocol, and how an error of that protocol looks.
	protocols := map[string]struct{ line, headers, want string }{
		"JSON": {"POST / HTTP/1.1\r\n", host + "X-Amz-Target: SageMaker.ListModels\r\nContent-Type: application/x-amz-json-1.1\r\n", `{"__type":"%s"`},
		"Query": {
			"POST / HTTP/1.1\r\n", host + "Content-Type: application/x-www-form-urlencoded\r\n", `<ErrorResponse xmlns=""><Error><Type>%s</Type>`,
		},
		"CBOR":   {"POST /service/GraniteServiceVersion20100801/operation/ListMetrics HTTP/1.1\r\n", host + "Smithy-Protocol: rpc-v2-cbor\r\n", "f__type"},
		"REST":   {"POST /endpoints/e/invocations HTTP/1.1\r\n", host + "Content-Type: application/json\r\n", `{"Message":`},
		"PromQL": {"POST /prometheus/api/v1/query HTTP/1.1\r\n", host, `{"status":"error","errorType":`},
		"OTLP":   {"POST /v1/metrics HTTP/1.1\r\n", host + "Content-Type: application/json\r\n", `{"code":`},
		"page":   {"GET /health HTTP/1.1\r\n", host, ""},
	}
	for name, p := range protocols {
		for fault, c := range map[string]struct {
			headers, body string
			status        int
			code          string
		}{
			"a long head":           {headers: "X-Long: " + long + "\r\n", status: 431, code: "RequestHeaderSectionTooLarge"},
			"many headers":          {headers: strings.Repeat("A: b\r\n", 600), status: 431, code: "RequestHeaderSectionTooLarge"},
			"two lengths":           {headers: "Content-Length: 1\r\nContent-Length: 1\r\n", status: 400, code: "MalformedHttpRequestException"},
			"a length and chunks":   {headers: "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", status: 400, code: "MalformedHttpRequestException"},
			"no number":             {headers: "Content-Length: +1\r\n", status: 400, code: "MalformedHttpRequestException"},
			"another encoding":      {headers: "Transfer-Encoding: gzip, chunked\r\n", status: 501, code: "NotImplemented"},
			"an upgrade":            {headers: "Connection: Upgrade\r\nUpgrade: websocket\r\n", status: 501, code: "NotImplemented"},
			"another expectation":   {headers: "Expect: the-unexpected\r\n", status: 417, code: "ExpectationFailed"},
			"a lone line feed":      {headers: "A: b\n", status: 400, code: "MalformedHttpRequestException"},
			"a lone return":         {headers: "A: b\rC: d\r\n", status: 400, code: "MalformedHttpRequestException"},
			"a folded header":       {headers: "A: b\r\n c\r\n", status: 400, code: "MalformedHttpRequestException"},
			"no name":               {headers: ": b\r\n", status: 400, code: "MalformedHttpRequestException"},
			"a space before :":      {headers: "A : b\r\n", status: 400, code: "MalformedHttpRequestException"},
			"a control character":   {headers: "A: b\x01\r\n", status: 400, code: "MalformedHttpRequestException"},
			"another host, besides": {headers: "Host: g\r\n", status: 400, code: "MalformedHttpRequestException"},
		} {
			got := r.raw(p.line + p.headers + c.headers + "\r\n" + c.body)
			r.expect(name+", "+fault, got, c.status, c.code, p.want)
		}
	}
	for fault, c := range map[string]struct {
		request string
		status  int
		code    string
	}{
		"no HTTP":               {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "MalformedHttpRequestException"},
		"a method in small":     {"get / HTTP/1.1\r\nHost: h\r\n\r\n", 400, "MalformedHttpRequestException"},
		"no version":            {"GET /\r\n\r\n", 400, "MalformedHttpRequestException"},
		"HTTP/2":                {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "HTTPVersionNotSupported"},
		"two spaces":            {"GET  / HTTP/1.1\r\nHost: h\r\n\r\n", 400, "MalformedHttpRequestException"},
		"no host":               {"POST / HTTP/1.1\r\n\r\n", 400, "MalformedHttpRequestException"},
		"no slash":              {"GET a HTTP/1.1\r\nHost: h\r\n\r\n", 400, "MalformedHttpRequestException"},
		"an asterisk":           {"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", 400, "MalformedHttpRequestException"},
		"CONNECT":               {"CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n", 405, "MethodNotAllowed"},
		"a bad escape":          {"GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n", 400, "MalformedHttpRequestException"},
		"a bad escape, at last": {"GET /a?b=%4 HTTP/1.1\r\nHost: h\r\n\r\n", 400, "MalformedHttpRequestException"},
		"a host with a space":   {"POST / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, "MalformedHttpRequestException"},
		"an escaped NUL":        {"POST /a%00 HTTP/1.1\r\nHost: h\r\n\r\n", 400, "MalformedHttpRequestException"},
		"a NUL":                 {"GET /\x00 HTTP/1.1\r\nHost: h\r\n\r\n", 400, "MalformedHttpRequestException"},
		"a control in a path":   {"GET /\x7f HTTP/1.1\r\nHost: h\r\n\r\n", 400, "MalformedHttpRequestException"},
	} {
		r.expect(fault, r.raw(c.request), c.status, c.code, "<ErrorResponse")
	}
}

// expect holds a refusal against what it should be.
func (r *running) expect(name, got string, status int, code, body string) {
	r.t.Helper()
	a, err := http.ReadResponse(bufio.NewReader(strings.NewReader(got)), nil)
	if err != nil {
		r.t.Errorf("%s: %q is no answer: %v", name, got, err)
		return
	}
	defer a.Body.Close()
	text, err := io.ReadAll(a.Body)
	body = strings.NewReplacer("%s</Type>", "Sender</Type>", "%s", code).Replace(body)
	if status >= 500 {
		body = strings.Replace(body, "Sender", "Receiver", 1)
	}
	if err != nil || a.StatusCode != status || !strings.Contains(string(text), body) || !a.Close {
		r.t.Errorf("%s: %s, closes: %t, %q; want %d with %s", name, a.Status, a.Close, text, status, body)
	}
	if strings.Contains(body, "__type") && a.Header.Get("X-Amzn-ErrorType") != code {
		r.t.Errorf("%s: the error is %q, want %q", name, a.Header.Get("X-Amzn-ErrorType"), code)
	}
	id := a.Header.Values("X-Amzn-Requestid")
	if len(id) != 1 || len(id[0]) != 36 {
		r.t.Errorf("%s: the request ID is %q", name, id)
	}
}

// A refusal can be found in the log by its ID.
func TestRefusalsAreLogged(t *testing.T) {
	r := startServer(t, nil)
	got := r.raw("NO SENSE\r\n\r\n")
	_, rest, _ := strings.Cut(got, "x-amzn-RequestId: ")
	id, _, _ := strings.Cut(rest, "\r\n")
	if id == "" || !r.log.has("request_id="+id) {
		t.Errorf("%q is not in the log", id)
	}
	for range 5 * refusalsLogged {
		r.raw("NO SENSE\r\n\r\n")
	}
	r.log.mu.Lock()
	defer r.log.mu.Unlock()
	if n := strings.Count(r.log.text.String(), "a request was refused"); n > 4*refusalsLogged {
		t.Errorf("%d refusals filled the log", n)
	}
}

// Heads of 64 KB are taken: session tokens, long queries, baggage.
func TestLongHeadsAreTaken(t *testing.T) {
	r := startServer(t, nil)
	body := `{}`
	head := r.signed("sagemaker", "POST", "/", body, http.Header{
		"X-Amz-Target": {"SageMaker.ListModels"}, "Content-Type": {"application/x-amz-json-1.1"}, "Baggage": {strings.Repeat("b", 64<<10)},
	})
	if got := r.raw(head + body); !strings.HasPrefix(got, "HTTP/1.1 200") {
		t.Errorf("%.300q", got)
	}
	// The next requests on the connection are short again.
	next := strings.TrimSuffix(r.signed("sagemaker", "POST", "/", body, http.Header{
		"X-Amz-Target": {"SageMaker.ListModels"}, "Content-Type": {"application/x-amz-json-1.1"}, "Connection": {"close"},
	}), "")
	if got := r.raw(head + body + head + body + next + body); strings.Count(got, "HTTP/1.1 200") != 3 {
		t.Errorf("%.3000q", got)
	}
}

// What the head decides is decided before the body is asked for: sizes, and who it is.
func TestNoBodyIsAskedForInVain(t *testing.T) {
	r := startServer(t, func(o *Options) { o.Config.PayloadMax = 1 << 20 })
	known := strings.Replace(r.signed("sagemaker", "POST", "/endpoints/e/invocations", "", http.Header{"Content-Type": {"text/plain"}}),
		"Content-Length: 0\r\n", "Content-Length: %d\r\nExpect: 100-continue\r\n", 1)
	control := strings.Replace(r.signed("sagemaker", "POST", "/", "", http.Header{"X-Amz-Target": {"SageMaker.ListModels"}}),
		"Content-Length: 0\r\n", "Content-Length: %d\r\nExpect: 100-continue\r\n", 1)
	for name, c := range map[string]struct {
		head   string
		status int
		code   string
	}{
		"an invocation too large":  {fmt.Sprintf(known, 2<<20), 413, "RequestEntityTooLarge"},
		"a call too large":         {fmt.Sprintf(control, 5<<20), 413, "RequestEntityTooLarge"},
		"an invocation unsigned":   {"POST /endpoints/e/invocations HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n", 403, "MissingAuthenticationTokenException"},
		"a call unsigned":          {"POST / HTTP/1.1\r\nHost: h\r\nX-Amz-Target: SageMaker.ListModels\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n", 403, "MissingAuthenticationTokenException"},
		"remote write unsigned":    {"POST /prometheus/api/v1/write HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n", 401, ""},
		"an invocation of a thief": {strings.Replace(fmt.Sprintf(known, 9), r.keys.Keys()[0].AccessKeyID, "AKIDOTHER", 1), 403, "UnrecognizedClientException"},
	} {
		got := r.raw(c.head)
		if !strings.HasPrefix(got, fmt.Sprintf("HTTP/1.1 %d", c.status)) || !strings.Contains(got, c.code) {
			t.Errorf("%s: %.300q, want %d %s at once", name, got, c.status, c.code)
		}
	}
	// One that may come is asked for, and then verified.
	got := r.raw(fmt.Sprintf(known, 1) + "x")
	if !strings.HasPrefix(got, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 403") || !strings.Contains(got, "InvalidSignatureException") {
		t.Errorf("%.300q", got)
	}
}

// A client that sends its whole body before it reads gets its answer all the same: no reset overtakes it.
func TestLargeBodiesAreRefusedInWords(t *testing.T) {
	r := startServer(t, func(o *Options) { o.Config.PayloadMax = 1 << 20 })
	body := strings.Repeat("x", 8<<20)
	for _, head := range []string{
		r.signed("sagemaker", "POST", "/endpoints/e/invocations", body, http.Header{"Content-Type": {"text/plain"}}),
		r.signed("sagemaker", "POST", "/", body, http.Header{"X-Amz-Target": {"SageMaker.ListModels"}}),
	} {
		if got := r.raw(head + body); !strings.HasPrefix(got, "HTTP/1.1 413") || !strings.Contains(got, "RequestEntityTooLarge") {
			t.Errorf("%.300q", got)
		}
	}
	chunked := strings.Replace(r.signed("sagemaker", "POST", "/", "", http.Header{"X-Amz-Target": {"SageMaker.ListModels"}}),
		"Content-Length: 0\r\n", "Transfer-Encoding: chunked\r\n", 1)
	for name, c := range map[string]struct{ body, want string }{
		"too many": {"4000000\r\n" + strings.Repeat("x", 8<<20), "RequestEntityTooLarge"},
		"no size":  {"zz\r\nx\r\n0\r\n\r\n", "MalformedHttpRequestException"},
		"no end":   {"2\r\nxxx\r\n0\r\n\r\n", "MalformedHttpRequestException"},
		"cut":      {"8\r\nxxx", "IncompleteBody"},
		"negative": {"-8\r\nxxx", "MalformedHttpRequestException"},
		"whole":    {"2\r\n{}\r\n0\r\n\r\n", "InvalidSignatureException"}, // it was signed for no body
	} {
		if got := r.raw(chunked + c.body); !strings.Contains(got, c.want) {
			t.Errorf("chunks, %s: %.300q, want %s", name, got, c.want)
		}
	}
	short := r.signed("sagemaker", "POST", "/", "12345", http.Header{"X-Amz-Target": {"SageMaker.ListModels"}})
	if got := r.raw(short + "123"); !strings.Contains(got, "IncompleteBody") {
		t.Errorf("a body cut short: %.300q", got)
	}
}

// Without authentication a browser's word is the only one there is: pages of other sites must not use it.
func TestPagesOfOtherSites(t *testing.T) {
	open := startServer(t, func(o *Options) { o.NoAuth = true })
	_, port, _ := net.SplitHostPort(open.Address())
	closed := startServer(t, nil)
	basic := "Authorization: Basic " + "QUtJRDpzZWNyZXQ=" + "\r\n"
	const write = "POST /?Action=DeleteAlarms&Version=2010-08-01&AlarmNames.member.1=a HTTP/1.1\r\nContent-Length: 0\r\n"
	for name, c := range map[string]struct {
		server  *running
		request string
		refused bool
	}{
		"a program":             {open, write + "Host: 127.0.0.1:" + port + "\r\n", false},
		"by name":               {open, write + "Host: localhost:" + port + "\r\n", false},
		"by IPv6":               {open, write + "Host: [::1]:" + port + "\r\n", false},
		"DNS rebinding":         {open, write + "Host: evil.example:" + port + "\r\n", true},
		"DNS rebinding, a page": {open, "GET /health HTTP/1.1\r\nHost: evil.example\r\n", true},
		"DNS rebinding, a call": {open, "POST /endpoints/e/invocations HTTP/1.1\r\nContent-Length: 0\r\nHost: evil.example\r\n", true},
		"a name like localhost": {open, write + "Host: localhost.evil.example\r\n", true},
		"its own page":          {open, write + "Host: localhost:1\r\nOrigin: http://localhost:1\r\nSec-Fetch-Site: same-origin\r\n", false},
		"another origin":        {open, write + "Host: localhost:1\r\nOrigin: https://evil.example\r\n", true},
		"another port":          {open, write + "Host: localhost:1\r\nOrigin: http://localhost:2\r\n", true},
		"a sandboxed page":      {open, write + "Host: localhost:1\r\nOrigin: null\r\n", true},
		"another site":          {open, write + "Host: localhost:1\r\nSec-Fetch-Site: cross-site\r\n", true},
		"another site, GET": {
			open, "GET /?Action=DeleteAlarms&Version=2010-08-01 HTTP/1.1\r\nHost: localhost:1\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n", true,
		},
		"another site, an image":    {open, "GET /health HTTP/1.1\r\nHost: localhost:1\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n", true},
		"another site, an endpoint": {open, "POST /endpoints/e/invocations HTTP/1.1\r\nHost: localhost:1\r\nContent-Length: 0\r\nSec-Fetch-Site: same-site\r\n", true},
		"a link to a page":          {open, "GET / HTTP/1.1\r\nHost: localhost:1\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n", false},
		"a remembered password": {
			closed, "POST /prometheus/api/v1/write HTTP/1.1\r\nHost: b\r\nContent-Length: 0\r\nOrigin: https://evil.example\r\n" + basic, true,
		},
		"a remembered password, no origin": {closed, "POST /v1/metrics HTTP/1.1\r\nHost: b\r\nContent-Length: 0\r\nSec-Fetch-Site: cross-site\r\n" + basic, true},
		"behind a proxy":                   {closed, "GET /health HTTP/1.1\r\nHost: bellows.example\r\n", false},
	} {
		got := c.server.raw(c.request + "Connection: close\r\n\r\n")
		refused := strings.HasPrefix(got, "HTTP/1.1 403") && (strings.Contains(got, "This server takes no requests from pages") || strings.Contains(got, "Without authentication"))
		if refused != c.refused {
			t.Errorf("%s: refused is %t: %.300q", name, refused, got)
		}
	}
	if !closed.log.has("a request was refused") || !open.log.has("a request was refused") {
		t.Error("the refusals are not logged")
	}
	signed := closed.signed("sagemaker", "POST", "/", "{}", http.Header{
		"X-Amz-Target": {"SageMaker.ListModels"}, "Origin": {"https://console.example"}, "Connection": {"close"},
	})
	if got := closed.raw(signed + "{}"); !strings.HasPrefix(got, "HTTP/1.1 200") {
		t.Errorf("a signed request proves itself: %.300q", got)
	}
}

// A small body that unpacks to a large one is not unpacked before its signature is verified.
func TestNothingIsUnpackedUnverified(t *testing.T) {
	r := startServer(t, nil)
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	for range 30 {
		_, _ = z.Write(make([]byte, 1<<20)) // a buffer does not fail
	}
	_ = z.Close()
	head := strings.Replace(r.signed("monitoring", "POST", "/", b.String(), http.Header{
		"Content-Type": {"application/x-www-form-urlencoded"}, "Content-Encoding": {"gzip"},
	}), "Signature=", "Signature=0", 1)
	heap := peak(t, func() {
		var all sync.WaitGroup
		for range 40 {
			all.Go(func() {
				if got := r.raw(head + b.String()); !strings.Contains(got, "SignatureDoesNotMatch") {
					t.Errorf("%.300q", got)
				}
			})
		}
		all.Wait()
	})
	if heap > 64<<20 {
		t.Errorf("the heap grew by %d MB", heap>>20)
	}
	var text struct{ Message string }
	got := r.raw(strings.Replace(r.signed("sagemaker", "POST", "/endpoints/e/invocations", "", nil), "Content-Length: 0\r\n", "Content-Length: 0\r\nConnection: close\r\n", 1))
	if _, body, _ := strings.Cut(got, "\r\n\r\n"); json.Unmarshal([]byte(body), &text) != nil || !strings.Contains(text.Message, "not found") {
		t.Errorf("%.300q", got)
	}
}

// ARNs with line ends in them are refused by every operation that takes one, and nothing of them gets into a header.
func TestARNsWithLineEnds(t *testing.T) {
	r := startServer(t, nil)
	const arn = `arn:aws:sagemaker:us-east-1:123456789012:model/m\r\nX-Injected: yes`
	for _, c := range []struct{ service, target, body string }{
		{"sagemaker", "SageMaker.AddTags", `{"ResourceArn":"` + arn + `","Tags":[{"Key":"k","Value":"v"}]}`},
		{"sagemaker", "SageMaker.ListTags", `{"ResourceArn":"` + arn + `"}`},
		{"sagemaker", "SageMaker.DeleteTags", `{"ResourceArn":"` + arn + `","TagKeys":["k"]}`},
		{"sagemaker", "SageMaker.CreateModel", `{"ModelName":"m","ExecutionRoleArn":"` + arn + `","PrimaryContainer":{"Image":"bellows/demo-model"}}`},
		{"application-autoscaling", "AnyScaleFrontendService.TagResource", `{"ResourceARN":"` + arn + `","Tags":{"k":"v"}}`},
		{"application-autoscaling", "AnyScaleFrontendService.UntagResource", `{"ResourceARN":"` + arn + `","TagKeys":["k"]}`},
		{"application-autoscaling", "AnyScaleFrontendService.ListTagsForResource", `{"ResourceARN":"` + arn + `"}`},
		{"monitoring", "GraniteServiceVersion20100801.TagResource", `{"ResourceARN":"` + arn + `","Tags":[{"Key":"k","Value":"v"}]}`},
		{"monitoring", "GraniteServiceVersion20100801.ListTagsForResource", `{"ResourceARN":"` + arn + `"}`},
		{"monitoring", "GraniteServiceVersion20100801.PutMetricAlarm", `{"AlarmName":"a","AlarmActions":["` + arn + `"],"ComparisonOperator":"GreaterThanThreshold",` +
			`"EvaluationPeriods":1,"MetricName":"m","Namespace":"N","Period":60,"Statistic":"Sum","Threshold":1}`},
		{"monitoring", "GraniteServiceVersion20100801.PutCompositeAlarm", `{"AlarmName":"a","AlarmRule":"ALARM(\"` + arn + `\")"}`},
	} {
		h := http.Header{"X-Amz-Target": {c.target}, "Content-Type": {"application/x-amz-json-1.0"}, "X-Amzn-Query-Mode": {"true"}}
		got := r.raw(strings.Replace(r.signed(c.service, "POST", "/", c.body, h), "\r\n", "\r\nConnection: close\r\n", 1) + c.body)
		head, _, _ := strings.Cut(got, "\r\n\r\n")
		if !strings.HasPrefix(got, "HTTP/1.1 4") || strings.Contains(head, "X-Injected") {
			t.Errorf("%s: %.400q", c.target, got)
		}
	}
}
