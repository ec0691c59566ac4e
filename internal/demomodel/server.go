package demomodel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
	"golang.org/x/sys/unix"
)

// bodyBytesMax is the largest accepted request, AWS's limit of a real-time invocation.
const bodyBytesMax = 25 << 20

// finishMax is the time limit of invocations in flight after a stop is requested.
const finishMax = time.Minute

// Serve handles GET /ping and POST /invocations until ctx is done, waits for invocations in flight, and returns nil. It
// is configured by the environment variables of this package, and writes a few lines for an operator to log.
func Serve(ctx context.Context, getenv func(string) string, log io.Writer) error {
	set, err := readSettings(getenv)
	if err != nil {
		return err
	}
	model, err := Trained()
	if err != nil {
		return err
	}
	if set.exitAtStart {
		return errors.New("set to fail at start by " + EnvExitAtStart)
	}
	if !wait(ctx, set.startDelay) {
		return nil
	}
	var listening net.ListenConfig
	listener, err := listening.Listen(ctx, "tcp", set.address)
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	fmt.Fprintf(log, "demo model: listening on %s, pid %d\n", listener.Addr(), unix.Getpid())
	if set.ignoreTerm {
		ctx = context.WithoutCancel(ctx)
	}
	s := &server{settings: set, model: &model}
	if set.concurrency > 0 {
		s.turns = make(chan struct{}, set.concurrency)
	}
	err = s.serve(ctx, listener)
	fmt.Fprintf(log, "demo model: stopped after %d invocations\n", s.invocations.Load())
	return err
}

type server struct {
	settings
	model *Model

	turns       chan struct{} // holds an element for each invocation in progress; nil: no limit
	pings       atomic.Int64
	invocations atomic.Int64
}

// serve runs the HTTP server until ctx is done and the last response is written.
func (s *server) serve(ctx context.Context, listener net.Listener) error {
	h := &fasthttp.Server{
		Handler:               s.handle,
		Name:                  "bellows-demo-model",
		MaxRequestBodySize:    bodyBytesMax,
		CloseOnShutdown:       true,
		NoDefaultDate:         true,
		SecureErrorLogMessage: true,
		Logger:                silent{},
	}
	served := make(chan error, 1)
	go func() { served <- h.Serve(listener) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	finish, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishMax)
	defer cancel()
	err := h.ShutdownWithContext(finish)
	_ = listener.Close() // in case Serve had not registered it before Shutdown
	return errors.Join(err, <-served)
}

// silent discards the HTTP server's log of broken connections.
type silent struct{}

func (silent) Printf(string, ...any) {}

func (s *server) handle(c *fasthttp.RequestCtx) {
	switch path := string(c.Path()); {
	case path == "/ping" && c.IsGet():
		s.ping(c)
	case path == "/invocations" && c.IsPost():
		s.invoke(c)
	case path == "/ping" || path == "/invocations":
		refuse(c, fasthttp.StatusMethodNotAllowed, "want GET /ping or POST /invocations")
	default:
		refuse(c, fasthttp.StatusNotFound, "no such path; there are GET /ping and POST /invocations")
	}
}

// ping responds 200 with an empty body while healthy.
func (s *server) ping(c *fasthttp.RequestCtx) {
	n := s.pings.Add(1)
	if s.failPing || s.failPingAfter > 0 && n > int64(s.failPingAfter) {
		refuse(c, fasthttp.StatusServiceUnavailable, "set to be unhealthy")
	}
}

func (s *server) invoke(c *fasthttp.RequestCtx) {
	if n := s.invocations.Add(1); s.crashAfter > 0 && n >= int64(s.crashAfter) {
		_ = unix.Kill(unix.Getpid(), unix.SIGKILL)
	}
	if s.turns != nil {
		s.turns <- struct{}{}
		defer func() { <-s.turns }()
	}
	s.spend()
	s.predict(c)
}

// predict parses the rows, evaluates the model and writes the results in the form that the caller accepts.
func (s *server) predict(c *fasthttp.RequestCtx) {
	decode, native := decoder(string(c.Request.Header.ContentType()))
	if decode == nil {
		refuse(c, fasthttp.StatusUnsupportedMediaType, "unsupported Content-Type; want text/csv or application/json")
		return
	}
	answer := accepted(string(c.Request.Header.Peek("Accept")), native)
	if answer == "" {
		refuse(c, fasthttp.StatusNotAcceptable, "unsupported Accept; want text/csv or application/json")
		return
	}
	rows, err := decode(c.PostBody())
	if err != nil {
		refuse(c, fasthttp.StatusBadRequest, err.Error())
		return
	}
	if answer == asCSV {
		c.Response.SetBodyRaw(s.model.csvOf(rows))
	} else {
		body, err := s.model.jsonOf(rows)
		if err != nil {
			refuse(c, fasthttp.StatusInternalServerError, err.Error())
			return
		}
		c.Response.SetBodyRaw(body)
	}
	c.SetContentType(answer)
}

// Supported media types.
const (
	asCSV  = "text/csv"
	asJSON = "application/json"
)

// decoder returns the decoder of a content type, and the media type itself.
func decoder(contentType string) (func([]byte) ([]Row, error), string) {
	switch t := mediaType(contentType); t {
	case asCSV:
		return rowsOfCSV, t
	case asJSON:
		return rowsOfJSON, t
	default:
		return nil, ""
	}
}

// accepted returns the media type of the response: the first known one of the caller's list; native if any is accepted.
func accepted(accept, native string) string {
	if accept == "" {
		return native
	}
	for part := range strings.SplitSeq(accept, ",") {
		switch t := mediaType(part); t {
		case asCSV, asJSON:
			return t
		case "*/*":
			return native
		case "text/*":
			return asCSV
		case "application/*":
			return asJSON
		}
	}
	return ""
}

// mediaType returns a content type in lower case without its parameters.
func mediaType(contentType string) string {
	t, _, _ := strings.Cut(contentType, ";")
	return strings.ToLower(strings.TrimSpace(t))
}

func refuse(c *fasthttp.RequestCtx, status int, message string) {
	c.SetStatusCode(status)
	c.SetContentType("text/plain; charset=utf-8")
	c.SetBodyString(message + "\n")
}

// spend uses the configured time and CPU time of an invocation.
func (s *server) spend() {
	if s.latency > 0 {
		time.Sleep(s.latency)
	}
	if s.cpu > 0 {
		burn(s.cpu)
	}
}

// burn uses d of this thread's CPU time. It measures CPU time, not elapsed time: two invocations that share a
// core take twice as long, as with a real model.
func burn(d time.Duration) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for start := threadTime(); threadTime()-start < d; {
		for range 20_000 { // some microseconds between two readings of the clock
			runtime.KeepAlive(d)
		}
	}
}

func threadTime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		return time.Duration(time.Now().UnixNano())
	}
	return time.Duration(t.Nano())
}

// wait waits for d and reports whether ctx is not done afterwards.
func wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
