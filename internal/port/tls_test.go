package port

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"bellows.dev/bellows/internal/socket"
)

// pair returns the configurations of a server and of its clients.
func pair(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	s := httptest.NewTLSServer(http.NotFoundHandler())
	defer s.Close()
	own := s.TLS.Clone()
	own.NextProtos = []string{"http/1.1"}
	return own, s.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
}

// over makes a connection TLS.
func over(t *testing.T, c net.Conn, config *tls.Config) *tls.Conn {
	t.Helper()
	config.ServerName = "example.com"
	secured := tls.Client(c, config)
	if err := secured.HandshakeContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	return secured
}

// Requests over TLS are served as others are: kept connections, pipelined requests, and bodies and heads in pieces and of every size.
func TestRequestsOverTLS(t *testing.T) {
	own, client := pair(t)
	seen := make(chan *http.Request, 100)
	_, address := serveFor(t, Options{TLS: own, Handle: func(ctx *fasthttp.RequestCtx, body *Body) {
		HTTP(t.Context(), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			seen <- r
			all, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			_, _ = w.Write(all)
		}))(ctx, body)
	}})
	c := over(t, dial(t, address), client)
	for _, size := range []int{0, 1, 100, 5000, 100_000, 900_000} {
		body := strings.Repeat("x", size)
		if code, got := exchange(t, c, fmt.Sprintf("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", size, body)); code != 200 || got != body {
			t.Errorf("%d bytes: %d, %d bytes", size, code, len(got))
		}
		if r := <-seen; r.TLS == nil || r.TLS.Version != tls.VersionTLS13 || r.TLS.NegotiatedProtocol != "" {
			t.Errorf("%+v", r.TLS)
		}
	}
	long := "GET / HTTP/1.1\r\nHost: h\r\nX: " + strings.Repeat("y", 20_000) + "\r\n\r\n" // a record holds 16 KB
	pieces := []string{"GET / HT", "TP/1.1\r\nHost: h\r\n", "\r\n", long, "GET / HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"}
	for _, p := range pieces {
		if _, err := io.WriteString(c, p); err != nil {
			t.Fatal(err)
		}
	}
	r := bufio.NewReader(c)
	for range 4 {
		if code, _ := receive(t, r); code != 200 {
			t.Error(code)
		}
	}
}

// A client that reads slowly gets a large response over TLS as well.
func TestALargeResponseOverTLS(t *testing.T) {
	own, client := pair(t)
	large := bytes.Repeat([]byte("0123456789abcdef"), 1<<20)
	_, address := serveFor(t, Options{TLS: own, StallTimeout: 300 * time.Millisecond, Handle: func(ctx *fasthttp.RequestCtx, _ *Body) { ctx.SetBody(large) }})
	c := over(t, dial(t, address), client)
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	a, err := http.ReadResponse(bufio.NewReaderSize(slow{c, time.NewTicker(time.Millisecond)}, 64<<10), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	if got, err := io.ReadAll(a.Body); err != nil || !bytes.Equal(got, large) {
		t.Errorf("%d bytes of %d, %v", len(got), len(large), err)
	}
}

// slow reads once a tick.
type slow struct {
	net.Conn
	tick *time.Ticker
}

// Read implements io.Reader.
func (s slow) Read(p []byte) (int, error) {
	<-s.tick.C
	return s.Conn.Read(p[:min(len(p), 64<<10)])
}

// A client that speaks plain HTTP gets an answer that says so, one that speaks something else is not.
func TestPlainHTTPToTLS(t *testing.T) {
	own, client := pair(t)
	_, address := serveFor(t, Options{TLS: own, Handle: echo})
	if code, body := exchange(t, dial(t, address), "GET / HTTP/1.1\r\nHost: h\r\n\r\n"); code != 400 || !strings.Contains(body, "https://") {
		t.Errorf("%d %q", code, body)
	}
	other := dial(t, address)
	_, _ = io.WriteString(other, "SSH-2.0-OpenSSH\r\n")
	if got, _ := io.ReadAll(other); bytes.HasPrefix(got, []byte("HTTP")) {
		t.Errorf("%q", got)
	}
	client.MaxVersion = tls.VersionTLS11
	client.ServerName = "example.com"
	if err := tls.Client(dial(t, address), client).HandshakeContext(t.Context()); err == nil {
		t.Error("TLS 1.1 is accepted")
	}
}

// Shutdown waits for a request over TLS that is in progress, or of which a part of a record has arrived, and closes idle connections.
func TestShutdownOverTLS(t *testing.T) {
	own, client := pair(t)
	begun, release := make(chan struct{}, 2), make(chan struct{})
	s, address := serveFor(t, Options{TLS: own, Handle: func(ctx *fasthttp.RequestCtx, _ *Body) {
		begun <- struct{}{}
		<-release
		ctx.SetBodyString("done")
	}})
	busy, partial, idle := over(t, dial(t, address), client), &halves{Conn: dial(t, address)}, over(t, dial(t, address), client)
	split := over(t, partial, client)
	const request = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
	_, _ = io.WriteString(busy, request)
	<-begun
	partial.hold = true
	_, _ = io.WriteString(split, request) // the first half of its record is sent
	until(t, "the server has read it", func() bool {
		s.room.mu.Lock()
		defer s.room.mu.Unlock()
		n := 0
		for c := range s.room.conns {
			if c.reads.Load() {
				n++
			}
		}
		return n == 2
	})
	stopped := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 10*time.Second)
		defer cancel()
		stopped <- s.Shutdown(ctx)
	}()
	if _, err := idle.Read(make([]byte, 1)); err == nil {
		t.Error("an idle connection stays open")
	}
	if err := partial.flush(); err != nil {
		t.Fatal(err)
	}
	<-begun
	close(release)
	for name, c := range map[string]net.Conn{"a request in progress": busy, "a request that had arrived in part": split} {
		if code, body := receive(t, bufio.NewReader(c)); code != 200 || body != "done" {
			t.Errorf("%s: %d %q", name, code, body)
		}
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// halves sends the first half of a write, and the rest when it is flushed.
type halves struct {
	net.Conn
	hold bool
	rest []byte
}

// Write implements net.Conn.
func (h *halves) Write(p []byte) (int, error) {
	if !h.hold {
		return h.Conn.Write(p)
	}
	h.rest = bytes.Clone(p[len(p)/2:])
	_, err := h.Conn.Write(p[:len(p)/2])
	return len(p), err
}

func (h *halves) flush() error {
	h.hold = false
	_, err := h.Conn.Write(h.rest)
	return err
}

// A client that goes away is noticed while its request is served, whether or not it says good-bye, and one that stays is not taken for gone.
func TestClientsThatGoAwayOverTLS(t *testing.T) {
	own, client := pair(t)
	for name, leave := range map[string]func(*tls.Conn) error{
		"with a notice":    func(c *tls.Conn) error { return c.Close() },
		"without a notice": func(c *tls.Conn) error { return c.NetConn().Close() },
	} {
		t.Run(name, func(t *testing.T) {
			left, gone := make(chan struct{}), make(chan struct{})
			_, address := serveFor(t, Options{TLS: own, Handle: func(ctx *fasthttp.RequestCtx, _ *Body) {
				if found := socket.Peek(ctx.Conn()); found != socket.Nothing {
					t.Errorf("before: %v", found)
				}
				close(left)
				until(t, "the client is gone", func() bool { return socket.Peek(ctx.Conn()) == socket.End })
				close(gone)
			}})
			c := over(t, dial(t, address), client)
			_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
			<-left
			if err := leave(c); err != nil {
				t.Fatal(err)
			}
			<-gone
		})
	}
}
