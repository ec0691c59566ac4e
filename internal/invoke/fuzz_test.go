package invoke

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/valyala/fasthttp"

	"bellows.dev/bellows/engine"
)

// FuzzHandle sends arbitrary bytes as a request. There is no panic (which would be a 500), every refusal is JSON with
// a type, and no container gets an undocumented header.
func FuzzHandle(f *testing.F) {
	for _, path := range []string{"/endpoints/chat/invocations", "/endpoints/%63hat/invocations", "/endpoints/%zz/invocations", "/", "http://x/endpoints/chat/invocations"} {
		f.Add("POST "+path+" HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nAccept: a\r\nX-Amzn-SageMaker-Custom-Attributes: c\r\n\r\nhi", "")
	}
	f.Add("POST /endpoints/chat/invocations HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", "Accept\x00: b\r\n")
	f.Add("POST /endpoints/chat/invocations HTTP/1.1\r\nHost: x\r\nContent-Type: a\r\n b\r\n\r\n", "X-Amzn-SageMaker-Session-Id: NEW_SESSION\r\n")
	allowed := map[string]bool{"Host": true, "Content-Length": true, "Content-Type": true, "Accept": true, "X-Amzn-Sagemaker-Custom-Attributes": true,
		"X-Amzn-Sagemaker-Inference-Id": true, "X-Amzn-Sagemaker-Session-Id": true}
	var smuggled atomic.Pointer[string]
	address := serve(f, func(ctx *fasthttp.RequestCtx) {
		for key := range ctx.Request.Header.All() {
			if !allowed[string(key)] {
				name := string(key)
				smuggled.Store(&name)
			}
		}
		if string(ctx.Path()) != "/invocations" {
			name := ctx.Request.String()
			smuggled.Store(&name)
		}
	})
	g := New(Options{MaxBody: 1 << 16, Authenticate: func(*fasthttp.RequestCtx) (engine.Scope, *Refusal) { return scope, nil }})
	g.Apply([]engine.Route{blue(address)})
	f.Cleanup(func() { g.Close() })
	f.Fuzz(func(t *testing.T, head, extra string) {
		head = strings.Replace(head, "\r\n", "\r\n"+extra, 1)
		var ctx fasthttp.RequestCtx
		ctx.Init2(&net.TCPConn{}, silent{}, true)
		if err := ctx.Request.ReadLimitBody(bufio.NewReader(strings.NewReader(head)), 1<<16); err != nil {
			return
		}
		g.Handle(&ctx)
		if name := smuggled.Load(); name != nil {
			t.Fatalf("the container got %q", *name)
		}
		var written bytes.Buffer
		w := bufio.NewWriter(&written)
		if err := ctx.Response.Write(w); err != nil || w.Flush() != nil {
			t.Fatal(err)
		}
		var read fasthttp.Response
		if err := read.Read(bufio.NewReader(&written)); err != nil {
			t.Fatalf("the answer is no HTTP: %v", err)
		}
		switch code := read.StatusCode(); {
		case code == 200:
		case code == 500, code == 424:
			t.Fatalf("%d %s", code, read.Body())
		case len(read.Header.Peek("X-Amzn-ErrorType")) == 0, !json.Valid(read.Body()):
			t.Fatalf("%d %s", code, read.String())
		}
	})
}
