package invoke

import (
	"bytes"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"testing"

	"github.com/valyala/fasthttp"

	"bellows.dev/bellows/engine"
)

// BenchmarkGateway exchanges 1 KB over 32 connections with a model server: directly, through the gateway, and through
// httputil.ReverseProxy. Client and servers share the process; `make bench` gives each its own.
func BenchmarkGateway(b *testing.B) {
	body := bytes.Repeat([]byte("y"), 1024)
	address := serve(b, func(ctx *fasthttp.RequestCtx) { ctx.SetBody(body) })
	b.Run("direct", func(b *testing.B) { load(b, "http://"+address+"/invocations") })
	b.Run("gateway", func(b *testing.B) {
		g, base := start(b, Options{})
		g.Apply([]engine.Route{blue(address, address)})
		load(b, base+"/endpoints/chat/invocations")
	})
	b.Run("reverseproxy", func(b *testing.B) {
		target := &url.URL{Scheme: "http", Host: address}
		s := &http.Server{Handler: &httputil.ReverseProxy{
			Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
			Transport: &http.Transport{MaxIdleConnsPerHost: 64}, ErrorLog: log.New(io.Discard, "", 0),
		}}
		l := listen(b)
		go func() { _ = s.Serve(l) }()
		b.Cleanup(func() { s.Close() })
		load(b, "http://"+l.Addr().String()+"/invocations")
	})
}

func load(b *testing.B, target string) {
	u, err := url.Parse(target)
	if err != nil {
		b.Fatal(err)
	}
	client := fasthttp.HostClient{Addr: u.Host, MaxConns: 64}
	b.Cleanup(client.CloseIdleConnections)
	body := bytes.Repeat([]byte("x"), 1024)
	b.SetParallelism(16) // 32 on two cores
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		var q fasthttp.Request
		var r fasthttp.Response
		q.SetRequestURI(target)
		q.Header.SetMethod("POST")
		q.SetBodyRaw(body)
		for pb.Next() {
			if err := client.Do(&q, &r); err != nil || r.StatusCode() != 200 || len(r.Body()) != len(body) {
				b.Errorf("%v, %d", err, r.StatusCode())
				return
			}
		}
	})
}

// The check runs for each invocation, and its local variable is allocated where there is an error.
func TestTheCheckForTimeoutsAllocatesNothingWithoutAnError(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() { _ = timedOut(nil) }); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
	if !timedOut(os.ErrDeadlineExceeded) || timedOut(nil) {
		t.Error("a passed deadline is a timeout, no error is none")
	}
}
