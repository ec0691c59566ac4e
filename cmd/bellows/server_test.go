package main

import (
	"context"
	"net/http"
	"testing"

	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/fasthttpadaptor"
)

// What a request leaves behind, such as a watcher of its context, may not touch what the connection's next request is read into.
func TestRequestsOwnTheirContexts(t *testing.T) {
	s := &server{life: t.Context()}
	var got context.Context
	handler := fasthttpadaptor.NewFastHTTPHandler(s.owned(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = r.Context()
		if err := got.Err(); err != nil {
			t.Errorf("the context has ended amid its request: %v", err)
		}
	})))
	var c fasthttp.RequestCtx
	c.Init(&fasthttp.Request{}, nil, nil)
	c.SetUserValue("of", "the connection")
	handler(&c)
	if got == nil {
		t.Fatal("the handler was not called")
	}
	if got.Value("of") != nil {
		t.Error("the request's context reads the connection's buffer")
	}
	if got.Err() == nil {
		t.Error("the context outlives its request")
	}
}
