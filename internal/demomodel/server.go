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

// finishMax is how long invocations in flight may take to finish after the server was asked to stop.
const finishMax = time.Minute

// Serve answers GET /ping and POST /invocations until ctx is done, lets the invocations in flight finish, and returns nil. It
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

	turns       chan struct{} // holds an element for each invocation being worked on; nil: no limit
	pings       atomic.Int64
	invocations atomic.Int64
}

// serve runs the HTTP server until ctx is done and its last answer is written.
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
	_ = listener.Close() // in case Serve had not taken it over yet when Shutdown looked
	return errors.Join(err, <-served)
}

// silent drops the HTTP server's remarks on broken connections.
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

// ping answers 200 with an empty body while healthy.
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

// predict reads the rows, asks the model and writes its answers in the form that the caller accepts.
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

// Media types that are read and written.
const (
	asCSV  = "text/csv"
	asJSON = "application/json"
)

// decoder returns what reads a body of the given content type, and the media type itself.
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

// accepted returns the media type to answer in: the first of the caller's list that is known; native where it does not care.
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

// spend takes the time and the processor time that an invocation was told to cost.
func (s *server) spend() {
	if s.latency > 0 {
		time.Sleep(s.latency)
	}
	if s.cpu > 0 {
		burn(s.cpu)
	}
}

// burn uses d of this thread's processor time. It counts processor time, not time that passes: two invocations that share a
// core take twice as long, as a real model's would.
func burn(d time.Duration) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for start := threadTime(); threadTime()-start < d; {
		for range 20_000 { // some microseconds between two looks at the clock
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

// wait waits for d and reports whether ctx was still going then.
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
