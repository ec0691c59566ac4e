package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
)

// serve runs the role of a child process.
func (o *options) serve(ctx context.Context, out io.Writer) error {
	switch o.role {
	case "model":
		return o.model(ctx)
	case "reverseproxy":
		return reverseProxy(ctx, out, strings.Split(o.upstreams, ","))
	default:
		return fmt.Errorf("unknown role %q", o.role)
	}
}

func listen(ctx context.Context) (net.Listener, error) {
	var c net.ListenConfig
	return c.Listen(ctx, "tcp", "127.0.0.1:0")
}

// model is a model server whose responses are as long as the requests. It announces its address by a file of that name.
func (o *options) model(ctx context.Context) error {
	address := "127.0.0.1:" + os.Getenv("SAGEMAKER_BIND_TO_PORT")
	var c net.ListenConfig
	l, err := c.Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(o.announce, address), nil, 0o600); err != nil {
		return err
	}
	answer := bytes.Repeat([]byte("y"), 1<<20)
	s := &fasthttp.Server{MaxRequestBodySize: 25 << 20, Handler: func(ctx *fasthttp.RequestCtx) {
		ctx.SetBody(answer[:min(len(ctx.Request.Body()), len(answer))])
	}}
	stop := context.AfterFunc(ctx, func() { _ = s.Shutdown() }) // the process is being stopped
	defer stop()
	return s.Serve(l)
}

// reverseProxy is the standard library's proxy, round robin over the models. It ends when its standard input closes, also when its parent
// dies.
func reverseProxy(ctx context.Context, out io.Writer, upstreams []string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { // ends with the process
		defer cancel()
		_, _ = io.Copy(io.Discard, os.Stdin)
	}()
	l, err := listen(ctx)
	if err != nil {
		return err
	}
	var next atomic.Uint64
	p := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: upstreams[next.Add(1)%uint64(len(upstreams))]})
			r.Out.URL.Path = "/invocations"
		},
		Transport: &http.Transport{MaxIdleConnsPerHost: 256},
		ErrorLog:  log.New(io.Discard, "", 0),
	}
	fmt.Fprintln(out, l.Addr())
	s := &http.Server{Handler: p, ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = s.Close() })
	defer stop()
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
