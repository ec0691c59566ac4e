package port

import (
	"context"
	"io"
	"net/http"
	"net/url"

	"github.com/valyala/fasthttp"
)

// HTTP serves requests with a net/http handler, within ctx. The handler gets copies: nothing points into buffers into which
// the connection's next request is read. The request's Body is a *Body. Responses are sent when the handler
// returns; see Response.Stream.
func HTTP(ctx context.Context, h http.Handler) Handler {
	return func(c *fasthttp.RequestCtx, body *Body) {
		own, cancel := context.WithCancel(ctx)
		defer cancel()
		r := &http.Request{
			Method: string(c.Method()), RequestURI: string(c.Request.Header.RequestURI()), Host: string(c.Request.Header.Host()),
			Proto: string(c.Request.Header.Protocol()), ProtoMajor: 1, Header: make(http.Header, c.Request.Header.Len()),
			RemoteAddr: c.RemoteAddr().String(), ContentLength: body.Len(), Body: body,
		}
		r.TLS = body.c.connectionState()
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

// NewResponse returns a net/http response that writes to a fasthttp response. End sets the headers.
func NewResponse(c *fasthttp.RequestCtx) *Response { return &Response{c: c, header: http.Header{}} }

// Response is an http.ResponseWriter that writes to a fasthttp response.
type Response struct {
	c      *fasthttp.RequestCtx
	header http.Header
	wrote  bool
}

// Header implements http.ResponseWriter.
func (w *Response) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter. Only the first call has an effect.
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

// Stream sends a body of unknown length: what each Read returns is sent at once. It is read, and closed, after the handler has returned.
func (w *Response) Stream(body io.ReadCloser) {
	w.WriteHeader(http.StatusOK)
	w.c.Response.SetBodyStream(body, -1)
}

// End copies the headers after everything is written.
func (w *Response) End() {
	if w.header.Get("Content-Type") == "" && !w.c.Response.IsBodyStream() && len(w.c.Response.Body()) > 0 {
		w.header.Set("Content-Type", http.DetectContentType(w.c.Response.Body()))
	}
	w.c.Response.Header.DisableNormalizing() // names are sent as spelled by the handler; a Reset clears this
	for name, values := range w.header {
		for _, v := range values {
			w.c.Response.Header.Add(name, v)
		}
	}
}
