package port

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1")) // the clock of its Date header
}

// serveFor starts a server with a handler.
func serveFor(t *testing.T, o Options) (*Server, string) {
	t.Helper()
	if o.Refuse == nil {
		o.Refuse = func(ctx *fasthttp.RequestCtx, _ Head, r *Refusal) { ctx.Error(r.Error(), r.Status) }
	}
	if o.Connections == 0 {
		o.Connections = 1000
	}
	if o.Memory == nil {
		o.Memory = NewMemory(1 << 20)
	}
	o.Log = slog.New(slog.DiscardHandler)
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := New(o)
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 5*time.Second)
		defer cancel()
		if err := errors.Join(s.Shutdown(ctx), <-done); err != nil {
			t.Errorf("the server ended with %v", err)
		}
	})
	return s, l.Addr().String()
}

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// exchange sends a request and reads its response.
func exchange(t *testing.T, c net.Conn, request string) (int, string) {
	t.Helper()
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	return receive(t, bufio.NewReader(c))
}

func receive(t *testing.T, r *bufio.Reader) (int, string) {
	t.Helper()
	a, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	body, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	return a.StatusCode, string(body)
}

// until waits for a condition.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatal("timed out waiting until ", what)
		}
	}
}

// echo responds with the body.
func echo(ctx *fasthttp.RequestCtx, body *Body) {
	all, _, err := body.Collect(1 << 20)
	var r *Refusal
	if errors.As(err, &r) {
		ctx.Error(r.Error(), r.Status)
		return
	}
	ctx.SetBody(all)
}

const get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"

func TestRequestsOfAConnection(t *testing.T) {
	_, address := serveFor(t, Options{Handle: echo, Memory: NewMemory(8 << 20)})
	c := dial(t, address)
	large := strings.Repeat("0123456789abcdef", 30_000)
	for _, body := range []string{"", "a", large[:4096], large[:8192], large[:8193], large, "b"} {
		for name, request := range map[string]string{
			"length": fmt.Sprintf("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", len(body), body),
			"chunks": fmt.Sprintf("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n%s0\r\nA-Trailer: x\r\n\r\n", chunk(body)),
			"long":   fmt.Sprintf("POST / HTTP/1.1\r\nHost: h\r\nA: %s\r\nContent-Length: %d\r\n\r\n%s", large[:60_000], len(body), body),
		} {
			if status, got := exchange(t, c, request); status != http.StatusOK || got != body {
				t.Fatalf("%s of %d bytes: %d, %d bytes", name, len(body), status, len(got))
			}
		}
	}
	// Pipelined requests are answered in order.
	if _, err := io.WriteString(c, get+"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx\r\n"+get); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(c)
	for _, want := range []string{"", "x", ""} {
		if status, got := receive(t, r); status != http.StatusOK || got != want {
			t.Fatalf("%d %q, want %q", status, got, want)
		}
	}
}

func chunk(body string) string {
	if body == "" {
		return ""
	}
	half := (len(body) + 1) / 2
	return fmt.Sprintf("%x\r\n%s\r\n", half, body[:half]) + chunk(body[half:])
}

// If a handler does not read the body, a small rest is discarded, and a large one ends the connection.
func TestUnreadBodies(t *testing.T) {
	_, address := serveFor(t, Options{Handle: func(ctx *fasthttp.RequestCtx, _ *Body) { ctx.SetBodyString("no") }})
	c := dial(t, address)
	for range 3 {
		if status, got := exchange(t, c, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nGET"); status != http.StatusOK || got != "no" {
			t.Fatalf("%d %q", status, got)
		}
	}
	if _, err := io.WriteString(c, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10000000\r\n\r\n"+get); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(c)
	if status, _ := receive(t, r); status != http.StatusOK {
		t.Fatal(status)
	}
	if _, err := r.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("a part of a body was taken for a request: %v", err)
	}
}

// Clients that stop in the middle of a request get a refusal if possible, and are disconnected.
func TestSlowClientsAreCutOff(t *testing.T) {
	_, address := serveFor(t, Options{
		Handle: echo, HeadTimeout: 50 * time.Millisecond, StallTimeout: 50 * time.Millisecond, IdleTimeout: 100 * time.Millisecond,
	})
	for name, c := range map[string]struct{ sent, want string }{
		"nothing":     {"", ""},
		"a part":      {"GET / HT", "HTTP/1.1 408"},
		"half a head": {"GET / HTTP/1.1\r\nHost: h\r\n", "HTTP/1.1 408"},
		"no body":     {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n", "HTTP/1.1 408"},
		"half a body": {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n1234", "HTTP/1.1 408"},
		"half chunks": {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n12", "HTTP/1.1 408"},
		"one request": {get, "HTTP/1.1 200"},
	} {
		conn := dial(t, address)
		if _, err := io.WriteString(conn, c.sent); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(conn)
		if err != nil || !strings.HasPrefix(string(got), c.want) || c.want == "" && len(got) > 0 {
			t.Errorf("%s: %q, %v, want %q and the end", name, got, err, c.want)
		}
	}
}

// Idle connections are closed to make room, those without a verified request first; busy ones are not.
func TestIdleConnectionsAreClosedToMakeRoom(t *testing.T) {
	working, release := make(chan struct{}), make(chan struct{})
	s, address := serveFor(t, Options{Connections: 10, Handle: func(ctx *fasthttp.RequestCtx, body *Body) {
		if ctx.QueryArgs().Has("key") {
			_ = body.Verified() // there is no bound
		}
		if ctx.QueryArgs().Has("wait") {
			working <- struct{}{}
			<-release
		}
	}})
	busy, known := dial(t, address), dial(t, address)
	if _, err := io.WriteString(busy, "GET /?key&wait HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	<-working
	if status, _ := exchange(t, known, "GET /?key HTTP/1.1\r\nHost: h\r\n\r\n"); status != http.StatusOK {
		t.Fatal(status)
	}
	for range 100 {
		if status, _ := exchange(t, dial(t, address), get); status != http.StatusOK {
			t.Fatal(status)
		}
	}
	if open, rejected := s.Connections(); open > 10 || rejected > 0 {
		t.Errorf("%d connections are open, %d were refused", open, rejected)
	}
	if status, _ := exchange(t, known, get); status != http.StatusOK {
		t.Errorf("a connection with a verified request was closed before others: %d", status)
	}
	close(release)
	if status, _ := receive(t, bufio.NewReader(busy)); status != http.StatusOK {
		t.Errorf("a request in progress was cut off: %d", status)
	}
}

// If all connections are busy, a further one gets a refusal.
func TestNoRoom(t *testing.T) {
	working, release := make(chan struct{}), make(chan struct{})
	s, address := serveFor(t, Options{Connections: 2, Handle: func(_ *fasthttp.RequestCtx, body *Body) {
		_ = body.Verified() // there is no bound
		working <- struct{}{}
		<-release
	}})
	for range 2 {
		if _, err := io.WriteString(dial(t, address), get); err != nil {
			t.Fatal(err)
		}
		<-working
	}
	if status, got := receive(t, bufio.NewReader(dial(t, address))); status != http.StatusServiceUnavailable || !strings.Contains(got, "no room") {
		t.Errorf("%d %q", status, got)
	}
	if _, rejected := s.Connections(); rejected != 1 {
		t.Errorf("%d were refused", rejected)
	}
	close(release)
}

// A failed accept is retried, since descriptors may become available.
func TestAcceptErrorsEndNothing(t *testing.T) {
	l := &flaky{err: errors.New("too many open files")}
	s := New(Options{Connections: 1, Memory: NewMemory(1), Log: slog.New(slog.DiscardHandler), Handle: echo})
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	until(t, "it has tried several times", func() bool { l.mu.Lock(); defer l.mu.Unlock(); return l.tried > 3 })
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// flaky is a listener that always fails.
type flaky struct {
	mu    sync.Mutex
	tried int
	err   error
}

func (f *flaky) Accept() (net.Conn, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tried++
	return nil, f.err
}
func (f *flaky) Addr() net.Addr { return &net.TCPAddr{} }
func (f *flaky) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = net.ErrClosed
	return nil
}

// The number of connections stays below the limit of descriptors, with some in reserve.
func TestCapacity(t *testing.T) {
	for limit, want := range map[uint64]int{64: 16, 256: 64, 1024: 384, 20_000: 8750, 1 << 20: connectionsMax} {
		if got := capacity(limit); got != want || 2*got >= int(limit) {
			t.Errorf("of %d descriptors: %d connections, want %d", limit, got, want)
		}
	}
}

// A client that does not read is disconnected after the timeout, and others are served meanwhile.
func TestClientsThatDoNotRead(t *testing.T) {
	answer := bytes.Repeat([]byte("x"), 16<<20)
	s, address := serveFor(t, Options{StallTimeout: 100 * time.Millisecond, Handle: func(ctx *fasthttp.RequestCtx, _ *Body) {
		if ctx.QueryArgs().Has("large") {
			ctx.SetBody(answer)
		}
	}})
	for range 5 {
		if _, err := io.WriteString(dial(t, address), "GET /?large HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "answers wait", func() bool { return s.backlog.Load() > 0 })
	if status, _ := exchange(t, dial(t, address), get); status != http.StatusOK {
		t.Fatal(status)
	}
	until(t, "none waits any more", func() bool { open, _ := s.Connections(); return s.backlog.Load() == 0 && open <= 1 })
	// A client that reads slowly gets the whole response.
	c := dial(t, address)
	if _, err := io.WriteString(c, "GET /?large HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, c); err != nil || n < int64(len(answer)) {
		t.Errorf("%d bytes, %v", n, err)
	}
}

// Code left over from a net/http request, such as a watcher of its context, does not access the buffers of the next request.
func TestNetHTTPRequestsAreCopies(t *testing.T) {
	var kept []*http.Request
	h := HTTP(t.Context(), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.Context().Err(); err != nil {
			t.Errorf("the context ended during its request: %v", err)
		}
		kept = append(kept, r)
		w.Header().Set("X-A", "b")
		w.WriteHeader(http.StatusTeapot)
		_, _ = w.Write([]byte("<p>"))
	}))
	_, address := serveFor(t, Options{Handle: h})
	c := dial(t, address)
	for _, name := range []string{"a", "b"} {
		if status, got := exchange(t, c, "GET /"+name+"?q="+name+" HTTP/1.1\r\nHost: "+name+"\r\nX-Name: "+name+"\r\n\r\n"); status != http.StatusTeapot || got != "<p>" {
			t.Fatalf("%d %q", status, got)
		}
	}
	for i, name := range []string{"a", "b"} {
		if r := kept[i]; r.URL.Path != "/"+name || r.Host != name || r.Header.Get("X-Name") != name || r.URL.RawQuery != "q="+name {
			t.Errorf("request %d became another: %+v", i, r)
		} else if r.Context().Err() == nil {
			t.Error("the context does not end with its request")
		}
	}
}

// A panic in a handler fails its request, not the server.
func TestPanics(t *testing.T) {
	_, address := serveFor(t, Options{Handle: func(*fasthttp.RequestCtx, *Body) { panic("on purpose") }})
	for range 2 {
		if status, _ := exchange(t, dial(t, address), get); status != http.StatusInternalServerError {
			t.Error(status)
		}
	}
}

// Shutdown waits for requests in progress and closes idle connections.
func TestShutdown(t *testing.T) {
	working, release := make(chan struct{}), make(chan struct{})
	s, address := serveFor(t, Options{Handle: func(ctx *fasthttp.RequestCtx, _ *Body) {
		if string(ctx.Path()) == "/wait" {
			close(working)
			<-release
		}
	}})
	idle, busy := dial(t, address), dial(t, address)
	exchange(t, idle, get)
	if _, err := io.WriteString(busy, "GET /wait HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	<-working
	done := make(chan error, 1)
	go func() { done <- s.Shutdown(t.Context()) }()
	if got, err := io.ReadAll(idle); err != nil || len(got) > 0 {
		t.Errorf("an idle connection: %q, %v", got, err)
	}
	close(release)
	if got, err := io.ReadAll(busy); err != nil || !strings.HasPrefix(string(got), "HTTP/1.1 200") || !strings.Contains(string(got), "Connection: close") {
		t.Errorf("a busy connection: %q, %v", got, err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// Requests that have arrived when a shutdown begins are answered, on new connections and on those that were idle.
func TestShutdownAnswersWhatHasArrived(t *testing.T) {
	s, address := serveFor(t, Options{Handle: func(*fasthttp.RequestCtx, *Body) {}})
	conns := make([]net.Conn, 300)
	for i := range conns {
		conns[i] = dial(t, address)
		if i%2 == 0 {
			exchange(t, conns[i], get)
		}
	}
	for open := 0; open < len(conns); open, _ = s.Connections() { // all are accepted
		runtime.Gosched()
	}
	for _, c := range conns {
		if _, err := io.WriteString(c, get); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	unanswered := 0
	for _, c := range conns {
		if got, err := io.ReadAll(c); err != nil || !strings.HasPrefix(string(got), "HTTP/1.1 200") {
			unanswered++
		}
	}
	if unanswered > 0 {
		t.Errorf("%d of %d requests were not answered", unanswered, len(conns))
	}
}

// A request in progress delays neither a shutdown whose time is over nor the closing of a connection to make room.
func TestShutdownEndsInTime(t *testing.T) {
	working, release := make(chan struct{}), make(chan struct{})
	s, address := serveFor(t, Options{Handle: func(*fasthttp.RequestCtx, *Body) {
		close(working)
		<-release
	}})
	busy := dial(t, address)
	if _, err := io.WriteString(busy, get); err != nil {
		t.Fatal(err)
	}
	<-working
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- s.Shutdown(ctx) }()
	select {
	case err := <-done:
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the shutdown ended with %v", err)
		}
		if got, err := io.ReadAll(busy); err == nil && len(got) > 0 {
			t.Errorf("a connection that was closed got %q", got)
		}
	case <-time.After(10 * time.Second):
		t.Error("the shutdown waits for a request")
	}
	close(release)
}

// Allocations for a request of the size of an invocation.
func BenchmarkSmallRequests(b *testing.B) {
	l, err := (&net.ListenConfig{}).Listen(b.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	s := New(Options{Connections: 10, Memory: NewMemory(1 << 20), Log: slog.New(slog.DiscardHandler), Handle: func(ctx *fasthttp.RequestCtx, body *Body) {
		all, _, _ := body.Collect(1 << 20)
		ctx.SetBody(all)
	}})
	go func() { _ = s.Serve(l) }()
	defer func() { _ = s.Shutdown(context.WithoutCancel(b.Context())) }()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	request := []byte("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1024\r\n\r\n" + strings.Repeat("x", 1024))
	r := bufio.NewReader(c)
	var a fasthttp.Response
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Write(request); err != nil {
			b.Fatal(err)
		}
		if err := a.Read(r); err != nil {
			b.Fatal(err)
		}
	}
}
