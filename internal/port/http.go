package port

import (
	"context"
	"net/http"
	"net/url"

	"github.com/valyala/fasthttp"
)

// HTTP serves requests with a handler of net/http, within ctx. What the handler is given is its own: nothing of it points into buffers that
// the connection's next request is read into. The request's Body is a *Body. Answers are sent when the handler returns.
func HTTP(ctx context.Context, h http.Handler) Handler {
	return func(c *fasthttp.RequestCtx, body *Body) {
		own, cancel := context.WithCancel(ctx)
		defer cancel()
		r := &http.Request{
			Method: string(c.Method()), RequestURI: string(c.Request.Header.RequestURI()), Host: string(c.Request.Header.Host()),
			Proto: string(c.Request.Header.Protocol()), ProtoMajor: 1, Header: make(http.Header, c.Request.Header.Len()),
			RemoteAddr: c.RemoteAddr().String(), ContentLength: body.Len(), Body: body,
		}
		if r.Proto == "HTTP/1.1" {
			r.ProtoMinor = 1
		}
		var err error
		if r.URL, err = url.ParseRequestURI(r.RequestURI); err != nil {
			body.c.refuse(HeadOf(c), malformed("The request's target is no valid URI."))
			return
		}
		for name, value := range c.Request.Header.All() {
			if n := string(name); n != "Host" {
				r.Header[n] = append(r.Header[n], string(value))
			}
		}
		w := NewResponse(c)
		h.ServeHTTP(w, r.WithContext(own))
		w.End()
	}
}

// NewResponse returns a response of net/http's over one of fasthttp's. End sets the headers.
func NewResponse(c *fasthttp.RequestCtx) *Response { return &Response{c: c, header: http.Header{}} }

// Response is an http.ResponseWriter over a response of fasthttp's.
type Response struct {
	c      *fasthttp.RequestCtx
	header http.Header
	wrote  bool
}

// Header implements http.ResponseWriter.
func (w *Response) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter. The first call counts.
func (w *Response) WriteHeader(status int) {
	if !w.wrote {
		w.wrote = true
		w.c.SetStatusCode(status)
	}
}

// Write implements http.ResponseWriter.
func (w *Response) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	w.c.Response.AppendBody(p)
	return len(p), nil
}

// End takes over the headers, once all is written.
func (w *Response) End() {
	if w.header.Get("Content-Type") == "" && len(w.c.Response.Body()) > 0 {
		w.header.Set("Content-Type", http.DetectContentType(w.c.Response.Body()))
	}
	w.c.Response.Header.DisableNormalizing() // names go out as the handler spells them; a Reset forgets it
	for name, values := range w.header {
		for _, v := range values {
			w.c.Response.Header.Add(name, v)
		}
	}
}
