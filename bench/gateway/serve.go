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
	"strings"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/invoke"
)

// serve is a child process: it prints its addresses and serves until its standard input ends, as it does when the parent dies.
func (o *options) serve(ctx context.Context, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { // ends with the process, whose only work this is to end
		defer cancel()
		_, _ = io.Copy(io.Discard, os.Stdin)
	}()
	upstreams := strings.Split(o.upstreams, ",")
	switch o.role {
	case "models":
		return o.models(ctx, out)
	case "reverseproxy":
		return reverseProxy(ctx, out, upstreams)
	case "gateway":
		return gateway(ctx, out, upstreams)
	default:
		return fmt.Errorf("unknown role %q", o.role)
	}
}

func listen(ctx context.Context) (net.Listener, error) {
	var c net.ListenConfig
	return c.Listen(ctx, "tcp", "127.0.0.1:0")
}

// models answer every request with as many bytes.
func (o *options) models(ctx context.Context, out io.Writer) error {
	answer := bytes.Repeat([]byte("y"), o.size)
	failed := make(chan error, o.instances)
	var addresses []string
	for range o.instances {
		l, err := listen(ctx)
		if err != nil {
			return err
		}
		addresses = append(addresses, l.Addr().String())
		s := &fasthttp.Server{Handler: func(ctx *fasthttp.RequestCtx) { ctx.SetBody(answer) }}
		go func() { failed <- s.Serve(l) }() // ends with the process
	}
	fmt.Fprintln(out, strings.Join(addresses, ","))
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return nil
	}
}

// reverseProxy is the standard library's proxy, round robin over the models.
func reverseProxy(ctx context.Context, out io.Writer, upstreams []string) error {
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

// gateway is Bellows' data plane without authentication, flushed each second as in production.
func gateway(ctx context.Context, out io.Writer, upstreams []string) error {
	l, err := listen(ctx)
	if err != nil {
		return err
	}
	scope := engine.Scope{Account: "123456789012", Region: "eu-west-1"}
	g := invoke.New(invoke.Options{Authenticate: func(*fasthttp.RequestCtx) (engine.Scope, *invoke.Refusal) { return scope, nil }})
	v := engine.VariantRoute{Name: "blue", Weight: 1, Strategy: engine.RouteRandom, Timeout: time.Minute}
	for i, a := range upstreams {
		v.Instances = append(v.Instances, engine.InstanceRoute{ID: hosting.InstanceID(fmt.Sprintf("i-%d", i)), Address: a})
	}
	g.Apply([]engine.Route{{Key: engine.EndpointKey{Scope: scope, Endpoint: "bench"}, Serving: true, Variants: []engine.VariantRoute{v}}})
	s := &fasthttp.Server{Handler: g.Handle, MaxRequestBodySize: 25 << 20}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }() // ends with the process
	fmt.Fprintln(out, l.Addr())
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			g.Flush()
		case err := <-served:
			return err
		case <-ctx.Done():
			return g.Close()
		}
	}
}
