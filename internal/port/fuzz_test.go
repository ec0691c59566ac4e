package port

import (
	"bufio"
	"bytes"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

// scripted is a connection whose client sends some bytes and then waits for the end.
type scripted struct {
	net.Conn
	sent io.Reader
	got  bytes.Buffer
}

func (s *scripted) Read(p []byte) (int, error)       { return s.sent.Read(p) }
func (s *scripted) Write(p []byte) (int, error)      { return s.got.Write(p) }
func (s *scripted) Close() error                     { return nil }
func (s *scripted) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (s *scripted) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (s *scripted) SetReadDeadline(time.Time) error  { return nil }
func (s *scripted) SetWriteDeadline(time.Time) error { return nil }

// For any input each response is well-formed, nothing panics, and all memory is released.
func FuzzConnection(f *testing.F) {
	for _, seed := range []string{
		get, get + get, "\r\n" + get, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc" + get, "GET / HTTP/1.0\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nA: b\r\n\r\n" + get,
		"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx", "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n",
		"GET http://h/%zz HTTP/1.1\r\nHost: h\r\n\r\n", "CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n", "GET / HTTP/1.1\nHost: h\n\n",
		"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\n", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9000\r\n\r\n" + string(make([]byte, 9000)),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, sent []byte) {
		memory := NewMemory(1 << 20)
		panicked := bytes.Buffer{}
		s := New(Options{
			Connections: 1, Memory: memory, Handle: echo, Log: slog.New(slog.NewTextHandler(&panicked, nil)),
			Refuse: func(ctx *fasthttp.RequestCtx, _ Head, r *Refusal) { ctx.Error(r.Error(), r.Status) },
		})
		c := &scripted{sent: bytes.NewReader(sent)}
		newConn(s, c, time.Now()).serve()
		if panicked.Len() > 0 {
			t.Error(panicked.String())
		}
		if memory.Used() != 0 {
			t.Errorf("%d bytes are not released", memory.Used())
		}
		head := bytes.HasPrefix(bytes.TrimLeft(sent, "\r\n"), []byte("HEAD"))
		for r := bufio.NewReader(&c.got); !head; {
			if _, err := r.Peek(1); err != nil {
				break
			}
			a, err := http.ReadResponse(r, nil)
			if err != nil {
				if bytes.Contains(sent, []byte("HEAD ")) {
					break // its response has no body
				}
				t.Fatalf("no response: %v", err)
			}
			_, _ = io.Copy(io.Discard, a.Body)
			_ = a.Body.Close()
		}
	})
}
